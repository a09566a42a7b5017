/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the rules of the dlm profile: the peer is a Linux kernel. No HELLO; a
 * session is what lies between two membership events; two links are legal, and a
 * kernel sends on the one that it opened. Facts: the captures in tests/golden and linux
 * fs/dlm/{lowcomms,midcomms}.c as observed from 6.1 and 6.12.
 *
 * A kernel repeats what is unacknowledged after a socket error alone, never
 * after an orderly end: our side ends links by a reset until both FINs are
 * acknowledged, and a gap on a fresh link is answered by a reset as well. Behind both FINs the end
 * is orderly, and ours at once: 6.12 and later wait for it in dlm_release_lockspace(). Our last ACK
 * may be lost with its link: the FIN that comes again is acknowledged again, without a session.
 *
 * All this is of TCP. Over SCTP no error makes a kernel repeat, and an orderly end loses nothing:
 * links of a living session end in order there, and are read to their end; dlm_loss.c has the rest.
 */
#include "dlm_profile.h"

#include "check.h"
#include "dlm_loss.h"
#include "profile.h"
#include "ring_out.h"
#include "rx.h"
#include "seq.h"

#include <assert.h>
#include <errno.h>

#define ACCEPTED_SPARED	4u	/* older connections of a peer, where a reset loses */

/* ---- session ---- */

/* A kernel trusts what it gets: packets of another node or length may crash it. */
static int packet(const struct session *s, const struct span *parts, int n, size_t len)
{
	struct wire_header h;
	size_t have = 0;

	for (int i = 0; i < n && have < sizeof h; i++) {
		size_t more = parts[i].n < sizeof h - have ? parts[i].n : sizeof h - have;

		if (more)
			memcpy((uint8_t *)&h + have, parts[i].p, more);
		have += more;
	}
	if (have < sizeof h || get_le32(h.version) != WIRE_VERSION_3_2 ||
	    get_le32(h.nodeid) != s->ring.nodeid || get_le16(h.length) != len)
		return -EINVAL;
	return h.cmd == WIRE_MSG || h.cmd == WIRE_RCOM ? 0 : -EINVAL;
}

/* 3.1: everything was written after session_finish(). */
static void unreliable_done(struct session *s)
{
	assert(dlm_unreliable(s));
	if (s->finish_wanted && ring_all_acked(&s->ring))
		session_end(s, SESSION_LEFT);
}

static void finish(struct session *s)
{
	if (dlm_unreliable(s) && s->finish_wanted) {
		/* No FIN there: over when the queue is written. */
		ring_close(&s->ring);
		unreliable_done(s);
	} else {
		session_event(s, FSM_CLOSE, NULL);
	}
}

/* ---- link ---- */

/* The session sends on l from now on: everything unacknowledged once more. */
static void send_on(struct link *l)
{
	struct session *s = l->peer->session;
	bool again = s->was_up, repeats = l->core->cfg.reset_repeats;

	assert(s && s->peer == l->peer && (!l->session || l->session == s));
	link_event(l, LINK_EV_UP);
	l->session = s;
	s->nudged_ns = 0;
	if (repeats)
		s->awaited.repeat_ns = 0;
	dlm_read_on(s);
	/* Of two in a row the second one was ours. */
	if (again && !s->repeat_asked && repeats)
		dlm_await_repeat(s, l->core);
	s->repeat_asked = false;
	/* Those under way were for the link before. */
	bare_drop(&s->bare);
	core_mark_session(s, SESSION_P_LINK_UP);
	session_link_up(s, l, s->ring.acked_seq);
	/* Our ACK of its FIN may have been lost with the link before. Over SCTP a kernel takes a
	 * connection when data come on it: of those on which none came it keeps some for ever, and
	 * aborts all others from then on (K16). */
	if (s->end == SESSION_ALIVE && (s->got_fin || (again && !repeats)))
		session_ack_soon(s);
	/* A link that we have ended was read while there was none to acknowledge on. */
	if (s->ack_at_ns)
		core_arm(l->core, s->ack_at_ns);
}

