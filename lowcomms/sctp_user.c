/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_user.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lowcomms/addr.h"
#include "lowcomms/record.h"
#include "lowcomms/sctp_assoc.h"
#include "lowcomms/sctp_packet.h"

#define WAITING_MAX	128	/* of one listener */
#define RECORD_LEAST	1024u	/* bytes that shall fit where there is room at all */
#define LINGER_NS	2000000000u	/* until an end that nobody answers is a reset */

struct user_stream {
	struct stream stream;
	struct sctp_assoc *a;
};

/* Its inner stream tells its owner: a listener has no descriptor of its own. */
struct user_listener {
	struct stream stream;
	struct stream_listener *owner;
	struct sctp_port *port;
	struct list waiting;
	unsigned n_waiting;
	bool rests;
};

static const struct stream_ops user_ops;

static struct sctp_assoc *assoc_of(struct stream *s)
{
	return ((struct user_stream *)s)->a;	/* its first field */
}

static struct sctp_seat *seat_of(const struct sctp_assoc *a)
{
	return a->item.seat;
}

static struct sctp_wire *wire_of(const struct sctp_assoc *a)
{
	return (struct sctp_wire *)a->item.seat;	/* its first field */
}

/* ---- ends that linger, under the lock ---- */

/* It ended in order at this side: over once the other one has, too. */
static void lingers(struct sctp_item *item)
{
	struct sctp_assoc *a = (struct sctp_assoc *)item;
	uint8_t byte;
	int got = sctp_assoc_read(a, &byte, sizeof byte);

	assert(!a->stream && a->finished);
	/* Bytes that nobody will read are lost, and the other side is to know it. */
	if (got != -EAGAIN)
		sctp_assoc_end(a, got == 0);
}

/* Those whose end nobody has answered in time. */
static void bound_lingering(struct sctp_wire *w, uint64_t now_ns)
{
	list_each(struct sctp_assoc, a, &w->lingering, listed)
		if (a->until_ns <= now_ns)
			sctp_assoc_end(a, false);
}

/* ---- the wire ---- */

/* ICMP: says nothing that one may rely on of an association that is established. */
static void unreachable(struct sctp_pair *p, int err)
{
	assert(err < 0);
	list_each(struct sctp_assoc, a, &p->port->wire->sockets, listed) {
		if (a->pair != p || !a->dialling || !a->stream || a->err)
			continue;
		a->err = err;
		stream_mark(a->stream);
	}
}

/* After something has ended. */
static void wire_check(struct sctp_wire *w)
{
	if (list_empty(&w->sockets) && list_empty(&w->lingering) && !sctp_wire_listens(w))
		sctp_wire_close(w);
}

static void user_due(struct streams *ss, uint64_t now_ns)
{
	struct sctp_wire *w = sctp_wire_of(ss, NULL, NULL);

	ss->deadline_ns = UINT64_MAX;
	if (!w)
		return;
	sctp_enter(&w->seat);
	sctp_tick(now_ns);
	bound_lingering(w, now_ns);
	sctp_leave(&w->seat);
	wire_check(w);
}

/* ---- listeners ---- */

/* Takes all that the stack has accepted: here it can be counted. */
static void comes(struct sctp_item *item)
{
	struct sctp_pair *p = (struct sctp_pair *)item;
	struct user_listener *l = p->port->listener->state;
	struct sctp_socket *so;
	struct sctp_assoc *a;
	uint16_t from;

	assert(p->listener && l->port == p->port);
	while ((so = sctp_stack_accept(p->listener, &from))) {
		a = sctp_assoc_new(p, so);
		if (!a)
			return;
		a->dial.to = from;
		if (l->n_waiting == WAITING_MAX) {
			sctp_assoc_end(a, false);
			continue;
		}
		l->n_waiting++;
		list_append(&l->waiting, &a->listed);
		stream_mark(&l->stream);
	}
}

static void invite(struct sctp_pair *p)
{
	struct sctp_socket *so = sctp_stack_listen(p, addr_port(&p->port->addr), p->mtu);

	if (!so)
		return;		/* the next packet tries again */
	assert(!p->listener);
	p->item.news = comes;
	p->listener = so;
	sctp_watch(so, &p->item);
}

static const struct sctp_events wire_events = { invite, unreachable };

