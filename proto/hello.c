/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the handshake of the native profile: who is at the other end, which
 * incarnation, and which link carries the session (rules R1-R9, R14, R19-R24 of the
 * session rules). The coordinator D of a pair is the lower nodeid; it alone
 * chooses a link and numbers its choices. Knows nothing of data.
 *
 * Anybody at a member's address may dial and say anything. So nothing changes, and no
 * other link is shut, before a HELLO or REFUSE has been checked whole.
 */
#include "hello.h"

#include "probe.h"
#include "profile.h"
#include "ring_out.h"
#include "seq.h"

#include <assert.h>

#define HELLOS_MAX 8u		/* read on one link: honest ones need 4 */

/* That this node supports. */
static uint64_t features(const struct core *core)
{
	return core->cfg.calls.slots ? WIRE_FEATURE_CALLS : 0;
}

/* The number that we expect from that incarnation; means nothing to others. */
static uint32_t position(const struct peer *p, uint64_t incarnation)
{
	const struct tombstone *t = tombstones_find(&p->tombstones, incarnation);

	if (p->session && p->session->incarnation == incarnation)
		return p->session->expected;
	return t && t->kind == TOMB_CLOSED ? t->next : p->core->cfg.first_seq;
}

static void send_hello(struct link *l, uint64_t yours, uint32_t gen, bool chosen)
{
	struct core *core = l->core;
	const struct session *s = l->peer->session;
	bool named = s && s->incarnation == yours;
	bool stale = !named && yours && yours == l->peer->stale_incarnation;
	struct hello h = {
		.mine = core->cfg.incarnation,
		.yours = yours,
		.next = position(l->peer, yours),
		.gen = named ? gen : stale ? l->peer->stale_gen : 0,
		.flags = (uint8_t)((chosen ? WIRE_HELLO_CHOSEN : 0) |
				   (core->closing ? WIRE_HELLO_LEAVING : 0)),
		.vmin = WIRE_NATIVE_VERSION,
		.vmax = WIRE_NATIVE_VERSION,
		.maxframe = core->cfg.max_frame,
		.features = features(core),
		.max_message = core->cfg.max_message,
		.queue_bytes = core->cfg.queue_bytes,
		.calls = core->cfg.calls,
	};
	uint8_t *ctl = link_ctl(l, WIRE_CONTROL_MAX);

	assert(l->state != LINK_CONNECTING && (!chosen || core_decides(core, l->peer)));
	memcpy(h.cluster, core->cfg.cluster, sizeof h.cluster);
	memcpy(h.group, core->cfg.group, sizeof h.group);
	assert(ctl);
	link_ctl_done(l, wire_put_hello(ctl, core->cfg.nodeid, &h));
	l->hello_sent_ns = core->now_ns;
	/* Its position in an incarnation that is over acknowledges nothing of the next one. */
	l->told.next = named ? h.next : core->cfg.first_seq;
	l->told.whom = yours;
	l->told.leaving = core->closing;
}

static uint32_t dial_gen(const struct link *l)
{
	const struct session *s = l->peer->session;

	return s && !core_decides(l->core, l->peer) ? s->told : 0;
}

void hello_first(struct link *l)
{
	const struct peer *p = l->peer;
	uint64_t asked = peer_in_time_wait(p) ? p->time_wait_incarnation : 0;

	assert(l->state == LINK_WAIT && l->dialled);
	/* Without a session it names nobody: a position would be an invention (R21). The question
	 * after the last ACK names the incarnation that it asks (R24). */
	send_hello(l, p->session ? p->session->incarnation : asked, dial_gen(l), false);
}

/* A HELLO back that names the sender; its answer is due. */
static enum rx_result answer(struct link *l)
{
	assert(l->incarnation && !l->session);
	link_event(l, LINK_EV_ANSWER);
	send_hello(l, l->incarnation, dial_gen(l), false);
	return RX_MORE;
}

static enum rx_result refuse(struct link *l, enum wire_reason reason, uint32_t next,
			     uint32_t gen)
{
	link_refuse(l, reason, next, gen);
	return RX_GONE;
}

/* The same. False: it is not spoken with. */
static bool deny(struct link *l, enum wire_reason reason, uint32_t next)
{
	link_refuse(l, reason, next, 0);
	return false;
}

