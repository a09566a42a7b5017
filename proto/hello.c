/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the handshake of the native profile: who is at the other end, which
 * life, and which link carries the session (rules R1-R8, R14, R19-R23 of the
 * session rules). The decider D of a pair is the lower nodeid; it alone
 * chooses a link and numbers its choices. Knows nothing of data.
 */
#include "inside.h"

#include "seq.h"

#include <assert.h>

#define HELLOS_MAX 8u		/* read on one link: honest ones need 4 */
#define FEATURES 0ull		/* that this version supports */

static void send_hello(struct link *l, uint64_t yours, uint32_t gen, bool chosen)
{
	struct core *core = l->core;
	const struct session *s = l->peer->session;
	bool named = s && s->incarnation == yours;
	struct hello h = {
		.mine = core->cfg.incarnation,
		.yours = yours,
		.next = named ? s->expected : core->cfg.first_seq,
		.gen = named ? gen : yours && yours == l->peer->told_life ? l->peer->told_gen : 0,
		.flags = (uint8_t)((chosen ? WIRE_HELLO_CHOSEN : 0) |
				   (core->closing ? WIRE_HELLO_LEAVING : 0)),
		.vmin = WIRE_NATIVE_VERSION,
		.vmax = WIRE_NATIVE_VERSION,
		.maxframe = core->cfg.max_frame,
		.features = FEATURES,
		.max_message = core->cfg.max_message,
		.queue_bytes = core->cfg.queue_bytes,
	};
	uint8_t *ctl = link_ctl(l, WIRE_CONTROL_MAX);

	memcpy(h.cluster, core->cfg.cluster, sizeof h.cluster);
	memcpy(h.group, core->cfg.group, sizeof h.group);
	assert(ctl);
	link_ctl_done(l, wire_put_hello(ctl, core->cfg.nodeid, &h));
	l->hello_sent_ns = core->now_ns;
	l->told_next = h.next;
	l->told_leaving = core->closing;
}

static uint32_t dial_gen(const struct link *l)
{
	const struct session *s = l->peer->session;

	return s && !core_decides(l->core, l->peer) ? s->told : 0;
}

void hello_first(struct link *l)
{
	const struct peer *p = l->peer;

	/* Without a session it names nobody: a position would be an invention (R21). */
	send_hello(l, p->session ? p->session->incarnation : 0, dial_gen(l), false);
}

/* A HELLO back that names the sender; its answer is due. */
static enum rx_result answer(struct link *l)
{
	l->state = LINK_WAIT;
	l->answered = true;
	link_deadline(l, l->core->cfg.hello_ns);
	send_hello(l, l->life, dial_gen(l), false);
	return RX_MORE;
}

static enum rx_result refuse(struct link *l, enum wire_reason reason, uint32_t next,
			     uint32_t gen)
{
	link_refuse(l, reason, next, gen);
	return RX_GONE;
}

/* ---- who is there ---- */

static enum rx_result who(struct link *l, const struct frame *f, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = peer_find(core, f->nodeid);
	struct note *n;

	if (strcmp(h->cluster, core->cfg.cluster) || strcmp(h->group, core->cfg.group)) {
		l->life = h->mine;
		return refuse(l, WIRE_REFUSE_CLUSTER, 0, 0);
	}
	if (!p || p->profile != CORE_NATIVE || !peer_has_path(p, &l->from) ||
	    (l->dialled && p != l->peer)) {
		l->life = h->mine;
		n = core_note(core, NOTE_WARNING, f->nodeid, l,
			      "the program there claims a nodeid that is not configured so");
		n->a_name = "expected";
		n->a = l->dialled && l->peer ? l->peer->nodeid : 0;
		if (l->dialled && l->peer)
			paths_skip(&l->peer->paths, l->path);
		return refuse(l, WIRE_REFUSE_IDENTITY, 0, 0);
	}
	l->life = h->mine;
	if (h->vmin > WIRE_NATIVE_VERSION || h->vmax < WIRE_NATIVE_VERSION)
		return refuse(l, WIRE_REFUSE_VERSION, 0, 0);
	if (h->required & ~FEATURES)
		return refuse(l, WIRE_REFUSE_FEATURE, 0, 0);
	if (h->maxframe <= 2 * WIRE_FRAG_OVERHEAD)
		return refuse(l, WIRE_REFUSE_PROTOCOL, 0, 0);
	l->peer = p;
	if (h->mine != p->owes_life)
		p->owes_until_ns = 0;	/* the life that we waited for is over */
	if (!l->dialled)
		l->path = (unsigned)paths_find(&p->paths, &l->from);
	l->read_hello = true;
	return RX_MORE;
}

