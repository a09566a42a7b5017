/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The faults, one function each. Knows the network and the nodes; not
 * what the core should do about it.
 */
#include "late.h"

#include <string.h>

#define ENDED_MAX	4u	/* connections of a kernel that are read beside the newest (K16) */

static const char *const names[FAULT_KINDS] = {
	"RESET", "RESET_BYTES", "EOF", "HOLE_ONE", "HOLE_BOTH", "PATH_DOWN", "REFUSE", "HANG",
	"NOFD", "HOLD", "STUN", "PAUSE", "ARM", "RESTART", "FALSE_FAIL", "PARTITION", "ABORT",
	"FINISH", "CLOSE", "ROGUE", "IMPOSTOR", "REMOVE", "QUORUM", "LINGER", "FORGE", "STRANGER",
	"CUT_LAST", "NARROW", "SPLIT", "DAEMON", "LATE", "UNLIST", "MOVE", "VOTES", "QUIT",
	"TIMEOUT",
};

/*
 * Late bytes. Or one end learns that the link lost, while the other goes on
 * reading what was under way, in the middle of the handshake of the next one (R10).
 */
static void hold(struct conn *c, unsigned side, const struct fault *f)
{
	uint64_t pile_ns = rng_range(&sim.net, 0, 60 * MSEC);
	uint64_t wait_ns = sim.cfg.coordinator_wait_ns + rng_below(&sim.net, 5 * sim.lat_hi + MSEC);

	if (f->arg & 1) {
		c->end[side].hold_ns = sim.now_ns + f->span_ns;
		sim.hard_fault = true;
		return;
	}
	/* The lower nodeid dials and chooses. */
	side = sim.node[c->end[0].node].nodeid < sim.node[c->end[1].node].nodeid;
	c->end[side].hold_ns = sim.now_ns + pile_ns + wait_ns;
	c->end[!side].hold_ns = sim.now_ns + pile_ns;
	net_send_seg(c, !side, SEG_RST, 0);
	sim.n_link_faults++;
}

/* An orderly end is our own there; in half of the runs over SCTP there are no others. */
static bool ends_in_order(const struct fault *f)
{
	bool kernel = sim.node[f->a].kernel || sim.node[f->b].kernel;

	return sim.sctp && kernel && (sim.seed % 2 || f->kind == FAULT_EOF);
}

/* A node of ours ends its half, and reads the other one to its end. */
static void own_end(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];

	if (!n->running || !e->taken || e->state != END_OPEN || e->fin_sent ||
	    net_links(e->node, c->end[!side].node) > ENDED_MAX)
		return;
	world_enter(n);
	if (link_end_dlm(&e->link)) {
		TRACE("n%u ENDS conn %u.%u", e->node, c->idx, side);
		cover(COVER_K_OWN_END);
		e->fin_sent = true;
		net_send_seg(c, !side, SEG_EOF, 0);
	}
	world_turn(n);
}

static void on_link(const struct fault *f)
{
	struct conn *c = net_pick(f->a, f->b, &sim.net);
	unsigned side = f->arg & 1;

	if (ends_in_order(f)) {
		if (c)
			own_end(c, sim.node[c->end[0].node].kernel != NULL);
		return;
	}
	if (!c) {
		sim.arm[f->a][f->b] = f->arg;
		return;
	}
	switch ((int)f->kind) {
	case FAULT_RESET:
		net_reset(c);
		break;
	case FAULT_RESET_BYTES:
		c->end[side].bytes_left = f->arg;
		break;
	case FAULT_EOF:
		net_eof(c);
		break;
	case FAULT_HOLE_ONE:
		c->end[side].hole = 2;
		sim.hard_fault = true;
		sim.n_link_faults++;
		break;
	case FAULT_HOLE_BOTH:
		c->end[0].hole = c->end[1].hole = 2;
		sim.hard_fault = true;
		sim.n_link_faults++;
		break;
	case FAULT_HOLD:
		hold(c, side, f);
		break;
	}
}

