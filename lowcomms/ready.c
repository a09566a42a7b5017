/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/ready.h"

#include <assert.h>

#include "lowcomms/node.h"

#define READS_MAX 16 /* speculative: what others have waits no longer than for so many */

void ready_add(struct conn *c, unsigned can)
{
	assert(can == READY_PARSE || can == READY_WRITE);
	assert(list_empty(&c->ready) == !(c->can & (READY_PARSE | READY_WRITE)));
	if (c->state != CONN_OPEN && can == READY_PARSE)
		return;
	c->can |= can;
	if (list_empty(&c->ready))
		list_append(&c->node->conns.ready.conns, &c->ready);
}

unsigned ready_take(struct conn *c)
{
	unsigned can = c->can;

	assert(can & (READY_PARSE | READY_WRITE) && c->state != CONN_DEAD);
	c->can &= READY_READ;
	list_remove(&c->ready);
	return can;
}

void ready_forget(struct conn *c)
{
	struct ready *r = &c->node->conns.ready;

	c->can = 0;
	list_remove(&c->ready);
	if (r->last == c)
		r->last = NULL;
}

void ready_asked(struct ready *r, int n_named)
{
	r->alone = n_named == 1;
	if (!r->alone)
		r->last = NULL;
	r->n_reads = 0;
}

void ready_named(struct conn *c)
{
	struct ready *r = &c->node->conns.ready;

	/* It may have ended since the kernel was asked. */
	if (!r->alone || c->state == CONN_DEAD)
		return;
	c->can = (c->can & ~(unsigned)READY_READ) | (r->last == c ? READY_READ : 0);
	r->last = c;
	r->alone = false;
}

struct conn *ready_reader(struct ready *r)
{
	struct conn *c = r->last;

	/* One with more than a read takes, or that waits to write, has its turn with the others. */
	if (!c || c->can != READY_READ || r->n_reads >= READS_MAX || c->link.state != LINK_UP ||
	    c->stream->interest != STREAM_READABLE || c->buf)
		return NULL;
	assert(c->state == CONN_OPEN);
	r->n_reads++;
	return c;
}