/* ---- which life ---- */

static void hold(struct link *l, const struct hello *h, uint64_t for_ns)
{
	struct core *core = l->core;

	if (l->state != LINK_HELD)
		l->held_since_ns = core->now_ns;
	l->state = LINK_HELD;
	l->held = *h;
	link_deadline(l, for_ns);
	/* One held link for each life of a nodeid. */
	for (struct link *o = core->links; o; o = o->next)
		if (o != l && o->state == LINK_HELD && o->peer == l->peer && o->life == l->life)
			link_shut(o, LINK_RESET);
}

static enum rx_result challenge(struct link *l)
{
	l->challenged = l->peer->epoch + 1;
	answer(l);
	return RX_AGAIN;
}

static uint64_t alive_window(const struct core *core)
{
	return core->cfg.keepalive_ns + core->cfg.keepalive_ns / 2;
}

static enum rx_result claimed(struct link *l)
{
	struct note *n = core_note(l->core, NOTE_ERROR, l->peer->nodeid, l,
				   "two programs claim this nodeid, the newcomer is refused");

	n->detail = "stop one of them";
	n->other = l->peer->up->from;
	return refuse(l, WIRE_REFUSE_CLAIMED, 0, 0);
}

/*
 * Static membership: a life with which there is no session has shown itself (R20).
 * RX_MORE: it may have a session now. RX_AGAIN: it was challenged.
 */
static enum rx_result admit_static(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct session *s = p->session;
	bool proof = h->yours == core->cfg.incarnation &&
		(!s || l->challenged == p->epoch + 1);
	uint64_t until;

	if (!s && core->closing)
		return RX_MORE;
	if (!proof && h->flags & WIRE_HELLO_CHOSEN) {
		/* The decider takes the link for up: let it dial again. */
		link_shut(l, LINK_RESET);
		return RX_GONE;
	}
	if (!proof)
		return challenge(l);
	if (!s)
		return RX_MORE;
	if (l->state == LINK_HELD && p->up && p->up->last_rx_ns > l->held_since_ns)
		return claimed(l);
	until = p->up ? p->up->last_rx_ns + alive_window(core) :
		p->lost_ns + core->cfg.comeback_ns;
	if (core->now_ns < until) {
		/* Its old life was alive a moment ago: wait whether it says more. */
		hold(l, h, until - core->now_ns);
		return RX_PAUSED;
	}
	session_end(s, SESSION_SUPERSEDED);
	return RX_MORE;
}

/* RX_MORE: there is a session with that life. */
static enum rx_result admit(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	const struct tomb *t = tombs_find(&p->tombs, h->mine);
	enum rx_result r = RX_MORE;

	if (t && t->kind == TOMB_FAILED)
		return refuse(l, WIRE_REFUSE_FAILED, 0, 0);
	if (t) {
		if (p->owes_until_ns > core->now_ns)
			peer_owes(p, h->mine);	/* until it has seen this */
		return refuse(l, WIRE_REFUSE_CLOSED, t->next, 0);
	}
	if (p->session && p->session->incarnation == h->mine)
		return RX_MORE;
	if (core->cfg.static_members) {
		r = admit_static(l, h);
	} else if (!core->closing) {
		hold(l, h, core->cfg.held_ns);
		return RX_PAUSED;
	}
	if (r != RX_MORE)
		return r;
	if (core->closing)
		return refuse(l, WIRE_REFUSE_LEAVING, 0, 0);
	if (!p->spare) {
		/* Without memory for a session now: peer_lend() takes it up. */
		hold(l, h, core->cfg.held_ns);
		p->lend_raised = true;
		core_raise_peer(p);
		return RX_PAUSED;
	}
	peer_open_session(p, h->mine);
	return RX_MORE;
}

/* ---- which link ---- */

static void learn(struct session *s, const struct hello *h)
{
	const struct core_config *cfg = &s->peer->core->cfg;

	if (s->was_up)
		return;
	session_limits(s, h->maxframe, h->max_message);
	s->peer_queue = h->queue_bytes;
	if (h->queue_bytes && h->queue_bytes / 4 < cfg->ack_bytes)
		s->ack_bytes = h->queue_bytes / 4;
}

