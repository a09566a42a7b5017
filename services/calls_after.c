/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what a call of the peer waits for, which it was begun after: an own call, whose end the
 * application gets to know first. Such a callback overtakes the reply that it refers to where that
 * waits for its window.
 *
 * A peer names a call that was begun before the one that comes after it, and only once it has heard
 * of it: so no call can come after itself, not by way of others either.
 */
#include "calls_after.h"

#include "calls_event.h"

#include <assert.h>

/* The peer forgets a call when it hears of the next one of its slot: that may be under way. */
const char *after_judge(const struct calls *c, const struct call_frame *f)
{
	const struct call_slot *s;

	if (f->after_slot >= c->cfg.theirs.slots)
		return "a call after one in a slot that was never granted";
	s = calls_own_slot(c, f->after_slot);
	if (f->after_gen == s->gen - 1)
		return NULL;
	if (f->after_gen != s->gen || (s->call && !s->call->tx.opened))
		return "a call after one that was never begun";
	return NULL;
}

void after_follow(struct call *call, const struct call_frame *f)
{
	struct call_slot *s = calls_own_slot(call->calls, f->after_slot);

	assert(call->incoming && call->state == CALL_OPEN);
	/* It has ended or was given up. */
	if (f->after_gen != s->gen || !s->call || s->call->state == CALL_OVER)
		return;
	call->after = (struct call_ref){ .gen = f->after_gen, .slot = f->after_slot };
	call->behind = true;
	s->followed = true;
}

static bool is_unshown(const struct calls *c, const struct call *call)
{
	list_each(struct call, other, &c->unshown, event)
		if (other == call)
			return true;
	return false;
}

/* It is last among those with events: the end that it waited for is among them. */
static void show(struct calls *c, struct call *call)
{
	call->behind = false;
	if (is_unshown(c, call))
		return;
	list_remove(&call->event);
	list_append(&c->events, &call->event);
	if (!(call->pending & P_NEW))
		call_tell(call, P_SHOW);
}

void after_over(struct calls *c, struct call_slot *s)
{
	assert(s->followed && s->taken);
	s->followed = false;
	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		struct call *call = calls_peers_call(c, i);

		if (call->behind && call->state == CALL_OPEN && call->after.slot == s->index)
			show(c, call);
	}
}
