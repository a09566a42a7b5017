/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns which service a binding has: the call that asks, its answer, and what the peer's bindings
 * become. Knows no services but their ids, and nothing of what a call carries.
 */
#include "calls_upgrade.h"

#include "calls_slots.h"

#include <assert.h>

static struct call_binding *own_binding(const struct call *call)
{
	return &call->calls->out_bindings[call->binding];
}

/* An own call that is the one of its binding which asks, or will. */
static bool asks(const struct call *call)
{
	return !call->incoming && call->flags & CALL_UPGRADE;
}

void upgrade_ask(struct call *call)
{
	struct call_binding *b = own_binding(call);

	assert(!call->incoming && b->upgrade == UPGRADE_NONE);
	b->upgrade = UPGRADE_ASKED;
	/* ACCEPT answers early, and others wait less. */
	call->flags |= CALL_UPGRADE | CALL_WANT_ACCEPT;
}

bool upgrade_needs_number(const struct call *call)
{
	return asks(call) && !call->tx.opened && own_binding(call)->used;
}

/* No longer the one that asks; those that wait for it may go. */
static void asks_no_more(struct call *call, enum calls_upgrade now)
{
	struct call_binding *b = own_binding(call);
	bool others_waited = b->upgrade == UPGRADE_PROBING;

	assert(asks(call) && b->upgrade != UPGRADE_NONE && b->upgrade != UPGRADE_KNOWN);
	b->upgrade = (uint8_t)now;
	if (now != UPGRADE_ASKED) {
		call->flags &= (uint8_t)~CALL_UPGRADE;
		/* Else it is released as ever: by its BEGIN, or by its end. */
		if (call->tx.opened && !call->retry)
			binding_release(call->calls, call->binding);
	}
	if (others_waited)
		slots_advance(call->calls);
}

/* The peer may have another service for that number than this side. */
static void spoil(struct calls *c, struct call_binding *b)
{
	b->spoiled = true;
	if (b->state != CALL_BOUND)
		return;
	binding_becomes(c, b, CALL_TO_REBIND);
}

const char *upgrade_answer(struct call *call, uint16_t service)
{
	struct call_binding *b = own_binding(call);

	if (!asks(call))
		return NULL;
	if ((service < CALLS_SYSTEM) != (b->service < CALLS_SYSTEM))
		return "an upgrade between services of applications and of the library";
	b->in_force = service;
	call->service = service;
	asks_no_more(call, UPGRADE_KNOWN);
	return NULL;
}

void upgrade_over(struct call *call)
{
	if (!asks(call))
		return;
	if (call->tx.opened)
		spoil(call->calls, own_binding(call));
	asks_no_more(call, UPGRADE_NONE);
}

void upgrade_later(struct call *call)
{
	if (!asks(call))
		return;
	spoil(call->calls, own_binding(call));
	asks_no_more(call, UPGRADE_ASKED);
}

/* ---- the peer's ---- */

const char *upgrade_begin(struct call_binding *b, const struct call_frame *f)
{
	if (f->flags & CALL_UPGRADE) {
		if (b->used)
			return "an upgrade behind the first call of its binding";
		b->probe = f->slot;
	}
	b->used = true;
	return NULL;
}

void upgrade_to(struct call *call, uint16_t service)
{
	struct call_binding *b = &call->calls->in_bindings[call->binding];

	assert(upgrade_is_wanted(call));
	call->service = service;
	/* Else the number was bound anew since. */
	if (b->state == CALL_BOUND && b->probe == call->slot)
		b->service = service;
}
