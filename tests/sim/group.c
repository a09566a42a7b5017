/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulated membership service: daemons that form rings, a process group with
 * agreed order in each ring, quorum and the nodelist. Knows neither cores nor
 * what is concluded from what it says.
 */
#include "group.h"

#include <errno.h>
#include <string.h>

#define MESSAGES	512		/* under way at once */
#define VOTES_BACK	1u		/* EV_GROUP: what is due */
#define REFORM		2u
#define UNSPLIT		3u
#define DAEMON		100u		/* + node */
#define LIST		200u		/* + node */
#define MESSAGE		1000u		/* + index */

/* One node's daemon, and its process in the group. */
struct site {
	bool has_daemon, is_formed, in_group;
	bool is_waiting;		/* its daemon comes back without a new machine */
	uint8_t side;			/* who is on the other one is not heard */
	uint32_t daemon;		/* counts its incarnations */
	uint32_t pid;
	enum view_cause cause;		/* how the last process went */
	uint32_t ring_mask;		/* bit per node */
	struct view_ring ring;
};

/* The words of one node's processes about the process of another. */
struct seen {
	bool is_in, has_said;		/* has_said: goodbye */
	uint32_t pid, daemon;
};

struct message {
	bool is_used;
	uint8_t from;
	uint32_t pid, daemon;
	uint64_t number;		/* in the order of sending */
	size_t len;
	uint8_t bytes[GREETING_MAX];
};

static struct {
	struct site site[SIM_NODES];
	struct seen seen[SIM_NODES][SIM_NODES];
	struct message message[MESSAGES];
	uint32_t listed, moved;		/* bit per node */
	uint64_t token_ns, stable_ns;	/* stable_ns: a ring is being formed until then */
	uint64_t n_sent;
	unsigned refuses;		/* 1 in n sends gets -EAGAIN; 0: none */
} g;

void group_begin(void)
{
	memset(&g, 0, sizeof g);
	g.listed = (1u << sim.n_nodes) - 1;
	g.token_ns = rng_scale(&sim.group, 100 * MSEC, 1500 * MSEC);
	g.refuses = rng_one_in(&sim.group, 2) ? (unsigned)rng_range(&sim.group, 2, 6) : 0;
}

static uint32_t bit(const struct node *n)
{
	return 1u << n->idx;
}

uint32_t group_listed(uint32_t *ret_moved)
{
	*ret_moved = g.moved;
	return g.listed;
}

bool group_is_there(const struct node *n)
{
	return g.site[n->idx].has_daemon;
}

/* ---- what processes are told ---- */

static void tell_ring(unsigned o)
{
	struct group_item it = { .kind = GROUP_RING, .ring = g.site[o].ring };

	viewer_put(&sim.node[o], CHANNEL_GROUP, &it);
}

static bool is_quorate(unsigned o)
{
	return 2 * (unsigned)__builtin_popcount(g.site[o].ring_mask) > sim.n_nodes;
}

static void tell_quorum(unsigned o, bool yes)
{
	struct group_item it = { .kind = GROUP_QUORUM, .ring = g.site[o].ring, .is_quorate = yes };

	if (sim.node[o].running && g.site[o].has_daemon && g.site[o].is_formed)
		viewer_put(&sim.node[o], CHANNEL_QUORUM, &it);
}

static void put_members(unsigned o, struct group_item *it)
{
	it->n_now = 0;
	for (unsigned x = 0; x < sim.n_nodes; x++)
		if (g.seen[o][x].is_in)
			it->now[it->n_now++] =
				(struct view_process) { sim.node[x].nodeid, g.seen[o][x].pid };
	viewer_put(&sim.node[o], CHANNEL_GROUP, it);
	it->n_gone = 0;
	it->clean = 0;
}

/* Whether it is in the group, as the ring of o has it. */
static bool belongs(unsigned o, unsigned x)
{
	return g.site[x].in_group && g.site[x].is_formed && g.site[o].ring_mask >> x & 1;
}

