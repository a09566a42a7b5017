/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the invariants of the core: of rings, sessions, links, peers, and of what is armed for
 * them. Changes nothing; knows no frame but the first one in a ring. The name of each function
 * begins with what it checks, by which tests/mutate tells them apart.
 */
#include "check.h"

#if defined SINEW_CHECK && !defined NDEBUG

#include "core.h"
#include "profile.h"
#include "ring_out.h"
#include "ring_pos.h"
#include "seq.h"

#include <assert.h>

/* ---- rings, as the consumer sees them ---- */

static uint32_t first_seq_of(struct ring *r, uint64_t end)
{
	uint64_t pos = r->acked_pos;
	const uint8_t *f;

	if (pos != end && pos == ring_skip_at(r))
		pos = ring_next_lap(r, pos);
	f = pos >= end ? r->fin_frame : ring_at(r, pos);
	return get_le32(f + offsetof(struct wire_header, u));
}

void ring_check(struct ring *r)
{
	uint64_t end = r->filled >> 1;
	uint64_t all = r->fin ? end + WIRE_FIN : end;
	uint64_t freed = r->acked;
	uint32_t marks = r->marks.put - r->marks.taken;

	assert(r->acked_pos <= r->high && r->sent <= r->high && r->high <= all);
	assert(r->msg_pos <= r->acked_pos && ring_bytes_between(r, freed, end) <= r->size);
	if (r->half_end)
		assert(r->sent < r->half_end && r->half_end <= r->acked_pos && freed <= r->sent);
	else
		assert(r->acked_pos <= r->sent && freed == r->msg_pos);
	assert(marks <= RING_MARKS && r->sent_frame <= r->high);
	if (r->acked_pos < all)
		assert(first_seq_of(r, end) == r->acked_seq);
	assert(r->high_water <= r->size + WIRE_FIN);
	assert(!r->fin || r->filled & 1);
}

/* ---- rings, as the producer sees them ---- */

/* Those that are open or wait behind an open one: in their order, each in its own memory. */
static void ring_slots_check(const struct ring *r)
{
	bool is_closed = r->filled & 1;
	uint64_t behind = ring_tail(r);

	for (unsigned i = 0; i < r->n_slots; i++) {
		const struct ring_slot *s = &r->slots[(r->slot_head + i) % RING_SLOTS];

		assert(s->state != RING_SLOT_FREE && s->pos >= behind && s->used <= s->reserved);
		assert((s->pos & (r->size - 1)) + s->reserved <= r->size);
		behind = s->pos + s->reserved;
	}
	/* The close of the ring may have interrupted a flush that had moved a slot down. */
	assert(!r->n_slots || behind == r->reserved || (is_closed && behind < r->reserved));
}

void ring_put_check(const struct ring *r)
{
	uint64_t tail = ring_tail(r);

	assert(r->acked <= tail);
	assert(tail <= r->reserved);
	assert(r->floor <= r->reserved && r->reserved <= r->floor + r->size);
	assert(r->n_slots <= RING_SLOTS && r->slot_head < RING_SLOTS && r->charged <= r->size);
	assert(r->n_slots == r->held);
	assert(r->fits_end <= r->floor + r->size && (!r->n_slots || !r->fits_end));
	assert(r->refreshed <= r->reserved && r->marked <= tail);
	ring_slots_check(r);
}

/* ---- sessions ---- */

static void session_termination_check(struct session *s)
{
	enum fsm_state state = session_state(s);
	bool heard = state == FSM_CLOSE_WAIT || state == FSM_CLOSING || state == FSM_LAST_ACK;
	bool said = state == FSM_FIN_WAIT1 || state == FSM_FIN_WAIT2 || state == FSM_CLOSING ||
		state == FSM_LAST_ACK;

	assert(state == FSM_ESTABLISHED || heard || said);
	assert(s->got_fin == heard && s->ring.fin == said);
	assert(!said || ring_fin_acked(&s->ring) == (state == FSM_FIN_WAIT2));
	assert(!s->finish_wanted || said || ring_slots_held(&s->ring) ||
	       s->n.is_3_1 || state == FSM_ESTABLISHED ||
	       state == FSM_CLOSE_WAIT);
}

static void session_receiving_check(const struct session *s)
{
	const struct core *core = s->peer->core;

	assert(!seq_after(s->ack_sent, s->expected));
	assert(!s->frag.total || (s->frag.buf && s->frag.got < s->frag.total &&
				  s->frag.total <= core->cfg.max_message));
	assert(!s->ack_at_ns || !s->peer->up || core->deadline_ns <= s->ack_at_ns);
	assert(s->ack_bytes <= core->cfg.ack_bytes);
}