static void path_down(const struct fault *f)
{
	sim.hard_fault = true;
	sim.path_down[f->a][f->b][f->path] = true;
	sim.path_down[f->b][f->a][f->path] = true;
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];
		unsigned a = c->end[0].node, b = c->end[1].node;

		if (c->used && c->path == f->path &&
		    ((a == f->a && b == f->b) || (a == f->b && b == f->a)))
			c->end[0].hole = c->end[1].hole = 2;
	}
}

static void restart(const struct fault *f)
{
	struct node *n = &sim.node[f->a];

	if (!n->running || n->kernel)
		return;
	world_crash(n, f->arg & 1);
	if (f->arg % 7 == 6)
		return;			/* for good */
	cover(COVER_RESTART);
	/* A kernel must have heard of the end before the next incarnation dials it. */
	world_start_at(n, sim.now_ns + f->span_ns / 2 + (sim.dlm ? SEC : 0));
}

/* a takes b for failed, though it lives; mutual: and the other way round. */
static void false_failure(const struct fault *f, bool mutual)
{
	struct node *a = &sim.node[f->a], *b = &sim.node[f->b];

	if (!a->running || !b->running || a->kernel || b->kernel)
		return;
	if (!sim.membership) {
		if (a->chan[f->b].removed || !a->peers[f->b].session)
			return;
		sim.declared[a->inc * SIM_INCS +
			     oracle_inc(a->peers[f->b].session->incarnation)] = 1;
		world_enter(a);
		peer_failed(&a->peers[f->b], 0);
		world_turn(a);
		return;
	}
	if (sim.inc[a->inc].gone || sim.inc[b->inc].gone)
		return;
	member_say(a, MEMBER_FAILED, b->inc, 0);
	if (mutual)
		member_say(b, MEMBER_FAILED, a->inc, 0);
	if (!mutual && f->arg & 1)
		return;
	/* A stateful merge: the same incarnations are shown again. */
	cover(COVER_MERGE);
	member_say(a, MEMBER_ADDED, b->inc, f->span_ns / 4);
	member_say(b, MEMBER_ADDED, a->inc, f->span_ns / 4);
}

static void on_session(const struct fault *f)
{
	struct node *n = &sim.node[f->a];
	struct sess *x = n->chan[f->b].sess;

	if (!n->running || n->kernel || !x || x->down)
		return;
	if (f->kind == FAULT_ABORT && sim.node[f->b].kernel)
		return;			/* which would never hear of it */
	world_enter(n);
	if (f->kind == FAULT_ABORT) {
		sim.declared[n->inc * SIM_INCS + oracle_inc(x->s.incarnation)] = 1;
		session_abort(&x->s);
	} else {
		workload_finish(x);
	}
	world_turn(n);
}

/* Both close towards each other while the link is cut again and again. */
static void cut_last(const struct fault *f)
{
	struct fault other = *f;

	other.a = f->b;
	other.b = f->a;
	other.kind = FAULT_FINISH;
	on_session(&other);
	other = *f;
	other.kind = FAULT_FINISH;
	on_session(&other);
	for (unsigned i = 0; i < 8; i++) {
		if (sim.n_faults == SIM_FAULTS)
			return;
		other = *f;
		other.kind = rng_one_in(&sim.net, 2) ? FAULT_RESET : FAULT_RESET_BYTES;
		other.arg = (uint32_t)rng_scale(&sim.net, 0, 500);
		sim.fault[sim.n_faults] = other;
		sim_at(sim.now_ns + rng_scale(&sim.net, 0, 300 * MSEC), EV_FAULT, sim.n_faults++, 0,
		       0);
	}
}

static void close_node(const struct fault *f)
{
	struct node *n = &sim.node[f->a];

	if (!n->running || n->kernel)
		return;
	sim_at(sim.now_ns, EV_CLOSE, f->a, 0, n->gen);
	if (f->kind != FAULT_LINGER)
		return;
	if (!n->closing) {	/* once more a little later */
		if (sim.n_faults == SIM_FAULTS)
			return;
		sim.fault[sim.n_faults] = *f;
		sim_at(sim.now_ns + f->span_ns / 16 + 1, EV_FAULT, sim.n_faults++, 0, 0);
		return;
	}
	TRACE("n%u LINGER over", n->idx);
	sim.any_linger = true;
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct session *s = n->peers[j].session;

		if (s && !n->chan[j].removed)
			sim.declared[n->inc * SIM_INCS + oracle_inc(s->incarnation)] = 1;
	}
	world_enter(n);
	core_linger_over(&n->core);
	world_turn(n);
}