/* Those that went, in one; those that came, in one or one by one. */
static void refresh(unsigned o)
{
	struct group_item it = { .kind = GROUP_CONF };
	bool each = rng_one_in(&sim.group, 2), has_new = false, is_first = !g.seen[o][o].is_in;

	for (unsigned x = 0; x < sim.n_nodes; x++) {
		struct seen *s = &g.seen[o][x];
		const struct site *t = &g.site[x];
		bool same = s->daemon == t->daemon && g.site[o].ring_mask >> x & 1;

		if (!s->is_in || (belongs(o, x) && same && s->pid == t->pid))
			continue;
		s->is_in = false;
		it.gone[it.n_gone].process =
			(struct view_process) { sim.node[x].nodeid, s->pid };
		it.gone[it.n_gone++].cause = same ? t->cause : VIEW_NODEDOWN;
		if (same && t->cause == VIEW_LEAVE && s->has_said)
			it.clean |= 1u << x;
	}
	if (it.n_gone)
		put_members(o, &it);
	for (unsigned x = 0; x < sim.n_nodes; x++) {
		if (!belongs(o, x) || g.seen[o][x].is_in)
			continue;
		g.seen[o][x] = (struct seen) { true, false, g.site[x].pid, g.site[x].daemon };
		has_new = true;
		if (each && !is_first) {
			put_members(o, &it);
			has_new = false;
		}
	}
	if (has_new)
		put_members(o, &it);
	if (is_first)
		tell_ring(o);
}

static void refresh_all(void)
{
	if (sim.now_ns < g.stable_ns)
		return;			/* with the next ring */
	for (unsigned o = 0; o < sim.n_nodes; o++)
		if (g.site[o].in_group && g.site[o].is_formed)
			refresh(o);
}

/* ---- rings ---- */

static void reform_at(uint64_t delay_ns)
{
	uint64_t at = sim.now_ns + delay_ns;

	if (at > g.stable_ns)
		g.stable_ns = at;
	sim_at(at, EV_GROUP, 0, REFORM, 0);
}

static uint32_t mask_of(unsigned i)
{
	uint32_t mask = 0;

	for (unsigned x = 0; x < sim.n_nodes; x++)
		if (g.site[x].has_daemon && g.site[x].side == g.site[i].side)
			mask |= 1u << x;
	return mask;
}

/* One ring: its number is above all that its nodes had, so two halves get the same. */
static void form(uint32_t mask)
{
	unsigned lowest = (unsigned)__builtin_ctz(mask);
	uint64_t seq = 0;

	for (unsigned x = 0; x < sim.n_nodes; x++)
		if (mask >> x & 1 && g.site[x].ring.seq > seq)
			seq = g.site[x].ring.seq;
	for (unsigned x = 0; x < sim.n_nodes; x++) {
		struct site *s = &g.site[x];

		if (!(mask >> x & 1))
			continue;
		s->is_formed = true;
		s->ring_mask = mask;
		s->ring = (struct view_ring) { sim.node[lowest].nodeid, seq + 4 };
	}
}

static void reform(void)
{
	uint32_t changed = 0;

	if (sim.now_ns < g.stable_ns)
		return;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		struct site *s = &g.site[i];
		uint32_t mask = mask_of(i);

		if (!s->has_daemon || changed >> i & 1)
			continue;
		if (s->is_formed && s->ring_mask == mask) {
			bool fresh = false;

			for (unsigned x = 0; x < sim.n_nodes; x++)
				fresh |= mask >> x & 1 && !g.site[x].is_formed;
			if (!fresh)
				continue;
		}
		form(mask);
		changed |= mask;
	}
	refresh_all();
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		if (!(changed >> i & 1))
			continue;
		if (g.site[i].in_group)
			tell_ring(i);
		tell_quorum(i, is_quorate(i));
	}
}

static void daemon_up(struct node *n)
{
	struct site *s = &g.site[n->idx];

	if (s->has_daemon)
		return;
	s->has_daemon = true;
	s->is_waiting = false;
	s->is_formed = s->in_group = false;
	s->daemon++;
	memset(g.seen[n->idx], 0, sizeof g.seen[n->idx]);
	reform_at(rng_range(&sim.group, 10, 200) * MSEC);
}

/* Heard of by the others when the token is missed, or at once if it said so. */
static void daemon_down(struct node *n, bool ordered)
{
	struct site *s = &g.site[n->idx];

	if (!s->has_daemon)
		return;
	if (ordered && s->in_group) {
		s->in_group = false;
		s->cause = VIEW_PROCDOWN;
		refresh_all();
	}
	s->has_daemon = s->in_group = s->is_formed = false;
	memset(g.seen[n->idx], 0, sizeof g.seen[n->idx]);
	reform_at(ordered ? 5 * MSEC : g.token_ns + rng_below(&sim.group, g.token_ns));
}

/* ---- processes ---- */

void group_boot(struct node *n)
{
	daemon_up(n);
}

void group_connect(struct node *n)
{
	tell_quorum(n->idx, is_quorate(n->idx));
}

