/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bounds of the attacker: what it is told, and what it costs the members. Judges
 * what nodes write to it by what they have read, from whom and when, and what reading it changes
 * elsewhere; and how choices are numbered between members. Knows nothing of how a node decides.
 */
#include "sim.h"

/* In which a member that was heard counts as there. */
static uint64_t window_ns(void)
{
	uint64_t k = sim.cfg.keepalive_ns;

	if (sim.n_paths > 1 && sim.cfg.keepalive_multi_ns < k)
		k = sim.cfg.keepalive_multi_ns;
	return k + k / 2;
}

static bool is_fresh(struct node *n, unsigned j)
{
	struct link *up = n->peers[j].up;
	unsigned side;

	return up && net_conn(up, &side)->end[side].heard &&
		sim.now_ns - n->chan[j].heard_ns < window_ns();
}

/* A frame other than HELLO was read on a link that carries a session. */
static void heard(struct node *n, struct end *e)
{
	struct chan *c = &n->chan[world_node(e->link.peer->nodeid)->idx];

	if (e->link.peer->up != &e->link)
		return;
	if (!e->heard || sim.now_ns - c->heard_ns >= window_ns())
		c->quiet_ns = sim.now_ns;
	e->heard = true;
	c->heard_ns = sim.now_ns;
}

/* The link that carried it is gone, so what was heard on it counts no more. */
void secret_lost(struct node *n, unsigned j)
{
	n->chan[j].quiet_ns = sim.now_ns;
}

void secret_read(struct conn *c, unsigned side, const struct frame *f)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node], *from = world_node(f->nodeid);
	struct hello h;

	if (f->nextcmd != WIRE_HELLO) {
		if (e->link.session)
			heard(n, e);
		return;
	}
	if (side != 1 || !c->end[0].adversary || !from || from == n || frame_hello(f, &h) ||
	    h.yours == sim.inc[n->inc].incarnation || !is_fresh(n, from->idx))
		return;
	/* An earlier HELLO was answered before the session was fresh: the answer is queued. */
	if (e->link.ctl_off != e->link.ctl_len)
		return;
	e->silent_ns = sim.now_ns;
	e->silent_on = from->idx;
	cover(COVER_A_HELD);
}

/* An incarnation is told to the attacker. */
static void told(struct conn *c, unsigned side, const char *what)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];

	/* The attacker knows the incarnation once it has been written on this connection. */
	if (side != 1 || !c->end[0].adversary || attacker_named(&c->end[0]) || e->has_told)
		return;
	e->has_told = true;
	if (e->silent_ns && n->chan[e->silent_on].quiet_ns < e->silent_ns &&
	    is_fresh(n, e->silent_on))
		sim_fail("n%u: %s tells its incarnation to who does not know it, at the address of "
			 "n%u, which is there", n->idx, what, e->silent_on);
}

void secret_written(struct conn *c, unsigned side, const struct frame *f)
{
	struct hello h;
	struct refuse r;

	if (f->nextcmd == WIRE_HELLO && !frame_hello(f, &h))
		told(c, side, "HELLO");
	if (f->nextcmd != WIRE_REFUSE || frame_refuse(f, &r) || !r.mine || side != 1 ||
	    !c->end[0].adversary)
		return;
	told(c, side, "REFUSE");
	if (!attacker_named(&c->end[0]))
		sim_fail("n%u: REFUSE tells its incarnation to who has not said that it knows it",
			 c->end[side].node);
}

/* ---- what reading it changes ---- */

static struct {
	struct link *up[SIM_NODES];
	struct session *session[SIM_NODES];
	uint64_t dial_at_ns[SIM_NODES];
} before;

void secret_before(const struct node *n)
{
	for (unsigned j = 0; j < SIM_NODES; j++) {
		before.up[j] = n->peers[j].up;
		before.session[j] = n->peers[j].session;
		before.dial_at_ns[j] = n->peers[j].dial_at_ns;
	}
}

/* Nothing, but that its link is taken where it has said both incarnations. */
void secret_after(const struct node *n, struct conn *c, unsigned side)
{
	const struct link *l = &c->end[side].link;

	for (unsigned j = 0; j < SIM_NODES; j++) {
		const struct peer *p = &n->peers[j];

		if (before.up[j] && before.session[j] == p->session && p->up != before.up[j] &&
		    !(sim.numbers_taken && p->up == l))
			sim_fail("n%u: what the attacker wrote shuts the link to n%u", n->idx, j);
		if (before.session[j] && before.session[j] != p->session)
			sim_fail("n%u: what the attacker wrote ends the session with n%u", n->idx,
				 j);
		/* One that was due and could not begin is no work of the attacker's. */
		if (side == 1 && before.session[j] && before.up[j] == p->up &&
		    n->no_dial_ns != sim.now_ns && p->dial_at_ns > before.dial_at_ns[j])
			sim_fail("n%u: what the attacker wrote delays the next dial to n%u",
				 n->idx, j);
	}
}

/* A link is up: between honest nodes each choice has a higher number than those before. */
void secret_up(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct session *s = e->link.session;
	struct sess *x;

	if (!s || !s->profile->hello || e->is_numbered)
		return;
	x = (struct sess *)((char *)s - offsetof(struct sess, s));
	e->is_numbered = true;
	if (x->has_gen && (int32_t)(s->gen - x->gen_before) <= 0 && !sim.numbers_taken)
		sim_fail("n%u: choice %u of a link to n%u comes after choice %u", e->node, s->gen,
			 x->peer, x->gen_before);
	x->has_gen = true;
	x->gen_before = s->gen;
}