static void session_sending_check(struct session *s)
{
	const struct core_config *cfg = &s->peer->core->cfg;

	/* D asks for nothing again that it was told is acknowledged (R9). */
	assert(!seq_after(s->base, s->ring.acked_seq));
	assert((s->resend_end == UINT64_MAX) == (!s->fruitless && !s->nudged_ns));
	assert(s->max_frame <= cfg->max_frame && s->max_message <= cfg->max_message);
	assert(s->plain_max <= s->max_message);
	assert(!s->plain_max || s->plain_max <= s->max_frame - WIRE_MSG_OVERHEAD);
	assert((s->plain_max != 0) <= s->profile->plain);
	assert(!ring_empty(&s->ring) || !s->n.mark_ns);
	/* A queue that is half empty is short no more. */
	assert(!s->short_told || ring_bytes_queued(&s->ring) >= s->ring.size / 2);
}

/* The last that is known of it: it changes no more. */
static void session_over_check(struct session *s)
{
	assert(session_state(s) == FSM_CLOSED && s->end_state != FSM_CLOSED);
	assert(s->ring.filled & 1);
	assert(!(s->pending & SESSION_P_WRITABLE));
}

static void session_alive_check(struct session *s, const struct peer *p)
{
	assert(p->session == s && s->nodeid == p->nodeid && s->profile == p->profile);
	assert(s->ours == p->core->cfg.incarnation && s->incarnation);
	assert(!tombstones_find(&p->tombstones, s->incarnation));
	assert(!p->up || (s->was_up && p->up->session == s));
	assert(s->was_up || !(s->pending & SESSION_P_UP));
	session_termination_check(s);
	session_receiving_check(s);
	session_sending_check(s);
}

void session_check(struct session *s)
{
	ring_check(&s->ring);
	assert(!s->pending == list_empty(&s->in_pending));
	if (!s->peer)
		assert(s->end == SESSION_ALIVE && session_state(s) == FSM_CLOSED && !s->was_up);
	else if (s->end != SESSION_ALIVE)
		session_over_check(s);
	else
		session_alive_check(s, s->peer);
}

/* ---- links ---- */

/* One held link per incarnation; one per peer of those that a fresh session holds back. */
static void link_held_check(const struct link *l)
{
	assert(!l->session && l->held.mine == l->incarnation);
	list_each(const struct link, o, &l->peer->links, of_peer) {
		if (o == l || !link_is_held(o))
			continue;
		assert(o->incarnation != l->incarnation);
		assert(o->state != LINK_GUARDED || l->state != LINK_GUARDED);
	}
}

static void link_native_check(const struct link *l)
{
	const struct peer *p = l->peer;

	assert(!link_read_hello(l) || l->incarnation);
	assert((l->state == LINK_UP) == (p->up == l) && l->state != LINK_RX_ONLY);
	assert(!link_read_hello(l) || l->use != LINK_FOR_PROBES);
	if (link_is_held(l))
		link_held_check(l);
	assert(l->state != LINK_GUARDED || !l->dialled);
	assert(!l->stuck || (l->waits_ns && l->state == LINK_UP));
	/* Links dialled before were shut when that link came up (R5). */
	assert(!p->up || p->up == l || !l->dialled || l->use != LINK_FOR_SESSION ||
	       l->state == LINK_GONE);
}

/* Of the timers that have no state: they run as long as the link carries a session. */
static void link_rest_check(const struct link *l)
{
	const struct core *core = l->core;
	uint64_t rhythm = core->cfg.keepalive_ns > core->cfg.keepalive_multi_ns ?
		core->cfg.keepalive_ns : core->cfg.keepalive_multi_ns;

	assert(list_empty(&l->pending) && !l->wants && l->state != LINK_GONE);
	assert(l->state != LINK_LAST_ACK || core->deadline_ns <= core->now_ns + core->cfg.stall_ns);
	if (l->session && l->peer->profile->hello)
		assert(core->deadline_ns <= core->now_ns + rhythm);
}

static void link_frames_check(const struct link *l)
{
	assert(l->ctl_off <= l->ctl_len && l->ctl_len <= sizeof l->ctl);
	assert(l->probe.pad_left <= WIRE_PROBE_MAX && l->probe.skip <= WIRE_PROBE_MAX);
	assert(!l->probe.pad_left || (l->use == LINK_FOR_PROBES && l->probe.full));
	assert(!l->probe.skip || (!l->dialled && l->state >= LINK_PROBE));
	assert(l->last_rx_ns <= l->core->now_ns && l->last_tx_ns <= l->core->now_ns);
}