/* ---- after the end ---- */

/* The tombstone of the last session, if both sides closed it. */
static const struct tombstone *closed(const struct peer *p)
{
	const struct tombstone *t = tombstones_last(&p->tombstones);

	return t && t->kind == TOMB_CLOSED ? t : NULL;
}

/* The FIN of the session before: our ACK of it was lost with its link. */
static bool is_former_fin(const struct tombstone *t, const struct frame *f)
{
	return f->cmd == WIRE_OPTS_CMD && f->nextcmd == WIRE_FIN_CMD && f->u + 1 == t->next;
}

/* The same of a frame that is repeated before that FIN. The next membership has these numbers, too,
 * but its first one comes before them, unless that was lost. */
static bool may_be_former(const struct core *core, const struct tombstone *t,
			  const struct frame *f)
{
	return f->cmd == WIRE_OPTS_CMD && f->u != core->cfg.first_seq && seq_before(f->u, t->next);
}

/* It covers all that came before, and ends that link as it ended the session. An ACK of anything
 * else might be taken for one of the next membership, and the kernel forget what we do not have. */
static enum rx_result ack_former_fin(struct link *l, const struct tombstone *t)
{
	uint8_t *ctl = link_ctl(l, WIRE_HEADER);

	if (ctl)
		link_ctl_done(l, wire_put_ack(ctl, l->core->cfg.nodeid, t->next));
	l->incarnation = t->incarnation;
	link_shut(l, LINK_ORDERLY);
	return RX_GONE;
}

/* No session: what is not of the former one waits until membership opens the next. */
static enum rx_result closed_frame(struct link *l, const struct frame *f)
{
	const struct tombstone *t = closed(l->peer);

	if (t && is_former_fin(t, f))
		return ack_former_fin(l, t);
	if (f->cmd == WIRE_ACK || (t && may_be_former(l->core, t, f)))
		return RX_MORE;
	link_event(l, LINK_EV_HOLD);
	l->incarnation = 0;
	return RX_PAUSED;
}

/* A newer accepted connection replaces the older one. Where a reset would lose what is on it, it
 * is read to its end; a kernel has no more of them than that. */
static void replace_accepted(struct link *l)
{
	unsigned spared = l->core->cfg.reset_repeats ? 0 : ACCEPTED_SPARED;

	list_each(struct link, o, &l->peer->links, of_peer) {
		if (o == l || o->dialled || l->dialled)
			continue;
		if (spared)
			spared--;
		else if (l->core->cfg.reset_repeats)
			link_shut(o, LINK_RESET);
		else
			link_lost(o, false);
		dlm_doubt_fin(l->peer->session);
	}
}

static void connected(struct link *l)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	const struct tombstone *t = closed(p);

	assert(!l->session && !l->peer->profile->hello);
	l->last_rx_ns = core->now_ns;
	if (!p->session && l->dialled) {
		/* For a session that has ended meanwhile; a kernel may wait for that end, too. */
		link_shut(l, LINK_ORDERLY);
		return;
	}
	if (!p->session) {
		/* Not a member (yet): nothing is read before membership says so, but what the last
		 * session left. */
		link_event(l, t ? LINK_EV_LAST_ACK : LINK_EV_HOLD);
		l->incarnation = t ? t->incarnation : 0;
		core_arm(core, core->now_ns + core->cfg.stall_ns);
		return;
	}
	link_event(l, LINK_EV_RX_ONLY);
	link_mark_tx(l);		/* it is read from now on */
	l->incarnation = p->session->incarnation;
	replace_accepted(l);
	if (p->up)
		l->session = p->session;
	else
		send_on(l);
	paths_ok(&p->paths, l->path, core->now_ns, 0);
}

void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from)
{
	link_init(core, l);
	link_belongs_to(l, p);
	l->from = *from;
	connected(l);
	link_check(l);
}

static void admit(struct peer *p)
{
	if (!p->session)
		return;
	list_each(struct link, l, &p->links, of_peer)
		if (l->state == LINK_HELD || l->state == LINK_LAST_ACK)
			connected(l);
}

