/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the life of a session: sending, termination, what an ACK means, delivery report.
 * Knows links only as what carries it for a while.
 */
#include "session.h"

#include "check.h"
#include "core.h"
#include "profile.h"
#include "ring_out.h"
#include "seq.h"
#include "stuck.h"

#include <assert.h>
#include <errno.h>

#define RESEND_BYTES	(256u << 10)	/* behind the first frame, after one resume for nothing */
#define RESEND_HALVINGS	19u
#define BASE_BEHIND	(1 << 30)	/* frames: no ACK is so much older than another */

void session_provide(struct session *s, void *mem, size_t size, uint32_t nodeid, uint32_t first_seq)
{
	memset(s, 0, sizeof *s);
	list_init(&s->in_pending);
	ring_init(&s->ring, mem, size, nodeid, first_seq);
	s->expected = first_seq;
	s->ack_sent = first_seq;
	s->wake.sent = UINT64_MAX;
}

/* ---- producers ---- */

int session_send(struct session *s, const struct span *parts, int n, size_t len,
		 uint64_t *ret_number)
{
	if (len > s->max_message)
		return -EMSGSIZE;
	if (session_may_send(s, parts, n, len))
		return -EINVAL;
	return ring_send(&s->ring, parts, len, s->max_frame, ret_number);
}

int session_put(struct session *s, const struct span *parts, size_t len, uint64_t *ret_end)
{
	assert(s->calls.slots && s->profile->hello);
	return ring_put(&s->ring, parts, len, s->max_frame, ret_end);
}

int session_put_secret(struct session *s, const struct span *parts, size_t len,
		       uint64_t *ret_end)
{
	assert(s->calls.slots && s->profile->hello);
	return ring_put_secret(&s->ring, parts, len, s->max_frame, ret_end);
}

int session_may_send(const struct session *s, const struct span *parts, int n, size_t len)
{
	return s->profile->packet ? s->profile->packet(s, parts, n, len) : 0;
}

int session_send_bare(struct session *s, const void *packet, size_t len)
{
	const struct span part = { packet, len };

	if (len > WIRE_DLM_MAX)
		return -EMSGSIZE;
	if (!s->profile->packet || session_may_send(s, &part, 1, len))
		return -EINVAL;
	return bare_put(&s->bare, packet, len) ? 0 : -EAGAIN;
}

int session_reserve(struct session *s, size_t len, uint8_t **ret_data, unsigned *ret_slot)
{
	if (len > s->max_message)
		return -EMSGSIZE;
	return ring_reserve(&s->ring, len, s->profile->packet ? WIRE_OPTS + WIRE_DLM_MAX :
			    s->max_frame, ret_data, ret_slot);
}

/* ---- the loop's side ---- */

void session_limits(struct session *s, uint32_t max_frame, uint32_t max_message)
{
	uint32_t body;

	assert(!s->was_up && max_frame > WIRE_MSG_OVERHEAD);
	if (max_frame < s->max_frame)
		s->max_frame = max_frame;
	if (max_message && max_message < s->max_message)
		s->max_message = max_message;
	body = s->max_frame - WIRE_MSG_OVERHEAD;
	s->plain_max = !s->profile->plain ? 0 : body < s->max_message ? body : s->max_message;
}

/* Moves from CLOSE_WAIT to LAST_ACK when nothing is left to wait for (R17). */
static void close_check(struct session *s)
{
	const struct core *core = s->peer->core;
	enum fsm_state state = session_state(s);
	bool answers = core->cfg.auto_close && s->profile->hello;
	bool passive = state == FSM_CLOSE_WAIT && (s->removed || answers);

	if (state != FSM_ESTABLISHED && state != FSM_CLOSE_WAIT)
		return;
	/* Messages accepted behind an open slot go before the FIN: session_schedule()
	 * comes here again when the slot is given back. */
	if (!(passive || s->finish_wanted) || ring_slots_held(&s->ring))
		return;
	if (s->fin_hold == FIN_FREE) {
		s->profile->finish(s);
	} else if (s->fin_hold == FIN_HELD) {
		s->fin_hold = FIN_ASKED;
		core_mark_session(s, SESSION_P_FINISHING);
	}
}

