/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The membership service of the simulated cluster: each node hears the same
 * events in the same order, each after its own delay. Knows incarnations, not links.
 */
#include "sim.h"

void member_say(struct node *to, enum member_event ev, unsigned inc, uint64_t min_delay_ns)
{
	uint64_t t = sim.now_ns + min_delay_ns + rng_scale(&sim.net, 0, 400 * MSEC);

	if (!to->running || (to->kernel && sim.node[sim.inc[inc].node].kernel))
		return;
	if (t < to->mq_last_ns)
		t = to->mq_last_ns;
	to->mq_last_ns = t;
	if (to->kernel) {
		kernel_tell(to, ev, inc, t);
		return;
	}
	if (to->mq_n == SIM_MEMBER_Q) {
		sim_fail("n%u: too many membership events", to->idx);
		return;
	}
	to->mq[(to->mq_head + to->mq_n++) % SIM_MEMBER_Q] =
		(struct member_item) { t, (uint8_t)ev, (uint8_t)inc, false };
	sim_at(t, EV_MEMBER, to->idx, 0, to->gen);
}

/* To everybody but the node of that incarnation. */
void member_say_all(enum member_event ev, unsigned inc)
{
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (i != sim.inc[inc].node)
			member_say(&sim.node[i], ev, inc, 0);
}

/* A new incarnation: the others hear of it, and it of them. */
void member_joined(struct node *n)
{
	for (unsigned i = 0; i < sim.n_incs; i++) {
		struct inc *l = &sim.inc[i];

		if (l->node == n->idx || !l->alive || l->gone)
			continue;
		/* A node that adds a kernel has seen that it heard of the new incarnation. */
		member_say(n, MEMBER_ADDED, i, sim.node[l->node].kernel ? 500 * MSEC : 0);
		if (l->leaving)
			member_say(n, MEMBER_LEAVING, i, 0);
	}
	member_say_all(MEMBER_ADDED, n->inc);
}

/* Pending words about kernels concerned the incarnation before. */
void member_renewed(struct node *n)
{
	for (unsigned i = 0; i < n->mq_n; i++) {
		struct member_item *it = &n->mq[(n->mq_head + i) % SIM_MEMBER_Q];

		if (sim.node[sim.inc[it->inc].node].kernel)
			it->dropped = true;
	}
}

static void fin_order(struct node *n, struct peer *p)
{
	struct session *s = p->session;

	if (!s || sim.inc[n->inc].leaving)
		return;
	cover(s->got_fin ? COVER_FIN_FIRST : COVER_LEAVING_FIRST);
}

void member_deliver(struct node *n)
{
	static const char *const names[] = { "ADDED", "LEAVING", "LEFT", "FAILED" };
	struct member_item it;
	struct inc *l;
	struct peer *p;
	uint8_t *declared = sim.declared + n->inc * SIM_INCS;

	if (!n->mq_n)
		return;
	it = n->mq[n->mq_head];
	n->mq_head = (n->mq_head + 1) % SIM_MEMBER_Q;
	n->mq_n--;
	l = &sim.inc[it.inc];
	p = &n->peers[l->node];
	if (n->chan[l->node].removed || it.dropped)
		return;
	TRACE("n%u MEMBER %s incarnation %u of n%u", n->idx, names[it.event], it.inc, l->node);
	switch ((enum member_event)it.event) {
	case MEMBER_ADDED:
		for (unsigned i = 0; i < it.inc; i++)
			declared[i] |= sim.inc[i].node == l->node;
		peer_added(p, l->incarnation);
		break;
	case MEMBER_LEAVING:
		fin_order(n, p);
		peer_leaving(p, l->incarnation);
		break;
	case MEMBER_LEFT:
		declared[it.inc] = 1;
		peer_left(p, l->incarnation);
		break;
	case MEMBER_FAILED:
		declared[it.inc] = 1;
		peer_failed(p, l->incarnation);
		break;
	}
}
