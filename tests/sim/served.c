/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that stand beside the applications in one of four seeds: frames in the sequence of
 * messages, a FIN that waits for them, and the oracle of both. Knows the core's functions for such
 * frames, and no content of real ones.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD		12u	/* index u32, messages before u64 */
#define CALL_MAX	16440u
#define ANSWERS		3u	/* one in so many frames is answered */

static bool has_calls(const struct sess *x)
{
	return sim.served && x->up && !x->down && x->s.calls.slots;
}

/* ---- configuration ---- */

void served_draw(void)
{
	for (unsigned i = 0; i < SIM_NODES && sim.served; i++)
		sim.node[i].takes_calls = !rng_one_in(&sim.service, 10);
}

struct service_grant served_grant(const struct node *n)
{
	if (sim.calls)
		return n->grant;
	if (!n->takes_calls)
		return (struct service_grant) { .slots = 0 };
	return (struct service_grant) {
		.slots = (uint16_t)(GRANT_SLOTS_MIN + n->idx),
		.window = 1 + n->idx, .piece = GRANT_PIECE_MAX - n->idx,
	};
}

/* ---- sending ---- */

static uint64_t *end_of_next(struct stream *st)
{
	if (st->n_calls == st->cap_calls) {
		st->cap_calls = st->cap_calls ? 2 * st->cap_calls : 64;
		st->call_end = realloc(st->call_end, st->cap_calls * sizeof *st->call_end);
		if (!st->call_end)
			abort();
	}
	return &st->call_end[st->n_calls++];
}

static const uint8_t *filling(uint32_t index)
{
	return workload_pattern + index * 131 % 65536;
}

static int put(struct sess *x)
{
	uint32_t most = x->s.max_frame - WIRE_MSG_OVERHEAD, index = x->tx->n_calls;
	uint64_t before = x->s.ring.number, end;
	uint32_t len = (uint32_t)(rng_one_in(&sim.service, 20) ?
				  rng_range(&sim.service, HEAD, CALL_MAX) :
				  rng_scale(&sim.service, HEAD, 500));
	struct span parts[2];
	uint8_t head[HEAD];
	int err;

	if (len > most)
		len = most;
	put_le32(head, index);
	put_le64(head + 4, before);
	parts[0] = (struct span) { head, HEAD };
	parts[1] = (struct span) { filling(index), len - HEAD };
	err = session_put(&x->s, parts, len, &end);
	if (!err)
		*end_of_next(x->tx) = end;
	return err;
}

/* A service leaves room for messages, as lowcomms/service.c has it: another part is begun when the
 * one before the last is acknowledged. */
static bool leaves_room(struct sess *x)
{
	uint64_t end = x->tx->n_calls ? x->tx->call_end[x->tx->n_calls - 1] : 0;

	if (end < x->part_end + x->size / 32)
		return true;
	if (x->s.ring.acked_pos < x->part_end) {
		session_wake_at(&x->s, 0, x->part_end);
		return false;
	}
	x->part_end = end;
	return true;
}

void served_send(struct sess *x, unsigned burst)
{
	while (has_calls(x) && burst-- && !x->call_refused) {
		int err = leaves_room(x) ? put(x) : -EAGAIN;

		if (err == -EAGAIN) {
			cover(COVER_CALL_REFUSED);
			x->call_refused = true;
		} else if (err && err != -ESHUTDOWN) {
			sim_fail("n%u: frame of a service to n%u gives %d", x->node, x->peer, err);
		}
		workload_queued(x);
		if (err)
			return;
	}
}

void served_room(struct sess *x)
{
	if (!has_calls(x) || !x->call_refused)
		return;
	x->call_refused = false;
	served_send(x, 1 + (unsigned)rng_below(&sim.service, 3));
}

/* Now and then, beside messages. */
void served_sometimes(struct sess *x)
{
	if (sim.served && x && has_calls(x) && rng_one_in(&sim.service, 2))
		served_send(x, 1 + (unsigned)rng_below(&sim.service, 4));
}

/* ---- receiving ---- */

