/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The oracle's ear on the wire: follows the frames that every end writes, byte
 * by byte, and judges sequence numbers, ACKs, positions and refusals. Knows
 * what was handed over only from the streams.
 */
#include "sim.h"

#include <stdlib.h>

#define OFF_LENGTH	offsetof(struct wire_header, length)
#define OFF_CMD		offsetof(struct wire_header, cmd)
#define OFF_NEXTCMD	offsetof(struct wire_opts, nextcmd)

static uint32_t first_seq(void)
{
	return sim.dlm ? 0 : sim.cfg.first_seq;
}

/* Incarnations at both ends of what this end writes now. False: not of a session. */
static bool lives(struct conn *c, unsigned side, unsigned *ret_me, unsigned *ret_it)
{
	struct end *e = &c->end[side];
	struct link *l = &e->link;

	if (l->session) {
		*ret_me = oracle_inc(l->session->ours);
		*ret_it = oracle_inc(l->session->incarnation);
	} else {
		*ret_me = sim.node[e->node].inc;
		*ret_it = oracle_inc(l->incarnation);
	}
	return *ret_me != SIM_INCS && *ret_it != SIM_INCS;
}

/* A position told to the sender of st: never beyond what was handed over. */
static void position(const char *what, struct stream *st, uint32_t next)
{
	uint32_t k = next - first_seq();
	unsigned node = sim.inc[st->to].node;

	if (k > st->n_frames) {
		sim_fail("n%u: %s %u acknowledges frame %u of incarnation %u, which sent %u", node,
			 what, next, k, st->from, st->n_frames);
		return;
	}
	if (k && st->ended[k - 1] > st->delivered)
		sim_fail("n%u: %s %u acknowledges %u messages of incarnation %u, "
			 "%llu were handed over", node, what, next, st->ended[k - 1], st->from,
			 (unsigned long long)st->delivered);
}

static uint32_t *add_frame(struct stream *st)
{
	if (st->n_frames == st->cap_frames) {
		st->cap_frames = st->cap_frames ? 2 * st->cap_frames : 128;
		st->ended = realloc(st->ended, st->cap_frames * sizeof *st->ended);
		if (!st->ended)
			abort();
	}
	return &st->ended[st->n_frames++];
}

/* A kernel has queued one more. */
void oracle_frame(struct stream *st, bool ends)
{
	uint32_t before = st->n_frames ? st->ended[st->n_frames - 1] : 0;

	*add_frame(st) = before + ends;
}

static bool ends_message(const uint8_t *p, uint32_t length)
{
	uint32_t optlen = get_le16(p + offsetof(struct wire_opts, optlen));

	if (p[OFF_NEXTCMD] == WIRE_FIN_CMD || p[OFF_NEXTCMD] == WIRE_CALL)
		return false;
	if (p[OFF_NEXTCMD] != WIRE_FRAGMENT)
		return true;
	return get_le32(p + WIRE_OPTS + 8) + (length - optlen - WIRE_MSG_OVERHEAD) ==
		get_le32(p + WIRE_OPTS + 4);
}

static void sequenced(struct conn *c, unsigned side, const uint8_t *p, uint32_t length)
{
	uint32_t seq = get_le32(p + 4), k = seq - first_seq();
	unsigned me, it, node = c->end[side].node;
	struct stream *st;

	if (!c->end[side].link.session || !lives(c, side, &me, &it)) {
		sim_fail("n%u: sequenced frame outside of a session", node);
		return;
	}
	st = oracle_stream(me, it);
	if (k > st->n_frames) {
		sim_fail("n%u: frame %u on the wire before frame %u", node, k, st->n_frames);
		return;
	}
	if (k < st->n_frames)
		return;			/* again */
	if (st->fin_wire) {
		sim_fail("n%u: a frame after FIN", node);
		return;
	}
	if (p[OFF_NEXTCMD] == WIRE_CALL && !(served_grant(&sim.node[sim.inc[me].node]).slots &&
					     served_grant(&sim.node[sim.inc[it].node]).slots))
		sim_fail("n%u: a CALL to a node that takes none", node);
	if (seq == UINT32_MAX)
		cover(COVER_WRAP);
	*add_frame(st) = (k ? st->ended[k - 1] : 0) + ends_message(p, length);
	if (p[OFF_NEXTCMD] != WIRE_FIN_CMD)
		return;
	st->fin_wire = true;
	oracle_final(st);
	if (st->ended[k] != st->n_final)
		sim_fail("n%u: FIN behind %u messages, %llu were sent", node, st->ended[k],
			 (unsigned long long)st->n_final);
}

