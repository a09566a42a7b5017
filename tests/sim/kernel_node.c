/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The model of a kernel as a node: which of them there are, what they hear of
 * membership, when they send and leave. Knows connections only by kernel_peer.h.
 */
#include "kernel_peer.h"

#include "late.h"

#include <string.h>

static struct kernel kernels[2];

/* ---- plan ---- */

/* Some of the nodes are kernels; at least one is not. */
void kernel_plan(void)
{
	unsigned want = sim.n_nodes > 2 && rng_one_in(&sim.plan, 2) ? 2 : 1;

	memset(kernels, 0, sizeof kernels);
	for (unsigned i = 0; i < want; i++) {
		struct kernel *k = &kernels[i];

		k->rare_acks = rng_one_in(&sim.plan, 2);
		k->v31 = rng_one_in(&sim.plan, 6);
		sim.node[sim.n_nodes - 1 - i].kernel = k;
		cover(k->v31 ? COVER_K_31 : k->rare_acks ? COVER_K_RARE_ACK : COVER_DLM);
	}
}

void k_at(struct node *n, uint64_t delay_ns, uint32_t what)
{
	sim_at(sim.now_ns + delay_ns, EV_KERNEL, n->idx, what, n->gen);
}

/* A cluster lets a node in again once the others have heard of its end. */
static bool end_is_told(const struct node *n)
{
	for (unsigned i = 0; i < sim.n_slots; i++) {
		const struct node *o = &sim.node[i];

		for (unsigned k = 0; o->running && k < o->mq_n; k++)
			if (sim.inc[o->mq[(o->mq_head + k) % SIM_MEMBER_Q].inc].node == n->idx)
				return false;
	}
	return true;
}

void kernel_start(struct node *n)
{
	struct inc *l = &sim.inc[sim.n_incs];

	if (n->running || sim.n_incs == SIM_INCS)
		return;
	if (!end_is_told(n)) {
		world_start_at(n, sim.now_ns + 500 * MSEC);
		return;
	}
	*l = (struct inc){.incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true};
	n->inc = (uint8_t)sim.n_incs++;
	n->running = true;
	n->gen++;
	n->mq_last_ns = 0;
	memset(n->kernel->peer, 0, sizeof n->kernel->peer);
	n->kernel->leaving = false;
	TRACE("k%u START nodeid %u incarnation %u%s%s", n->idx, n->nodeid, n->inc,
	      n->kernel->v31 ? " 3.1" : "", n->kernel->rare_acks ? " rare acks" : "");
	member_joined(n);
	k_at(n, K_TICK_NS, K_TICK);
	if (rng_one_in(&sim.app, 3))
		k_at(n, rng_range(&sim.app, 1, 20) * SEC, K_LEAVE);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (!sim.node[j].kernel)
			k_at(n, rng_below(&sim.app, SEC), K_SEND | j);
}

/* ---- membership ---- */

/* The end of a session: closed or forgotten; sockets go with it. */
static void reset(struct node *n, unsigned j, bool orderly)
{
	struct k_peer *p = &n->kernel->peer[j];

	TRACE("k%u session with n%u is over in %s", n->idx, j, fsm_state_name(p->st));
	if (p->tx) {
		p->tx->ended_tx = true;
		oracle_final(p->tx);
	}
	if (orderly) {
		k_release(n, &p->con);
		k_release(n, &p->other);
	}
	k_drop(&p->con, true);
	k_drop(&p->other, true);
	p->st = FSM_CLOSED;
	p->n_un = p->unsent = 0;
	p->ack_due = false;
	p->answer_id = 0;
	p->cur_len = p->cur_off = 0;
	if (!p->removed)
		return;
	p->member = false;
}

static void reread(struct k_con *k)
{
	if (k_usable(k) && k->c->end[k->side].arr > k->c->end[k->side].rd)
		kernel_readable(k->c, k->side);
}

