/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the node-wide state: configuration, time, notes and the lists of what
 * is pending. Knows the rules of no frame.
 */
#include "core.h"

#include "check.h"
#include "dlm_loss.h"
#include "hello.h"
#include "probe.h"
#include "profile.h"
#include "settle.h"
#include "stuck.h"

#include <assert.h>

#define MS(n) ((uint64_t)(n) * 1000000u)

void core_config_default(struct core_config *c)
{
	*c = (struct core_config) {
		.group = "sinew",
		.static_members = true,
		.quorum_stops = true,
		.reset_repeats = true,
		.max_frame = WIRE_FRAME_MAX,
		.max_message = 16u << 20,
		.queue_bytes = 32u << 20,
		.ack_frames = 256,
		.ack_bytes = 1024u * 1024,
		.fault_limit = 10,
		.stall_limit = 5,
		.connect_ns = MS(2000),
		.redial_ns = MS(500),
		.redial_for_ns = MS(120000),
		.hello_ns = MS(2000),
		.held_ns = MS(10000),
		.backoff_min_ns = MS(20),
		.backoff_max_ns = MS(1000),
		.refused_ns = MS(30000),
		.comeback_ns = MS(250),
		.coordinator_wait_ns = MS(20),
		.keepalive_ns = MS(5000),
		.keepalive_multi_ns = MS(700),
		.stall_ns = MS(20000),
		.path_dead_ns = MS(2000),
		.probe_ns = MS(1000),
		.prefer_ns = MS(5000),
		.hold_max_ns = MS(300000),
		.ack_ns = MS(5),
		.frag_ns = MS(60000),
		.time_wait_ns = MS(3000),
	};
}

void core_init(struct core *core, const struct core_config *cfg, uint64_t now_ns)
{
	assert(cfg->max_frame <= WIRE_FRAME_MAX && cfg->backoff_min_ns <= cfg->backoff_max_ns);
	assert(cfg->nodeid && cfg->incarnation && cfg->max_frame > 2 * WIRE_FRAG_OVERHEAD);
	memset(core, 0, sizeof *core);
	core->cfg = *cfg;
	list_init(&core->peers);
	list_init(&core->links);
	list_init(&core->sessions_pending);
	list_init(&core->links_pending);
	list_init(&core->peers_pending);
	core->now_ns = now_ns;
	core->deadline_ns = CORE_NEVER;
	core->quorate = true;
	core->rng = cfg->seed ^ cfg->incarnation ^ 0x9e3779b97f4a7c15u;
	if (!core->rng)
		core->rng = 1;
}

/* A time that was set with a longer interval. */
static void shorten(uint64_t *at_ns, uint64_t latest_ns)
{
	if (*at_ns > latest_ns)
		*at_ns = latest_ns;
}

static void tune_peer(struct peer *p)
{
	const struct core_config *cfg = &p->core->cfg;

	if (p->backoff_ns > cfg->backoff_max_ns) {
		p->backoff_ns = cfg->backoff_max_ns;
		/* A refusal has a pause of its own. */
		if (!p->mismatch)
			shorten(&p->dial_at_ns, p->core->now_ns + p->backoff_ns);
	}
	for (unsigned i = 0; i < p->paths.n; i++)
		shorten(&p->paths.p[i].probe_at_ns, p->core->now_ns + cfg->probe_ns);
	if (p->session)
		shorten(&p->session->ack_at_ns, p->core->now_ns + cfg->ack_ns);
}

void core_tune(struct core *core, const struct core_config *cfg)
{
	struct core_config *c = &core->cfg;
	bool may_send = core_may_send(core);

	assert(cfg->backoff_min_ns <= cfg->backoff_max_ns);
	c->fault_limit = cfg->fault_limit;
	c->stall_limit = cfg->stall_limit;
	c->ack_frames = cfg->ack_frames;
	c->auto_close = cfg->auto_close;
	c->policy_31 = cfg->policy_31;
	c->quorum_stops = cfg->quorum_stops;
	c->connect_ns = cfg->connect_ns;
	c->hello_ns = cfg->hello_ns;
	c->backoff_min_ns = cfg->backoff_min_ns;
	c->backoff_max_ns = cfg->backoff_max_ns;
	c->keepalive_ns = cfg->keepalive_ns;
	c->keepalive_multi_ns = cfg->keepalive_multi_ns;
	c->stall_ns = cfg->stall_ns;
	c->path_dead_ns = cfg->path_dead_ns;
	c->probe_ns = cfg->probe_ns;
	c->ack_ns = cfg->ack_ns;
	list_each(struct peer, p, &core->peers, all)
		tune_peer(p);
	list_each(struct link, l, &core->links, all)
		if (!may_send && core_may_send(core) && l->session)
			link_mark_tx(l);
	/* Each timer looks by itself what it waits for now. */
	core_arm(core, core->now_ns);
}