/* ---- who is there ---- */

/* The first HELLO on a link tells whose it is. False: refused. */
static bool identify(struct link *l, const struct frame *f, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = peer_find(core, f->nodeid);
	struct note *n;

	assert(l->state == LINK_WAIT && !l->session);
	l->incarnation = h->mine;
	if (strcmp(h->cluster, core->cfg.cluster) || strcmp(h->group, core->cfg.group))
		return deny(l, WIRE_REFUSE_CLUSTER, 0);
	if (!p || !p->profile->hello || !peer_has_path(p, &l->from) ||
	    (l->dialled && p != l->peer)) {
		n = core_note(core, NOTE_WARNING, f->nodeid, l,
			      "nodeid claimed in HELLO is not configured for this address");
		n->a_name = "expected";
		n->a = l->peer ? l->peer->nodeid : 0;	/* where we dialled */
		if (l->peer)
			paths_skip(&l->peer->paths, l->path);
		return deny(l, WIRE_REFUSE_IDENTITY, 0);
	}
	link_belongs_to(l, p);
	/* Where we dialled, another incarnation listens: the one that we waited for is over. */
	if (l->dialled && h->mine != p->time_wait_incarnation)
		p->time_wait_until_ns = 0;
	if (!l->dialled)
		l->path = (unsigned)paths_find(&p->paths, &l->from);
	assert(l->path < p->paths.n || l->dialled);
	link_event(l, LINK_EV_HELLO);
	return true;
}

/* Why a HELLO, the first or a later one, cannot be spoken with; 0: it can. */
static enum wire_reason unfit(const struct core *core, const struct hello *h)
{
	if (h->vmin > WIRE_NATIVE_VERSION || h->vmax < WIRE_NATIVE_VERSION)
		return WIRE_REFUSE_VERSION;
	if (h->required & ~features(core))
		return WIRE_REFUSE_FEATURE;
	return h->maxframe <= 2 * WIRE_FRAG_OVERHEAD ? WIRE_REFUSE_PROTOCOL : 0;
}

/* ---- which incarnation ---- */

/*
 * guard() and admit() decide about the incarnation whose HELLO was read. True: it is admitted, and
 * the HELLO is taken. False: the link is held, shut, or waits for an answer to our own HELLO.
 */

/* Nothing is read before the HELLO is taken up again. */
static bool hold(struct link *l, const struct hello *h, enum link_event ev)
{
	assert(h->mine == l->incarnation && !l->session);
	link_event(l, ev);
	l->held = *h;
	/* One held link for each incarnation of a nodeid. */
	list_each(struct link, o, &l->peer->links, of_peer)
		if (o != l && link_is_held(o) && o->incarnation == l->incarnation)
			link_shut(o, LINK_RESET);
	return false;
}

/* Our HELLO is to be answered first. */
static bool challenge(struct link *l)
{
	assert(l->core->cfg.static_members);
	l->challenged = l->peer->epoch + 1;
	answer(l);
	return false;
}

static uint64_t alive_window(const struct core *core)
{
	return core->cfg.keepalive_ns + core->cfg.keepalive_ns / 2;
}

static bool claimed(struct link *l)
{
	struct note *n = core_note(l->core, NOTE_ERROR, l->peer->nodeid, l,
				   "two programs claim this nodeid, newcomer refused");

	assert(l->peer->session->incarnation != l->incarnation && l->peer->up != l);
	n->detail = "stop one of them";
	n->other = l->peer->up->from;
	return deny(l, WIRE_REFUSE_CLAIMED, 0);
}

/* The link of the peer's session is up, and something was read on it a moment ago. */
static bool fresh(const struct peer *p)
{
	const struct core *core = p->core;

	return p->up && core->now_ns - p->up->last_rx_ns < alive_window(core);
}

/* Static: the HELLO of another incarnation than that of the session (R20). */
static bool is_rival(const struct peer *p, uint64_t incarnation)
{
	return p->core->cfg.static_members && p->session && p->session->incarnation != incarnation;
}

/*
 * R3, R20: while the session is fresh a newcomer is told nothing, not even our incarnation:
 * it may be an adversary at that address. A peer whose link broke names us.
 */