void session_schedule(struct session *s)
{
	struct peer *p = s->peer;

	if (s->end != SESSION_ALIVE)
		return;
	if (ring_take_writable(&s->ring))
		core_mark_session(s, SESSION_P_WRITABLE);
	if (p->up && (ring_has_unsent(&s->ring) || bare_waits(&s->bare)))
		link_mark_tx(p->up);
	close_check(s);
	session_check(s);
}

static void wake_check(struct session *s)
{
	if (s->ring.sent < s->wake.sent || s->ring.acked_pos < s->wake.acked)
		return;
	s->wake.sent = UINT64_MAX;
	core_mark_session(s, SESSION_P_WRITABLE);
}

void session_sent(struct session *s, size_t n)
{
	bool half = s->ring.half_end;

	s->n.resent += ring_sent(&s->ring, n);
	wake_check(s);
	/* A frame acknowledged while half sent frees its room only when its rest is written. */
	if (half && !s->ring.half_end)
		session_schedule(s);
}

struct link *session_only_sends(const struct session *s)
{
	const struct peer *p = s->peer;
	bool sends = session_state(s) == FSM_ESTABLISHED &&
		!s->finish_wanted && core_at_rest(p->core) && p->up && !s->ring.wanted;

	return sends ? p->up : NULL;
}

void session_pause(struct session *s, bool paused)
{
	if (s->rx_paused == paused || s->end != SESSION_ALIVE)
		return;
	s->rx_paused = paused;
	s->status_due = true;
	s->frag_at_ns = s->peer->core->now_ns;
	if (!s->peer->up)
		return;
	/* Silence counts from here: so far it was ours. */
	if (!paused)
		s->peer->up->last_rx_ns = s->peer->core->now_ns;
	link_mark_tx(s->peer->up);
	session_check(s);
}

void session_ack_soon(struct session *s)
{
	assert(s->end == SESSION_ALIVE);
	s->ack_now = true;
	if (s->peer->up)
		link_mark_tx(s->peer->up);
}

static void note_event(struct session *s, enum fsm_event ev, const struct fsm_cell *cell)
{
	struct note *n = core_note(s->peer->core, cell->actions & FSM_FAULT ? NOTE_WARNING :
				   NOTE_DEBUG, s->peer->nodeid, NULL, "transition");

	n->fsm = true;
	n->from = session_state(s);
	n->event = ev;
	n->to = cell->next;
	n->a_name = "expected";
	n->a = s->expected;
}

/* ---- termination: the table's actions ---- */

/* The last ACK goes in this step, on the link on; it stays due where that link has no room. */
static void ack_fin(struct session *s, struct link *on)
{
	assert(!on || on->session == s);
	if (!on) {
		session_ack_soon(s);
		return;
	}
	s->ack_now = true;
	link_put_ack(on);
	link_mark_tx(on);
}

/* Ends the links of a session that ends; one of them may have been kept. on: our last ACK goes
 * there. */
static void end_links(struct session *s, const struct fsm_cell *cell, const struct link *on,
		      enum session_end why)
{
	struct peer *p = s->peer;

	list_each(struct link, l, &p->links, of_peer) {
		if (l->session != s && !(link_read_hello(l) && l->incarnation == s->incarnation))
			continue;
		l->session = NULL;
		if (p->up == l)
			p->up = NULL;
		if (l->state == LINK_LAST_ACK && cell->actions & FSM_KEEP)
			continue;
		/* That a kernel has read the end of another one says nothing of our ACK. */
		if (!p->profile->hello && l != on)
			l->incarnation = 0;
		if (cell->actions & FSM_SHUT)
			link_shut(l, link_is_up(l) ? LINK_ORDERLY : LINK_RESET);
		else if (why == SESSION_LINGER || why == SESSION_RENEWED ||
			 why == SESSION_REFUSED || !p->profile->hello)
			link_shut(l, LINK_RESET);
		else
			link_refuse(l, WIRE_REFUSE_FAILED, 0, 0);
	}
}

/* A frame half written: its rest goes with the ring, and so does all that would be behind it. */
static bool is_cut(struct session *s)
{
	const struct link *up = s->peer->up;

	return up && up->session == s && (ring_mid_frame(&s->ring) > 0 || bare_is_half(&s->bare));
}