static unsigned listener_poll(struct stream *s)
{
	struct user_listener *l = (struct user_listener *)s;

	return l->rests || list_empty(&l->waiting) ? 0 : STREAM_READABLE;
}

static void listener_event(struct stream *s, unsigned events)
{
	struct user_listener *l = (struct user_listener *)s;

	(void)events;
	l->owner->event(l->owner);
}

static const struct stream_ops listener_ops = { .poll = listener_poll };

static int user_listen(struct streams *ss, struct stream_listener *l,
		       const struct sockaddr_storage *addrs, unsigned n)
{
	int err = -EINVAL;
	struct sctp_wire *w = n == 1 ? sctp_wire_of(ss, &wire_events, &err) : NULL;
	struct user_listener *u;

	assert(!l->transport);
	if (!w)
		return err;
	u = (struct user_listener *)stream_create(ss, &listener_ops, sizeof *u);
	err = u ? sctp_port_listen(w, addrs, l, &u->port) : -ENOMEM;
	if (err) {
		free(u);
		wire_check(w);
		return err;
	}
	u->stream.event = listener_event;
	u->owner = l;
	list_init(&u->waiting);
	l->transport = &transport_sctp_user;
	l->streams = ss;
	/* For a child of fork() to close. */
	l->source = (struct source) { .fd = sctp_port_fd(u->port) };
	l->state = u;
	return 0;
}

static int user_rest(struct stream_listener *l, bool on)
{
	struct user_listener *u = l->state;

	assert(l->transport == &transport_sctp_user && u->owner == l);
	u->rests = on;
	stream_mark(&u->stream);
	return 0;
}

/* Those of the port get the time that they need to end in order. */
static void user_unlisten(struct stream_listener *l)
{
	struct user_listener *u = l->state;
	struct sctp_wire *w = u->port->wire;

	assert(l->transport == &transport_sctp_user && u->port->listener == l);
	sctp_wire_drain(w);
	sctp_enter(&w->seat);
	list_each(struct sctp_assoc, a, &u->waiting, listed)
		sctp_assoc_end(a, false);
	bound_lingering(w, UINT64_MAX);
	list_each(struct sctp_assoc, a, &w->sockets, listed)
		if (a->pair->port == u->port && !a->err)
			a->err = -ENETDOWN;
	sctp_leave(&w->seat);
	sctp_port_close(u->port);
	stream_retire(&u->stream);
	l->transport = NULL;
	l->source.fd = -1;
	wire_check(w);
}

/* ---- begin ---- */

/* other: its address. */
static struct stream *stream_for(struct streams *ss, struct sctp_assoc *a,
				 const struct sockaddr_storage *other)
{
	struct stream *s = stream_create(ss, &user_ops, sizeof(struct user_stream));

	if (!s)
		return NULL;
	((struct user_stream *)s)->a = a;
	assert(!a->stream && list_empty(&a->listed));
	s->other.addr = *other;
	a->stream = s;
	list_append(&wire_of(a)->sockets, &a->listed);
	sctp_assoc_look(a);
	return s;
}

static int user_accept(struct stream_listener *l, struct stream **ret_stream)
{
	struct user_listener *u = l->state;
	struct sockaddr_storage other;
	struct stream *s = NULL;
	struct sctp_assoc *a;

	assert(l->transport == &transport_sctp_user);
	if (list_empty(&u->waiting))
		return -EAGAIN;
	assert(u->n_waiting);
	sctp_enter(&u->port->wire->seat);
	a = list_first(&u->waiting, struct sctp_assoc, listed);
	list_remove(&a->listed);
	u->n_waiting--;
	other = a->pair->to;
	if (!addr_port(&other))
		addr_set_port(&other, a->dial.to);
	s = stream_for(l->streams, a, &other);
	if (s)
		sctp_pair_connect(a->pair);
	else
		sctp_assoc_end(a, false);
	sctp_leave(&u->port->wire->seat);
	if (!s)
		return -ENOMEM;
	s->interest = STREAM_READABLE;
	stream_mark(s);
	*ret_stream = s;
	return 0;
}

/* Under the lock. */
static int start_dial(struct sctp_port *port, const struct sockaddr_storage *to,
		      struct stream **ret_stream, enum dial_step *ret_step)
{
	struct sockaddr_storage way = sctp_packet_way(&port->wire->by, to);
	struct sctp_pair *p = sctp_pair_get(port, &way);
	struct stream *s = NULL;
	struct sctp_socket *so;
	struct sctp_assoc *a;
	int err;