static bool must_guard(const struct link *l, const struct hello *h)
{
	const struct peer *p = l->peer;

	if (l->dialled || !fresh(p))
		return false;
	return is_rival(p, h->mine) ||
		(h->yours != p->core->cfg.incarnation && p->up->heard);
}

/* The incarnation of the session was heard of after that other one had shown itself. */
static bool both_alive(const struct peer *p, uint64_t incarnation)
{
	return is_rival(p, incarnation) && p->rival_incarnation == incarnation && p->up &&
		p->up->last_rx_ns > p->rival_ns + p->core->cfg.comeback_ns;
}

/* Held until the session is fresh no longer: one link a nodeid, the newest. */
static bool guard(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;

	assert(fresh(p) && !l->dialled && p->up != l);
	if (both_alive(p, h->mine))
		return claimed(l);
	if (is_rival(p, h->mine) && p->rival_incarnation != h->mine) {
		p->rival_incarnation = h->mine;
		p->rival_ns = core->now_ns;
	}
	if (l->state != LINK_GUARDED) {
		hold(l, h, LINK_EV_GUARD);
		core_note(core, NOTE_WARNING, p->nodeid, l,
			  "another program claims to be this peer, whose session is in use");
	}
	core_arm(core, p->up->last_rx_ns + alive_window(core));
	list_each(struct link, o, &p->links, of_peer)
		if (o != l && o->state == LINK_GUARDED)
			link_shut(o, LINK_RESET);
	return false;
}

/*
 * Static membership: an incarnation with which there is no session has shown itself (R20).
 * True: it may have a session now.
 */
static bool admit_static(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct session *s = p->session;
	bool proof = h->yours == core->cfg.incarnation &&
		(!s || l->challenged == p->epoch + 1);
	uint64_t until = p->lost_ns + core->cfg.comeback_ns;

	assert(core->cfg.static_members && (!s || s->incarnation != h->mine));
	if (!s && core->closing)
		return true;
	if (!proof && h->flags & WIRE_HELLO_CHOSEN) {
		/* The coordinator takes the link for up: let it dial again. */
		link_shut(l, LINK_RESET);
		return false;
	}
	if (!proof)
		return challenge(l);
	if (!s)
		return true;
	/* Its old incarnation was alive a moment ago: wait whether it comes back. */
	if (!p->up && core->now_ns < until) {
		hold(l, h, LINK_EV_HOLD);
		link_deadline(l, until - core->now_ns);
		return false;
	}
	session_end(s, SESSION_SUPERSEDED);
	return true;
}

/*
 * It closes, and has no session with us (R23). Without a word: FAILED would make it renew, and its
 * other sessions end.
 */
static bool leave_alone(struct link *l)
{
	if (l->dialled)
		peer_backoff(l->peer, true);
	link_shut(l, LINK_ORDERLY);
	return false;
}

/* The incarnation has had its session (R19). */
static bool deny_ended(struct link *l, const struct tombstone *t)
{
	switch (t->kind) {
	case TOMB_FAILED:
		return deny(l, WIRE_REFUSE_FAILED, 0);
	case TOMB_CLOSED:
		if (peer_in_time_wait(l->peer))
			peer_time_wait(l->peer, t->incarnation);	/* until it has seen this */
		return deny(l, WIRE_REFUSE_CLOSED, t->next);
	case TOMB_LEAVING:
		return leave_alone(l);
	case TOMB_NONE:
		assert(false);
		break;
	}
	return false;
}

static bool admit(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	const struct tombstone *t = tombstones_find(&p->tombstones, h->mine);

	if (t)
		return deny_ended(l, t);
	if (p->session && p->session->incarnation == h->mine)
		return true;
	if (!core->cfg.static_members && !core->closing)
		return hold(l, h, LINK_EV_HOLD);
	if (core->cfg.static_members && !admit_static(l, h))
		return false;
	if (core->closing)
		return deny(l, WIRE_REFUSE_LEAVING, 0);
	if (!p->spare) {
		/* Without memory for a session now: peer_provide() takes it up. */
		p->pending_what |= PEER_P_PROVIDE;
		core_mark_peer(p);
		return hold(l, h, LINK_EV_HOLD);
	}
	assert(!p->session && !core->closing);
	peer_open_session(p, h->mine);
	return true;
}

