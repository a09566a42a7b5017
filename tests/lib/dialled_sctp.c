/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the loop of connections over SCTP in user land, and one UDP socket for each address that
 * they leave from: as those of a member, whose links all have the port of its address. Knows
 * nothing of what is said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#include "lowcomms/transport.h"
#include "tests/lib/await.h"
#include "tests/lib/dialled.h"
#include "tests/lib/stream_turn.h"

#define ADDRS_MAX	4	/* that they leave from */
#define TURN_MS		10	/* a tick of the stack */

static struct {
	const struct transport *transport;	/* NULL: it is not open */
	struct loop loop;
	struct streams streams;
	struct stream_listener listeners[ADDRS_MAX];
	struct in_addr addrs[ADDRS_MAX];
	unsigned n;
} all;

/* ---- what they share ---- */

static bool open_all(void)
{
	const struct stream_packets packets = { .ip_alone = false };
	const char *hint;

	if (all.transport)
		return true;
	if (loop_open(&all.loop))
		abort();
	streams_init(&all.streams, &all.loop);
	all.transport = transport_find("sctp", true, &packets, &hint);
	return all.transport != NULL;
}

void dialled_close_all(void)
{
	if (!all.transport)
		return;
	while (all.n)
		all.transport->unlisten(&all.listeners[--all.n]);
	streams_free_dead(&all.streams);
	loop_close(&all.loop);
	all.transport = NULL;
}

int dialled_fd(void)
{
	return all.transport ? all.loop.epoll : -1;
}

void dialled_turn(void)
{
	if (all.transport)
		stream_turn(&all.streams, all.transport, 0);
}

/* Nobody is let in: they have a listener because a dial leaves from that of its address. */
static bool expects_nobody(struct stream_listener *l, const struct sockaddr_storage *from)
{
	(void)l, (void)from;
	return false;
}

static void ignore(struct stream_listener *l)
{
	(void)l;
}

static bool leaves_from(const struct sockaddr_storage *addr)
{
	struct sockaddr_in own = *(const struct sockaddr_in *)addr;
	struct sockaddr_storage any_port = { 0 };
	struct stream_listener *l;

	for (unsigned i = 0; i < all.n; i++)
		if (all.addrs[i].s_addr == own.sin_addr.s_addr)
			return true;
	if (all.n == ADDRS_MAX)
		return false;
	l = &all.listeners[all.n];
	*l = (struct stream_listener) { .event = ignore, .expects = expects_nobody };
	own.sin_port = 0;
	*(struct sockaddr_in *)&any_port = own;
	if (all.transport->listen(&all.streams, l, &any_port, 1))
		return false;
	all.addrs[all.n++] = own.sin_addr;
	return true;
}

/* ---- one of them ---- */

/* Nothing is to be told again in each turn, until somebody waits for it again. */
static void event(struct stream *s, unsigned events)
{
	struct dialled *d = s->owner;

	d->connected |= (events & STREAM_CONNECTED) != 0;
	d->failed |= (events & STREAM_FAILED) != 0;
	d->ready = true;
	stream_set_interest(s, d->failed ? STREAM_QUIET : 0);
}

static bool sctp_begin(struct dialled *d, const struct sockaddr_storage *from,
		       const struct sockaddr_storage *to)
{
	const struct stream_route route = { .to = to, .from = from, .n_to = 1, .n_from = 1 };
	enum dial_step step;

	if (!open_all() || !leaves_from(from) ||
	    all.transport->dial(&all.streams, &route, &d->stream, &step))
		return false;
	d->stream->event = event;
	d->stream->owner = d;
	return true;
}

static bool sctp_stands(struct dialled *d)
{
	return d->connected;
}

/* A stream knows what has arrived only after a turn of the loop. */
static ssize_t sctp_read(struct dialled *d, void *buf, size_t n)
{
	ssize_t got;

	if (!d->connected)
		return d->failed ? -ECONNREFUSED : -EAGAIN;
	got = d->stream->ops->read(d->stream, buf, n);
	if (got != -EAGAIN)
		return got;
	dialled_turn();
	return d->stream->ops->read(d->stream, buf, n);
}

static ssize_t sctp_write(struct dialled *d, const void *data, size_t n)
{
	const struct iovec iov = { (void *)(uintptr_t)data, n };

	return d->connected ? d->stream->ops->writev(d->stream, &iov, 1) : -ENOTCONN;
}

static void sctp_wait(struct dialled *d, short events, int ms)
{
	int64_t end = now_ms() + ms, left;
	unsigned interest = events & POLLOUT ? STREAM_WRITABLE : STREAM_READABLE;

	d->ready = d->failed;
	if (!d->failed)
		stream_set_interest(d->stream, interest);
	while (!d->ready && (left = end - now_ms()) > 0) {
		if (!streams_have_news(&all.streams))
			dialled_wait_fd(all.loop.epoll, POLLIN,
					(int)(left < TURN_MS ? left : TURN_MS));
		dialled_turn();
	}
	if (!d->failed)
		stream_set_interest(d->stream, 0);
}

static void sctp_end(struct dialled *d, bool in_order)
{
	if (in_order && d->connected)
		d->stream->ops->close(d->stream);
	else
		d->stream->ops->reset(d->stream);
	d->stream = NULL;
}

const struct dialled_ops dialled_sctp = {
	.begin = sctp_begin,
	.stands = sctp_stands,
	.read = sctp_read,
	.write = sctp_write,
	.wait = sctp_wait,
	.end = sctp_end,
};