/* The question for our last ACK names the incarnation that it asks, with its final number. */
static bool asks(struct conn *c, unsigned side, const struct hello *h)
{
	const struct peer *p = c->end[side].link.peer;
	const struct tombstone *t = p ? tombstones_find(&p->tombstones, h->yours) : NULL;

	return t && t->kind == TOMB_CLOSED && t->next == h->next &&
		p->time_wait_incarnation == h->yours;
}

static void hello(struct conn *c, unsigned side, const struct frame *f)
{
	unsigned node = c->end[side].node, mine, yours;
	struct stream *st;
	struct hello h;

	if (frame_hello(f, &h)) {
		sim_fail("n%u: writes a HELLO that cannot be read", node);
		return;
	}
	mine = oracle_inc(h.mine);
	yours = oracle_inc(h.yours);
	TRACE("n%u writes HELLO on conn %u: mine %u yours %u next %u gen %u%s%s", node, c->idx,
	      mine, yours, h.next, h.gen, h.flags & WIRE_HELLO_CHOSEN ? " CHOSEN" : "",
	      h.flags & WIRE_HELLO_LEAVING ? " LEAVING" : "");
	/* An orderly end may still write frames from before a renewal. */
	if (mine != sim.node[node].inc && c->end[side].state == END_OPEN)
		sim_fail("n%u: HELLO of another incarnation", node);
	if ((h.flags & WIRE_HELLO_CHOSEN) &&
	    sim.node[c->end[!side].node].nodeid < sim.node[node].nodeid)
		sim_fail("n%u: chooses, but does not decide", node);
	if (yours == SIM_INCS || mine == SIM_INCS)
		return;
	st = oracle_stream(yours, mine);
	position("HELLO.next", st, h.next);
	if (st->ended_rx && c->end[side].opened_ns > st->ended_ns && !asks(c, side, &h))
		sim_fail("n%u: names incarnation %u, the session with which is over", node, yours);
}

/* An orderly end may still write the word of the incarnation before, which need not say it. */
static bool declares(unsigned me, unsigned it, bool or_before)
{
	for (unsigned i = 0; or_before && i < sim.n_incs; i++)
		if (sim.inc[i].node == sim.inc[me].node && sim.declared[i * SIM_INCS + it])
			return true;
	return sim.declared[me * SIM_INCS + it];
}

static void refuse(struct conn *c, unsigned side, const struct frame *f)
{
	unsigned node = c->end[side].node, me = sim.node[node].inc, it;
	struct refuse r;

	if (frame_refuse(f, &r)) {
		sim_fail("n%u: writes a REFUSE that cannot be read", node);
		return;
	}
	TRACE("n%u writes REFUSE %s on conn %u: next %u gen %u", node, wire_reason_name(r.reason),
	      c->idx, r.next, r.gen);
	if (r.reason <= WIRE_REFUSE_CLAIMED)
		cover(COVER_REFUSE_TX + r.reason);
	it = oracle_inc(r.yours);
	if (it == SIM_INCS)
		return;
	if (r.mine != sim.inc[me].incarnation && oracle_inc(r.mine) != SIM_INCS)
		me = oracle_inc(r.mine);
	if (r.reason == WIRE_REFUSE_FAILED && !declares(me, it, !r.mine) && sim.inc[it].alive &&
	    !sim.inc[it].claimed)
		sim_fail("n%u: tells incarnation %u that it failed, which nobody declared here",
			 node, it);
	if (r.reason == WIRE_REFUSE_CLOSED) {
		struct stream *st;

		/* It does not name its own: the one before a renewal may have queued it. */
		for (unsigned i = 0; !r.mine && i < sim.n_incs; i++)
			if (sim.inc[i].node == node && oracle_stream(it, i)->finished)
				me = i;
		st = oracle_stream(it, me);
		position("REFUSE CLOSED", st, r.next);
		if (!st->finished && st->opened_rx)
			sim_fail("n%u: says CLOSED to incarnation %u, whose FIN never came", node,
				 it);
	}
	if (r.reason == WIRE_REFUSE_PROTOCOL && !c->end[!side].rogue && !sim.dlm &&
	    c->end[!side].state != END_CLOSED)
		sim_fail("n%u: calls an honest HELLO a fault", node);
}