/* ---- which link ---- */

static void learn(struct session *s, const struct hello *h)
{
	const struct core_config *cfg = &s->peer->core->cfg;

	if (s->was_up)
		return;
	assert(h->maxframe > 2 * WIRE_FRAG_OVERHEAD);
	session_limits(s, h->maxframe, h->max_message);
	s->peer_queue = h->queue_bytes;
	if (cfg->calls.slots)
		s->calls = h->calls;
	if (h->queue_bytes && h->queue_bytes / 4 < cfg->ack_bytes)
		s->ack_bytes = h->queue_bytes / 4;
}

/* The grant of calls holds for the session: its slots and windows are in use. */
static bool calls_fit(const struct session *s, const struct hello *h)
{
	return !s->was_up || !s->peer->core->cfg.calls.slots ||
		grant_is_same(&s->calls, &h->calls);
}

/*
 * R9: what was acknowledged cannot be asked for again. But while D chooses, ACKs on the link
 * before this one may have overtaken the HELLO: then down to where its present choice began.
 */
static bool position_fits(const struct link *l, const struct hello *h)
{
	const struct session *s = l->peer->session;

	assert(l->peer->session->incarnation == l->incarnation);
	if (core_decides(l->core, l->peer) && seq_before(h->next, s->ring.acked_seq))
		return !seq_before(h->next, s->base);
	return ring_may_resume(&s->ring, h->next);
}

/*
 * R9: the HELLO of a dial that the peer has given up may be read late, when its position has been
 * acknowledged on another link: no fault. On our own dial the HELLO is an answer, and never late.
 */
static enum rx_result bad_position(struct link *l, const struct hello *h)
{
	if (l->dialled || !seq_before(h->next, l->peer->session->ring.acked_seq))
		return link_fault(l, "resume position outside the sent range");
	core_note(l->core, NOTE_INFO, l->peer->nodeid, l,
		  "HELLO of an abandoned dial, dropping the link");
	return refuse(l, WIRE_REFUSE_PROTOCOL, 0, 0);
}

/* The position fits. */
static enum rx_result bring_up(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct session *s = p->session;
	uint64_t rtt = l->hello_sent_ns ? core->now_ns - l->hello_sent_ns : 0;
	uint32_t next = h->next;
	struct path_hold hold = probe_hold(core);
	struct note *n;

	assert(s->incarnation == l->incarnation && !l->session && p->up != l);
	learn(s, h);
	if (core_decides(core, p)) {
		if (seq_before(next, s->ring.acked_seq))
			next = s->ring.acked_seq;
		s->base = next;
	}
	p->up = l;			/* no dial because of those that are shut */
	link_shut_others(l);
	/* Our HELLO was an ACK, too; more may have come on the old link since (R10). */
	assert(l->told.whom == l->incarnation && !seq_after(l->told.next, s->expected));
	s->ack_sent = l->told.next;
	link_event(l, LINK_EV_UP);
	p->mismatch = 0;
	p->stale_in_row = 0;
	p->asks = false;
	paths_ok(&p->paths, l->path, core->now_ns, rtt);
	paths_up(&p->paths, l->path, core->now_ns, &hold);
	if (rtt)
		s->n.rtt_ns = rtt;
	n = core_note(core, NOTE_INFO, p->nodeid, l, "link up");
	n->a_name = "gen";
	n->a = s->gen;
	n->b_name = "next";
	n->b = h->next;
	if (session_link_up(s, l, next))
		return bad_position(l, h);
	if (s->end == SESSION_ALIVE && h->flags & WIRE_HELLO_LEAVING && !s->removed)
		session_event(s, FSM_LEAVING, l);
	return l->state == LINK_GONE ? RX_GONE : RX_MORE;
}

static enum rx_result decide(struct link *l, const struct hello *h)
{
	struct session *s = l->peer->session;

	assert(h->yours == l->core->cfg.incarnation && s->incarnation == h->mine);
	/* Equality alone: with an order, or a bound, one forged number would end this pair for
	 * good (R6). */
	if (!l->dialled && h->gen != s->gen)
		return refuse(l, WIRE_REFUSE_STALE, 0, s->gen);
	if (!position_fits(l, h))
		return bad_position(l, h);
	s->gen++;
	send_hello(l, h->mine, s->gen, true);
	return bring_up(l, h);
}

