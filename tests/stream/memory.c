/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/stream/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/addr.h"

#define ADDRS_MAX	8
#define CAPACITY	60013	/* bytes of a direction; a prime, so that pieces are odd */

struct memory_stream {
	struct stream stream;
	struct memory_stream *peer;	/* NULL: it has gone, or is not there yet */
	struct list listed;		/* waits to be accepted, or dials */
	bool dialling, finished, ended;	/* ended: the peer writes no more */
	int err;
	uint64_t until_ns;		/* of the dial */
	size_t at, n;			/* what was written to it: n bytes from at, in a circle */
	uint8_t in[CAPACITY];
};

/* Its inner stream tells its owner: a listener has no descriptor, either. */
struct memory_listener {
	struct stream stream;
	struct stream_listener *owner;
	struct list listed, waiting;
	struct sockaddr_storage addrs[ADDRS_MAX];
	unsigned n_addrs;
	bool rests;
};

static struct list listeners = { &listeners, &listeners };
static struct list dials = { &dials, &dials };
static struct sockaddr_storage silent;

static const struct stream_ops memory_ops;

static struct memory_stream *of(struct stream *s)
{
	return (struct memory_stream *)s;	/* its first field */
}

void memory_silence(const struct sockaddr_storage *addr)
{
	silent = addr ? *addr : (struct sockaddr_storage) { 0 };
}

/* ---- listeners ---- */

static bool listens_at(const struct memory_listener *l, const struct sockaddr_storage *addr)
{
	for (unsigned i = 0; i < l->n_addrs; i++)
		if (addr_same(&l->addrs[i], addr))
			return true;
	return false;
}

static struct memory_listener *listener_at(const struct sockaddr_storage *addrs, unsigned n)
{
	list_each(struct memory_listener, l, &listeners, listed)
		for (unsigned i = 0; i < n; i++)
			if (listens_at(l, &addrs[i]))
				return l;
	return NULL;
}

static unsigned listener_poll(struct stream *s)
{
	struct memory_listener *l = (struct memory_listener *)s;

	return l->rests || list_empty(&l->waiting) ? 0 : STREAM_READABLE;
}

static void listener_event(struct stream *s, unsigned events)
{
	struct memory_listener *l = (struct memory_listener *)s;

	(void)events;
	l->owner->event(l->owner);
}

static const struct stream_ops listener_ops = { .poll = listener_poll };

static int memory_listen(struct streams *ss, struct stream_listener *l,
			 const struct sockaddr_storage *addrs, unsigned n)
{
	struct memory_listener *m;

	if (n > ADDRS_MAX)
		return -EINVAL;
	if (listener_at(addrs, n))
		return -EADDRINUSE;
	m = (struct memory_listener *)stream_create(ss, &listener_ops, sizeof *m);
	if (!m)
		return -ENOMEM;
	m->stream.event = listener_event;
	m->owner = l;
	memcpy(m->addrs, addrs, n * sizeof *addrs);
	m->n_addrs = n;
	list_init(&m->waiting);
	list_init(&m->listed);
	list_append(&listeners, &m->listed);
	l->transport = &transport_memory;
	l->streams = ss;
	l->source.fd = -1;
	l->state = m;
	return 0;
}

static int memory_accept(struct stream_listener *l, struct stream **ret_stream)
{
	struct memory_listener *m = l->state;
	struct memory_stream *s;

	if (list_empty(&m->waiting))
		return -EAGAIN;
	s = list_first(&m->waiting, struct memory_stream, listed);
	list_remove(&s->listed);
	s->stream.interest = STREAM_READABLE;
	stream_mark(&s->stream);
	*ret_stream = &s->stream;
	return 0;
}

static int memory_rest(struct stream_listener *l, bool on)
{
	struct memory_listener *m = l->state;

	m->rests = on;
	stream_mark(&m->stream);
	return 0;
}

static void memory_unlisten(struct stream_listener *l)
{
	struct memory_listener *m = l->state;

	list_remove(&m->listed);
	list_each(struct memory_stream, s, &m->waiting, listed)
		s->stream.ops->reset(&s->stream);
	stream_retire(&m->stream);
	l->transport = NULL;
}

/* ---- dials ---- */

static struct memory_stream *memory_new(struct streams *ss, const struct sockaddr_storage *other,
					const char *name)
{
	struct memory_stream *s = (struct memory_stream *)stream_create(ss, &memory_ops, sizeof *s);

	if (!s)
		return NULL;
	list_init(&s->listed);
	if (other)
		s->stream.other.addr = *other;
	s->stream.other.proof = STREAM_BY_KEY;
	s->stream.other.name = name;
	return s;
}

static int memory_dial(struct streams *ss, const struct stream_route *route,
		       struct stream **ret_stream, enum dial_step *ret_step)
{
	struct memory_listener *l = listener_at(route->to, route->n_to);
	struct memory_stream *s = memory_new(ss, route->to, "listener"), *other = NULL;

