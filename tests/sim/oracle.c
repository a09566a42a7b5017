/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges what must hold in every run. Watches what applications are told and what
 * ends write; of the core's insides it reads only the states of links and
 * sessions, the ring's public functions and counters.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINK_STEP_NS	(70 * SEC)	/* more than the longest deadline of a sub-state */

struct stream *oracle_stream(unsigned from, unsigned to)
{
	struct stream *st = &sim.streams[from * SIM_INCS + to];

	if (!st->used) {
		st->used = true;
		st->from = (uint8_t)from;
		st->to = (uint8_t)to;
		st->unsent_from = UINT64_MAX;
		st->calls_unsent_from = UINT32_MAX;
	}
	return st;
}

struct rec *oracle_record(struct stream *st)
{
	if (st->n_rec == st->cap_rec) {
		st->cap_rec = st->cap_rec ? 2 * st->cap_rec : 64;
		st->rec = realloc(st->rec, st->cap_rec * sizeof *st->rec);
		if (!st->rec)
			abort();
	}
	return &st->rec[st->n_rec++];
}

/* SIM_INCS if there is no such incarnation. */
unsigned oracle_inc(uint64_t incarnation)
{
	unsigned i = sim.n_incs;

	while (i--)
		if (sim.inc[i].incarnation == incarnation)
			return i;
	return SIM_INCS;
}

static struct stream *of_session(const struct session *s, bool tx)
{
	unsigned me = oracle_inc(s->ours), it = oracle_inc(s->incarnation);

	if (me == SIM_INCS || it == SIM_INCS) {
		sim_fail("a session with an incarnation that never was: %llx",
			 (unsigned long long)s->incarnation);
		return NULL;
	}
	return tx ? oracle_stream(me, it) : oracle_stream(it, me);
}

/* ---- what the applications are told ---- */

bool oracle_dlm(const struct sess *x)
{
	return sim.node[x->peer].kernel != NULL;
}

void oracle_up(struct sess *x)
{
	x->tx = of_session(&x->s, true);
	x->rx = of_session(&x->s, false);
	if (!x->tx || !x->rx)
		return;
	if (x->tx->opened_tx || x->rx->opened_rx)
		sim_fail("n%u: the pair of incarnations %u, %u comes up again", x->node,
			 x->tx->from, x->tx->to);
	if (sim.node[sim.inc[x->tx->to].node].nodeid != sim.node[x->peer].nodeid)
		sim_fail("n%u: PEER_UP of n%u with an incarnation of another node", x->node,
			 x->peer);
	x->tx->opened_tx = true;
	x->rx->opened_rx = true;
}

void oracle_message(struct sess *x, const uint8_t *p, size_t n)
{
	struct stream *st = x->rx;
	struct rec *r;

	if (!x->up || x->down || x->finished) {
		sim_fail("n%u: message from n%u %s", x->node, x->peer, !x->up ?
			 "before PEER_UP" : x->down ? "after PEER_DOWN" : "after FINISHED");
		return;
	}
	while (st->next_rec < st->n_rec && st->rec[st->next_rec].state == REC_CANCELLED)
		st->next_rec++;
	if (st->next_rec == st->n_rec) {
		sim_fail("n%u: message %llu from n%u was never sent (a repeat?)", x->node,
			 (unsigned long long)st->delivered + 1, x->peer);
		return;
	}
	r = &st->rec[st->next_rec++];
	if (oracle_dlm(x)) {		/* with the packet's header */
		p += n < WIRE_HEADER ? n : WIRE_HEADER;
		n -= n < WIRE_HEADER ? n : WIRE_HEADER;
	}
	if (r->state == REC_OPEN || r->len != n ||
	    (n && memcmp(p, workload_pattern + r->off, n))) {
		size_t same = 0;

		while (same < n && same < r->len && p[same] == workload_pattern[r->off + same])
			same++;
		sim_fail("n%u: message %llu from n%u is not what was sent: %zu bytes, "
			 "should be %u; %zu the same%s",
			 x->node, (unsigned long long)st->delivered + 1, x->peer, n, r->len, same,
			 r->state == REC_OPEN ? " (slot still open)" : "");
		return;
	}
	st->delivered++;
	if (st->delivered > st->unsent_from)
		sim_fail("n%u: message %llu from n%u was reported unsent", x->node,
			 (unsigned long long)st->delivered, x->peer);
	TRACE("n%u got %llu from n%u, %zu bytes", x->node, (unsigned long long)st->delivered,
	      x->peer, n);
	workload_message(x, r);
}

