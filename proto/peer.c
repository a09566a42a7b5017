/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what a peer is apart from its sessions and links: when and where to dial. Knows no frame.
 */
#include "peer.h"

#include "check.h"
#include "core.h"
#include "profile.h"

#include <assert.h>

/* ---- the table ---- */

static struct peer **bucket(struct core *core, uint32_t nodeid)
{
	return &core->by_nodeid[nodeid % CORE_PEER_HASH];
}

struct peer *peer_find(struct core *core, uint32_t nodeid)
{
	struct peer *p = *bucket(core, nodeid);

	while (p && p->nodeid != nodeid)
		p = p->hash_next;
	return p;
}

void peer_add(struct core *core, struct peer *p, uint32_t nodeid, const struct profile *profile,
	      const struct path_addr *addrs, unsigned n_addrs)
{
	assert(nodeid && nodeid != core->cfg.nodeid && !peer_find(core, nodeid));
	memset(p, 0, sizeof *p);
	p->core = core;
	p->nodeid = nodeid;
	p->profile = profile;
	paths_set(&p->paths, addrs, n_addrs);
	tombstones_init(&p->tombstones);
	list_init(&p->links);
	list_init(&p->pending);
	list_push(&core->peers, &p->all);
	p->hash_next = *bucket(core, nodeid);
	*bucket(core, nodeid) = p;
	core->n_peers++;
	peer_dial_soon(p, core_decides(core, p) ? core->cfg.coordinator_wait_ns : 0);
	peer_check(p);
}

/* An incarnation that does not know its end would go on with the numbers of an old session. */
void peer_remember(struct peer *p, const struct tombstones *tombstones)
{
	assert(!p->session && list_empty(&p->links));
	p->tombstones = *tombstones;
}

void peer_forget(struct peer *p)
{
	struct peer **pp = bucket(p->core, p->nodeid);

	assert(!p->session && list_empty(&p->links));
	list_remove(&p->pending);
	list_remove(&p->all);
	while (*pp != p)
		pp = &(*pp)->hash_next;
	*pp = p->hash_next;
	p->core->n_peers--;
}

bool peer_has_path(const struct peer *p, const struct path_addr *from)
{
	return paths_find(&p->paths, from) >= 0;
}

void peer_path_failed(struct peer *p, unsigned path)
{
	if (!p->up || p->up->path != path)
		paths_failed(&p->paths, path);
}

/* ---- the end of its sessions ---- */

/* SESSION_REFUSED: the peer closes. It would renew its incarnation if it were told FAILED (R23). */
static enum tomb_kind tomb_of(enum session_end why)
{
	switch (why) {
	case SESSION_CLOSED:
		return TOMB_CLOSED;
	case SESSION_REFUSED:
		return TOMB_LEAVING;
	case SESSION_LEFT:
	case SESSION_FAILED:
	case SESSION_SUPERSEDED:
	case SESSION_RENEWED:
	case SESSION_LINGER:
	case SESSION_ABORTED:
	case SESSION_REMOVED:
		return TOMB_FAILED;
	case SESSION_ALIVE:
		break;
	}
	return TOMB_NONE;
}

void peer_bury(const struct session *s)
{
	tombstones_bury(&s->peer->tombstones, s->incarnation, tomb_of(s->end), s->expected);
}

/* ---- the last ACK (R24) ---- */

/*
 * Whether that incarnation has seen our last ACK is not known: stay for its redial,
 * and dial to ask: it is refused as CLOSED, refuses us so itself, or is gone.
 * With membership its end is told otherwise. dlm profile: stay, whatever the membership is; its FIN
 * comes again.
 */
void peer_time_wait(struct peer *p, uint64_t incarnation)
{
	struct core *core = p->core;

	assert(incarnation && (!p->session || p->session->incarnation != incarnation));
	if (!core->cfg.static_members && p->profile->hello)
		return;
	p->time_wait_incarnation = incarnation;
	p->time_wait_refused = 0;
	p->time_wait_until_ns = core->now_ns + core->cfg.time_wait_ns;
	core_arm(core, p->time_wait_until_ns);
	if (!p->profile->hello)
		return;
	/* It may be dialling already, or reading what was said. */
	if (p->dial_at_ns < core->now_ns + core->cfg.backoff_min_ns)
		p->dial_at_ns = core->now_ns + core->cfg.backoff_min_ns;
	core_mark_dial(p);
}

bool peer_in_time_wait(const struct peer *p)
{
	return p->time_wait_until_ns > p->core->now_ns;
}

void peer_drained(struct core *core, uint32_t nodeid, uint64_t incarnation)
{
	struct peer *p = peer_find(core, nodeid);

	if (p && p->time_wait_incarnation == incarnation)
		p->time_wait_until_ns = 0;
}

void peer_absent(struct peer *p)
{
	/* Twice, because what answers for it may be the network. */
	if (++p->time_wait_refused == 2)
		p->time_wait_until_ns = 0;
}