void group_join(struct node *n, uint32_t pid)
{
	struct site *s = &g.site[n->idx];

	if (!s->has_daemon)
		return;
	memset(g.seen[n->idx], 0, sizeof g.seen[n->idx]);
	s->in_group = true;
	s->pid = pid;
	refresh_all();
}

void group_leave(struct node *n)
{
	struct site *s = &g.site[n->idx];

	if (!s->in_group)
		return;
	s->in_group = false;
	s->cause = VIEW_LEAVE;
	memset(g.seen[n->idx], 0, sizeof g.seen[n->idx]);
	refresh_all();
}

void group_gone(struct node *n, bool machine)
{
	struct site *s = &g.site[n->idx];

	if (machine) {
		daemon_down(n, false);
		return;
	}
	if (!s->in_group)
		return;
	s->in_group = false;
	s->cause = VIEW_PROCDOWN;
	memset(g.seen[n->idx], 0, sizeof g.seen[n->idx]);
	refresh_all();
}

/* ---- messages ---- */

int group_send(struct node *n, const void *bytes, size_t len)
{
	struct site *s = &g.site[n->idx];
	struct message *m = g.message;

	while (m < g.message + MESSAGES && m->is_used)
		m++;
	if (!s->in_group || m == g.message + MESSAGES ||
	    (g.refuses && sim.phase == PHASE_FAULTS && rng_one_in(&sim.group, g.refuses))) {
		cover(COVER_V_AGAIN);
		return -EAGAIN;
	}
	*m = (struct message) { true, n->idx, s->pid, s->daemon, ++g.n_sent, len, { 0 } };
	memcpy(m->bytes, bytes, len);
	sim_at(sim.now_ns + rng_scale(&sim.group, 100 * USEC, 30 * MSEC), EV_GROUP, 0,
	       MESSAGE + (uint32_t)(m - g.message), 0);
	return 0;
}

static bool is_goodbye(const struct message *m)
{
	struct greeting greeting;

	return !greeting_get(m->bytes, m->len, &greeting) && greeting.type == GREETING_GOODBYE;
}

/* Messages of one process keep their order: its oldest one goes in place of this one. */
static void take_oldest(struct message *m)
{
	struct message *oldest = m, swap;

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct message *o = &g.message[i];

		if (o->is_used && o->from == m->from && o->number < oldest->number)
			oldest = o;
	}
	swap = *m;
	*m = *oldest;
	*oldest = swap;
}

/* Takes its place in the order: before or behind each change, for all alike. */
static void order(struct message *m)
{
	struct group_item it = { .kind = GROUP_MESSAGE };
	const struct site *s = &g.site[m->from];
	bool is_there;

	if (sim.now_ns < g.stable_ns) {
		sim_at(g.stable_ns + rng_below(&sim.group, 5 * MSEC), EV_GROUP, 0,
		       MESSAGE + (uint32_t)(m - g.message), 0);
		return;
	}
	take_oldest(m);
	m->is_used = false;
	is_there = s->in_group && s->pid == m->pid;
	if (!s->has_daemon || s->daemon != m->daemon || !s->is_formed)
		return;
	/* A leave may overtake what was sent before it. */
	if (!is_there && rng_one_in(&sim.group, 2))
		return;
	it.from = (struct view_process) { sim.node[m->from].nodeid, m->pid };
	it.len = m->len;
	memcpy(it.bytes, m->bytes, m->len);
	for (unsigned o = 0; o < sim.n_nodes; o++) {
		struct seen *to = &g.seen[o][m->from];

		if (!g.site[o].in_group || !(s->ring_mask >> o & 1))
			continue;
		to->has_said |= to->is_in && to->pid == m->pid && is_goodbye(m);
		viewer_put(&sim.node[o], CHANNEL_GROUP, &it);
		if (!to->is_in)
			cover(COVER_V_FROM_GONE);
	}
}

/* ---- faults ---- */

static void tell_list(void)
{
	struct group_item it = { .kind = GROUP_NODES, .listed = g.listed, .moved = g.moved };

	for (unsigned o = 0; o < sim.n_nodes; o++)
		if (sim.node[o].running && g.site[o].has_daemon)
			viewer_put(&sim.node[o], CHANNEL_NODES, &it);
}

/* The data's networks are others, and may be cut with it or not. */
static void cut_paths(uint32_t mask, bool yes)
{
	sim.hard_fault = true;
	for (unsigned a = 0; a < sim.n_nodes; a++)
		for (unsigned b = 0; b < sim.n_nodes; b++)
			for (unsigned p = 0; (mask >> a & 1) != (mask >> b & 1) && p < sim.n_paths;
			     p++)
				sim.path_down[a][b][p] = yes;
	for (unsigned i = 0; yes && i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];
		unsigned a = c->end[0].node, b = c->end[1].node;

		if (c->used && (mask >> a & 1) != (mask >> b & 1))
			c->end[0].hole = c->end[1].hole = 2;
	}
}

