/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node's turn: does what its core asks for, until it asks for nothing. Owns
 * the memory that is provided to sessions. Knows no schedule.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define TURN_ACTIONS	20000u		/* of one turn */

static uint8_t *rings[4][SIM_SESSIONS];	/* free ones by size: 256 KiB << i */
static unsigned n_rings[4];

/* ---- sessions ---- */

static unsigned size_class(uint32_t size)
{
	unsigned c = 0;

	while (RING_MIN << c < size)
		c++;
	return c;
}

struct sess *world_provide(struct node *n, unsigned j)
{
	unsigned c = size_class(n->queue_bytes);
	struct sess *x = NULL;

	for (unsigned i = 0; i < SIM_SESSIONS && !x; i++)
		if (!sim.sess[i].used)
			x = &sim.sess[i];
	if (!x) {
		sim_fail("no free session block: they are not given back");
		return NULL;
	}
	*x = (struct sess) { .used = true, .node = n->idx, .peer = (uint8_t)j,
		.idx = (uint16_t)(x - sim.sess), .gen = x->gen + 1, .size = RING_MIN << c };
	x->mem = n_rings[c] ? rings[c][--n_rings[c]] : malloc(x->size);
	session_provide(&x->s, x->mem, x->size, n->nodeid, sim.cfg.first_seq);
	if (sim.node[j].kernel) {
		x->bare = malloc(BARE_MEMORY);
		bare_provide(&x->s.bare, x->bare);
	}
	return x;
}

void world_give_back(struct sess *x)
{
	unsigned c = size_class(x->size);

	dialog_forget(x);
	rings[c][n_rings[c]++] = x->mem;
	free(x->bare);
	x->bare = NULL;
	x->used = false;
	x->gen++;
}

static struct sess *sess_of(struct session *s)
{
	return (struct sess *)((char *)s - offsetof(struct sess, s));
}

/* ---- turns ---- */

struct node *world_node(uint32_t nodeid)
{
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].nodeid == nodeid)
			return &sim.node[i];
	return NULL;
}

void world_enter(struct node *n)
{
	core_now(&n->core, sim.now_ns);
}

static void note(struct node *n, const struct note *t)
{
	oracle_note(n, t);
	if (t->fsm)
		cover(COVER_FSM + (unsigned)t->from * FSM_EVENTS + (unsigned)t->event);
	if (!strncmp(t->text, "sequence gap", 12))
		cover(COVER_K_GAP);
	if (t->fsm)
		TRACE("n%u note peer=%u %s --%s--> %s", n->idx, t->nodeid, fsm_state_name(t->from),
		      fsm_event_name(t->event), fsm_state_name(t->to));
	else
		TRACE("n%u note peer=%u %s%s%s %s=%llu %s=%llu", n->idx, t->nodeid, t->text,
		      t->detail ? ": " : "", t->detail ? t->detail : "",
		      t->a_name ? t->a_name : "-", (unsigned long long)t->a,
		      t->b_name ? t->b_name : "-", (unsigned long long)t->b);
}

static void session_action(struct node *n, enum core_what what, struct sess *x)
{
	switch ((int)what) {
	case CORE_PEER_UP:
		TRACE("n%u PEER_UP %u", n->idx, x->peer);
		x->up = true;
		oracle_up(x);
		served_up(x);
		workload_up(x);
		dialog_up(x);
		break;
	case CORE_FINISHED:
		TRACE("n%u FINISHED %u", n->idx, x->peer);
		oracle_finished(x);
		x->finished = true;
		dialog_finished(x);
		break;
	case CORE_WRITABLE:
		TRACE("n%u WRITABLE %u", n->idx, x->peer);
		cover(COVER_WRITABLE);
		if (oracle_dlm(x) && x->size == RING_MIN)
			cover(COVER_K_FULL);
		if (x->down)
			sim_fail("n%u: WRITABLE after PEER_DOWN", n->idx);
		x->blocked = false;
		served_room(x);
		workload_writable(x);
		dialog_writable(x);
		break;
	case CORE_FINISHING:
		if (sim.calls)
			dialog_finishing(x);
		else
			served_finishing(x);
		break;
	case CORE_PEER_DOWN:
		TRACE("n%u PEER_DOWN %u %s", n->idx, x->peer, session_end_name(x->s.end));
		dialog_down(x);
		oracle_down(x);
		workload_down(x);
		x->down = true;
		free(session_take_buffer(&x->s));
		world_give_back(x);
		break;
	}
}

