/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_assoc.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <usrsctp.h>

#include "lowcomms/record.h"

static void has_news(struct sctp_item *item)
{
	struct sctp_assoc *a = (struct sctp_assoc *)item;

	assert(!a->stream || a->stream->streams == item->seat->streams);
	if (!a->stream)
		return;
	sctp_assoc_look(a);
	stream_mark(a->stream);
}

struct sctp_assoc *sctp_assoc_new(struct sctp_pair *p, struct socket *so)
{
	struct sctp_assoc *a = calloc(1, sizeof *a);
	int on = 1;

	assert(so && p->port);
	if (!a) {
		usrsctp_close(so);
		return NULL;
	}
	usrsctp_set_non_blocking(so, 1);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
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

/* That of SCTP, which the stack has chosen. */
static uint16_t bound_port(struct socket *so)
{
	struct sockaddr *all;
	uint16_t port = 0;

	if (usrsctp_getladdrs(so, 0, &all) <= 0)
		return 0;
	if (all->sa_family == AF_CONN)
		port = ntohs(((struct sockaddr_conn *)all)->sconn_port);
	usrsctp_freeladdrs(all);
	return port;
}

void sctp_assoc_dials(struct sctp_assoc *a, uint16_t to)
{
	assert(!a->stream && !a->dialling);
	a->dialling = true;
	a->dial.from = bound_port(a->so);
	a->dial.to = to;
	list_append(&a->pair->dials, &a->dial.listed);
}

void sctp_assoc_end(struct sctp_assoc *a, bool in_order)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!in_order)
		usrsctp_setsockopt(a->so, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	sctp_unwatch(a->so, &a->item);
	usrsctp_close(a->so);
	assert(a->item.seat->n_sockets);
	a->item.seat->n_sockets--;
	list_remove(&a->listed);
	list_remove(&a->dial.listed);
	sctp_pair_leave(a->pair);
	free(a);
}

int sctp_assoc_read(struct sctp_assoc *a, void *buf, size_t n)
{
	unsigned kind;
	socklen_t from_len = 0, info_len = 0;
	int flags = 0;
	ssize_t got = usrsctp_recvv(a->so, buf, n, NULL, &from_len, NULL, &info_len, &kind,
				    &flags);

	assert(n);
	if (got >= 0)
		return got || !a->err ? (int)got : a->err;
	if (errno == EAGAIN || errno == EINTR)
		return a->err ? a->err : -EAGAIN;
	if (!a->err)
		a->err = errno == ENOTCONN ? -ECONNRESET : -errno;
	return a->err;
}

int sctp_assoc_failed(struct sctp_assoc *a, int events)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (a->err || !(events & SCTP_EVENT_ERROR))
		return a->err;
	if (!usrsctp_getsockopt(a->so, SOL_SOCKET, SO_ERROR, &err, &len) && err)
		a->err = -err;
	return a->err;
}

void sctp_assoc_look(struct sctp_assoc *a)
{
	a->events = usrsctp_get_events(a->so);
	/* dial_events() asks for more than the error of the socket. */
	if (!a->dialling)
		sctp_assoc_failed(a, a->events);
}

ssize_t sctp_assoc_write(struct sctp_assoc *a, const uint8_t *record, size_t n)
{
	ssize_t done = usrsctp_sendv(a->so, record, n, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0);

	assert(n && n <= RECORD_MAX && !a->dialling);
	if (done >= 0)
		return done;
	if (errno == ENOENT || errno == ENOTCONN || errno == ESHUTDOWN)
		return -EPIPE;	/* it has ended: read() says how */
	return errno == ENOBUFS ? -EAGAIN : -errno;
}

void sctp_assoc_finish(struct sctp_assoc *a)
{
	assert(!a->dialling);
	if (!a->finished)
		usrsctp_shutdown(a->so, SHUT_WR);
	a->finished = true;
}