	*ret_step = DIAL_CONNECT;
	if (s && l)
		other = memory_new(l->stream.streams, route->n_from ? route->from : NULL,
				   "dialler");
	if (!s || (l && !other)) {
		free(s);
		return -ENOMEM;
	}
	s->dialling = true;
	if (addr_same(route->to, &silent)) {
		s->until_ns = loop_now_ns() + MEMORY_DIAL_NS;
		list_append(&dials, &s->listed);
		if (s->until_ns < ss->deadline_ns)
			ss->deadline_ns = s->until_ns;
		free(other);
	} else if (!l) {
		s->err = -ECONNREFUSED;
	} else {
		s->peer = other;
		other->peer = s;
		list_append(&l->waiting, &other->listed);
		stream_mark(&l->stream);
	}
	stream_mark(&s->stream);
	*ret_stream = &s->stream;
	return 0;
}

static void memory_due(struct streams *ss, uint64_t now_ns)
{
	ss->deadline_ns = UINT64_MAX;
	list_each(struct memory_stream, s, &dials, listed) {
		if (s->stream.streams != ss)
			continue;
		if (s->until_ns <= now_ns) {
			list_remove(&s->listed);
			s->err = -ETIMEDOUT;
			stream_mark(&s->stream);
		} else if (s->until_ns < ss->deadline_ns) {
			ss->deadline_ns = s->until_ns;
		}
	}
}

/* ---- events and bytes ---- */

static unsigned memory_poll(struct stream *stream)
{
	struct memory_stream *s = of(stream);
	unsigned events = 0;

	if (s->dialling && !s->err) {
		s->dialling = !s->peer;
		return s->dialling ? 0 : STREAM_CONNECTED;
	}
	if (s->err && !(stream->interest & STREAM_QUIET))
		events |= STREAM_FAILED;
	if (s->dialling)
		return events;
	if ((stream->interest & STREAM_READABLE) && (s->n || s->ended || s->err))
		events |= STREAM_READABLE;
	if ((stream->interest & STREAM_WRITABLE) && (!s->peer || s->peer->n < CAPACITY))
		events |= STREAM_WRITABLE;
	return events;
}

static int memory_set_interest(struct stream *s, unsigned events)
{
	(void)events;
	stream_mark(s);
	return 0;
}

static int memory_error(struct stream *s)
{
	return of(s)->err;
}

static bool memory_stuck(struct stream *s, uint64_t *ret_silent_ns)
{
	(void)s;
	*ret_silent_ns = 0;
	return false;
}

static ssize_t memory_read(struct stream *stream, void *buf, size_t n)
{
	struct memory_stream *s = of(stream);
	uint8_t *to = buf;

	if (!s->n)
		return s->err ? s->err : s->ended ? 0 : -EAGAIN;
	if (n > s->n)
		n = s->n;
	for (size_t i = 0; i < n; i++)
		to[i] = s->in[(s->at + i) % CAPACITY];
	s->at = (s->at + n) % CAPACITY;
	s->n -= n;
	if (s->peer)
		stream_mark(&s->peer->stream);
	return (ssize_t)n;
}

static size_t put(struct memory_stream *to, const uint8_t *from, size_t n)
{
	if (n > CAPACITY - to->n)
		n = CAPACITY - to->n;
	for (size_t i = 0; i < n; i++)
		to->in[(to->at + to->n + i) % CAPACITY] = from[i];
	to->n += n;
	return n;
}

static ssize_t memory_writev(struct stream *stream, const struct iovec *iov, int n)
{
	struct memory_stream *s = of(stream);
	size_t sum = 0, wanted = 0;

	if (s->err || s->finished || !s->peer)
		return s->err ? s->err : -EPIPE;
	for (int i = 0; i < n; i++) {
		sum += put(s->peer, iov[i].iov_base, iov[i].iov_len);
		wanted += iov[i].iov_len;
	}
	if (!sum && wanted)
		return -EAGAIN;
	stream_mark(&s->peer->stream);
	return (ssize_t)sum;
}

/* ---- end ---- */

static int memory_finish(struct stream *stream)
{
	struct memory_stream *s = of(stream);

	s->finished = true;
	if (!s->peer)
		return 0;
	s->peer->ended = true;
	stream_mark(&s->peer->stream);
	return 0;
}

static void leave(struct memory_stream *s, int err)
{
	struct memory_stream *peer = s->peer;

	if (peer) {
		peer->peer = NULL;
		if (err)
			peer->err = err;
		else
			peer->ended = true;
		stream_mark(&peer->stream);
	}
	list_remove(&s->listed);
	stream_retire(&s->stream);
}

static void memory_reset(struct stream *s)
{
	leave(of(s), -ECONNRESET);
}

/* As a socket: what was not read is lost, and the other side learns of it. */
static void memory_close(struct stream *s)
{
	leave(of(s), of(s)->n ? -ECONNRESET : 0);
}

static const struct stream_ops memory_ops = {
	.read = memory_read,
	.writev = memory_writev,
	.set_interest = memory_set_interest,
	.poll = memory_poll,
	.error = memory_error,
	.stuck = memory_stuck,
	.finish = memory_finish,
	.reset = memory_reset,
	.close = memory_close,
};

const struct transport transport_memory = {
	.name = "memory",
	.traits = STREAM_HALF_CLOSE | STREAM_MULTIHOMED | STREAM_RESET_REPEATS,
	.listen = memory_listen,
	.accept = memory_accept,
	.rest = memory_rest,
	.unlisten = memory_unlisten,
	.dial = memory_dial,
	.due = memory_due,
};