void served_came(struct sess *x, const uint8_t *p, size_t n)
{
	struct stream *st = x->rx;
	uint32_t index = n < HEAD ? UINT32_MAX : get_le32(p);

	if (!has_calls(x) || x->finished) {
		sim_fail("n%u: frame of a service of n%u, which is not up", x->node, x->peer);
		return;
	}
	if (index != st->next_call || index >= st->n_calls) {
		sim_fail("n%u: frame %u of n%u's service, %u is due of %u", x->node, index, x->peer,
			 st->next_call, st->n_calls);
		return;
	}
	if (get_le64(p + 4) != st->delivered)
		sim_fail("n%u: frame %u of n%u's service came behind %llu messages, not %llu",
			 x->node, index, x->peer, (unsigned long long)st->delivered,
			 (unsigned long long)get_le64(p + 4));
	if (memcmp(p + HEAD, filling(index), n - HEAD))
		sim_fail("n%u: frame %u of n%u's service is not what was sent", x->node, index,
			 x->peer);
	if (index >= st->calls_unsent_from)
		sim_fail("n%u: frame %u of n%u's service never left it", x->node, index, x->peer);
	cover(COVER_CALL);
	st->next_call++;
	TRACE("n%u got frame %u of the service of n%u, %zu bytes", x->node, index, x->peer, n);
	if (rng_one_in(&sim.service, ANSWERS))
		served_send(x, 1);
}

/* ---- begin and end ---- */

void served_up(struct sess *x)
{
	struct service_grant theirs = { .slots = 0 };

	if (!sim.served || sim.failed)
		return;
	/* It may be an impostor's. */
	if (sim.node[x->node].takes_calls)
		theirs = served_grant(&sim.node[sim.inc[x->tx->to].node]);
	if (!grant_is_same(&x->s.calls, &theirs) && !sim.numbers_taken)
		sim_fail("n%u: n%u takes %u calls, not %u", x->node, x->peer, x->s.calls.slots,
			 theirs.slots);
	if (!x->s.calls.slots)
		return;
	x->call_path = true;
	session_hold_fin(&x->s, true);
}

void served_finishing(struct sess *x)
{
	if (!has_calls(x) || x->let_go)
		sim_fail("n%u: a FIN to n%u that nobody holds waits", x->node, x->peer);
	cover(COVER_FIN_HELD);
	sim_at(sim.now_ns + rng_scale(&sim.service, 0, 200 * MSEC), EV_LET_GO, x->idx, 0, x->gen);
}

void served_let_go(struct sess *x)
{
	if (!has_calls(x))
		return;
	served_send(x, (unsigned)rng_below(&sim.service, 4));
	TRACE("n%u lets the FIN to n%u go", x->node, x->peer);
	x->let_go = true;
	session_hold_fin(&x->s, false);
}

void served_path(struct sess *x)
{
	x->call_path = sim.node[x->node].peers[x->peer].up != NULL;
}

/* Behind all actions of a node. */
void served_told(const struct node *n)
{
	for (unsigned j = 0; j < SIM_NODES && sim.served; j++) {
		const struct sess *x = n->chan[j].sess;

		if (x && has_calls(x) && x->call_path != (n->peers[j].up != NULL))
			sim_fail("n%u: the service was not told of the link to n%u", n->idx, j);
	}
}

/* The word of the positions of each frame. */
void served_down(struct sess *x)
{
	const struct ring *r = &x->s.ring;
	struct stream *st = x->tx;

	for (uint32_t i = 0; i < st->n_calls; i++) {
		bool came = i < st->next_call;

		if (st->call_end[i] <= r->acked_pos && !came)
			sim_fail("n%u: frame %u to n%u's service is acknowledged, and did not come",
				 x->node, i, x->peer);
		if (st->call_end[i] > r->high && came)
			sim_fail("n%u: frame %u to n%u's service came, and never left", x->node, i,
				 x->peer);
		if (st->call_end[i] <= r->high)
			continue;
		st->calls_unsent_from = i;
		cover(COVER_CALL_UNSENT);
		break;
	}
	if (x->s.end == SESSION_CLOSED && st->next_call != st->n_calls)
		sim_fail("n%u: clean end with n%u, and %u of %u frames of the service came",
			 x->node, x->peer, st->next_call, st->n_calls);
}

bool served_done(const struct sess *x)
{
	return x->tx->next_call == x->tx->n_calls && (!x->call_refused || x->let_go);
}
