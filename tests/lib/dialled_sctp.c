/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the dialer of connections over SCTP in user land: they leave from addresses of members,
 * whose links all have the port of their address. Knows nothing of what is said.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#include "lowcomms/dialer.h"
#include "tests/lib/await.h"
#include "tests/lib/dialled.h"

#define TURN_MS		10	/* a tick of the stack */

static struct dialer all;

/* ---- what they share ---- */

static bool open_all(void)
{
	struct sinew_options opt;
	const char *hint;
	int err;

	if (all.transport)
		return true;
	SINEW_OPTIONS_INIT(&opt);
	opt.transport = "sctp";
	opt.sctp_backend = SINEW_SCTP_USER;
	err = dialer_open(&all, &opt, &hint);
	if (err && !hint)
		abort();
	return !err;
}

void dialled_close_all(void)
{
	dialer_close(&all);
}

int dialled_fd(void)
{
	return all.transport ? all.loop.epoll : -1;
}

void dialled_turn(void)
{
	if (all.transport)
		dialer_turn(&all, 0);
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
	enum dial_step step;

	if (!open_all() || dialer_dial(&all, from, to, &d->stream, &step))
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