static void added(struct node *n, unsigned j, unsigned inc)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct k_con other = p->other;	/* may become the one that it writes on */

	if (p->member && p->inc == inc)
		return;
	p->member = true;
	p->removed = false;
	p->inc = (uint8_t)inc;
	p->tx = oracle_stream(n->inc, inc);
	p->rx = oracle_stream(inc, n->inc);
	p->tx_seq = p->rx_seq = p->since_ack = 0;
	p->lost_last_ns = 0;
	p->drops = false;
	p->st = FSM_ESTABLISHED;
	p->status_due = true;
	k_dial(n, j);
	reread(&p->con);
	reread(&other);
	k_pump(n, j);
}

static void removed(struct node *n, unsigned j, unsigned inc, bool failed)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (p->inc != inc)
		return;
	if (failed && !p->member) {	/* sockets may be left even so */
		k_drop(&p->con, true);
		k_drop(&p->other, true);
	}
	if (!p->member)
		return;
	p->removed = true;
	if (failed) {
		reset(n, j, false);
		return;
	}
	if (p->st == FSM_CLOSE_WAIT) {
		k_last_ack(n, j);
	}
}

void kernel_member(struct node *n, enum member_event ev, unsigned inc)
{
	unsigned j = sim.inc[inc].node;

	TRACE("k%u MEMBER %u incarnation %u of n%u", n->idx, ev, inc, j);
	if (ev == MEMBER_ADDED)
		added(n, j, inc);
	else
		removed(n, j, inc, ev == MEMBER_FAILED || ev == MEMBER_LEFT);
}

/* The last lockspace is released: FIN first, the removal is heard of later. */
static void leave(struct node *n)
{
	if (n->kernel->leaving || sim.phase != PHASE_FAULTS)
		return;
	n->kernel->leaving = true;
	sim.inc[n->inc].leaving = true;
	TRACE("k%u LEAVE", n->idx);
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (!p->member || p->st == FSM_CLOSED)
			continue;
		if (p->st == FSM_ESTABLISHED) {
			cover(COVER_K_FIN_ACTIVE);
			p->st = FSM_FIN_WAIT1;
			k_queue(n, j, true, 0);
		}
	}
	member_say_all(MEMBER_LEAVING, n->inc);
	k_at(n, K_LEAVE_NS, K_GONE | SIM_NODES);
}

/* It has waited long enough; a new incarnation may come. */
static void left(struct node *n)
{
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (n->kernel->peer[j].member)
			reset(n, j, true);
	TRACE("k%u LEFT", n->idx);
	n->running = false;
	n->gen++;
	sim.inc[n->inc].alive = false;
	sim.inc[n->inc].gone = true;
	net_node_gone(n, false);
	member_say_all(MEMBER_LEFT, n->inc);
	/* Over SCTP when nobody holds a connection of it any more that is not read to its end. */
	world_start_at(n, sim.now_ns + 2 * SEC + (sim.sctp ? sim.cfg.held_ns : 0));
}

void kernel_fenced(struct node *n)
{
	if (!n->running)
		return;
	cover(COVER_K_LOST);
	TRACE("k%u FENCED", n->idx);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (n->kernel->peer[j].member)
			reset(n, j, false);
	n->running = false;
	n->gen++;
	sim.inc[n->inc].alive = false;
	sim.inc[n->inc].gone = true;
	net_node_gone(n, true);
	member_say_all(MEMBER_FAILED, n->inc);
	/* It starts when nobody holds connections of it any more. */
	world_start_at(n, sim.now_ns + 2 * SEC + sim.cfg.held_ns);
}

/* ---- time ---- */

static void tick(struct node *n)
{
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		for (unsigned s = 0; c->used && s < 2; s++) {
			struct end *e = &c->end[s];

			if ((e->node != n->idx && c->end[!s].node != n->idx) ||
			    e->state != END_OPEN || !e->taken ||
			    (e->hole != 2 && c->end[!s].hole != 2) || ++e->kfree < K_DEAD_TICKS)
				continue;
			/* TCP's own patience ends, on both sides. */
			c->end[0].hole = c->end[1].hole = 0;
			net_reset(c);
		}
	}
	/* A kernel that saw an orderly end repeats nothing before an error: something
	 * new to say shows the gap. */
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (sim.phase == PHASE_FAULTS || p->st != FSM_ESTABLISHED || !p->n_un ||
		    n->kernel->v31 || rng_below(&sim.app, 4))
			continue;
		k_queue(n, j, false, 8);
	}
	n->kernel->ticks++;
	/* And it asks for the status again and again while it waits for something. */
	for (unsigned j = 0; j < sim.n_nodes && n->kernel->ticks % 8 == 0; j++) {
		struct sess *x = sim.node[j].chan[n->idx].sess;

		n->kernel->peer[j].status_due = n->kernel->peer[j].st == FSM_ESTABLISHED;
		k_pump(n, j);
		if (x)
			workload_ask(x);
	}
	k_at(n, K_TICK_NS, K_TICK);
}

