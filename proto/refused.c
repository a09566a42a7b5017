/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what a REFUSE from the other end means for dials, sessions and our own incarnation. Knows
 * nothing of why we refuse others (hello.c).
 */
#include "refused.h"

#include <assert.h>

static void refused_closed(struct link *l, const struct refuse *r)
{
	struct session *s = l->peer->session;

	/* About a session that is over: then it has everything. */
	if (!s || s->incarnation != r->mine) {
		peer_drained(l->core, l->peer->nodeid, r->mine);
		peer_backoff(l->peer, false);
		return;
	}
	if (!session_closed_by_peer(s, r->next) && link_vouches(l, s))
		peer_fault(s);
}

/*
 * Static membership: it closes, so it opens no session any more. That it names our session's
 * incarnation as its own says that it has none with us, and nobody else would end ours (R23).
 */
static void refused_leaving(struct peer *p, const struct refuse *r)
{
	struct session *s = p->session;

	if (p->core->cfg.static_members && s && s->incarnation == r->mine)
		session_end(s, SESSION_REFUSED);
	peer_backoff(p, true);
}

/* Its configuration differs from ours, or the listener is not that peer: dial slowly. */
static void refused_mismatch(struct link *l, uint32_t reason)
{
	struct peer *p = l->peer;
	struct note *n;

	assert(reason >= WIRE_REFUSE_CLUSTER && reason <= WIRE_REFUSE_FEATURE);
	/* A peer whose session was up has our configuration. */
	if (p->session && p->session->was_up) {
		peer_backoff(p, true);
		return;
	}
	peer_dial_slowly(p);
	if (p->mismatch == reason)
		return;
	p->mismatch = reason;
	n = core_note(l->core, NOTE_ERROR, p->nodeid, l,
		      "permanently refused by the peer, retrying every 30 s until reconfigured");
	n->detail = wire_reason_text(reason);
}

/*
 * Our dial did not know its latest choice: dial again, knowing it. Once at once; a listener
 * that names another number each time is no reason for more.
 */
static void stale(struct peer *p, const struct refuse *r)
{
	struct session *s = p->session && p->session->incarnation == r->mine ? p->session : NULL;

	if (core_decides(p->core, p) || p->stale_in_row++)
		peer_backoff(p, false);
	else
		p->dial_at_ns = p->core->now_ns;
	if (core_decides(p->core, p))
		return;
	if (s) {
		s->told = r->gen;
	} else if (r->mine) {
		p->stale_incarnation = r->mine;
		p->stale_gen = r->gen;
	}
}

/* Anybody at that address can dial us: there only an incarnation that we know says more than no. */
static bool known_incarnation(const struct peer *p, uint64_t incarnation)
{
	return (p->session && p->session->incarnation == incarnation) ||
		(p->member && p->member == incarnation) ||
		tombstones_find(&p->tombstones, incarnation);
}

/* A refusal on a link that the other side has dialled, and that is not up. */
static bool counts_accepted(const struct link *l, const struct refuse *r)
{
	assert(!l->dialled && link_read_hello(l));
	return (r->reason == WIRE_REFUSE_FAILED || r->reason == WIRE_REFUSE_CLOSED) &&
		r->yours == l->core->cfg.incarnation && known_incarnation(l->peer, r->mine);
}

/* The meaning of a refusal of our present incarnation, from a peer that can know. */
static void take_refusal(struct link *l, const struct refuse *r)
{
	struct peer *p = l->peer;

	assert(r->yours == p->core->cfg.incarnation);
	switch ((enum wire_reason)r->reason) {
	case WIRE_REFUSE_STALE:
		stale(p, r);
		break;
	case WIRE_REFUSE_FAILED:
		p->core->renew_pending = true;
		peer_backoff(p, false);		/* no dial again and again before it is done */
		break;
	case WIRE_REFUSE_CLOSED:
		refused_closed(l, r);
		break;
	case WIRE_REFUSE_CLUSTER:
	case WIRE_REFUSE_VERSION:
	case WIRE_REFUSE_FEATURE:
		refused_mismatch(l, r->reason);
		break;
	case WIRE_REFUSE_PROTOCOL:
		peer_backoff(p, false);
		break;
	case WIRE_REFUSE_IDENTITY:
		paths_skip(&p->paths, l->path);
		peer_backoff(p, true);
		break;
	case WIRE_REFUSE_LEAVING:
		refused_leaving(p, r);
		break;
	case WIRE_REFUSE_CLAIMED:
	default:
		peer_backoff(p, true);
	}
}

enum rx_result refused_rx(struct link *l, const struct frame *f)
{
	struct core *core = l->core;
	struct peer *p = l->peer;
	struct refuse r;
	struct note *n;
	bool ours;

	assert(!link_is_held(l) && l->state != LINK_GONE);
	if (frame_refuse(f, &r))
		return link_fault(l, "malformed REFUSE");
	if (!p || (!l->dialled && !link_read_hello(l)))
		return link_fault(l, "REFUSE received before HELLO");
	n = core_note(core, r.reason == WIRE_REFUSE_STALE || r.reason == WIRE_REFUSE_CLOSED ?
		      NOTE_DEBUG : NOTE_WARNING, p->nodeid, l, "refused by the peer");
	n->detail = wire_reason_text(r.reason);
	l->why = LINK_WHY_REFUSED;
	l->refusal = r.reason;
	ours = r.yours == core->cfg.incarnation;
	/* Where we ask, nobody has that session any more: nothing is missing there. */
	if (l->dialled && r.reason != WIRE_REFUSE_STALE)
		p->time_wait_until_ns = 0;
	if (!l->dialled && !link_is_up(l) && !counts_accepted(l, &r))
		/* If it is true it is said again where we dial. */
		p->asks |= r.reason == WIRE_REFUSE_FAILED && !p->up && ours;
	else if (ours)
		take_refusal(l, &r);
	else
		peer_backoff(p, false);
	link_shut(l, LINK_ORDERLY);
	return RX_GONE;
}