static enum rx_result bring_up(struct link *l, const struct hello *h)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct session *s = p->session;
	uint64_t rtt = l->hello_sent_ns ? core->now_ns - l->hello_sent_ns : 0;
	uint32_t next = h->next;
	struct path_hold hold = probe_hold(core);
	struct note *n;

	learn(s, h);
	/* While we move, the old link's ACKs overtake the position on the new one. */
	if (l->moving && seq_before(next, s->ring.acked_seq))
		next = s->ring.acked_seq;
	p->up = l;			/* no dial because of those that are shut */
	link_shut_others(l);
	/* Our HELLO was an ACK, too; more may have come on the old link since (R10). */
	s->ack_sent = l->told_next;
	l->state = LINK_UP;
	l->deadline_ns = CORE_NEVER;
	l->answered = false;
	p->give_up = 0;
	p->asks = false;
	paths_ok(&p->paths, l->path, core->now_ns, rtt);
	paths_up(&p->paths, l->path, core->now_ns, &hold);
	if (rtt)
		atomic_store_explicit(&s->n.rtt_ns, rtt, memory_order_relaxed);
	n = core_note(core, NOTE_INFO, p->nodeid, l, "link up");
	n->a_name = "gen";
	n->a = s->gen;
	n->b_name = "next";
	n->b = h->next;
	if (session_link_up(s, l, next))
		return link_fault(l, "resume position outside of what was sent");
	if (s->end == SESSION_ALIVE && h->flags & WIRE_HELLO_LEAVING && !s->removed)
		session_event(s, FSM_LEAVING, l);
	return l->state == LINK_GONE ? RX_GONE : RX_MORE;
}

static enum rx_result decide(struct link *l, const struct hello *h)
{
	struct session *s = l->peer->session;

	if (!l->dialled && seq_before(h->gen, s->gen))
		return refuse(l, WIRE_REFUSE_STALE, 0, s->gen);
	s->gen++;
	send_hello(l, h->mine, s->gen, true);
	return bring_up(l, h);
}

static enum rx_result follow(struct link *l, const struct hello *h)
{
	struct session *s = l->peer->session;

	if (!(h->flags & WIRE_HELLO_CHOSEN))
		return answer(l);
	if (!seq_after(h->gen, s->gen))
		return link_fault(l, "a choice older than the present one");
	s->gen = h->gen;
	if (seq_after(s->gen, s->told))
		s->told = s->gen;
	return bring_up(l, h);
}

static enum rx_result take(struct link *l, const struct hello *h)
{
	enum rx_result r = admit(l, h);

	if (r == RX_AGAIN)
		return RX_MORE;
	if (r != RX_MORE || l->state == LINK_GONE)
		return l->state == LINK_GONE ? RX_GONE : r;
	/* What a HELLO says that does not name us is about another session (R3). */
	if (h->yours != l->core->cfg.incarnation)
		return answer(l);
	return core_decides(l->core, l->peer) ? decide(l, h) : follow(l, h);
}

enum rx_result hello_rx(struct link *l, const struct frame *f)
{
	struct core *core = l->core;
	struct hello h;
	enum rx_result r;

	if (frame_hello(f, &h))
		return link_fault(l, "HELLO does not fit");
	if (++l->n_hellos > HELLOS_MAX)
		return link_fault(l, "HELLO again and again");
	/* HELLOs alternate (R2): what is still unwritten was answered by nobody. And there
	 * is room for only so many. */
	if (l->ctl_off != l->ctl_len)
		return link_fault(l, "HELLO before ours was sent");
	if (f->nodeid == core->cfg.nodeid || h.mine == core->cfg.incarnation) {
		core_note(core, NOTE_ERROR, f->nodeid, l,
			  "a program with our own nodeid is at this address");
		l->life = h.mine;
		return refuse(l, WIRE_REFUSE_IDENTITY, 0, 0);
	}
	if (l->read_hello && (f->nodeid != l->peer->nodeid || h.mine != l->life))
		return link_fault(l, "another life on the same link");
	if (!l->read_hello) {
		r = who(l, f, &h);
		if (r != RX_MORE)
			return r;
	}
	r = take(l, &h);
	/* The HELLO itself is consumed; what follows it is not read while held. */
	return r == RX_PAUSED ? RX_MORE : r;
}

/* ---- held ---- */

static void retry(struct link *l)
{
	struct hello h = l->held;
	enum link_state was = l->state;
	enum rx_result r = take(l, &h);

	if (r == RX_MORE && l->state == was)
		l->state = LINK_WAIT;
}

void hello_retry(struct peer *p)
{
	if (p->profile == CORE_DLM)
		return;
	for (struct link *l = p->core->links; l; l = l->next)
		if (l->peer == p && l->state == LINK_HELD)
			retry(l);
}

