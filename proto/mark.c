/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mark.h"

#include "core.h"
#include "siphash.h"

#include <assert.h>

/* A number that nobody can guess, from the caller's secret; never repeated, not 0. */
uint64_t core_cookie(struct core *core)
{
	return siphash(core->cfg.secret, ++core->n_cookies) | 1u;
}

/* xorshift64*: jitter only, no secrets. */
uint32_t core_random(struct core *core)
{
	assert(core->rng);
	core->rng ^= core->rng >> 12;
	core->rng ^= core->rng << 25;
	core->rng ^= core->rng >> 27;
	return (uint32_t)((core->rng * 0x2545f4914f6cdd1du) >> 32);
}

struct note *core_note(struct core *core, enum note_level level, uint32_t nodeid,
		       const struct link *l, const char *text)
{
	struct note *n = &core->scratch;

	assert(text && core->n_notes <= CORE_NOTES && core->note_head < CORE_NOTES);
	if (core->n_notes < CORE_NOTES)
		n = &core->notes[(core->note_head + core->n_notes++) % CORE_NOTES];
	*n = (struct note) { .level = level, .text = text, .nodeid = nodeid };
	if (l)
		n->addr = l->from;
	return n;
}

void core_arm(struct core *core, uint64_t when_ns)
{
	if (when_ns < core->deadline_ns)
		core->deadline_ns = when_ns;
}

bool core_due(struct core *core, uint64_t when_ns)
{
	if (core->now_ns >= when_ns)
		return true;
	core_arm(core, when_ns);
	return false;
}

static void mark_pending(struct list *pending, struct list *e)
{
	if (list_empty(e))
		list_append(pending, e);
}

void core_mark_session(struct session *s, enum session_pending what)
{
	assert(what && s->peer);
	s->pending |= what;
	mark_pending(&s->peer->core->sessions_pending, &s->in_pending);
}

void core_mark_link(struct link *l)
{
	assert(!list_empty(&l->all));
	mark_pending(&l->core->links_pending, &l->pending);
}

void core_mark_peer(struct peer *p)
{
	assert(!list_empty(&p->all));
	mark_pending(&p->core->peers_pending, &p->pending);
}

/* Not polled for: it waits in the list of peers for core_settle(). */
void core_mark_dial(struct peer *p)
{
	p->pending_what |= PEER_P_LOOK;
	p->core->marked = true;
	core_mark_peer(p);
}

void core_forget_link(struct link *l)
{
	assert(l->state == LINK_GONE && !l->session);
	list_remove(&l->pending);
	list_remove(&l->of_peer);
	list_remove(&l->all);
}