/* Without sequence numbers all that holds is: never twice. */
bool oracle_unseen(struct stream *st, uint32_t index)
{
	if (index >= st->n_rec || st->rec[index].seen)
		return false;
	st->rec[index].seen = true;
	return true;
}

/* A packet without sequence: recovery traffic, or everything of a 3.1 peer. */
void oracle_bare(struct sess *x, const uint8_t *p, size_t n)
{
	uint32_t index = n < WIRE_HEADER ? 0 : get_le32(p + 4);

	if (!oracle_dlm(x) || n < WIRE_HEADER) {
		sim_fail("n%u: bare packet of n%u", x->node, x->peer);
		return;
	}
	cover(COVER_K_BARE);
	if (p[offsetof(struct wire_header, cmd)] == WIRE_RCOM) {
		index = ask_heard(x->rx, x->tx, p, n);
		if (index && x->up && !x->down)
			workload_answer(x, index);
		return;
	}
	if (!oracle_unseen(x->rx, index))
		sim_fail("n%u: message %u of n%u again", x->node, index, x->peer);
	else if (memcmp(p + WIRE_HEADER, workload_pattern + x->rx->rec[index].off, n - WIRE_HEADER))
		sim_fail("n%u: message %u of n%u is not what was sent", x->node, index, x->peer);
	x->rx->delivered++;
	sim.n_delivered++;
}

/* No more can be queued: slots that are still open are void. */
void oracle_final(struct stream *st)
{
	if (!st || st->tx_final)
		return;
	st->tx_final = true;
	for (uint32_t i = 0; i < st->n_rec; i++) {
		if (st->rec[i].state == REC_OPEN)
			st->rec[i].state = REC_CANCELLED;
		st->n_final += st->rec[i].state == REC_DONE;
	}
}

void oracle_finished(struct sess *x)
{
	if (!x->up || x->down || x->finished)
		sim_fail("n%u: FINISHED of n%u out of order", x->node, x->peer);
	else if (!x->rx->tx_final || x->rx->delivered != x->rx->n_final)
		sim_fail("n%u: FINISHED after %llu messages, n%u sent %llu", x->node,
			 (unsigned long long)x->rx->delivered, x->peer,
			 (unsigned long long)x->rx->n_final);
	else
		x->rx->finished = true;
}

/* ---- ends ---- */

/* Every message that is not wholly acknowledged must still be readable. */
static void walk(struct sess *x, uint64_t acked, uint64_t queued)
{
	struct stream *st = x->tx;
	struct ring_iter it = { 0 };
	uint64_t number = 0, next = acked + 1;
	struct span body;
	bool first, last;
	size_t total, off = 0;
	uint32_t i = 0;

	while (ring_next(&x->s.ring, &it, &body, &first, &last, &total) == 1) {
		if (oracle_dlm(x)) {
			body.p += WIRE_HEADER;
			body.n -= WIRE_HEADER;
			total -= WIRE_HEADER;
		}
		if (first) {
			off = 0;
			if (it.number != next) {
				sim_fail("n%u: unacknowledged message has number %llu, not %llu",
					 x->node, (unsigned long long)it.number,
					 (unsigned long long)next);
				return;
			}
			while (number < next && i < st->n_rec)
				number += st->rec[i++].state == REC_DONE;
		}
		if (!i || st->rec[i - 1].len != total || off + body.n > total ||
		    (body.n &&
		     memcmp(body.p, workload_pattern + st->rec[i - 1].off + off, body.n))) {
			sim_fail("n%u: bytes of unacknowledged message %llu to n%u are gone",
				 x->node, (unsigned long long)next, x->peer);
			return;
		}
		off += body.n;
		next += last;
	}
	if (next != queued + 1)
		sim_fail("n%u: %llu messages can be read back, %llu are unacknowledged", x->node,
			 (unsigned long long)(next - acked - 1),
			 (unsigned long long)(queued - acked));
}

/* A peer that speaks 3.1 may lose what it is sent. */
static bool oracle_unreliable(const struct sess *x)
{
	return oracle_dlm(x) && x->s.n.is_3_1;
}

