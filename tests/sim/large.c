/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A path on which small packets pass and large ones vanish, when nothing else
 * is wrong: it is left once, and not returned to. Owns that phase of a run and
 * its oracle. Knows nothing of how the core finds out.
 */
#include "sim.h"

#include <string.h>

#define LARGE_BYTES	600u		/* a frame longer than this is lost, and what follows it */
#define READY_NS	(8 * SEC)	/* other paths have been heard of by then */
#define MESSAGE_BYTES	2000u

/* Whether the connection is of that pair, on that path, and side is one that writes into it. */
static bool is_lossy(const struct conn *c, unsigned side)
{
	const struct large *l = &sim.large;
	unsigned from = c->end[side].node, to = c->end[!side].node;

	return l->active && c->path == l->path &&
		((from == l->a && to == l->b && l->ways & 1) ||
		 (from == l->b && to == l->a && l->ways & 2));
}

/* side begins to write a frame. A lost frame is sent again and lost again: the way is a hole, but
 * for a reset, which is small. */
void large_frame(struct conn *c, unsigned side, uint32_t length)
{
	struct end *to = &c->end[!side];

	if (length <= LARGE_BYTES || to->hole || !is_lossy(c, side))
		return;
	to->hole = 3;
	TRACE("conn %u: %u bytes to n%u are lost, and what follows", c->idx, length, to->node);
	cover(c->probe ? COVER_LARGE_PROBE : COVER_LARGE_DATA);
	sim.large.stuck += !c->probe && c->end[side].hole != 3;
}

/* How often data may meet it: once, then only after proof, or ever more rarely. */
static unsigned stuck_max(void)
{
	const struct core_config *c = &sim.cfg;
	uint64_t hold = c->prefer_ns, left = sim.large.span_ns;
	unsigned n = 2;

	/* The one whose packets are lost knows it by then, and the other one of it. */
	if (c->prefer_ns >= 2 * c->probe_ns + c->path_dead_ns + SEC / 2)
		return 1;
	for (; hold + c->path_dead_ns < left; hold *= 2, n++)
		left -= hold + c->path_dead_ns;
	return n;
}

static bool on_path(const struct node *n, unsigned j, unsigned path)
{
	const struct peer *p = &n->peers[j];

	return p->session && p->up && p->up->state == LINK_UP &&
		session_state(p->session) == FSM_ESTABLISHED && p->up->path == path &&
		n->chan[j].sess && &n->chan[j].sess->s == p->session;
}

bool large_begin(void)
{
	struct large *l = &sim.large;
	unsigned i = (unsigned)rng_below(&sim.app, sim.n_nodes);
	unsigned j = (unsigned)rng_below(&sim.app, sim.n_nodes);
	struct node *a = &sim.node[i], *b = &sim.node[j];

	/* Where one end cannot dial it cannot ask; and a stall must not come first. */
	if (sim.n_paths < 2 || sim.view || i == j || a->kernel || b->kernel || !a->can_dial ||
	    !b->can_dial || sim.cfg.stall_ns < 2 * sim.cfg.path_dead_ns ||
	    !world_pair_talks(a, b) || !on_path(a, j, 0) || !on_path(b, i, 0))
		return false;
	*l = (struct large) {
		.a = (uint8_t)i, .b = (uint8_t)j, .ways = (uint8_t)rng_range(&sim.app, 1, 3),
		.from_ns = sim.now_ns + READY_NS, .span_ns = rng_range(&sim.app, 10, 60) * SEC,
	};
	/* A reader that is still paused has lost no packet. */
	if (l->from_ns < a->chan[j].pause_until_ns)
		l->from_ns = a->chan[j].pause_until_ns;
	if (l->from_ns < b->chan[i].pause_until_ns)
		l->from_ns = b->chan[i].pause_until_ns;
	return true;
}

static void judge(const struct large *l, uint64_t limit_ns)
{
	if (l->stuck > stuck_max())
		sim_fail("n%u and n%u: %u links came to nothing on a path without large packets, "
			 "at most %u may", l->a, l->b, l->stuck, stuck_max());
	if (l->stalled_ns > stuck_max() * limit_ns)
		sim_fail("n%u and n%u: nothing arrived for %.3f s", l->a, l->b,
			 (double)l->stalled_ns / 1e9);
}

/* One message each way from time to time; false when the phase is over. */
bool large_turn(void)
{
	struct large *l = &sim.large;
	struct node *a = &sim.node[l->a], *b = &sim.node[l->b];
	uint64_t step_ns = sim.now_ns - l->turn_ns, arrived = sim.n_delivered;

	if (!l->active && sim.now_ns < l->from_ns)
		return true;
	if (!l->active && (!on_path(a, l->b, 0) || !on_path(b, l->a, 0)))
		return false;		/* it has moved meanwhile */
	if (sim.now_ns > l->from_ns + l->span_ns) {
		l->active = false;
		judge(l, sim.cfg.path_dead_ns + sim.cfg.probe_ns + 2 * SEC);
		return false;
	}
	if (l->active && arrived == l->arrived)
		l->stalled_ns += step_ns;
	l->active = true;
	l->arrived = arrived;
	l->turn_ns = sim.now_ns;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = i ? b : a;

		if (!(l->ways >> i & 1))
			continue;
		world_enter(n);
		workload_push(n, i ? l->a : l->b, MESSAGE_BYTES);
		world_turn(n);
	}
	return true;
}