void core_now(struct core *core, uint64_t now_ns)
{
	if (now_ns > core->now_ns)
		core->now_ns = now_ns;
}

uint64_t core_deadline(const struct core *core)
{
	return core->deadline_ns;
}

#define IN(state) (1u << LINK_ ## state)
#define LINK_TIMER(name, states, tick) { states, tick },
#define PEER_TIMER(name, tick)

static const struct {
	unsigned states;
	void (*tick)(struct link *l);
} link_timers[] = {
#include "timers.def"
};

#undef LINK_TIMER
#undef PEER_TIMER
#define LINK_TIMER(name, states, tick)
#define PEER_TIMER(name, tick) tick,

static void (*const peer_timers[])(struct peer *p) = {
#include "timers.def"
};

/* A timer may end the link, or bring it up: each one sees the state left by the one before. */
static void tick_link(struct link *l)
{
	for (unsigned i = 0; i < sizeof link_timers / sizeof link_timers[0]; i++)
		if (link_timers[i].states & 1u << l->state)
			link_timers[i].tick(l);
}

static void tick_peer(struct peer *p)
{
	for (unsigned i = 0; i < sizeof peer_timers / sizeof peer_timers[0]; i++)
		peer_timers[i](p);
}

void core_tick(struct core *core)
{
	if (core->now_ns < core->deadline_ns)
		return;
	core->deadline_ns = CORE_NEVER;
	/* A link that is shut here stays in the list until it is polled. */
	list_each(struct link, l, &core->links, all) {
		tick_link(l);
		core_settle(core);
	}
	list_each(struct peer, p, &core->peers, all) {
		tick_peer(p);
		core_settle(core);
	}
	core_check_tick(core);
}

/* ---- what is pending ---- */

static bool poll_session(struct core *core, struct core_action *a)
{
	/* By the bits of enum session_pending. */
	static const enum core_what what[] = {
		CORE_PEER_UP, CORE_LINK_UP, CORE_PATH, CORE_FINISHED, CORE_WRITABLE,
		CORE_FINISHING, CORE_PEER_DOWN,
	};
	struct session *s;

	if (list_empty(&core->sessions_pending))
		return false;
	s = list_first(&core->sessions_pending, struct session, in_pending);
	assert(s->pending && s->peer);
	*a = (struct core_action) {
		.what = what[__builtin_ctz(s->pending)], .session = s, .peer = s->peer,
	};
	s->pending &= s->pending - 1;
	if (!s->pending)
		list_remove(&s->in_pending);
	return true;
}

static bool poll_link(struct core *core, struct core_action *a)
{
	struct link *l;

	if (list_empty(&core->links_pending))
		return false;
	l = list_first(&core->links_pending, struct link, pending);
	assert(l->state == LINK_GONE || l->wants);
	list_remove(&l->pending);
	*a = (struct core_action) { .what = CORE_TX, .link = l, .peer = l->peer };
	if (l->state == LINK_GONE) {
		a->what = CORE_SHUT;
		a->how = l->how;
		core_forget_link(l);
	} else if (l->wants & LINK_WANTS_ASK) {
		a->what = CORE_ASK;
		l->wants &= ~(unsigned)LINK_WANTS_ASK;
		if (l->wants)
			core_mark_link(l);
	} else {
		l->wants = 0;
	}
	return true;
}

/* The next action of one peer; false when nothing is left. */
static bool peer_action(struct peer *p, struct core_action *a)
{
	*a = (struct core_action) { .peer = p };
	/* A link came up since: no dial is needed any more. */
	if (p->up && !p->dial_polled && !p->dial_beside)
		p->dial_pending = false;
	if (p->pending_what & PEER_P_PROVIDE) {
		p->pending_what &= ~(unsigned)PEER_P_PROVIDE;
		a->what = CORE_PROVIDE;
	} else if (p->dial_pending && !p->dial_polled) {
		/* Stays pending until link_dial() or link_no_dial() answers. */
		p->dial_polled = true;
		a->what = CORE_DIAL;
		a->path = p->dial_path;
		assert(a->path < PATHS_MAX);
	} else if (p->probe_pending) {
		a->path = (unsigned)__builtin_ctz(p->probe_pending);
		p->probe_pending &= p->probe_pending - 1;
		a->what = CORE_PROBE;
	} else if (p->pending_what & PEER_P_FENCE) {
		p->pending_what &= ~(unsigned)PEER_P_FENCE;
		a->what = CORE_FENCE;
		a->incarnation = p->fence_incarnation;
		a->reason = p->fence_reason;
	} else {
		return false;
	}
	return true;
}

static bool poll_peer(struct core *core, struct core_action *a)
{
	while (!list_empty(&core->peers_pending)) {
		struct peer *p = list_first(&core->peers_pending, struct peer, pending);

		if (peer_action(p, a))
			return true;
		list_remove(&p->pending);
	}
	return false;
}

/* Of the links only one whose peer has still to see that all is over holds us: an incarnation that
 * had a session with us. */