/* The two are taken out of each other's configuration. */
static void remove_pair(const struct fault *f)
{
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &sim.node[i ? f->b : f->a];
		unsigned j = i ? f->a : f->b;
		struct session *s = n->peers[j].session;

		if (n->kernel || n->chan[j].removed || sim.node[j].kernel || n->copy_of)
			return;
		n->chan[j].removed = true;
		if (!n->running)
			continue;
		if (s)
			sim.declared[n->inc * SIM_INCS + oracle_inc(s->incarnation)] = 1;
		TRACE("n%u REMOVE n%u", n->idx, j);
		world_enter(n);
		peer_remove(&n->peers[j]);
		world_turn(n);
	}
}

static void impostor(const struct fault *f)
{
	struct node *n = &sim.node[sim.n_slots];

	if (sim.membership || sim.n_slots == SIM_NODES || !sim.node[f->a].running)
		return;
	sim.n_slots++;
	n->copy_of = (uint8_t)(f->a + 1);
	n->nodeid = sim.node[f->a].nodeid;
	n->present = true;
	for (unsigned i = 0; i < sim.n_incs; i++)
		sim.inc[i].claimed |= sim.inc[i].node == f->a;
	sim_at(sim.now_ns, EV_START, n->idx, 0, 0);
	sim_at(sim.now_ns + 8 * SEC, EV_EXIT, n->idx, 0, n->gen + 1);
}

static void on_reader(const struct fault *f)
{
	struct node *n = &sim.node[f->a];

	n->chan[f->b].pause_until_ns = sim.now_ns + f->span_ns * 4;
	if (!n->running || n->kernel)
		return;
	world_enter(n);
	workload_resume(n, f->b);
	sim_at(n->chan[f->b].pause_until_ns, EV_RESUME, f->a, f->b, n->gen);
	world_turn(n);
}

static void quorum(struct node *n, bool quorate)
{
	if (!n->running || n->kernel)
		return;
	cover(COVER_NO_QUORUM);
	world_enter(n);
	core_quorum(&n->core, quorate);
	world_turn(n);
}

/* Small packets pass between the two, longer ones never do. */
static void narrow(const struct fault *f)
{
	sim.faults_end_ns = sim.now_ns + 60 * SEC;
	sim.narrow_until_ns[f->a][f->b] = sim.faults_end_ns;
	sim.narrow_until_ns[f->b][f->a] = sim.faults_end_ns;
	sim.hard_fault = true;
}

static void on_node(const struct fault *f)
{
	struct node *n = &sim.node[f->a];
	uint64_t until = sim.now_ns + f->span_ns;

	switch ((int)f->kind) {
	case FAULT_REFUSE:
		n->refuse_until_ns = until;
		break;
	case FAULT_HANG:
		n->hang_until_ns = until;
		break;
	case FAULT_NOFD:
		n->nofd_until_ns = until;
		break;
	case FAULT_STUN:
		n->stun_until_ns = until;
		sim.hard_fault = true;
		break;
	case FAULT_QUORUM:
		quorum(n, f->arg & 1);
		break;
	}
}

static void dishonest(const struct fault *f)
{
	sim.dishonest = true;
	if (f->kind == FAULT_FORGE)
		sim.forge[f->a][f->b] = (uint8_t)(WIRE_REFUSE_LEAVING + f->arg % 7);
	else if (f->kind == FAULT_IMPOSTOR)
		impostor(f);
	else
		rogue_dial(f);
}

/* The whole service does what the simple one does in other runs. */
static bool is_membership(unsigned kind)
{
	return kind == FAULT_FALSE_FAIL || kind == FAULT_PARTITION || kind == FAULT_REMOVE ||
		kind == FAULT_QUORUM;
}

