/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/stream/ends.h"

#include <errno.h>
#include <string.h>

#include "lowcomms/stream_turn.h"

#define PIECE	20011	/* bytes a write; a prime */
#define SPANS	5	/* in so many spans, one of them empty */

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* ---- ends ---- */

static void update(struct end *e)
{
	unsigned reads = e->paused || e->ended || e->err ? 0 : STREAM_READABLE;
	unsigned writes = e->sent < e->to_send && !e->err ? STREAM_WRITABLE : 0;
	int err;

	if (!e->s)
		return;
	err = stream_set_interest(e->s, e->quiet ? STREAM_QUIET : reads | writes);
	if (err)
		e->err = err;
}

static void read_some(struct end *e)
{
	uint8_t buf[65536];
	size_t most = e->read_max ? e->read_max : sizeof buf;
	ssize_t n;

	do {
		n = e->s->ops->read(e->s, buf, most);
		for (ssize_t i = 0; i < n; i++)
			e->wrong |= buf[i] != pattern(e->got + (uint64_t)i);
		if (n > 0)
			e->got += (uint64_t)n;
	} while (n > 0 && !e->read_max);
	if (n == 0)
		e->ended = true;
	else if (n < 0 && n != -EAGAIN && n != -EINTR)
		e->err = (int)n;
}

/* False: no more now. */
static bool write_piece(struct end *e)
{
	uint64_t n = e->to_send - e->sent;
	struct iovec iov[SPANS];
	uint8_t buf[PIECE];
	size_t at = 0;
	ssize_t put;

	if (n > PIECE)
		n = PIECE;
	for (size_t i = 0; i < n; i++)
		buf[i] = pattern(e->sent + i);
	for (int i = 0; i < SPANS; i++) {
		size_t part = i == 1 ? 0 : i == SPANS - 1 ? n - at : n / 7;

		iov[i] = (struct iovec) { buf + at, part };
		at += part;
	}
	put = e->s->ops->writev(e->s, iov, SPANS);
	if (put > 0)
		e->sent += (uint64_t)put;
	else if (put < 0 && put != -EAGAIN && put != -EINTR)
		e->err = (int)put;
	return put == (ssize_t)n;
}

static void write_some(struct end *e)
{
	while (e->sent < e->to_send && write_piece(e))
		;
	if (e->finishes && !e->finished && e->sent == e->to_send && !e->err) {
		e->finished = true;
		e->err = e->s->ops->finish(e->s);
	}
}

static void event(struct stream *s, unsigned events)
{
	struct end *e = s->owner;

	e->told |= events;
	e->n_told++;
	if (e->quiet)
		return;
	if ((events & STREAM_FAILED) && !e->err && !(events & STREAM_READABLE))
		e->err = s->ops->error(s);
	if ((events & STREAM_READABLE) && !e->paused)
		read_some(e);
	if ((events & STREAM_WRITABLE) && !e->err)
		write_some(e);
	/* One that has failed says so until it is gone. */
	if (e->err)
		end_reset(e);
	update(e);
}

static void take_over(struct end *e, struct stream *s)
{
	*e = (struct end) { .s = s };
	s->event = event;
	s->owner = e;
}

void end_send(struct end *e, uint64_t n)
{
	e->to_send += n;
	update(e);
}

void end_finish(struct end *e)
{
	e->finishes = true;
	write_some(e);
	update(e);
}

void end_pause(struct end *e, bool on)
{
	e->paused = on;
	update(e);
}

void end_quiet(struct end *e)
{
	e->quiet = true;
	update(e);
}

void end_reset(struct end *e)
{
	if (e->s)
		e->s->ops->reset(e->s);
	e->s = NULL;
}

void end_close(struct end *e)
{
	if (e->s)
		e->s->ops->close(e->s);
	e->s = NULL;
}

/* ---- the world ---- */

static void waits(struct stream_listener *l)
{
	struct world *w = l->owner;
	struct stream *s;

	w->n_listener_told++;
	while (w->takes && w->n_accepted < ENDS_MAX / 2 && !l->transport->accept(l, &s))
		take_over(&w->ends[2 * w->n_accepted++ + 1], s);
}

bool world_open(struct world *w, const struct carrier *carrier)
{
	memset(w, 0, sizeof *w);
	w->carrier = carrier;
	w->takes = true;
	if (!carrier->address(&w->addr) || loop_open(&w->loop))
		return false;
	streams_init(&w->streams, &w->loop);
	w->streams.packets = carrier->packets;
	w->listener.event = waits;
	w->listener.owner = w;
	return !carrier->transport->listen(&w->streams, &w->listener, &w->addr, 1);
}

void world_close(struct world *w)
{
	for (unsigned i = 0; i < ENDS_MAX; i++)
		end_reset(&w->ends[i]);
	if (w->listener.transport)
		w->carrier->transport->unlisten(&w->listener);
	streams_free_dead(&w->streams);
	loop_close(&w->loop);
}

void world_turn(struct world *w)
{
	stream_turn(&w->streams, w->carrier->transport, 10);
}

void world_hear(struct world *w)
{
	stream_hear(&w->streams, 10);
}

static bool holds(const struct world *w, const struct end *e, end_test test)
{
	if (e)
		return test(e);
	for (unsigned i = 0; i < ENDS_MAX; i++)
		if (w->ends[i].s && !test(&w->ends[i]))
			return false;
	return true;
}

/* Bytes, events and connections so far. */
static uint64_t progress(const struct world *w)
{
	uint64_t sum = w->n_accepted;

	for (unsigned i = 0; i < ENDS_MAX; i++)
		sum += w->ends[i].sent + w->ends[i].got + w->ends[i].n_told;
	return sum;
}

bool world_until(struct world *w, const struct end *e, end_test test)
{
	uint64_t began_ns = loop_now_ns(), moved_ns = began_ns, before = progress(w), now_ns;

	while (!holds(w, e, test)) {
		world_turn(w);
		now_ns = loop_now_ns();
		if (progress(w) != before)
			moved_ns = now_ns;
		before = progress(w);
		if (now_ns - moved_ns > STILL_NS || now_ns - began_ns > WAIT_NS)
			return false;
	}
	return true;
}

struct end *end_dial(struct world *w, unsigned place, const struct sockaddr_storage *to,
		     int *ret_err)
{
	struct stream_route route = { .to = to, .n_to = 1 };
	struct end *e = &w->ends[place];
	enum dial_step step;
	struct stream *s;

	*ret_err = w->carrier->transport->dial(&w->streams, &route, &s, &step);
	if (*ret_err)
		return NULL;
	take_over(e, s);
	if (step == DIAL_DONE)
		e->told = STREAM_CONNECTED;
	return e;
}

static bool is_connected(const struct end *e)
{
	return e->told & STREAM_CONNECTED;
}

static bool is_there(const struct end *e)
{
	return e->s != NULL;
}

struct end *pair_open(struct world *w, unsigned place)
{
	int err;
	struct end *e = end_dial(w, place, &w->addr, &err);

	if (!e || !world_until(w, e, is_connected) || !world_until(w, e + 1, is_there))
		return NULL;
	update(e);
	return e;
}
