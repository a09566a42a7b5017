/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From faults to the end of a run: faults, then none and everything must
 * settle, sometimes a slow reader, then everybody closes. Owns the bounds on
 * virtual time; knows no fault.
 */
#include "sim.h"

#define CHECK_NS	(250 * MSEC)
#define DIALS_PER_S	400u		/* of all nodes, once they had time to settle */

static const char *const names[] = { "FAULTS", "HEAL", "SLOW", "LARGE", "CLOSE", "OVER" };

static void enter(enum phase p, uint64_t limit_ns)
{
	TRACE("---- phase %s", names[p]);
	sim.phase = p;
	sim.phase_ns = sim.now_ns;
	sim.phase_limit_ns = sim.now_ns + limit_ns;
	sim.dial_window_ns = sim.now_ns;
	sim.dial_window_n = 0;
}

/* An incarnation that is dead and does not come back: somebody must say so under
 * static membership, for no new incarnation of it is going to. */
static void fence_the_dead(void)
{
	if (sim.view)
		return;			/* the view has to */
	for (unsigned i = 0; i < sim.n_slots; i++) {
		struct node *n = &sim.node[i];

		for (unsigned j = 0; n->running && !n->kernel && j < sim.n_nodes; j++) {
			struct session *s = n->peers[j].session;
			unsigned inc;

			if (n->chan[j].removed || !s || sim.node[j].kernel ||
			    sim.node[j].restart_at_ns > sim.now_ns)
				continue;
			inc = oracle_inc(s->incarnation);
			if (inc == SIM_INCS ||
			    (sim.node[j].running && !sim.node[sim.inc[inc].node].copy_of))
				continue;
			sim.declared[n->inc * SIM_INCS + inc] = 1;
			TRACE("n%u FENCED incarnation %u of n%u", i, inc, j);
			world_enter(n);
			peer_failed(&n->peers[j], 0);
			world_turn(n);
		}
	}
}

/*
 * Under static membership a node believes FAILED from an unknown incarnation only on its own
 * dial. Where it cannot dial, its operator restarts it.
 */
static void restart_the_refused(void)
{
	if (sim.view)
		return;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		struct node *n = &sim.node[i];

		for (unsigned j = 0; n->running && !n->kernel && !n->can_dial &&
		     j < sim.n_nodes; j++) {
			const struct node *o = &sim.node[j];
			const struct session *s = n->peers[j].session;
			const struct tombstones *all = &o->peers[i].tombstones;
			const struct tombstone *t = o->running && !o->kernel ?
				tombstones_find(all, sim.inc[n->inc].incarnation) : NULL;

			if (!t || t->kind != TOMB_FAILED ||
			    (s && s->incarnation == sim.inc[o->inc].incarnation))
				continue;
			world_crash(n, false);
			world_start_at(n, sim.now_ns);
		}
	}
}

/* A node that closes and whose last ACK cannot be fetched: its time is over. */
static void linger(struct node *n)
{
	if (!n->running || !n->closing || n->closed || n->kernel)
		return;
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct session *s = n->peers[j].session;

		if (s && !n->chan[j].removed)
			sim.declared[n->inc * SIM_INCS + oracle_inc(s->incarnation)] = 1;
	}
	TRACE("n%u LINGER over", n->idx);
	world_enter(n);
	core_linger_over(&n->core);
	world_turn(n);
}

/* Last ACKs that are lost for good: nobody can dial for them, or a kernel has
 * what it wants and says nothing more. */
static void end_lingering(void)
{
	for (unsigned i = 0; i < sim.n_nodes; i++)
		for (unsigned j = 0; j < sim.n_nodes; j++)
			if (world_pair_stuck(i, j) ||
			    (sim.node[i].peers[j].session && kernel_is_closed(j, i)))
				linger(&sim.node[i]);
}

static bool pair_settled(struct node *a, struct node *b)
{
	struct peer *p = &a->peers[b->idx];
	struct stream *st;

	if (a->chan[b->idx].removed || b->chan[a->idx].removed)
		return true;
	if (b->kernel)
		return true;
	st = oracle_stream(a->inc, b->inc);
	if (world_pair_stuck(a->idx, b->idx))
		return true;
	if (!p->session)
		return st->ended_tx && st->ended_rx && st->finished;
	return a->chan[b->idx].sess && &a->chan[b->idx].sess->s == p->session && p->up &&
		p->up->state == LINK_UP && p->session->incarnation ==
		sim.inc[b->inc].incarnation;
}

