/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the invariants of the core: of rings, sessions, links, peers, and of what is armed for
 * them. Changes nothing; knows no frame but the first one in a ring.
 */
#include "check.h"

#ifdef SINEW_CHECK

#include "core.h"
#include "profile.h"
#include "ring_out.h"
#include "ring_pos.h"
#include "seq.h"

#include <assert.h>

/* ---- rings, as the consumer sees them ---- */

static uint32_t first_seq_of(struct ring *r, uint64_t end)
{
	uint64_t pos = r->acked_pos, skip = atomic_load_explicit(&r->skip_at, memory_order_relaxed);
	const uint8_t *f;

	if (pos != end && pos == skip)
		pos = ring_next_lap(r, pos);
	f = pos >= end ? r->fin_frame : ring_at(r, pos);
	return get_le32(f + offsetof(struct wire_header, u));
}

/* From pos to end without the gap at the end of a lap. */
static uint64_t bytes_from(const struct ring *r, uint64_t pos, uint64_t end)
{
	uint64_t skip = atomic_load_explicit(&r->skip_at, memory_order_relaxed);

	if (skip >= pos && skip < end)
		return end - pos - (ring_next_lap(r, skip) - skip);
	return end - pos;
}

static void ring_check(struct ring *r)
{
	uint64_t end = atomic_load_explicit(&r->filled, memory_order_acquire) >> 1;
	uint64_t all = r->fin ? end + WIRE_FIN : end;
	uint64_t freed = atomic_load_explicit(&r->acked, memory_order_relaxed);
	uint32_t marks = atomic_load_explicit(&r->marks_put, memory_order_relaxed) -
		atomic_load_explicit(&r->marks_taken, memory_order_relaxed);

	assert(r->acked_pos <= r->high && r->sent <= r->high && r->high <= all);
	assert(r->msg_pos <= r->acked_pos && bytes_from(r, freed, end) <= r->size);
	if (r->half_end)
		assert(r->sent < r->half_end && r->half_end <= r->acked_pos && freed <= r->sent);
	else
		assert(r->acked_pos <= r->sent && freed == r->msg_pos);
	assert(marks <= RING_MARKS);
	if (r->acked_pos < all)
		assert(first_seq_of(r, end) == r->acked_seq);
	assert(atomic_load_explicit(&r->high_water, memory_order_relaxed) <= r->size + WIRE_FIN);
}

/* ---- sessions ---- */

static void termination_check(struct session *s)
{
	enum fsm_state state = session_state(s);
	bool heard = state == FSM_CLOSE_WAIT || state == FSM_CLOSING || state == FSM_LAST_ACK;
	bool said = state == FSM_FIN_WAIT1 || state == FSM_FIN_WAIT2 || state == FSM_CLOSING ||
		state == FSM_LAST_ACK;

	assert(state == FSM_ESTABLISHED || heard || said);
	assert(s->got_fin == heard && s->ring.fin == said);
	assert(!said || ring_fin_acked(&s->ring) == (state == FSM_FIN_WAIT2));
	assert(!s->finish_wanted || said || ring_slots_held(&s->ring) ||
	       s->version == WIRE_VERSION_3_1 || state == FSM_ESTABLISHED ||
	       state == FSM_CLOSE_WAIT);
}

static void receiving_check(const struct session *s)
{
	const struct core *core = s->peer->core;

	assert(!seq_after(s->ack_sent, s->expected));
	assert(!s->frag.total || (s->frag.buf && s->frag.got < s->frag.total &&
				  s->frag.total <= core->cfg.max_message));
	assert(!s->ack_at_ns || !s->peer->up || core->deadline_ns <= s->ack_at_ns);
	assert(s->ack_bytes <= core->cfg.ack_bytes);
}

static void sending_check(struct session *s)
{
	const struct core_config *cfg = &s->peer->core->cfg;

	/* What D was told is acknowledged since is not asked for again (R9). */
	assert(!seq_after(s->base, s->ring.acked_seq));
	assert((s->resend_end == UINT64_MAX) == !s->fruitless);
	assert(s->max_frame <= cfg->max_frame && s->max_message <= cfg->max_message);
	assert(s->plain_max <= s->max_message);
	assert(!s->plain_max || s->plain_max <= s->max_frame - WIRE_MSG_OVERHEAD);
	assert((s->plain_max != 0) <= s->profile->plain);
	assert(!ring_empty(&s->ring) ||
	       !atomic_load_explicit(&s->mark_ns, memory_order_relaxed));
	/* A queue that is half empty is short no more. */
	assert(!s->short_told || ring_bytes_queued(&s->ring) >= s->ring.size / 2);
}

static void session_check(struct session *s, const struct peer *p)
{
	assert(s->peer == p && s->end == SESSION_ALIVE && s->nodeid == p->nodeid);
	assert(s->ours == p->core->cfg.incarnation && s->incarnation);
	assert(!s->pending && list_empty(&s->in_pending));
	assert(!tombs_find(&p->tombs, s->incarnation));
	assert(!p->up || s->was_up);
	ring_check(&s->ring);
	termination_check(s);
	receiving_check(s);
	sending_check(s);
}