void fault_run(const struct fault *f)
{
	if (sim.phase != PHASE_FAULTS)
		return;
	TRACE("FAULT %s n%u n%u path %u arg %u span %.3f", names[f->kind], f->a, f->b, f->path,
	      f->arg, (double)f->span_ns / 1e9);
	cover(COVER_FAULT + f->kind);
	if (sim.view && is_membership(f->kind)) {
		group_fault(f);
		return;
	}
	switch ((enum fault_kind)f->kind) {
	case FAULT_RESET: case FAULT_RESET_BYTES: case FAULT_EOF: case FAULT_HOLE_ONE:
	case FAULT_HOLE_BOTH: case FAULT_HOLD:
		on_link(f);
		break;
	case FAULT_REFUSE: case FAULT_HANG: case FAULT_NOFD: case FAULT_STUN: case FAULT_QUORUM:
		on_node(f);
		break;
	case FAULT_ROGUE: case FAULT_STRANGER: case FAULT_FORGE: case FAULT_IMPOSTOR:
		dishonest(f);
		break;
	case FAULT_ARM:
		sim.arm[f->a][f->b] = f->arg;
		break;
	case FAULT_PATH_DOWN:
		if (!ends_in_order(f))
			path_down(f);
		break;
	case FAULT_PAUSE:
		on_reader(f);
		break;
	case FAULT_RESTART:
		restart(f);
		break;
	case FAULT_FALSE_FAIL: case FAULT_PARTITION:
		false_failure(f, f->kind == FAULT_PARTITION);
		break;
	case FAULT_ABORT: case FAULT_FINISH:
		on_session(f);
		break;
	case FAULT_CUT_LAST:
		cut_last(f);
		break;
	case FAULT_CLOSE: case FAULT_LINGER:
		close_node(f);
		break;
	case FAULT_REMOVE:
		remove_pair(f);
		break;
	case FAULT_NARROW:
		narrow(f);
		break;
	case FAULT_SPLIT: case FAULT_DAEMON: case FAULT_LATE: case FAULT_UNLIST:
	case FAULT_MOVE: case FAULT_VOTES: case FAULT_QUIT:
		group_fault(f);
		break;
	case FAULT_TIMEOUT:
		late_run(f);
		break;
	case FAULT_KINDS:
		break;
	}
}

/* The impostor goes, and what was configured away comes back. */
static void undo(struct node *n)
{
	if (n->copy_of && n->running)
		world_crash(n, false);
	n->stun_until_ns = n->refuse_until_ns = n->hang_until_ns = n->nofd_until_ns = 0;
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (n->chan[j].pause_until_ns > sim.now_ns + 20 * SEC)
			n->chan[j].pause_until_ns = sim.now_ns + 20 * SEC;
	if (!n->running || n->kernel)
		return;
	world_enter(n);
	if (!sim.view)
		core_quorum(&n->core, true);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		sim_at(n->chan[j].pause_until_ns, EV_RESUME, n->idx, j, n->gen);
	world_turn(n);
}

/* From here on nothing breaks that is not broken. */
void fault_heal(void)
{
	memset(sim.path_down, 0, sizeof sim.path_down);
	memset(sim.arm, 0xff, sizeof sim.arm);
	memset(sim.forge, 0, sizeof sim.forge);
	late_heal();
	memset(sim.narrow_until_ns, 0, sizeof sim.narrow_until_ns);
	for (unsigned i = 0; i < sim.n_conns; i++)
		for (unsigned s = 0; s < 2; s++)
			sim.conns[i].end[s].bytes_left = -1;
	for (unsigned i = 0; i < sim.n_slots; i++)
		undo(&sim.node[i]);
	/* Both modes: a pair that membership never merged is shown again. */
	if (sim.view) {
		group_heal();
		return;
	}
	for (unsigned i = 0; sim.membership && i < sim.n_nodes; i++) {
		for (unsigned j = 0; j < sim.n_nodes; j++) {
			struct node *a = &sim.node[i], *b = &sim.node[j];

			if (i != j && a->running && b->running && !a->kernel && !b->kernel &&
			    !b->closing)
				member_say(a, MEMBER_ADDED, b->inc, 0);
		}
	}
}