static void send_on_other(struct peer *p)
{
	list_each(struct link, l, &p->links, of_peer)
		if (l->state == LINK_RX_ONLY && !l->said_end && !p->up)
			send_on(l);
}

bool link_end_dlm(struct link *l)
{
	struct peer *p = l->peer;

	if (l->core->cfg.reset_repeats || !l->session || l->said_end)
		return l->said_end;
	assert(!p->profile->hello && link_is_up(l));
	l->said_end = true;
	l->ctl_off = l->ctl_len;
	if (p->up == l) {
		link_event(l, LINK_EV_RX_ONLY);
		p->up = NULL;
		p->lost_ns = l->core->now_ns;
		session_path_changed(l->session);
	}
	peer_dial_soon(p, l->progress ? 0 : l->core->cfg.backoff_min_ns);
	link_check(l);
	return true;
}

/* ---- reading ---- */

/* It could not read what went out as 3.2: once more, without the envelopes. */
static void downgrade(struct session *s)
{
	assert(dlm_unreliable(s));
	if (!ring_mid_frame(&s->ring))
		ring_resume(&s->ring, s->ring.acked_seq);
	if (s->peer->up)
		link_mark_tx(s->peer->up);
	unreliable_done(s);
}

/* The first packet fixes the version of the peer. */
static enum rx_result version(struct link *l, uint32_t v)
{
	struct session *s = l->session;
	enum core_policy_31 policy = l->core->cfg.policy_31;

	if (v != WIRE_VERSION_3_2 && v != WIRE_VERSION_3_1)
		return link_fault(l, "unknown DLM protocol version");
	if (!s->n.is_3_1 && !s->n.is_3_2) {
		if (v == WIRE_VERSION_3_1 && policy == CORE_31_REFUSE)
			return link_fault(l, "DLM protocol 3.1, refused by policy");
		s->n.is_3_1 = v == WIRE_VERSION_3_1;
		s->n.is_3_2 = !s->n.is_3_1;
		if (s->n.is_3_1) {
			core_note(l->core, policy == CORE_31_WARN ? NOTE_WARNING : NOTE_INFO,
				  l->peer->nodeid, l,
				  "DLM protocol 3.1: no retransmission, messages may be lost");
			downgrade(s);
		}
	}
	return s->n.is_3_1 == (v == WIRE_VERSION_3_1) ? RX_MSG : RX_MORE;
}

/* An error of the connection makes a kernel repeat; it is dialled again at once. */
static void reset_for_repeat(struct link *l, enum note_level level, const char *text)
{
	core_note(l->core, level, l->peer->nodeid, l, text);
	l->why = LINK_WHY_STUCK;
	l->progress = true;
	link_lost(l, false);
}

/* A number is missing: lost behind an orderly end, or still on the way on the other link. Only a
 * reset makes a kernel repeat. */
static enum rx_result gap(struct link *l, const struct frame *f)
{
	struct session *s = l->session;
	bool is_new = s->expected == l->core->cfg.first_seq;
	const struct tombstone *t = is_new ? closed(l->peer) : NULL;

	if (!l->core->cfg.reset_repeats)
		return dlm_missing(l);
	if (t && !is_former_fin(t, f) && may_be_former(l->core, t, f)) {
		dlm_await_repeat(s, l->core);
		return RX_MORE;
	}
	s->awaited.repeat_ns = 0;
	/* Membership was quicker than the end of the session before. */
	if (t && is_former_fin(t, f))
		return ack_former_fin(l, t);
	reset_for_repeat(l, NOTE_INFO,
			 "sequence gap, resetting the link so that the kernel retransmits");
	return RX_GONE;
}

/* A link that we have ended cannot carry our ACK: another one does. */
static enum rx_result fin(struct link *l)
{
	struct link *up = l->peer->up;

	if (!l->said_end)
		return rx_fin(l);
	if (up)
		return rx_fin(up);
	l->behind = true;
	return RX_PAUSED;
}

static enum rx_result sequenced(struct link *l, struct rx *rx, const struct frame *f)
{
	struct session *s = l->session;
	enum rx_result r;