/* ---- links ---- */

/* One held link for each life; one for each peer of those that a fresh session holds back. */
static void held_check(const struct link *l)
{
	list_each(const struct link, o, &l->peer->links, of_peer) {
		if (o == l || !link_is_held(o))
			continue;
		assert(o->life != l->life);
		assert(o->state != LINK_GUARDED || l->state != LINK_GUARDED);
	}
}

static void native_link_check(const struct link *l)
{
	const struct peer *p = l->peer;

	assert(!link_read_hello(l) || l->life);
	assert((l->state == LINK_UP) == (p->up == l) && l->state != LINK_RX_ONLY);
	assert(!link_read_hello(l) || l->use != LINK_FOR_PROBES);
	if (link_is_held(l))
		held_check(l);
	assert(l->state != LINK_GUARDED || !l->dialled);
	assert(!l->stuck || (l->waits_ns && l->state == LINK_UP));
	/* What was dialled before was shut when that link came up (R5). */
	assert(!p->up || p->up == l || !l->dialled || l->use != LINK_FOR_SESSION);
}

static void link_check(const struct link *l)
{
	const struct core *core = l->core;
	uint64_t rhythm = core->cfg.keepalive_ns > core->cfg.keepalive_multi_ns ?
		core->cfg.keepalive_ns : core->cfg.keepalive_multi_ns;

	assert(l->all.next->prev == &l->all && l->all.prev->next == &l->all);
	assert(list_empty(&l->of_peer) == !l->peer);
	assert(list_empty(&l->pending) && !l->wants && l->state != LINK_GONE);
	assert(l->state != LINK_NEW && l->state != LINK_READ);
	assert(l->ctl_off <= l->ctl_len && l->ctl_len <= sizeof l->ctl);
	assert(l->last_rx_ns <= core->now_ns && l->last_tx_ns <= core->now_ns);
	assert((!l->dialled && !link_read_hello(l)) ||
	       (l->peer && peer_find(l->core, l->peer->nodeid) == l->peer));
	assert(!l->session || l->session == l->peer->session);
	assert((l->session != NULL) == (l->state == LINK_UP || l->state == LINK_RX_ONLY));
	/* No state lasts for ever. */
	assert((l->deadline_ns == CORE_NEVER) == link_is_up(l));
	assert(core->deadline_ns <= l->deadline_ns);
	assert(l->state != LINK_LAST_ACK || core->deadline_ns <= core->now_ns + core->cfg.stall_ns);
	if (!l->peer || !l->peer->profile->hello)
		return;
	assert(!l->session || core->deadline_ns <= core->now_ns + rhythm);
	native_link_check(l);
}

/* ---- peers ---- */

/* Its session has no link: one is under way, or a dial is due. */
static void dial_check(const struct peer *p)
{
	const struct core *core = p->core;
	uint64_t at = p->dial_at_ns > core->now_ns ? p->dial_at_ns : core->now_ns;

	if (!p->session || p->up || !p->paths.n || p->dial_raised)
		return;
	list_each(const struct link, l, &p->links, of_peer)
		if (l->use != LINK_FOR_PROBES && l->state != LINK_LAST_ACK)
			return;
	assert(core->deadline_ns <= at);
}

static void peer_check(struct peer *p)
{
	const struct core *core = p->core;
	uint32_t probing = 0;

	assert(peer_find(p->core, p->nodeid) == p);
	assert(list_empty(&p->pending) && !p->pending_what && !p->probe_raised);
	assert(!p->dial_raised || p->dial_polled);
	list_each(const struct link, l, &p->links, of_peer) {
		assert(l->peer == p);
		if (l->use == LINK_FOR_PROBES)
			probing |= 1u << l->path;
	}
	assert(p->probing == probing);
	assert(!p->up || (p->up->peer == p && p->up->state == LINK_UP && p->session &&
			  p->up->session == p->session));
	assert(p->backoff_ns <= core->cfg.backoff_max_ns);
	assert(p->owes_until_ns <= core->now_ns || core->deadline_ns <= p->owes_until_ns);
	assert(p->paths.n <= PATHS_MAX && (!p->paths.n || p->paths.next < p->paths.n));
	if (p->session)
		session_check(p->session, p);
	dial_check(p);
}

/* ---- the core ---- */

void core_check(struct core *core)
{
	unsigned n = 0;

	assert(!core_pending(core) && !core->n_notes && !core->marked);
	list_each(const struct link, l, &core->links, all) {
		assert(l->core == core);
		link_check(l);
	}
	list_each(struct peer, p, &core->peers, all) {
		n++;
		assert(p->core == core);
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
		/* What arrived is acknowledged, sooner or later. */
		assert(!session_ack_owed(s) || s->ack_now || s->ack_at_ns);
	}
}

#endif