static bool settled(const char **ret_why, unsigned *ret_a, unsigned *ret_b)
{
	for (unsigned i = 0; i < sim.n_slots; i++) {
		for (unsigned j = 0; j < sim.n_slots; j++) {
			struct node *a = &sim.node[i], *b = &sim.node[j];

			*ret_a = i;
			*ret_b = j;
			*ret_why = "no link";
			if (i != j && !a->kernel && world_pair_talks(a, b) && !pair_settled(a, b))
				return false;
			*ret_why = oracle_disagree(a, b);
			if (i != j && *ret_why)
				return false;
		}
		*ret_why = "calls are open";
		for (unsigned j = 0; j < SIM_NODES; j++) {
			*ret_a = i;
			*ret_b = j;
			if (sim.node[i].running && !world_pair_stuck(i, j) &&
			    !dialog_quiet(&sim.node[i], j))
				return false;
		}
		*ret_why = "a node is to start again";
		if (!sim.node[i].running && sim.node[i].restart_at_ns >= sim.now_ns)
			return false;
		*ret_why = "a closing node is not through";
		if (sim.node[i].running && sim.node[i].closing && !sim.node[i].closed)
			return false;
		*ret_why = "membership events wait";
		if (sim.node[i].running &&
		    (sim.node[i].mq_n || (sim.view && !viewer_quiet(&sim.node[i]))))
			return false;
		*ret_why = "a kernel is not finished";
		if (sim.node[i].kernel && !kernel_quiet(&sim.node[i]))
			return false;
	}
	*ret_why = "not everything is delivered and acknowledged";
	return workload_quiet(ret_a, ret_b);
}

static void to_close(void)
{
	uint64_t spread = rng_one_in(&sim.app, 2) ? 2 * SEC : 5 * MSEC;

	enter(PHASE_CLOSE, 40 * SEC + 3 * sim.cfg.stall_ns);
	attacker_closing();
	dialog_closing();
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].running && !sim.node[i].kernel)
			sim_at(sim.now_ns + rng_scale(&sim.app, 0, spread), EV_CLOSE, i, 0,
			       sim.node[i].gen);
}

/* One reader stops for up to a minute: nothing may break because of that. */
static bool to_slow(void)
{
	unsigned i = (unsigned)rng_below(&sim.app, sim.n_nodes);
	unsigned j = (unsigned)rng_below(&sim.app, sim.n_nodes);
	struct node *n = &sim.node[i], *from = &sim.node[j];
	struct sess *tx, *rx;

	if (sim.hard_fault || sim.n_paths > 1 || n->kernel || from->kernel ||
	    !world_pair_talks(n, from))
		return false;
	tx = from->chan[i].sess;
	rx = n->chan[j].sess;
	if (!tx || !rx || tx->tx->tx_final || tx->finishing)
		return false;
	/* A pair that once ended passes for settled where only one of them can dial. */
	if (!from->peers[i].up || !n->peers[j].up)
		return false;
	/* A HELLO that is still under way may take the session over, late as it comes. */
	if (net_links(i, j) > 1)
		return false;
	cover(COVER_SLOW_READER);
	sim.slow_until_ns = sim.now_ns + rng_range(&sim.app, 4, 60) * SEC;
	enter(PHASE_SLOW, sim.slow_until_ns - sim.now_ns + 60 * SEC);
	sim.slow = rx;
	sim.slow_links = rx->s.n.reconnects;
	n->chan[j].pause_until_ns = sim.slow_until_ns;
	workload_resume(n, j);
	sim_at(sim.slow_until_ns, EV_RESUME, i, j, n->gen);
	from->chan[i].budget += 40;
	from->chan[i].bulk = 1;
	sim_at(sim.now_ns, EV_SEND, j, i, 0);
	return true;
}

/* A path loses what is large, and nothing else goes wrong. */
static bool to_large(void)
{
	if (sim.n_paths < 2 || !large_begin())
		return false;
	enter(PHASE_LARGE, sim.large.from_ns - sim.now_ns + sim.large.span_ns + 60 * SEC);
	return true;
}