	assert(l->peer->session == s);
	if (seq_after(f->u, s->expected))
		return gap(l, f);
	dlm_repeat_over(s);
	r = s->got_fin && f->u == s->expected ? RX_MORE : rx_sequence(l, f->u);
	if (r != RX_MSG)
		return r;
	dlm_number_taken(l);
	if (f->nextcmd == WIRE_FIN_CMD)
		return fin(l);
	rx_delivered(l, f->length);
	if (f->nextcmd != WIRE_MSG && f->nextcmd != WIRE_RCOM)
		return RX_MORE;		/* unknown to 3.2: taken, not delivered */
	return rx_message(s, rx, f->inner, f->inner_len);
}

static enum rx_result frame(struct link *l, struct rx *rx, size_t n)
{
	struct session *s = l->session;
	const uint8_t *p = rx->p;
	struct frame f;
	enum rx_result r;
	int err;

	if (n > WIRE_OPTS + WIRE_DLM_MAX)
		return link_fault(l, "packet longer than the kernel's limit");
	err = frame_parse(p, n, &f);
	if (err == -EPROTONOSUPPORT && s)
		return version(l, get_le32(p));
	if (err)
		return link_fault(l, "malformed packet");
	if (f.nodeid != l->peer->nodeid)
		return link_fault(l, "packet from another nodeid");
	if (!s)
		return closed_frame(l, &f);
	r = version(l, f.version);
	if (r != RX_MSG)
		return r;
	if (s->end != SESSION_ALIVE)
		return RX_GONE;
	l->last_rx_ns = l->core->now_ns;
	switch (f.cmd) {
	case WIRE_ACK:
		s->n.acks_received++;
		return session_acked(s, f.u) < 0 ?
			link_fault(l, "ACK of data never sent") : RX_MORE;
	case WIRE_OPTS_CMD:
		return sequenced(l, rx, &f);
	default:
		if (s->got_fin)
			return RX_MORE;		/* behind its FIN nothing is delivered */
		rx->bare = true;
		/* Those of 3.1 have no other way. */
		return dlm_unreliable(s) ? rx_message(s, rx, p, n) : rx_bare(s, rx, p, n);
	}
}

/* ---- writing ---- */

static bool control_due(const struct link *l)
{
	const struct session *s = l->session;

	return bare_waits(&s->bare) || (s->ack_now && !dlm_unreliable(s));
}

static void put_control(struct link *l, bool data)
{
	const struct session *s = l->session;

	if (dlm_unreliable(s) || bare_is_half(&s->bare))
		return;
	if (s->ack_now || (data && session_ack_owed(s)))
		link_put_ack(l);
}

/* The packet is our own copy, or in the ring, where the consumer alone reads it from now on. */
static void say_3_1(const struct span *packet)
{
	put_le32((uint8_t *)(uintptr_t)packet->p, WIRE_VERSION_3_1);
}

/*
 * Bare packets go alone, between whole frames. A peer of 3.1 knows no OPTS: of what is to be
 * written only the first packet is left, without its envelope, and says 3.1.
 */
static size_t gather(struct link *l, struct span data[3], int *n, size_t have, size_t mid)
{
	struct session *s = l->session;
	size_t bytes = mid;

	l->stripped = 0;
	s->bare.gathered = !mid && bare_waits(&s->bare);
	if (s->bare.gathered) {
		*n = 1;
		data[0] = bare_unsent(&s->bare);
		if (dlm_unreliable(s) && !bare_is_half(&s->bare))
			say_3_1(data);
		return data[0].n;
	}
	if (!have || !dlm_unreliable(s))
		return have;
	*n = 1;
	if (!mid) {
		bytes = get_le16(data[0].p + offsetof(struct wire_header, length)) - WIRE_OPTS;
		data[0].p += WIRE_OPTS;
		l->stripped = WIRE_OPTS;
		say_3_1(data);
	}
	data[0].n = bytes;
	return bytes;
}