/*
 * A kernel whose FIN is not acknowledged waits for that until its own time is over, and repeats it
 * behind an error alone. False: half a frame is in the way.
 */
static bool put_owed_ack(struct session *s)
{
	struct link *up = s->peer->up;

	if (s->profile->hello || !up)
		return true;
	if (is_cut(s))
		return !s->ack_now && up->ctl_off == up->ctl_len;
	if (s->ack_now)
		link_put_ack(up);
	return !s->ack_now;
}

/* FSM_CLEAN, or FSM_REPORT because of why; with FSM_KEEP the last ACK went on that link. */
static void end(struct session *s, const struct fsm_cell *cell, struct link *on,
		enum session_end why)
{
	struct peer *p = s->peer;
	enum fsm_state from = session_state(s);
	struct link *up = p->up;
	bool clean = cell->actions & FSM_CLEAN, keep = cell->actions & FSM_KEEP, cut = is_cut(s);
	/* Our last ACK: cut off, too, or without room. */
	bool lost = keep ? s->ack_now || (cut && on == up) : clean && !put_owed_ack(s);
	bool kernel = !p->profile->hello;

	assert(!keep || (on && on->session == s));
	assert(p->session == s && cell->next == FSM_CLOSED && clean == (why == SESSION_CLOSED));
	/* A kernel waits for us to shut it (6.12 and later). */
	if (keep && !lost && !kernel)
		link_event(on, LINK_EV_LAST_ACK);
	ring_close(&s->ring);
	s->end_state = from;
	s->end = why;
	s->n.state = cell->next;
	peer_bury(s);
	/* Only our FIN is open: all is known, though nobody said so (R18). */
	if ((why == SESSION_LEFT || why == SESSION_FAILED) &&
	    (from == FSM_LAST_ACK || from == FSM_CLOSING) && ring_all_acked(&s->ring))
		s->end = SESSION_CLOSED;
	p->stale_incarnation = s->incarnation;
	p->stale_gen = s->told;
	p->session = NULL;
	core_arm(p->core, p->core->now_ns);	/* for what is held because of it */
	s->pending &= ~(unsigned)(SESSION_P_WRITABLE | SESSION_P_LINK_UP | SESSION_P_PATH |
				  SESSION_P_FINISHING);
	/* Both FINs crossed: that ours is acknowledged says nothing of our ACK. */
	if (lost || (clean && (from == FSM_CLOSING || kernel)))
		peer_time_wait(p, s->incarnation);
	if (lost || (cut && !clean))
		link_shut(keep ? on : up, LINK_RESET);
	end_links(s, cell, on, why);
	assert(!p->up || p->up->session != s);
	core_mark_session(s, SESSION_P_DOWN);
	core_mark_dial(p);
}

/* One step of the table. A FIN is acknowledged before the state changes (R24). */
static int step(struct session *s, enum fsm_event ev, struct link *on, enum session_end why)
{
	const struct fsm_cell *cell = fsm_cell(session_state(s), ev);

	assert(s->end == SESSION_ALIVE && s->peer->session == s);
	note_event(s, ev, cell);
	if (cell->actions & FSM_FAULT)
		return -EPROTO;
	if (cell->actions & FSM_ACK_NOW)
		ack_fin(s, cell->actions & FSM_KEEP ? on : NULL);
	if (cell->actions & FSM_NOTE)
		s->removed = true;
	if (cell->actions & FSM_FINISHED) {
		s->got_fin = true;
		core_mark_session(s, SESSION_P_FINISHED);
	}
	if (cell->actions & (FSM_CLEAN | FSM_REPORT)) {
		end(s, cell, on, why);
		return 0;
	}
	s->n.state = cell->next;
	if (cell->actions & FSM_QUEUE_FIN) {
		ring_put_fin(&s->ring);
		if (s->peer->up)
			link_mark_tx(s->peer->up);
	}
	close_check(s);
	return 0;
}

int session_event(struct session *s, enum fsm_event ev, struct link *on)
{
	return step(s, ev, on, SESSION_CLOSED);
}