	if (!p)
		return -ENOMEM;
	assert(p->port == port);
	err = sctp_stack_open(p, p->mtu, &so);
	if (err)
		return err;
	a = sctp_assoc_new(p, so);
	if (!a)
		return -ENOMEM;
	sctp_assoc_dials(a, addr_port(to));
	*ret_step = DIAL_CONNECT;
	err = sctp_stack_connect(so, p, addr_port(to));
	if (!err)
		s = stream_for(port->wire->seat.streams, a, to);
	if (!s) {
		sctp_assoc_end(a, false);
		return err ? err : -ENOMEM;
	}
	*ret_stream = s;
	return 0;
}

static int user_dial(struct streams *ss, const struct stream_route *route,
		     struct stream **ret_stream, enum dial_step *ret_step)
{
	struct sctp_wire *w;
	struct sctp_port *port;
	int err = 0;

	assert(route->n_to == 1);
	*ret_step = DIAL_SOCKET;
	w = sctp_wire_of(ss, &wire_events, &err);
	if (!w)
		return err;
	*ret_step = DIAL_SOURCE;
	err = sctp_port_from(w, route->n_from ? route->from : NULL, route->to, &port);
	if (!err) {
		*ret_step = DIAL_SOCKET;
		sctp_enter(&w->seat);
		err = start_dial(port, route->to, ret_stream, ret_step);
		sctp_leave(&w->seat);
	}
	if (err)
		wire_check(w);
	return err;
}

/* ---- events ---- */

/* Of a dial. */
static unsigned dial_events(struct sctp_assoc *a, int stack)
{
	uint32_t unacked;

	assert(a->dialling);
	if (sctp_assoc_failed(a, stack))
		return STREAM_FAILED;
	if (!(stack & SCTP_WRITABLE))
		return 0;
	/* One that has failed takes what is written as well, to say so. */
	if (!sctp_stack_is_established(a->so, &unacked)) {
		a->err = -ECONNREFUSED;
		return STREAM_FAILED;
	}
	a->dialling = false;
	sctp_assoc_look(a);
	sctp_pair_connect(a->pair);
	return STREAM_CONNECTED;
}

static __attribute__((noinline)) unsigned dial_poll(struct sctp_assoc *a)
{
	unsigned events;

	sctp_enter(seat_of(a));
	events = dial_events(a, sctp_stack_events(a->so));
	sctp_leave(seat_of(a));
	return events;
}

/* Asked before and behind each event: without the lock of the stack. */
static unsigned user_poll(struct stream *s)
{
	struct sctp_assoc *a = assoc_of(s);
	unsigned events = 0;

	assert(a->stream == s);
	if (a->dialling)
		return dial_poll(a);
	if (a->err && !(s->interest & STREAM_QUIET))
		events |= STREAM_FAILED;
	if ((s->interest & STREAM_READABLE) && (a->err || a->events & SCTP_READABLE))
		events |= STREAM_READABLE;
	if ((s->interest & STREAM_WRITABLE) && a->events & SCTP_WRITABLE)
		events |= STREAM_WRITABLE;
	return events;
}

static int user_set_interest(struct stream *s, unsigned events)
{
	struct sctp_assoc *a = assoc_of(s);

	/* News that were taken for bytes may be a failure, and nobody reads now. */
	if (a->brings && !(events & STREAM_READABLE)) {
		a->brings = false;
		sctp_enter(seat_of(a));
		sctp_assoc_look(a);
		sctp_leave(seat_of(a));
	}
	stream_mark(s);
	return 0;
}

static int user_error(struct stream *s)
{
	struct sctp_assoc *a = assoc_of(s);
	int err;

	sctp_enter(seat_of(a));
	err = sctp_assoc_failed(a, sctp_stack_events(a->so));
	sctp_leave(seat_of(a));
	return err;
}

static bool user_stuck(struct stream *s, uint64_t *ret_silent_ns)
{
	struct sctp_assoc *a = assoc_of(s);
	uint64_t now = loop_now_ns();
	uint32_t unacked = 0;

	assert(!a->dialling);
	sctp_enter(seat_of(a));
	sctp_stack_is_established(a->so, &unacked);
	sctp_leave(seat_of(a));
	*ret_silent_ns = now > a->pair->heard_ns ? now - a->pair->heard_ns : 0;
	return unacked != 0;
}