void world_renew(struct node *n)
{
	unsigned old = n->inc;
	struct inc *l = &sim.inc[sim.n_incs];

	if (sim.n_incs == SIM_INCS) {
		sim_fail("n%u: renewed again and again", n->idx);
		return;
	}
	cover(COVER_RENEW);
	sim.inc[old].alive = false;
	*l = (struct inc) { .incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true,
		.leaving = n->closing, .claimed = sim.inc[old].claimed };
	n->inc = (uint8_t)sim.n_incs++;
	TRACE("n%u RENEW incarnation %u", n->idx, n->inc);
	core_renew(&n->core, l->incarnation);
	if (sim.view) {
		sim.inc[old].gone = true;
		viewer_renewed(n);
		return;
	}
	if (!sim.membership)
		return;
	member_renewed(n);
	if (sim.dlm)	/* kernels know no incarnations */
		net_unaccepted(n);
	sim.inc[old].gone = true;
	member_say_all(rng_one_in(&sim.net, 2) ? MEMBER_LEFT : MEMBER_FAILED, old);
	if (!n->closing)
		member_joined(n);
}

static void dial(struct node *n, struct peer *p, unsigned path, bool probe)
{
	struct node *to = world_node(p->nodeid);

	if (probe)
		cover(COVER_PROBE);
	if (p->never_dial)
		sim_fail("n%u dials n%u, which it never may", n->idx, to->idx);
	if (sim.now_ns < n->nofd_until_ns || !n->can_dial) {
		n->no_dial_ns = sim.now_ns;
		link_no_dial(&n->core, p, path, probe);
	} else {
		net_dial(n, to->idx, path, probe);
	}
}

static void closed(struct node *n)
{
	TRACE("n%u CLOSED", n->idx);
	if (!n->closing)
		sim_fail("n%u: CORE_CLOSED though nobody closed it", n->idx);
	n->closed = true;
	if (sim.view) {
		viewer_leave(n);
		return;
	}
	sim_at(sim.now_ns + rng_scale(&sim.net, 0, 50 * MSEC), EV_EXIT, n->idx, 0, n->gen);
}

/* Over SCTP one of a kernel may have waited for a number. */
static bool goes_on(const struct link *l)
{
	return sim.sctp && !link_is_held(l) && l->session && !l->session->rx_paused &&
		l->session->profile == &profile_dlm;
}

/* The number that it waited for, later than a new link could bring it. */
static bool came_late(const struct link *l)
{
	return goes_on(l) && !l->session->lossy && l->session->awaited.missing_ns &&
		l->session->awaited.missing_ns + SEC < sim.now_ns;
}

static void act(struct node *n, struct core_action *a)
{
	struct conn *c;
	unsigned side;

	digest_action(n, a);
	switch (a->what) {
	case CORE_NOTE:
		note(n, &a->note);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		dial(n, a->peer, a->path, a->what == CORE_PROBE);
		break;
	case CORE_TX:
		c = net_conn(a->link, &side);
		/* Perhaps held no more. */
		if (c->end[side].paused && came_late(a->link))
			cover(COVER_K_LATE);
		if (c->end[side].paused && (a->link->state == LINK_ANSWERED || goes_on(a->link)))
			sim_at(sim.now_ns, EV_READ, c->idx, side, c->gen);
		net_pump(c, side);
		break;
	case CORE_ASK:
		net_ask(a->link);
		break;
	case CORE_SHUT:
		c = net_conn(a->link, &side);
		oracle_shut(c, side, a);
		oracle_link_gone(c, side);
		net_shut(c, side, a->how);
		break;
	case CORE_PROVIDE:
		sim_at(sim.now_ns +
			       (rng_one_in(&sim.net, 4) ? rng_scale(&sim.net, 0, 80 * MSEC) : 0),
		       EV_PROVIDE, n->idx, world_node(a->peer->nodeid)->idx, n->gen);
		break;
	case CORE_LINK_UP:
		TRACE("n%u LINK_UP %u", n->idx, sess_of(a->session)->peer);
		workload_link_up(sess_of(a->session));
		break;
	case CORE_PEER_UP:
	case CORE_FINISHED:
	case CORE_WRITABLE:
	case CORE_FINISHING:
	case CORE_PEER_DOWN:
		session_action(n, a->what, sess_of(a->session));
		break;
	case CORE_PATH:
		served_path(sess_of(a->session));
		break;
	case CORE_FENCE:
		oracle_fence(n, a->peer, a->reason);
		break;
	case CORE_RENEW:
		oracle_renew(n);
		world_renew(n);
		break;
	case CORE_CLOSED:
		closed(n);
		break;
	}
}

void world_turn(struct node *n)
{
	struct core_action a;
	unsigned guard = 0;

	if (n->in_turn)
		return;
	n->in_turn = true;
	while (!sim.failed && core_poll(&n->core, &a)) {
		act(n, &a);
		if (++guard > TURN_ACTIONS)
			sim_fail("n%u: core_poll() never ends, last action %d", n->idx, a.what);
	}
	n->in_turn = false;
	served_told(n);
}
