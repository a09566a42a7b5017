/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/hot.h"

#include <assert.h>

#include "lowcomms/conn.h"
#include "lowcomms/recv.h"

#define UNASKED_MAX 16 /* reads: what others have waits no longer than for so many */

bool hot_may_read(const struct hot *h)
{
	const struct conn *c = h->last;

	/* One with more than a read takes, or that waits to write, has its turn with the others. */
	return c && c == h->before && h->n_unasked < UNASKED_MAX && c->state == CONN_OPEN &&
		c->link.state == LINK_UP && c->stream->wants == STREAM_READABLE && !c->again &&
		!c->buf;
}

bool hot_read(struct hot *h)
{
	struct conn *c = h->last;

	assert(c && c->state == CONN_OPEN && c->link.state == LINK_UP);
	h->n_unasked++;
	if (!conn_input(c))
		return false;
	conn_update(c);
	return true;
}
