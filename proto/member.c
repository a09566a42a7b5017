/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"
#include "core.h"
#include "profile.h"

#include <assert.h>

/* ---- configuration ---- */

/* The same addresses may have other numbers now: what goes on is where it was. */
static void renumber(struct peer *p)
{
	p->probing = p->probe_pending = 0;
	list_each(struct link, l, &p->links, of_peer) {
		int i = paths_find(&p->paths, &l->from);

		if (l->use == LINK_FOR_PROBES && i < 0)
			link_shut(l, LINK_RESET);
		if (i >= 0)
			l->path = (unsigned)i;
		if (l->use == LINK_FOR_PROBES && l->state != LINK_GONE)
			p->probing |= 1u << l->path;
	}
	p->dial_path = paths_choose(&p->paths);
}

void peer_addrs(struct peer *p, const struct path_addr *addrs, unsigned n_addrs)
{
	paths_set(&p->paths, addrs, n_addrs);
	renumber(p);
	p->mismatch = 0;
	p->backoff_ns = 0;
	peer_dial_soon(p, 0);
	peer_check(p);
}

/* The peer may have chosen one of them already: to it that link has broken. */
static void end_dials(struct peer *p)
{
	p->probe_pending = 0;
	if (!p->dial_polled)
		p->dial_pending = false;
	list_each(struct link, l, &p->links, of_peer)
		if (l->dialled && !link_is_up(l) && l->state != LINK_LAST_ACK)
			link_shut(l, LINK_RESET);
}

void peer_set_never_dial(struct peer *p, bool never)
{
	assert(p->profile->hello);
	if (p->never_dial == never)
		return;
	p->never_dial = never;
	if (never)
		end_dials(p);
	else
		peer_dial_soon(p, 0);
	peer_check(p);
}

void peer_remove(struct peer *p)
{
	if (p->session)
		session_end(p->session, SESSION_REMOVED);
	list_each(struct link, l, &p->links, of_peer) {
		link_shut(l, LINK_RESET);
		link_belongs_to(l, NULL);
	}
	assert(!p->session && !p->up && list_empty(&p->links));
	peer_forget(p);
}

/* ---- incarnations ---- */

/* A new incarnation may have another configuration: no reason to dial it rarely. */
static void mismatch_over(struct peer *p)
{
	if (p->mismatch)
		p->dial_at_ns = p->core->now_ns;
	p->mismatch = 0;
}

struct session *peer_open_session(struct peer *p, uint64_t incarnation)
{
	struct core *core = p->core;
	struct session *s = p->spare;

	if (!s)
		return NULL;
	assert(!p->session);
	assert(incarnation && s->end == SESSION_ALIVE && !s->peer);
	p->spare = NULL;
	p->pending_what |= PEER_P_PROVIDE;
	core_mark_peer(p);
	s->peer = p;
	s->nodeid = p->nodeid;
	s->incarnation = incarnation;
	s->ours = core->cfg.incarnation;
	s->profile = p->profile;
	s->told = p->stale_incarnation == incarnation ? p->stale_gen : 0;
	s->max_frame = core->cfg.max_frame;
	s->max_message = core->cfg.max_message;
	session_limits(s, core->cfg.max_frame, core->cfg.max_message);
	if (p->profile->packet) {
		session_limits(s, core->cfg.max_frame, WIRE_DLM_MAX);
		ring_take_packets(&s->ring);
	}
	s->ack_bytes = core->cfg.ack_bytes;
	s->base = core->cfg.first_seq;
	s->resend_end = UINT64_MAX;
	p->session = s;
	p->epoch++;
	mismatch_over(p);
	session_event(s, FSM_OPEN, NULL);
	assert(session_state(s) == FSM_ESTABLISHED);
	if (p->member == incarnation && p->member_leaving)
		session_event(s, FSM_LEAVING, NULL);
	return s;
}

void peer_provide(struct peer *p, struct session *s)
{
	assert(!s->peer && s->ring.high == 0);
	assert(!p->spare);
	p->spare = s;
	if (p->member && !p->session)
		peer_added(p, p->member);
	p->profile->admit(p);
	core_mark_dial(p);
	peer_check(p);
}

void peer_added(struct peer *p, uint64_t incarnation)
{
	assert(incarnation);
	if (p->member != incarnation)
		p->member_leaving = false;
	p->member = incarnation;
	if (p->session && p->session->incarnation != incarnation)
		session_end(p->session, SESSION_FAILED);
	if (!p->session && !p->core->closing && !tombstones_find(&p->tombstones, incarnation))
		peer_open_session(p, incarnation);
	mismatch_over(p);
	p->profile->admit(p);
	core_mark_dial(p);
	peer_check(p);
}

void peer_leaving(struct peer *p, uint64_t incarnation)
{
	assert(incarnation);
	if (p->member == incarnation)
		p->member_leaving = true;
	if (p->session && p->session->incarnation == incarnation)
		session_event(p->session, FSM_LEAVING, NULL);
	peer_check(p);
}

static void gone(struct peer *p, uint64_t incarnation, enum session_end why)
{
	if (p->member == incarnation)
		p->member = 0;
	if (p->session && p->session->incarnation == incarnation)
		session_end(p->session, why);
	/* A HELLO of that incarnation is not going to be admitted any more. */
	list_each(struct link, l, &p->links, of_peer)
		if (link_is_held(l) && l->incarnation == incarnation)
			link_refuse(l, WIRE_REFUSE_FAILED, 0, 0);
	peer_check(p);
}

void peer_left(struct peer *p, uint64_t incarnation)
{
	gone(p, incarnation, SESSION_LEFT);
}

void peer_failed(struct peer *p, uint64_t incarnation)
{
	if (!incarnation && p->session)
		incarnation = p->session->incarnation;
	if (incarnation)
		gone(p, incarnation, SESSION_FAILED);
}