static bool holds_close(const struct link *l)
{
	return l->state == LINK_LAST_ACK || (link_read_hello(l) && !link_is_held(l) &&
			   tombstones_find(&l->peer->tombstones, l->incarnation));
}

uint64_t core_peer_over_at(const struct peer *p)
{
	if (p->session)
		return CORE_NEVER;
	list_each(const struct link, l, &p->links, of_peer)
		if (l->state == LINK_GONE || holds_close(l))
			return CORE_NEVER;
	return p->time_wait_until_ns;
}

/* core_close(): no session is left, and no peer may have missed our last ACK: that one is waited
 * for, and may dial (R24). */
static bool sessions_closed(struct core *core)
{
	if (!core->closing || core->closed_said)
		return false;
	list_each(struct peer, p, &core->peers, all)
		if (p->session || peer_in_time_wait(p))
			return false;
	return true;
}

/* Shuts the links that hold nothing: they are polled before CORE_CLOSED. */
static void close_links(struct core *core)
{
	list_each(struct link, l, &core->links, all)
		if (l->state != LINK_GONE && !holds_close(l))
			link_shut(l, LINK_RESET);
	core_settle(core);
}

static bool poll_closed(struct core *core, struct core_action *a)
{
	if (!list_empty(&core->links))
		return false;
	assert(!core->closed_said && core->closing);
	core->closed_said = true;
	*a = (struct core_action) { .what = CORE_CLOSED };
	return true;
}

static bool poll_note(struct core *core, struct core_action *a)
{
	if (!core->n_notes)
		return false;
	*a = (struct core_action) { .what = CORE_NOTE };
	assert(core->notes[core->note_head].text);
	a->note = core->notes[core->note_head];
	core->note_head = (core->note_head + 1) % CORE_NOTES;
	core->n_notes--;
	return true;
}

static bool poll_renew(struct core *core, struct core_action *a)
{
	if (!core->renew_pending)
		return false;
	core->renew_pending = false;
	*a = (struct core_action) { .what = CORE_RENEW };
	return true;
}

bool core_poll(struct core *core, struct core_action *a)
{
	core_settle(core);
	if (poll_note(core, a) || poll_session(core, a) || poll_link(core, a) ||
	    poll_peer(core, a) || poll_renew(core, a)) {
		core_action_check(a);
		return true;
	}
	if (sessions_closed(core)) {
		close_links(core);
		if (poll_link(core, a) || poll_closed(core, a))
			return true;
	}
	core_check(core);
	return false;
}

/* ---- links that begin to speak ---- */

void link_connected(struct link *l)
{
	if (l->state != LINK_CONNECTING)
		return;
	assert(l->dialled && l->peer->core == l->core);
	l->last_rx_ns = l->core->now_ns;
	if (l->use == LINK_FOR_PROBES) {
		link_event(l, LINK_EV_PROBED);
		probe_send(l);
		return;
	}
	l->peer->asks = false;		/* it says so itself, or it was not true */
	l->peer->profile->connected(l);
	link_check(l);
}

/* ---- the whole node ---- */

void core_quorum(struct core *core, bool quorate)
{
	if (core->quorate == quorate)
		return;
	core->quorate = quorate;
	/* The caller logs the change, with its reason. */
	core_note(core, NOTE_DEBUG, 0, NULL, quorate ? "quorum gained" : "quorum lost");
	list_each(struct link, l, &core->links, all)
		if (quorate && l->session)
			link_mark_tx(l);
}

void core_close(struct core *core)
{
	if (core->closing)
		return;
	core->closing = true;
	list_each(struct peer, p, &core->peers, all) {
		struct session *s = p->session;

		if (!s)
			continue;
		if (p->up)
			link_mark_tx(p->up);	/* LEAVING */
		session_finish(s);
	}
}

void core_linger_over(struct core *core)
{
	list_each(struct peer, p, &core->peers, all) {
		p->time_wait_until_ns = 0;
		if (p->session)
			session_end(p->session, SESSION_LINGER);
	}
	list_each(struct link, l, &core->links, all)
		link_shut(l, LINK_RESET);
}

void core_renew(struct core *core, uint64_t incarnation)
{
	assert(incarnation && incarnation != core->cfg.incarnation);
	core_note(core, NOTE_WARNING, 0, NULL, "own incarnation ended, continuing as a new one");
	list_each(struct peer, p, &core->peers, all)
		if (p->session)
			session_end(p->session, SESSION_RENEWED);
	list_each(struct link, l, &core->links, all)
		link_shut(l, LINK_RESET);
	core->cfg.incarnation = incarnation;
	core->renew_pending = false;
	list_each(struct peer, p, &core->peers, all) {
		tombstones_init(&p->tombstones);
		p->member = 0;
		p->member_leaving = false;
		p->mismatch = 0;
		p->asks = false;
		p->time_wait_until_ns = 0;
		peer_dial_soon(p, 0);
	}
}