static void check_delivery(struct sess *x)
{
	struct stream *st = x->tx;
	struct ring_delivery f;

	oracle_final(st);
	ring_delivery(&x->s.ring, &f);
	if (f.acked > f.in_doubt || f.in_doubt > f.unsent)
		sim_fail("n%u: delivery report out of order", x->node);
	if (f.unsent != st->n_final)
		sim_fail("n%u: report of %llu messages to n%u, %llu were sent", x->node,
			 (unsigned long long)f.unsent, x->peer, (unsigned long long)st->n_final);
	if (oracle_unreliable(x))
		return;
	if (f.acked > st->delivered)
		sim_fail("n%u: %llu messages to n%u acknowledged, %llu delivered", x->node,
			 (unsigned long long)f.acked, x->peer, (unsigned long long)st->delivered);
	if (f.in_doubt < st->delivered)
		sim_fail("n%u: message %llu to n%u is called unsent, it was delivered", x->node,
			 (unsigned long long)st->delivered, x->peer);
	st->unsent_from = f.in_doubt;
	if (f.acked)
		cover(COVER_FATE_ACKED);
	if (f.in_doubt > f.acked)
		cover(COVER_FATE_UNKNOWN);
	if (f.unsent > f.in_doubt)
		cover(COVER_FATE_UNSENT);
	if (x->s.end == SESSION_CLOSED && (f.acked != f.unsent || st->delivered != st->n_final))
		sim_fail("n%u: clean end with n%u, but %llu of %llu messages were acknowledged",
			 x->node, x->peer, (unsigned long long)f.acked,
			 (unsigned long long)f.unsent);
	walk(x, f.acked, f.unsent);
}

static void check_reason(struct sess *x, unsigned me, unsigned it)
{
	struct inc *l = &sim.inc[it];
	bool declared = sim.declared[me * SIM_INCS + it];
	bool ok = true;

	switch (x->s.end) {
	case SESSION_ALIVE:
		ok = false;
		break;
	case SESSION_CLOSED:
		ok = !x->up || oracle_unreliable(x) || (x->finished && x->rx->tx_final &&
							x->rx->delivered == x->rx->n_final);
		break;
	case SESSION_LEFT:
		ok = (sim.view ? declared : l->gone && sim.membership) || oracle_unreliable(x);
		break;
	case SESSION_FAILED:
		ok = declared;
		break;
	case SESSION_SUPERSEDED:
		ok = !sim.membership && (!l->alive || l->claimed);
		sim.declared[me * SIM_INCS + it] = 1;
		break;
	case SESSION_RENEWED:
		ok = !sim.inc[me].alive;
		break;
	case SESSION_LINGER:
	case SESSION_ABORTED:
	case SESSION_REMOVED:
		ok = declared;
		break;
	case SESSION_REFUSED:
		ok = !sim.membership && l->leaving &&
			!(x->up && (x->tx->opened_rx || x->rx->opened_tx));
		break;
	}
	if (!ok)
		sim_fail("n%u: session with n%u (incarnation %u) ends as %s without a cause",
			 x->node, x->peer, it, session_end_name(x->s.end));
}

static void cover_session(const struct session *s)
{
	if (s->n.duplicates)
		cover(COVER_DUPLICATES);
	if (s->n.resumed_unacked)
		cover(COVER_RESUMED_UNACKED);
	if (s->n.stalls)
		cover(COVER_STALLS);
	if (s->n.faults) {
		cover(COVER_FAULTS_SEEN);
		if (!sim.dishonest && !sim.numbers_taken)
			sim_fail("faults of an honest peer were counted");
	}
}

void oracle_down(struct sess *x)
{
	unsigned me = oracle_inc(x->s.ours), it = oracle_inc(x->s.incarnation);

	if (x->down || me == SIM_INCS || it == SIM_INCS) {
		sim_fail("n%u: PEER_DOWN %s", x->node, x->down ? "twice" : "of nobody");
		return;
	}
	cover(COVER_END + (unsigned)x->s.end);
	cover_session(&x->s);
	if (x->s.end == SESSION_CLOSED)
		sim.closed_pair[x->node][x->peer] = sim.closed_pair[x->peer][x->node] = true;
	check_reason(x, me, it);
	if (!x->up)
		return;
	if (!oracle_unreliable(x) && x->finished != x->rx->finished)
		sim_fail("n%u: FINISHED of n%u was lost", x->node, x->peer);
	if (x->s.got_fin != x->finished)
		sim_fail("n%u: FINISHED of n%u was not told before PEER_DOWN", x->node, x->peer);
	check_delivery(x);
	served_down(x);
	x->tx->ended_tx = true;
	x->rx->ended_rx = true;
	x->rx->ended_ns = sim.now_ns;
}

