/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the question how far a call is, and its answer, which no application has a part in. A call
 * has one question open at a time, and a slot one answer, whatever a peer asks.
 */
#include "calls_query.h"

#include "calls_check.h"
#include "calls_event.h"
#include "calls_slots.h"

#include <assert.h>
#include <errno.h>

int call_query(struct call *call)
{
	struct calls *c = call->calls;

	assert(!call->incoming);
	if (call_waits(call))
		return -EAGAIN;
	if (call->state != CALL_OPEN && call->state != CALL_SETTLING)
		return -ECONNABORTED;
	if (!call->tx.opened)
		return -EAGAIN;
	if (call->asked)
		return -EALREADY;
	if (!calls_may_send(c))
		return -ESHUTDOWN;
	call->asked = true;
	slot_mark(c, call_slot(call), DUE_QUERY);
	calls_check(c);
	return 0;
}

void report_owe(struct calls *c, struct call_slot *s, uint32_t gen)
{
	assert(s->incoming);
	if (!calls_may_send(c))
		return;
	s->code = gen;
	slot_mark(c, s, DUE_STATE);
}

static enum call_at call_at(const struct call *call)
{
	if (call->tx.last)
		return CALL_AT_REPLIED;
	if (call->state != CALL_OPEN)
		return CALL_AT_STOPPING;
	if (!call->accepted)
		return CALL_AT_WAITING;
	return call->timer_ns == CALLS_NEVER ? CALL_AT_ACCEPTED : CALL_AT_SHOWN;
}

void frame_report(const struct calls *c, const struct call_slot *s, struct call_frame *f)
{
	const struct call *call = s->call;

	assert(s->incoming && s->due & DUE_STATE);
	f->kind = CALL_STATE;
	f->gen = s->code;
	f->state = CALL_AT_UNKNOWN;
	if (call->state == CALL_FREE || call->gen != s->code)
		return;
	f->state = (uint8_t)call_at(call);
	f->age_ms = (uint32_t)min_u64((c->now_ns - call->begun_ns) / 1000000, UINT32_MAX);
	f->received = (uint32_t)call->rx.received;
	f->consumed = (uint32_t)call->rx.consumed;
}

bool report_came(struct call_slot *s, const struct call_frame *f)
{
	struct call *call = s->call;

	if (!call || !call->asked)
		return false;
	/* A state of a later version: the call is there. */
	call->calls->report = (struct call_report){
		.state = f->state > CALL_AT_STOPPING ? CALL_AT_SHOWN : f->state,
		.age_ms = f->age_ms, .received = f->received, .consumed = f->consumed,
	};
	call_tell(call, P_STATE);
	return true;
}

void report_lost(struct call *call)
{
	if (!call->asked)
		return;
	call->calls->report = (struct call_report){ .state = CALL_AT_UNKNOWN };
	call_tell(call, P_STATE);
}