void session_end(struct session *s, enum session_end why)
{
	assert(s->end == SESSION_ALIVE && why != SESSION_CLOSED);
	step(s, FSM_END, NULL, why);
}

void session_finish(struct session *s)
{
	if (s->end != SESSION_ALIVE || s->finish_wanted)
		return;
	s->finish_wanted = true;
	close_check(s);
	session_check(s);
}

void session_hold_fin(struct session *s, bool hold)
{
	if (s->end != SESSION_ALIVE)
		return;
	assert(s->profile->hello);
	s->fin_hold = hold ? FIN_HELD : FIN_FREE;
	close_check(s);
	session_check(s);
}

void session_wake_at(struct session *s, uint64_t sent, uint64_t acked)
{
	if (s->end != SESSION_ALIVE)
		return;
	s->wake.sent = sent;
	s->wake.acked = acked;
	wake_check(s);
	session_check(s);
}

void session_abort(struct session *s)
{
	if (s->end == SESSION_ALIVE)
		session_end(s, SESSION_ABORTED);
	session_check(s);
}

/* ---- what is sent again (R10) ---- */

/*
 * A peer that comes back again and again without an ACK would have us write all that is
 * queued each time. Paced by bytes: the first frame goes at once, and what may follow before
 * an ACK halves with each resume in a row that moved nothing. A kernel acknowledges rarely:
 * its links are not paced.
 */
static void pace_resend(struct session *s, bool moved)
{
	bool again = ring_in_flight(&s->ring) && s->profile->prompt && s->was_up;

	if (s->link_acked || !again)
		s->fruitless = 0;
	else
		s->fruitless = moved ? 1 : s->fruitless + 1;
	s->link_acked = false;
	s->resend_end = UINT64_MAX;
	if (!s->fruitless)
		return;
	s->n.resumed_paced++;
	s->resend_end = ring_resend_limit(&s->ring, s->fruitless > RESEND_HALVINGS ? 0 :
					  RESEND_BYTES >> (s->fruitless - 1));
	assert(s->resend_end >= s->ring.sent);
}

static void resend_all(struct session *s)
{
	if (s->resend_end == UINT64_MAX)
		return;
	s->resend_end = UINT64_MAX;
	s->fruitless = 0;
	if (s->peer->up)
		link_mark_tx(s->peer->up);
}

/* ---- acknowledgement ---- */

int session_acked(struct session *s, uint32_t next)
{
	struct core *core = s->peer->core;
	int r = ring_ack(&s->ring, next);

	assert(s->end == SESSION_ALIVE);
	if (r <= 0)
		return r;
	/* Serial numbers compare within half their range; one choice may last longer. */
	if (seq_diff(next, s->base) > BASE_BEHIND)
		s->base = next - BASE_BEHIND;
	s->stalls_in_row = 0;
	s->nudged_ns = 0;
	s->link_acked = true;
	resend_all(s);
	s->n.acked = s->ring.acked_number;
	if (s->peer->up) {
		s->peer->up->progress = true;
		link_alive(s->peer->up);
	}
	if (s->ring.acked_pos >= s->mark_pos) {
		bool all = ring_empty(&s->ring);

		s->mark_pos = s->ring.sent;
		s->n.mark_ns = all ? 0 : core->now_ns;
	}
	if (s->short_told && ring_bytes_queued(&s->ring) < s->ring.size / 2)
		s->short_told = false;
	if (ring_take_writable(&s->ring))
		core_mark_session(s, SESSION_P_WRITABLE);
	wake_check(s);
	if (ring_fin_acked(&s->ring))
		return session_event(s, FSM_FIN_ACKED, s->peer->up);
	return 1;
}

bool session_closed_by_peer(struct session *s, uint32_t next)
{
	enum fsm_state state = session_state(s);

	if ((state != FSM_CLOSING && state != FSM_LAST_ACK) || !ring_fin_ends(&s->ring, next))
		return false;
	session_acked(s, next);
	return true;
}