void oracle_renew(struct node *n)
{
	for (unsigned i = 0; i < sim.n_incs; i++)
		if (sim.declared[i * SIM_INCS + n->inc])
			return;
	sim_fail("n%u: its incarnation %u is declared failed, but no node failed it", n->idx,
			 n->inc);
}

/* Over SCTP a reset of a living session with a kernel loses what the kernel has sent. */
void oracle_shut(const struct conn *c, unsigned side, const struct core_action *a)
{
	const struct link *l = a->link;
	const struct peer *p = l->peer;
	bool lives = p && p->session && p->session->was_up && c->end[side].taken;

	if (sim.sctp && lives && sim.node[c->end[!side].node].kernel && a->how == LINK_RESET &&
	    (l->why == LINK_WHY_NONE || l->why == LINK_WHY_SILENT || l->why == LINK_WHY_STUCK))
		sim_fail("n%u: resets conn %u of a living session", c->end[side].node, c->idx);
}

/* All that its ends had written may be lost. */
void oracle_broken(const struct conn *c)
{
	sim.streams[c->inc[0] * SIM_INCS + c->inc[1]].may_lose = true;
	sim.streams[c->inc[1] * SIM_INCS + c->inc[0]].may_lose = true;
}

/* The application fences who is asked for: its machine is switched off. */
void oracle_fence(struct node *n, struct peer *p, int reason)
{
	struct node *it = world_node(p->nodeid);

	TRACE("n%u FENCE n%u reason %d", n->idx, it->idx, reason);
	if (reason == FENCE_PROTOCOL)
		sim_fail("n%u: n%u broke the protocol too often", n->idx, it->idx);
	/* A kernel that is through with us answers nothing. */
	if (reason == FENCE_STALLED && !sim.hard_fault && !kernel_is_closed(it->idx, n->idx))
		sim_fail("n%u: n%u stalled, but nothing ever held it up", n->idx, it->idx);
	if (reason == FENCE_LOST) {
		unsigned inc = oracle_inc(p->session->incarnation);

		if (inc < SIM_INCS && !sim.inc[inc].gone && !oracle_stream(inc, n->inc)->may_lose)
			sim_fail("n%u: n%u is to have lost packets, but no connection broke",
				 n->idx, it->idx);
		kernel_fenced(it);
		return;
	}
	cover(COVER_FENCE_STALLED);
	if (it->kernel || rng_one_in(&sim.app, 2))
		return;
	world_crash(it, true);
	world_start_at(it, sim.now_ns + rng_scale(&sim.app, 0, 3 * SEC));
}

/* Everything that this side sent is with the other's application, and known to be. */
bool oracle_done(struct sess *x)
{
	struct stream *st = x->tx;
	uint64_t n = 0;

	if (x->down || !st || (sim.node[x->peer].kernel && oracle_unreliable(x)))
		return true;
	for (unsigned i = 0; i < SIM_SLOTS; i++)
		if (x->slot[i].used && !st->tx_final)
			return false;
	for (uint32_t i = 0; i < st->n_rec; i++)
		n += st->rec[i].state == REC_DONE;
	if (oracle_dlm(x))		/* which acknowledges when it likes */
		return st->delivered == n && !x->blocked;
	return st->delivered == n && ring_empty(&x->s.ring) && served_done(x) &&
		(!x->blocked || st->tx_final || x->finishing);
}

/* No sub-state of a link lasts for ever. */
void oracle_deadlines(void)
{
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		for (unsigned s = 0; c->used && s < 2; s++) {
			struct end *e = &c->end[s];
			enum link_state st = e->link.state;

			if (e->state != END_OPEN || e->rogue || sim.node[e->node].kernel ||
			    (s == 1 && !e->taken))
				continue;
			if (link_is_held(&e->link))
				cover(COVER_HELD);
			if (st != LINK_PROBE && st < LINK_UP &&
			    sim.now_ns - e->link.opened_ns > LINK_STEP_NS &&
			    sim.node[e->node].stun_until_ns < sim.now_ns)
				sim_fail("n%u: a link is in state %s for ever", e->node,
					 link_state_name(st));
		}
	}
}