/* ---- bytes ---- */

static ssize_t user_read(struct stream *s, void *buf, size_t n)
{
	struct sctp_assoc *a = assoc_of(s);
	size_t sum = 0;
	int got;

	assert(n && !a->dialling);
	sctp_enter(seat_of(a));
	/* The stack gives one record at a time. */
	do {
		got = sctp_assoc_read(a, (uint8_t *)buf + sum, n - sum);
		if (got > 0)
			sum += (size_t)got;
		sctp_assoc_look(a);
	} while (got > 0 && sum < n && a->events & SCTP_READABLE);
	a->brings = sum && s->interest & STREAM_READABLE;
	sctp_leave(seat_of(a));
	return sum ? (ssize_t)sum : got;
}

/* The first record, copied if it is not in one piece; its bytes. */
static size_t gather(const struct iovec *iov, int n, size_t max, uint8_t copy[RECORD_MAX],
		     const uint8_t **ret_record)
{
	size_t bytes = record_bytes(iov, n, max), at = 0, part;

	*ret_record = iov->iov_len < bytes ? copy : iov->iov_base;
	for (; *ret_record == copy && at < bytes; at += part, iov++) {
		part = iov->iov_len < bytes - at ? iov->iov_len : bytes - at;
		memcpy(copy + at, iov->iov_base, part);
	}
	return bytes;
}

/* The stack says that there is room, not how much: fewer frames fit, or the start of one does. */
static ssize_t user_writev(struct stream *s, const struct iovec *iov, int n)
{
	struct sctp_assoc *a = assoc_of(s);
	const uint8_t *record;
	size_t max = RECORD_MAX, bytes;
	ssize_t done;

	assert(n > 0 && !a->dialling);
	sctp_enter(seat_of(a));
	do {
		bytes = gather(iov, n, max, wire_of(a)->record, &record);
		done = a->err ? a->err : sctp_stack_write(a->so, record, bytes);
		max = bytes / 4 < RECORD_LEAST ? RECORD_LEAST : bytes / 4;
	} while (done == -EAGAIN && bytes > RECORD_LEAST);
	if (done < 0)
		sctp_assoc_look(a);
	sctp_leave(seat_of(a));
	return done;
}

/* ---- end ---- */

static int user_finish(struct stream *s)
{
	struct sctp_assoc *a = assoc_of(s);

	assert(!a->dialling);
	sctp_enter(seat_of(a));
	sctp_assoc_finish(a);
	sctp_assoc_look(a);
	sctp_leave(seat_of(a));
	return 0;
}

static void user_reset(struct stream *s)
{
	struct sctp_assoc *a = assoc_of(s);
	struct sctp_wire *w = wire_of(a);

	assert(a->stream == s);
	sctp_enter(&w->seat);
	sctp_assoc_end(a, false);
	sctp_leave(&w->seat);
	stream_retire(s);
	wire_check(w);
}

static void user_close(struct stream *s)
{
	struct sctp_assoc *a = assoc_of(s);
	struct sctp_wire *w = wire_of(a);

	assert(!a->dialling && a->stream == s);
	sctp_enter(&w->seat);
	a->stream = NULL;
	a->item.news = lingers;
	a->until_ns = loop_now_ns() + LINGER_NS;
	list_remove(&a->listed);
	list_append(&w->lingering, &a->listed);
	sctp_assoc_finish(a);
	lingers(&a->item);
	sctp_leave(&w->seat);
	stream_retire(s);
	/* The loop may not run again. */
	if (!sctp_wire_listens(w))
		sctp_wire_drain(w);
	wire_check(w);
}

static const struct stream_ops user_ops = {
	.read = user_read,
	.writev = user_writev,
	.set_interest = user_set_interest,
	.poll = user_poll,
	.error = user_error,
	.stuck = user_stuck,
	.finish = user_finish,
	.reset = user_reset,
	.close = user_close,
};

const struct transport transport_sctp_user = {
	.name = "sctp",
	.lacks = sctp_packet_lacks,
	.listen = user_listen,
	.accept = user_accept,
	.rest = user_rest,
	.unlisten = user_unlisten,
	.dial = user_dial,
	.due = user_due,
	.forget = sctp_wire_forget,
};