/* In the lists of the core. */
static void link_known_check(const struct link *l)
{
	const struct core *core = l->core;

	assert(l->all.next->prev == &l->all && l->all.prev->next == &l->all);
	assert(list_empty(&l->of_peer) == !l->peer);
	/* Questions and orders for it are not forgotten. */
	assert((l->state != LINK_GONE && !l->wants) || !list_empty(&l->pending));
	assert(l->state == LINK_GONE || (!l->dialled && !link_read_hello(l)) ||
	       (l->peer && peer_find(l->core, l->peer->nodeid) == l->peer));
	assert((l->session != NULL) == (l->state == LINK_UP || l->state == LINK_RX_ONLY));
	assert(!l->session || l->session == l->peer->session);
	/* No state lasts for ever. */
	assert((l->deadline_ns == CORE_NEVER) == (link_is_up(l) || l->state == LINK_GONE));
	assert(core->deadline_ns <= l->deadline_ns);
	if (l->peer && l->peer->profile->hello)
		link_native_check(l);
}

static void link_alone_check(const struct link *l)
{
	assert(l->state != LINK_NEW && l->state != LINK_READ);
	link_frames_check(l);
	if (list_empty(&l->all))
		assert(l->state == LINK_GONE && !l->session && list_empty(&l->pending));
	else
		link_known_check(l);
}

void link_check(const struct link *l)
{
	link_alone_check(l);
	if (l->session)
		session_check(l->session);
}

/* ---- peers ---- */

/* Its session has no link: one is under way, or a dial is due. */
static void peer_dial_due_check(const struct peer *p)
{
	const struct core *core = p->core;
	uint64_t at = p->dial_at_ns > core->now_ns ? p->dial_at_ns : core->now_ns;

	if (!p->session || p->up || !p->paths.n || p->never_dial || p->dial_pending)
		return;
	list_each(const struct link, l, &p->links, of_peer)
		if (l->use != LINK_FOR_PROBES && l->state != LINK_LAST_ACK)
			return;
	assert(core->deadline_ns <= at);
}

static void peer_rest_check(const struct peer *p)
{
	const struct core *core = p->core;

	assert(list_empty(&p->pending) && !p->pending_what && !p->probe_pending);
	assert(!p->dial_pending || p->dial_polled);
	assert(!p->never_dial || !p->probing);
	assert(p->time_wait_until_ns <= core->now_ns || core->deadline_ns <= p->time_wait_until_ns);
	peer_dial_due_check(p);
}

static void peer_links_check(const struct peer *p)
{
	uint32_t probing = 0;

	list_each(const struct link, l, &p->links, of_peer) {
		assert(l->peer == p && l->core == p->core);
		if (l->use == LINK_FOR_PROBES && l->state != LINK_GONE)
			probing |= 1u << l->path;
	}
	assert(p->probing == probing);
	assert(!p->up || (p->up->peer == p && p->up->state == LINK_UP && p->session &&
			  p->up->session == p->session));
}

void peer_check(struct peer *p)
{
	assert(peer_find(p->core, p->nodeid) == p);
	assert(!(p->pending_what || p->probe_pending) || !list_empty(&p->pending));
	assert(p->backoff_ns <= p->core->cfg.backoff_max_ns);
	assert(p->paths.n <= PATHS_MAX && (!p->paths.n || p->paths.next < p->paths.n));
	assert(!p->spare || (p->spare != p->session && !p->spare->peer));
	peer_links_check(p);
	if (p->session)
		session_check(p->session);
}

/* ---- the core ---- */

void core_action_check(const struct core_action *a)
{
	if (a->link)
		link_alone_check(a->link);
	if (a->session)
		session_check(a->session);
	/* Otherwise it may have been removed since. */
	if (a->what == CORE_DIAL || a->what == CORE_PROBE || a->what == CORE_PROVIDE)
		peer_check(a->peer);
}

void core_check(struct core *core)
{
	unsigned n = 0;

	assert(!core_pending(core) && !core->n_notes && !core->marked);
	list_each(const struct link, l, &core->links, all) {
		assert(l->core == core);
		link_rest_check(l);
		link_alone_check(l);
	}
	list_each(struct peer, p, &core->peers, all) {
		n++;
		assert(p->core == core);
		peer_rest_check(p);
		peer_check(p);
	}
	assert(n == core->n_peers);
}

void core_check_tick(struct core *core)
{
	list_each(const struct peer, p, &core->peers, all) {
		const struct session *s = p->session;

		if (!s || !p->up || !s->profile->prompt)
			continue;
		/* Received messages are acknowledged, sooner or later. */
		assert(!session_ack_owed(s) || s->ack_now || s->ack_at_ns);
	}
}

#endif