static void out_of_time(const char *why, unsigned a, unsigned b)
{
	struct node *n = &sim.node[a];
	struct peer *p = &n->peers[b];

	if (sim.phase != PHASE_CLOSE) {
		dialog_show(n, b);
		dialog_show(&sim.node[b], a);
		sim_fail("phase %s never settles: n%u and n%u: %s (session %s, up %d, mismatch %u)",
			 names[sim.phase], a, b, why, p->session ?
			 fsm_state_name(session_state(p->session)) : "none", p->up != NULL,
			 p->mismatch);
		return;
	}
	for (a = 0; a < sim.n_slots; a++) {
		n = &sim.node[a];
		if (!n->running || n->kernel || n->closed)
			continue;
		for (b = 0; b < sim.n_nodes; b++)
			if (n->peers[b].session && !n->chan[b].removed)
				sim_fail("n%u never says CLOSED: session with n%u is in %s", a, b,
					 fsm_state_name(session_state(n->peers[b].session)));
		sim_fail("n%u never says CLOSED, though no session is left", a);
	}
}

static void heal(void)
{
	enter(PHASE_HEAL, 120 * SEC + 4 * sim.cfg.stall_ns);
	fault_heal();
	dialog_heal();
}

static bool all_out(void)
{
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].running && (!sim.node[i].kernel || !kernel_quiet(&sim.node[i])))
			return false;
	return true;
}

static void storm_check(void)
{
	if (sim.now_ns - sim.dial_window_ns < SEC)
		return;
	if (sim.dial_window_n > DIALS_PER_S && sim.now_ns - sim.phase_ns > 20 * SEC)
		sim_fail("live-lock: %llu dials in a second without faults",
			 (unsigned long long)sim.dial_window_n);
	sim.dial_window_ns = sim.now_ns;
	sim.dial_window_n = 0;
}

void phase_check(void)
{
	const char *why = "";
	unsigned a = 0, b = 0;

	oracle_deadlines();
	digest_status();
	switch (sim.phase) {
	case PHASE_FAULTS:
		if (sim.now_ns >= sim.faults_end_ns)
			heal();
		break;
	case PHASE_HEAL:
		storm_check();
		if (sim.now_ns - sim.phase_ns > 5 * SEC)
			fence_the_dead();
		if (sim.now_ns - sim.phase_ns > 40 * SEC) {
			restart_the_refused();
			end_lingering();
		}
		if (settled(&why, &a, &b)) {
			if (!to_large() && (!rng_one_in(&sim.app, 4) || !to_slow()))
				to_close();
		}
		break;
	case PHASE_SLOW:
		if (sim.now_ns - sim.phase_ns < 2 * SEC)	/* what was under way */
			sim.slow_links = sim.slow->s.n.reconnects;
		if (sim.now_ns - sim.phase_ns > 30 * SEC)
			fence_the_dead();
		if (sim.now_ns < sim.slow_until_ns || !settled(&why, &a, &b))
			break;
		if (sim.slow->s.n.reconnects != sim.slow_links)
			sim_fail("a slow reader cost %llu new links",
				 (unsigned long long)(sim.slow->s.n.reconnects - sim.slow_links));
		to_close();
		break;
	case PHASE_LARGE:
		/* An impostor may have come and gone since the phase before. */
		if (sim.now_ns - sim.phase_ns > 30 * SEC)
			fence_the_dead();
		if (!large_turn() && settled(&why, &a, &b))
			to_close();
		break;
	case PHASE_CLOSE:
		storm_check();
		if (sim.now_ns - sim.phase_ns > 30 * SEC)
			fence_the_dead();
		if (sim.now_ns - sim.phase_ns > 30 * SEC)
			end_lingering();
		if (all_out())
			enter(PHASE_OVER, 0);
		break;
	case PHASE_OVER:
		break;
	}
	if (sim.phase != PHASE_FAULTS && sim.phase != PHASE_OVER &&
	    sim.now_ns > sim.phase_limit_ns)
		out_of_time(why, a, b);
	sim_at(sim.now_ns + CHECK_NS, EV_CHECK, 0, 0, 0);
}