void hello_held_tick(struct link *l)
{
	struct peer *p = l->peer;
	bool rival = p->profile == CORE_NATIVE && l->core->cfg.static_members && p->session &&
		p->session->incarnation != l->life;

	/* The old life's link has gone, or its time is over: look again. */
	if (rival && (!p->up || l->deadline_ns <= l->core->now_ns))
		retry(l);
	else if (p->profile == CORE_NATIVE && l->core->cfg.static_members && !p->session &&
		 p->spare)
		retry(l);
}

/* ---- refused ---- */

static void refused_closed(struct link *l, const struct refuse *r)
{
	struct session *s = l->peer->session;

	/* About a session that is over: then it has everything. */
	if (!s || s->incarnation != r->mine) {
		core_drained(l->core, l->peer->nodeid, r->mine);
		peer_backoff(l->peer, false);
		return;
	}
	if (session_acked(s, r->next) < 0 || s->end == SESSION_ALIVE)
		session_fault(s);
}

static void give_up(struct link *l, uint32_t reason)
{
	struct peer *p = l->peer;
	struct note *n;

	if (p->give_up)
		return;
	p->give_up = reason;
	n = core_note(l->core, NOTE_ERROR, p->nodeid, l,
		      "refuses us for good; no more dials until the configuration changes");
	n->detail = wire_reason_name(reason);
}

/* Our dial was older than its latest choice: dial again, knowing it. */
static void stale(struct peer *p, const struct refuse *r)
{
	struct session *s = p->session && p->session->incarnation == r->mine ? p->session : NULL;
	uint32_t told = s ? s->told : p->told_life == r->mine ? p->told_gen : 0;

	if (core_decides(p->core, p) || !seq_after(r->gen, told)) {
		peer_backoff(p, false);
		return;
	}
	if (s) {
		s->told = r->gen;
	} else {
		p->told_life = r->mine;
		p->told_gen = r->gen;
	}
	p->dial_at_ns = p->core->now_ns;
}

/*
 * Whether a refusal by that life says anything. Whoever listens where we dialled may refuse
 * us. On an accepted link only a life that we know: anybody at that address can dial.
 */
static bool may_refuse(const struct link *l, uint64_t life)
{
	const struct peer *p = l->peer;

	return l->dialled || (p->session && p->session->incarnation == life) ||
		(p->member && p->member == life) || tombs_find(&p->tombs, life);
}

enum rx_result hello_refused(struct link *l, const struct frame *f)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct refuse r;
	struct note *n;

	if (frame_refuse(f, &r))
		return link_fault(l, "REFUSE does not fit");
	if (!p || (!l->dialled && !l->read_hello))
		return link_fault(l, "REFUSE before HELLO");
	n = core_note(core, r.reason == WIRE_REFUSE_STALE || r.reason == WIRE_REFUSE_CLOSED ?
		      NOTE_DEBUG : NOTE_WARNING, p->nodeid, l, "the peer refuses us");
	n->detail = wire_reason_name(r.reason);
	link_shut(l, LINK_ORDERLY);
	if (!may_refuse(l, r.mine)) {
		/* If it is true it is said again where we dial. */
		p->asks |= r.reason == WIRE_REFUSE_FAILED && !p->up &&
			r.yours == core->cfg.incarnation;
		peer_dial_check(p);
		return RX_GONE;
	}
	if (r.reason != WIRE_REFUSE_STALE)
		p->owes_until_ns = 0;	/* it has no session with us: nothing is missing there */
	if (r.yours != core->cfg.incarnation) {
		peer_backoff(p, false);
		peer_dial_check(p);
		return RX_GONE;
	}
	switch ((enum wire_reason)r.reason) {
	case WIRE_REFUSE_STALE:
		stale(p, &r);
		break;
	case WIRE_REFUSE_FAILED:
		core->renew_raised = true;
		peer_backoff(p, false);		/* no dial again and again before it is done */
		break;
	case WIRE_REFUSE_CLOSED:
		refused_closed(l, &r);
		break;
	case WIRE_REFUSE_CLUSTER:
	case WIRE_REFUSE_VERSION:
	case WIRE_REFUSE_FEATURE:
		give_up(l, r.reason);
		break;
	case WIRE_REFUSE_PROTOCOL:
		peer_backoff(p, false);
		break;
	case WIRE_REFUSE_IDENTITY:
		paths_skip(&p->paths, l->path);
		peer_backoff(p, true);
		break;
	case WIRE_REFUSE_LEAVING:
	case WIRE_REFUSE_CLAIMED:
		peer_backoff(p, true);
		break;
	default:
		peer_backoff(p, true);
	}
	peer_dial_check(p);
	return RX_GONE;
}