static enum rx_result follow(struct link *l, const struct hello *h)
{
	struct session *s = l->peer->session;

	assert(h->yours == l->core->cfg.incarnation && s->incarnation == h->mine);
	if (!(h->flags & WIRE_HELLO_CHOSEN))
		return answer(l);
	/* R4: one that named another incarnation, or nobody, is not to be chosen upon. */
	if (l->told.whom != h->mine)
		return link_fault(l, "choice without a HELLO that it answers");
	if (!position_fits(l, h))
		return bad_position(l, h);
	s->gen = s->told = h->gen;
	return bring_up(l, h);
}

static enum rx_result take(struct link *l, const struct hello *h)
{
	bool admitted = must_guard(l, h) ? guard(l, h) : admit(l, h);

	if (l->state == LINK_GONE)
		return RX_GONE;
	assert(link_read_hello(l) && h->mine == l->incarnation);
	if (!admitted)
		return RX_MORE;
	/* A HELLO that does not name us is about another session (R3). */
	if (h->yours != l->core->cfg.incarnation)
		return answer(l);
	if (!calls_fit(l->peer->session, h))
		return link_fault(l, "other calls in HELLO than when the session began");
	return core_decides(l->core, l->peer) ? decide(l, h) : follow(l, h);
}

enum rx_result hello_rx(struct link *l, const struct frame *f)
{
	struct core *core = l->core;
	enum wire_reason reason;
	struct hello h;

	assert(!link_is_held(l) && !link_is_up(l) && l->state != LINK_GONE);
	if (frame_hello(f, &h))
		return link_fault(l, "malformed HELLO");
	if (++l->n_hellos > HELLOS_MAX)
		return link_fault(l, "too many HELLOs on one link");
	/* HELLOs alternate (R2): what is still unwritten was answered by nobody. And there
	 * is room for only so many. */
	if (l->ctl_off != l->ctl_len)
		return link_fault(l, "HELLO received before ours was sent");
	l->named |= h.yours == core->cfg.incarnation;
	if (f->nodeid == core->cfg.nodeid || h.mine == core->cfg.incarnation) {
		core_note(core, NOTE_ERROR, f->nodeid, l,
			  "the program at this address claims our own nodeid");
		l->incarnation = h.mine;
		return refuse(l, WIRE_REFUSE_IDENTITY, 0, 0);
	}
	if (link_read_hello(l) && (f->nodeid != l->peer->nodeid || h.mine != l->incarnation))
		return link_fault(l, "another incarnation on the same link");
	if (!link_read_hello(l) && !identify(l, f, &h))
		return RX_GONE;
	reason = unfit(core, &h);
	if (reason)
		return refuse(l, reason, 0, 0);
	/* The HELLO itself is consumed; what follows it is not read while held. */
	return take(l, &h);
}

/* ---- held ---- */

static void retry(struct link *l)
{
	struct hello h = l->held;

	assert(link_is_held(l) && h.mine == l->incarnation);
	take(l, &h);
}

void hello_retry(struct peer *p)
{
	list_each(struct link, l, &p->links, of_peer)
		if (link_is_held(l))
			retry(l);
}

void hello_guard_tick(struct link *l)
{
	struct peer *p = l->peer;

	assert(l->state == LINK_GUARDED && p->core == l->core);
	if (must_guard(l, &l->held) && !both_alive(p, l->incarnation))
		core_arm(l->core, p->up->last_rx_ns + alive_window(l->core));
	else
		retry(l);		/* as if it was just read */
}

void hello_held_tick(struct link *l)
{
	struct core *core = l->core;
	struct peer *p = l->peer;

	assert(l->state == LINK_HELD && !l->session);
	if (!p->profile->hello)
		return;			/* membership alone takes it up */
	if (is_rival(p, l->incarnation) && l->deadline_ns <= core->now_ns)
		retry(l);		/* the old incarnation did not come back */
	else if (core->cfg.static_members && !p->session && p->spare)
		retry(l);
}