static void whole(struct conn *c, unsigned side, const uint8_t *p, uint32_t length)
{
	unsigned me, it;
	struct frame f;
	struct probe q;

	if (p[OFF_CMD] == WIRE_ACK) {
		/* Of what an orderly end still writes the incarnation is not known. */
		if (!c->end[side].link.session &&
		    (sim.node[c->end[!side].node].kernel || c->end[side].state != END_OPEN))
			return;
		if (lives(c, side, &me, &it))
			position("ACK", oracle_stream(it, me), get_le32(p + 4));
		return;
	}
	if (p[OFF_CMD] != WIRE_OPTS_CMD)
		return;
	switch (p[OFF_NEXTCMD]) {
	case WIRE_HELLO: case WIRE_REFUSE: case WIRE_LEAVING: case WIRE_PROBE:
	case WIRE_PROBE_REPLY: case WIRE_STATUS:
		if (length > PARSE_HOLD && !frame_padded_probe(p, &f, &q)) {
			cover(COVER_FULL_PROBE);
			return;
		}
		if (length > PARSE_HOLD || frame_parse(p, length, &f)) {
			sim_fail("n%u: writes a frame that cannot be read", c->end[side].node);
			return;
		}
		if (f.nextcmd == WIRE_HELLO)
			hello(c, side, &f);
		else if (f.nextcmd == WIRE_REFUSE)
			refuse(c, side, &f);
		secret_written(c, side, &f);
		break;
	default:
		sequenced(c, side, p, length);
	}
}

void oracle_wire(struct conn *c, unsigned side, const uint8_t *p, size_t n)
{
	struct parse *ps = &c->end[side].tx;

	while (n && !ps->broken) {
		size_t k = n;

		if (ps->skip) {
			k = ps->skip < n ? ps->skip : n;
			ps->skip -= (uint32_t)k;
			p += k;
			n -= k;
			continue;
		}
		if (!ps->have)
			ps->want = WIRE_HEADER;
		if (k > ps->want - ps->have)
			k = ps->want - ps->have;
		memcpy(ps->hold + ps->have, p, k);
		ps->have += (uint32_t)k;
		p += k;
		n -= k;
		if (ps->have == WIRE_HEADER && ps->want == WIRE_HEADER) {
			int len = frame_length(ps->hold, ps->have);

			if (len < (int)WIRE_HEADER) {
				sim_fail("n%u: writes what is not a frame on conn %u (half a frame "
					 "before?)",
					 c->end[side].node, c->idx);
				ps->broken = true;
				return;
			}
			ps->want = len < PARSE_HOLD ? (uint32_t)len : PARSE_HOLD;
			large_frame(c, side, (uint32_t)len);
		}
		if (ps->have == ps->want) {
			uint32_t len = get_le16(ps->hold + OFF_LENGTH);

			whole(c, side, ps->hold, len);
			ps->sequenced = ps->hold[OFF_CMD] == WIRE_OPTS_CMD &&
				((ps->hold[OFF_NEXTCMD] < WIRE_REFUSE &&
				  ps->hold[OFF_NEXTCMD] != WIRE_HELLO) ||
				 ps->hold[OFF_NEXTCMD] == WIRE_CALL);
			ps->skip = len - ps->have;
			ps->have = 0;
		}
	}
}

/* The bytes that the core has consumed. */
void oracle_read(struct conn *c, unsigned side, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= (ptrdiff_t)WIRE_HEADER) {
		int len = frame_length(p, (size_t)(end - p));
		struct frame f;
		struct refuse r;
		uint32_t flags;

		if (len < (int)WIRE_HEADER || len > end - p)
			return;
		if (!sim.dlm && !frame_parse(p, (size_t)len, &f))
			secret_read(c, side, &f);
		if (p[OFF_CMD] == WIRE_OPTS_CMD && p[OFF_NEXTCMD] >= WIRE_REFUSE &&
		    !frame_parse(p, (size_t)len, &f)) {
			if (f.nextcmd == WIRE_REFUSE && !frame_refuse(&f, &r) &&
			    r.reason <= WIRE_REFUSE_CLAIMED)
				cover(COVER_REFUSE_RX + r.reason);
			if (f.nextcmd == WIRE_LEAVING)
				cover(COVER_LEAVING_FRAME);
			if (f.nextcmd == WIRE_STATUS && !frame_status(&f, &flags) &&
			    (flags & WIRE_STATUS_SHORT))
				cover(COVER_SHORT);
		}
		p += len;
	}
}

/* A link is over: what was it in the middle of? */
void oracle_link_gone(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct peer *p = e->link.peer;

	if (p && (!p->up || p->up == &e->link))
		secret_lost(&sim.node[e->node], world_node(p->nodeid)->idx);
	if (e->link.challenged)
		cover(COVER_CHALLENGE);
	if (!p || !p->session)
		return;
	if (p->mismatch)
		cover(COVER_MISMATCH);
	if (!e->was_up)
		return;
	if (p->session->frag.total)
		cover(COVER_FRAG_CUT);
	if (e->tx.skip && e->tx.sequenced)
		cover(COVER_MID_FRAME);
}