void peer_ask_fence(struct session *s, enum fence_reason reason)
{
	struct peer *p = s->peer;

	assert(p->session == s);
	/* Another reason may pass by itself, and be ignored. */
	if (s->fence_asked && reason != FENCE_LOST)
		return;
	s->fence_asked = true;
	p->pending_what |= PEER_P_FENCE;
	p->fence_incarnation = s->incarnation;
	p->fence_reason = reason;
	core_mark_peer(p);
}

void peer_fault(struct session *s)
{
	assert(s->end == SESSION_ALIVE && s->peer->session == s);
	s->n.faults++;
	if (s->n.faults >= s->peer->core->cfg.fault_limit)
		peer_ask_fence(s, FENCE_PROTOCOL);
}

/* ---- dials ---- */

static bool wants_link(const struct peer *p)
{
	const struct core *core = p->core;

	if (!p->paths.n || p->never_dial)
		return false;
	if (p->session || (peer_in_time_wait(p) && p->profile->hello) ||
	    (p->asks && !core->closing))
		return true;
	if (!p->profile->hello || core->closing)
		return false;
	if (core->cfg.static_members)
		return !tombstones_count(&p->tombstones, TOMB_CLOSED);
	/* A dead incarnation that membership shows again must be told (R21). */
	if (p->member) {
		const struct tombstone *t = tombstones_find(&p->tombstones, p->member);

		return t && t->kind == TOMB_FAILED;
	}
	return false;
}

/* R7: an own dial is pending, or a choice may be in flight on an accepted link. */
static bool link_under_way(const struct peer *p)
{
	if (p->dial_pending)
		return true;
	list_each(const struct link, l, &p->links, of_peer) {
		if (l->use == LINK_FOR_PROBES || l->state == LINK_GONE)
			continue;
		if (l->dialled && !link_is_up(l))
			return true;
		/* A choice comes from the incarnation of the session, if there is one. */
		if (!l->dialled && l->state == LINK_ANSWERED &&
		    (!p->session || p->session->incarnation == l->incarnation))
			return true;
	}
	return false;
}

bool peer_changes_paths(const struct peer *p)
{
	return p->profile->failover && !p->core->cfg.multihomed;
}

/* D alone may leave a living link for the preferred path (R4). */
static bool wants_to_move(const struct peer *p)
{
	const struct core *core = p->core;
	const struct path *first = &p->paths.p[0];

	return peer_changes_paths(p) && core_decides(core, p) &&
		p->up && p->up->path != 0 && first->state == PATH_ALIVE && p->session &&
		core->now_ns - first->alive_since_ns >= core->cfg.prefer_ns &&
		paths_may_return(&p->paths, 0, core->now_ns) &&
		core->now_ns - p->up->opened_ns >= core->cfg.prefer_ns;
}

void peer_dial_check(struct peer *p)
{
	bool move = wants_to_move(p), beside = move || (p->up && p->up->stuck);

	if (!wants_link(p) || (p->up && !beside) || link_under_way(p))
		return;
	if (!core_due(p->core, p->dial_at_ns))
		return;
	p->dial_pending = true;
	p->dial_polled = false;
	p->dial_beside = beside;
	p->dial_path = move ? 0 : paths_choose(&p->paths);
	assert(p->dial_path < p->paths.n);
	core_mark_peer(p);
}

void peer_dial_soon(struct peer *p, uint64_t delay_ns)
{
	p->dial_at_ns = p->core->now_ns + delay_ns;
	core_mark_dial(p);
}

void peer_backoff(struct peer *p, bool to_the_cap)
{
	const struct core_config *cfg = &p->core->cfg;
	uint64_t b = p->backoff_ns ? 2 * p->backoff_ns : cfg->backoff_min_ns;

	if (to_the_cap || b > cfg->backoff_max_ns)
		b = cfg->backoff_max_ns;
	p->backoff_ns = b;
	/* 75 .. 125 % */
	p->dial_at_ns = p->core->now_ns + b - b / 4 + b / 2 * (core_random(p->core) >> 16) / 65536;
}

void peer_dial_slowly(struct peer *p)
{
	uint64_t rare = p->core->cfg.refused_ns;

	/* 87 .. 112 % */
	p->dial_at_ns = p->core->now_ns + rare - rare / 8 +
		rare / 4 * (core_random(p->core) >> 16) / 65536;
}

/* A link is stuck, or broke not long ago: the path may be back at any moment (R7). */
static bool redials(const struct peer *p)
{
	const struct core *core = p->core;

	return p->profile->failover && p->session && p->session->was_up &&
		(p->up ? p->up->stuck : core->now_ns - p->lost_ns < core->cfg.redial_for_ns);
}

uint64_t peer_dial_ns(const struct peer *p)
{
	return redials(p) ? p->core->cfg.redial_ns : p->core->cfg.connect_ns;
}

void peer_dial_failed(struct peer *p, uint64_t began_ns)
{
	uint64_t next = began_ns + p->core->cfg.redial_ns;

	assert(began_ns <= p->core->now_ns);
	peer_backoff(p, false);
	if (redials(p) && p->dial_at_ns > next)
		p->dial_at_ns = next > p->core->now_ns ? next : p->core->now_ns;
}

void peer_time_wait_tick(struct peer *p)
{
	if (peer_in_time_wait(p))
		core_arm(p->core, p->time_wait_until_ns);
}
