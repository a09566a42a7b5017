/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/stream_fd.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "lowcomms/addr.h"

/* ---- listeners ---- */

static void listener_event(struct source *source, uint32_t events)
{
	struct stream_listener *l = list_entry(source, struct stream_listener, source);

	assert(l->source.fd >= 0 && l->transport);
	(void)events;
	l->event(l);
}

int stream_fd_listen(struct streams *ss, struct stream_listener *l, const struct transport *t,
		     int fd)
{
	int err;

	assert(!l->transport && fd >= 0);
	l->source = (struct source) { .ready = listener_event, .fd = fd };
	err = loop_add(ss->loop, &l->source, EPOLLIN);
	if (err) {
		close(fd);
		return err;
	}
	l->streams = ss;
	l->transport = t;
	return 0;
}

int stream_fd_rest(struct stream_listener *l, bool on)
{
	assert(l->transport && l->source.fd >= 0);
	if (!on)
		return loop_add(l->streams->loop, &l->source, EPOLLIN);
	loop_remove(l->streams->loop, &l->source);
	return 0;
}

void stream_fd_unlisten(struct stream_listener *l)
{
	assert(l->transport && l->source.fd >= 0);
	loop_remove(l->streams->loop, &l->source);
	close(l->source.fd);
	l->transport = NULL;
}

int stream_fd_accept(struct stream_listener *l, struct sockaddr_storage *ret_from)
{
	socklen_t len = sizeof *ret_from;
	int fd;

	*ret_from = (struct sockaddr_storage) { 0 };
	fd = accept4(l->source.fd, (struct sockaddr *)ret_from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- streams ---- */

int stream_fd_begin(struct streams *ss, const struct stream_ops *ops, size_t size, int fd,
		    const struct sockaddr_storage *other,
		    void (*ready)(struct source *source, uint32_t events), bool dialling,
		    struct stream **ret_stream)
{
	struct stream *s = stream_create(ss, ops, size);
	int err;

	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	assert(fd >= 0 && s->source.fd < 0);
	s->source = (struct source) { .ready = ready, .fd = fd };
	s->other.addr = *other;
	addr_normalize(&s->other.addr);
	s->interest = dialling ? 0 : STREAM_READABLE;
	err = loop_add(ss->loop, &s->source, dialling ? EPOLLOUT : EPOLLIN);
	if (err) {
		close(fd);
		stream_retire(s);
		return err;
	}
	*ret_stream = s;
	return 0;
}

int stream_fd_set_interest(struct stream *s, unsigned events)
{
	assert(!(events & ~(STREAM_READABLE | STREAM_WRITABLE | STREAM_QUIET)));
	assert(s->source.fd >= 0);
	return loop_change(s->streams->loop, &s->source,
			   (events & STREAM_READABLE ? EPOLLIN : 0) |
			   (events & STREAM_WRITABLE ? EPOLLOUT : 0) |
			   (events & STREAM_QUIET ? EPOLLONESHOT : 0));
}

int stream_fd_finish(struct stream *s)
{
	assert(s->source.fd >= 0);
	return shutdown(s->source.fd, SHUT_WR) ? -errno : 0;
}

void stream_fd_close(struct stream *s)
{
	assert(s->source.fd >= 0);
	loop_remove(s->streams->loop, &s->source);
	close(s->source.fd);
	stream_retire(s);
}

void stream_fd_reset(struct stream *s)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(s->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	stream_fd_close(s);
}