int session_link_up(struct session *s, struct link *l, uint32_t next)
{
	struct core *core = s->peer->core;
	bool in_flight = ring_in_flight(&s->ring);
	uint32_t acked = s->ring.acked_seq;

	assert(l->state == LINK_UP && l->peer == s->peer);
	if (ring_resume(&s->ring, next) < 0)
		return -EPROTO;
	pace_resend(s, acked != s->ring.acked_seq);
	if (s->was_up) {
		s->n.reconnects++;
		if (in_flight)
			s->n.resumed_unacked++;
		session_path_changed(s);
	} else {
		s->was_up = true;
		core_mark_session(s, SESSION_P_UP);
	}
	s->n.acked = s->ring.acked_number;
	s->status_due = s->rx_paused;
	s->n.peer_paused = false;
	s->short_told = false;
	s->frag_at_ns = core->now_ns;
	s->mark_pos = s->ring.sent;
	if (ring_empty(&s->ring))
		s->n.mark_ns = 0;
	l->session = s;
	s->peer->up = l;
	if (ring_take_writable(&s->ring))
		core_mark_session(s, SESSION_P_WRITABLE);
	wake_check(s);
	link_mark_tx(l);
	core_arm(core, core->now_ns + core->cfg.keepalive_multi_ns);
	/* The position may have been the ACK of our FIN. */
	if (ring_fin_acked(&s->ring))
		return session_event(s, FSM_FIN_ACKED, l);
	return 0;
}

/* ---- time ---- */

void session_stalled(struct link *l, const char *text)
{
	struct session *s = l->session;
	struct core *core = l->core;

	assert(s->peer->up == l && s->end == SESSION_ALIVE);
	s->n.stalls++;
	core_note(core, NOTE_WARNING, s->peer->nodeid, l, text);
	if (ring_in_flight(&s->ring) && ++s->stalls_in_row >= core->cfg.stall_limit)
		peer_ask_fence(s, FENCE_STALLED);
}

/* Silence on a living link: the path, or the peer. */
void session_silence_tick(struct link *l)
{
	struct session *s = l->session;
	struct core *core = l->core;
	const struct core_config *cfg = &core->cfg;
	uint64_t silent = core->now_ns - l->last_rx_ns;

	assert(s->peer->up == l && s->end == SESSION_ALIVE);
	/* We do not read: nothing can be said about the peer. */
	if (s->rx_paused || s->profile->silent(s, l, silent))
		return;
	if (silent < cfg->stall_ns) {
		uint64_t next = silent < cfg->stall_ns / 2 ? cfg->stall_ns / 2 : cfg->stall_ns;

		core_arm(core, l->last_rx_ns + next);
		return;
	}
	session_stalled(l, "no frames from the peer: stalled, resetting the link");
	l->why = LINK_WHY_SILENT;
	link_lost(l, false);
}

void session_ack_tick(struct link *l)
{
	struct session *s = l->session;

	assert(s->peer->up == l);
	if (!s->ack_at_ns || !core_due(l->core, s->ack_at_ns))
		return;
	s->ack_at_ns = 0;
	session_ack_soon(s);
}

void session_keepalive_tick(struct link *l)
{
	struct session *s = l->session;
	struct core *core = l->core;
	uint64_t keep = s->profile->keepalive_ns(s);

	assert(keep && s->peer->up == l);
	/* Somewhat early, as we are awake: those of all peers go together before long. */
	if (core->now_ns - l->last_tx_ns >= keep - keep / 4) {
		s->status_due |= s->rx_paused;	/* the end of a pause may still wait */
		session_ack_soon(s);
		core_arm(core, core->now_ns + keep);
	} else if (keep != CORE_NEVER) {
		core_arm(core, l->last_tx_ns + keep);
	}
}

void session_fragment_tick(struct link *l)
{
	struct session *s = l->session;
	struct core *core = l->core;

	assert(s->frag_at_ns <= core->now_ns);
	if (!frag_active(&s->frag) || s->rx_paused)
		return;
	if (!core_due(core, s->frag_at_ns + core->cfg.frag_ns))
		return;
	/* No fault: an honest peer may have lost its quorum in the middle. */
	core_note(core, NOTE_WARNING, s->peer->nodeid, l,
		  "fragmented message stalled, resetting the link");
	l->why = LINK_WHY_STUCK;
	link_lost(l, false);
}
