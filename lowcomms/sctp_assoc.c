/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_assoc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void has_news(struct sctp_item *item)
{
	struct sctp_assoc *a = (struct sctp_assoc *)item;

	assert(!a->stream || a->stream->streams == item->seat->streams);
	if (!a->stream)
		return;
	/* Bytes again, most likely: the read that follows looks. */
	if (a->brings)
		a->events |= SCTP_READABLE;
	else
		sctp_assoc_look(a);
	stream_mark(a->stream);
}

struct sctp_assoc *sctp_assoc_new(struct sctp_pair *p, struct sctp_socket *so)
{
	struct sctp_assoc *a = calloc(1, sizeof *a);

	assert(so && p->port);
	if (!a) {
		sctp_stack_close(so, true);
		return NULL;
	}
	a->item = (struct sctp_item) { .seat = p->item.seat, .news = has_news };
	a->so = so;
	a->pair = p;
	list_init(&a->listed);
	list_init(&a->dial.listed);
	sctp_watch(so, &a->item);
	p->n_sockets++;
	p->item.seat->n_sockets++;
	return a;
}

void sctp_assoc_dials(struct sctp_assoc *a, uint16_t to)
{
	assert(!a->stream && !a->dialling);
	a->dialling = true;
	a->dial.from = sctp_stack_port(a->so);
	a->dial.to = to;
	list_append(&a->pair->dials, &a->dial.listed);
}

void sctp_assoc_end(struct sctp_assoc *a, bool in_order)
{
	sctp_unwatch(a->so, &a->item);
	sctp_stack_close(a->so, in_order);
	assert(a->item.seat->n_sockets);
	a->item.seat->n_sockets--;
	list_remove(&a->listed);
	list_remove(&a->dial.listed);
	sctp_pair_leave(a->pair);
	free(a);
}

int sctp_assoc_read(struct sctp_assoc *a, void *buf, size_t n)
{
	int got = sctp_stack_read(a->so, buf, n);

	assert(n);
	if (got < 0 && got != -EAGAIN && !a->err)
		a->err = got;
	return got > 0 || !a->err ? got : a->err;
}

int sctp_assoc_failed(struct sctp_assoc *a, int events)
{
	if (!a->err && events & SCTP_BROKEN)
		a->err = sctp_stack_error(a->so);
	return a->err;
}

void sctp_assoc_look(struct sctp_assoc *a)
{
	a->events = sctp_stack_events(a->so);
	/* dial_events() asks for more than the error of the socket. */
	if (a->events & SCTP_BROKEN && !a->dialling)
		sctp_assoc_failed(a, a->events);
}

void sctp_assoc_finish(struct sctp_assoc *a)
{
	assert(!a->dialling);
	if (!a->finished)
		sctp_stack_finish(a->so);
	a->finished = true;
}