static void split(const struct fault *f)
{
	uint32_t mask = 1 + f->arg % ((1u << sim.n_nodes) - 2);

	for (unsigned i = 0; i < sim.n_nodes; i++)
		g.site[i].side = mask >> i & 1;
	if (f->arg >> 16 & 1)
		cut_paths(mask, true);
	cover(COVER_V_SPLIT);
	reform_at(g.token_ns + rng_below(&sim.group, g.token_ns));
	sim_at(sim.now_ns + f->span_ns, EV_GROUP, 0, UNSPLIT, 0);
}

static void unsplit(void)
{
	bool was = false;

	for (unsigned i = 0; i < sim.n_nodes; i++) {
		was |= g.site[i].side;
		g.site[i].side = 0;
	}
	if (!was)
		return;
	memset(sim.path_down, 0, sizeof sim.path_down);
	reform_at(rng_range(&sim.group, 20, 500) * MSEC);
}

static void lose_daemon(const struct fault *f)
{
	struct node *n = &sim.node[f->a];

	if (!g.site[f->a].has_daemon)
		return;
	daemon_down(n, f->arg & 1);
	g.site[f->a].is_waiting = true;
	if (n->running)
		viewer_lost(n);
	sim_at(sim.now_ns + (f->arg & 2 ? 15 * MSEC : f->span_ns), EV_GROUP, 0, DAEMON + f->a, 0);
}

/* Taken off the list, alive: its packets are accepted no more. */
static void unlist(const struct fault *f)
{
	g.listed &= ~(1u << f->a);
	tell_list();
	if (f->arg & 1) {
		g.site[f->a].side = 2;
		reform_at(g.token_ns + rng_below(&sim.group, g.token_ns));
	}
	sim_at(sim.now_ns + f->span_ns, EV_GROUP, 0, LIST + f->a, 0);
}

static void list(unsigned i)
{
	if (g.listed >> i & 1)
		return;
	g.listed |= 1u << i;
	tell_list();
	if (g.site[i].side != 2)
		return;
	g.site[i].side = 0;
	reform_at(rng_range(&sim.group, 20, 500) * MSEC);
}

/* Quorum comes and goes in the same ring. */
static void votes(const struct fault *f)
{
	for (unsigned o = 0; o < sim.n_nodes; o++)
		tell_quorum(o, false);
	sim_at(sim.now_ns + f->span_ns / 4, EV_GROUP, 0, VOTES_BACK, 0);
}

static void votes_back(void)
{
	for (unsigned o = 0; o < sim.n_nodes; o++)
		tell_quorum(o, is_quorate(o));
}

void group_fault(const struct fault *f)
{
	struct node *n = &sim.node[f->a];

	switch ((int)f->kind) {
	case FAULT_SPLIT: case FAULT_FALSE_FAIL: case FAULT_PARTITION:
		split(f);
		break;
	case FAULT_DAEMON:
		lose_daemon(f);
		break;
	case FAULT_LATE:
		viewer_hold(n, sim.now_ns + f->span_ns);
		break;
	case FAULT_UNLIST: case FAULT_REMOVE:
		unlist(f);
		break;
	case FAULT_MOVE:
		g.moved ^= bit(n);
		tell_list();
		break;
	case FAULT_VOTES: case FAULT_QUORUM:
		votes(f);
		break;
	case FAULT_QUIT:
		if (!n->running)
			break;
		if (f->arg & 1)
			group_leave(n);
		world_crash(n, false);
		world_start_at(n, sim.now_ns + (f->arg & 2 ? 0 : f->span_ns / 2));
		break;
	}
}

void group_heal(void)
{
	unsplit();
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		g.site[i].side = 0;
		daemon_up(&sim.node[i]);
	}
	g.listed = (1u << sim.n_nodes) - 1;
	g.moved = 0;
	tell_list();
	votes_back();
	reform_at(20 * MSEC);
}

void group_event(uint32_t what)
{
	if (what >= MESSAGE)
		order(&g.message[what - MESSAGE]);
	else if (what >= LIST)
		list(what - LIST);
	else if (what >= DAEMON && g.site[what - DAEMON].is_waiting)
		daemon_up(&sim.node[what - DAEMON]);
	else if (what == UNSPLIT)
		unsplit();
	else if (what == REFORM)
		reform();
	else if (what == VOTES_BACK)
		votes_back();
}