static void through(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];
	uint64_t since_ns = p->lost_last_ns > sim.phase_ns ? p->lost_last_ns : sim.phase_ns;
	uint64_t late_ns = late_between(n->idx, j);

	if (p->st == FSM_CLOSED)
		return;
	if (p->n_un && !n->kernel->rare_acks && !n->kernel->leaving) {
		if (sim.phase == PHASE_FAULTS || sim.now_ns < since_ns + K_LAST_NS ||
		    sim.now_ns < late_ns + K_LAST_NS) {
			k_at(n, K_LEAVE_NS, K_GONE | j | p->inc << 8);
			return;
		}
		if (sim.node[j].running && !sim.node[j].closed && sim.node[j].inc == p->inc &&
		    !(sim.sctp && p->tx->may_lose))
			sim_fail("k%u: n%u never acknowledges its last FIN", n->idx, j);
	}
	p->removed = true;
	reset(n, j, !p->n_un);
}

static void send_some(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct chan *c = &n->chan[j];

	if (sim.phase >= PHASE_CLOSE || !c->budget)
		return;
	if (p->st == FSM_ESTABLISHED && p->n_un < K_UNACKED - 8) {
		c->budget--;
		sim.n_sent++;
		k_queue(n, j, false, (uint16_t)rng_scale(&sim.app, 72, K_PACKET - WIRE_HEADER));
		p->status_due = p->status_due || rng_one_in(&sim.app, 8);
	} else if (sim.phase == PHASE_HEAL && p->st != FSM_ESTABLISHED) {
		c->budget = 0;
	}
	k_at(n, rng_scale(&sim.app, 1, 4 * USEC * c->period_us), K_SEND | j);
}

void kernel_event(struct node *n, uint32_t what, uint32_t gen)
{
	unsigned j = what & 0xffff;

	if (!n->running || n->gen != gen)
		return;
	switch ((enum k_event)(what & 0xf0000)) {
	case K_SEND:
		send_some(n, j);
		break;
	case K_TICK:
		tick(n);
		break;
	case K_DIAL:
		n->kernel->peer[j].dialling = false;
		if (n->kernel->peer[j].st != FSM_CLOSED)
			k_dial(n, j);
		break;
	case K_LEAVE:
		leave(n);
		break;
	case K_GONE:
		if (j == SIM_NODES)
			left(n);
		else if (n->kernel->peer[j & 0xff].inc == j >> 8)
			through(n, j & 0xff);
		break;
	case K_MEMBER:
		kernel_member(n, (enum member_event)(j >> 8), j & 0xff);
		break;
	}
}

void kernel_tell(struct node *n, enum member_event ev, unsigned inc, uint64_t at_ns)
{
	sim_at(at_ns, EV_KERNEL, n->idx, K_MEMBER | (unsigned)ev << 8 | inc, n->gen);
}

/* A dial of ours came to nothing. */
void kernel_no_dial(struct node *n, unsigned j)
{
	k_at(n, SEC, K_DIAL | j);
}

bool kernel_quiet(struct node *n)
{
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (!sim.node[j].running || n->kernel->v31)
			continue;
		if (sim.phase == PHASE_CLOSE && p->st != FSM_CLOSED)
			return false;
		if (p->st == FSM_ESTABLISHED && (p->n_un || n->chan[j].budget))
			return false;
		/* Each side has the answer to what it asked last. */
		if (p->st == FSM_ESTABLISHED && (p->tx->asked || p->rx->asked))
			return false;
	}
	return !n->kernel->leaving;
}

bool kernel_is_closed(unsigned kernel, unsigned peer)
{
	const struct kernel *k = sim.node[kernel].kernel;

	return k && k->peer[peer].st == FSM_CLOSED;
}
