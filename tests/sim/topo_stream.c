/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the streams of simulated topology servers: what a server has filled and a carrier has taken,
 * in order, cut at any byte. Knows nothing of what events mean.
 */
#include "topo.h"

#include <errno.h>
#include <string.h>

bool topo_stream_open(struct topo_stream *st, struct topo_server *s,
		      const struct topo_request *r)
{
	uint8_t bytes[TOPO_REQUEST_LEN];
	struct topo_request parsed;
	int err;

	topo_request_put(bytes, r);
	err = topo_request_parse(bytes, sizeof bytes, &parsed);
	if (err)
		sim_fail("a request is refused: %d", err);
	st->n = st->n_part = 0;
	st->ready = false;
	st->cap = TOPO_EVENT_MAX + rng_below(&tw.rng, TOPO_STREAM - TOPO_EVENT_MAX + 1);
	st->sub = NULL;
	st->open = !err &&
		topo_subscribe(&s->topo.subs, &parsed, sim.now_ns, st, &st->sub) == 0;
	return st->open;
}

void topo_stream_shut(struct topo_stream *st, struct topo_server *s)
{
	if (st->sub)
		topo_cancel(&s->topo.subs, st->sub);
	st->sub = NULL;
}

void topo_stream_close(struct topo_stream *st, struct topo_server *s)
{
	topo_stream_shut(st, s);
	st->n = st->n_part = 0;
	st->open = false;
}

bool topo_stream_pump(struct topo_stream *st, struct topo_server *s)
{
	struct topo_sub *sub;
	size_t room = st->cap - st->n, n;

	while ((sub = topo_pull(&s->topo.subs))) {
		if (!topo_has(sub))
			sim_fail("n%u: a subscription without events is pulled", s->idx);
		((struct topo_stream *)sub->user)->ready = true;
	}
	if (!st->sub || !st->ready || room < TOPO_EVENT_MAX)
		return false;
	/* Never more than the carrier has room for, at times much less. */
	if (rng_one_in(&tw.rng, 2))
		room = TOPO_EVENT_MAX;
	n = topo_fill(&s->topo.subs, st->sub, st->buf + st->n, room);
	if (!n || n > room)
		sim_fail("n%u: a fill has %zu bytes for a room of %zu", s->idx, n, room);
	if (rng_one_in(&tw.rng, 4)) {
		cover(COVER_T_NOT_TAKEN);
		return true;
	}
	topo_taken(&s->topo.subs, st->sub);
	st->n += n;
	st->ready = topo_has(st->sub);
	return true;
}

static void take_bytes(struct topo_stream *st, size_t n)
{
	memcpy(st->part + st->n_part, st->buf, n);
	st->n_part += n;
	st->n -= n;
	memmove(st->buf, st->buf + n, st->n);
}

/* Byte by byte as they come, never beyond the event. */
bool topo_stream_read(struct topo_stream *st, struct topo_event *ret)
{
	static uint8_t whole[TOPO_EVENT_MAX];

	while (st->n) {
		size_t want = st->n_part < TOPO_EVENT_HEAD ? TOPO_EVENT_HEAD :
			get_le16(st->part), n = want - st->n_part;
		int r;

		if (n > st->n)
			n = st->n;
		if (n > 1 && rng_one_in(&tw.rng, 4))
			n = 1 + (size_t)rng_below(&tw.rng, n - 1);
		take_bytes(st, n);
		r = topo_event_parse(st->part, st->n_part, ret);
		if (r == -EAGAIN)
			continue;
		if (r != (int)st->n_part) {
			sim_fail("an event of %zu bytes gives %d", st->n_part, r);
			return false;
		}
		/* The buffer is free for the next one while this one is looked at. */
		memcpy(whole, st->part, st->n_part);
		topo_event_parse(whole, st->n_part, ret);
		st->n_part = 0;
		return true;
	}
	return false;
}