static void sent(struct link *l, struct session *s, size_t n)
{
	assert(n);
	if (s->bare.gathered) {
		bare_sent(&s->bare, n);
		s->bare.gathered = false;
		return;
	}
	session_sent(s, n + l->stripped);
	l->stripped = 0;
	if (!dlm_unreliable(s))
		return;
	/* Bytes written there are done with. */
	if (ring_mid_frame(&s->ring) || s->ring.sent == s->ring.acked_pos)
		return;
	/* With it all that went out before the version was known. */
	while (s->end == SESSION_ALIVE && s->ring.acked_pos != s->ring.sent)
		if (session_acked(s, s->ring.acked_seq + 1) <= 0)
			break;
	unreliable_done(s);
	if (s->end == SESSION_ALIVE && ring_has_unsent(&s->ring))
		link_mark_tx(l);
}

/* ---- time ---- */

static uint64_t keepalive_ns(const struct session *s)
{
	return dlm_unreliable(s) ? CORE_NEVER : s->peer->core->cfg.keepalive_ns;
}

/* How long data may be unacknowledged; a sender that waits for room needs it sooner. */
static uint64_t patience_ns(const struct session *s)
{
	return s->peer->core->cfg.stall_ns / (s->ring.wanted ? 20 : 2);
}

/* A kernel acknowledges rarely (6.12: after 256 messages), but always what it has already. One
 * frame is enough: each of them is a line in its log. */
static void nudge(struct session *s, struct link *l)
{
	s->nudged_ns = l->core->now_ns;
	ring_resume(&s->ring, s->ring.acked_seq);
	s->resend_end = ring_resend_limit(&s->ring, 0);
	link_mark_tx(l);
}

/*
 * Linux 6.12 may lose the error of a connection whose data we had not read: it connects again,
 * repeats nothing, and waits for ever for the answer to its last message. An error of a connection
 * at rest it does not miss. One that has nothing to repeat meets one more reset.
 */
static void ask_for_repeat(struct session *s, struct link *l)
{
	s->awaited.repeat_ns = 0;
	s->repeat_asked = true;
	reset_for_repeat(l, NOTE_DEBUG, "nothing came on the new link, resetting it so that the "
			 "kernel retransmits");
}

/* Again and again, ever less often: it may be that the kernel's FIN is not due yet. */
static void ask_for_fin(struct session *s, struct link *l)
{
	uint64_t next_ns = 2 * s->awaited.fin_wait_ns;

	s->repeat_asked = true;
	reset_for_repeat(l, NOTE_INFO, "the kernel's FIN has not come, resetting the link so that "
			 "the kernel retransmits");
	s->awaited.fin_wait_ns = next_ns;
}

/* It says nothing while it has nothing to say. */
static bool silent(struct session *s, struct link *l, uint64_t silent_ns)
{
	uint64_t since = s->nudged_ns > s->n.mark_ns ? s->nudged_ns : s->n.mark_ns;
	bool repeats = l->core->cfg.reset_repeats;

	assert(s->peer->up == l);
	if (l->behind)
		return true;		/* it is not read */
	if (repeats && s->awaited.repeat_ns && core_due(l->core, s->awaited.repeat_ns)) {
		ask_for_repeat(s, l);
		return true;
	}
	if (!ring_in_flight(&s->ring)) {
		if (dlm_fin_missing(s) && core_due(l->core, l->last_rx_ns + s->awaited.fin_wait_ns))
			ask_for_fin(s, l);
		return true;
	}
	if (s->n.mark_ns && core_due(l->core, since + patience_ns(s)) &&
	    !ring_mid_frame(&s->ring))
		nudge(s, l);
	return !repeats && dlm_waits_on(l, silent_ns);
}

const struct profile profile_dlm = {
	.packet = packet,
	.finish = finish,
	.connected = connected,
	.admit = admit,
	.send_on_other = send_on_other,
	.frame = frame,
	.control_due = control_due,
	.put_control = put_control,
	.gather = gather,
	.sent = sent,
	.link_over = dlm_link_over,
	.keepalive_ns = keepalive_ns,
	.silent = silent,
};
