/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns how calls end, once each at each side, and what is said of them: reason and outcome. Knows
 * nothing of frames but what is in the ring.
 */
#include "calls_end.h"

#include "calls_after.h"
#include "calls_check.h"
#include "calls_event.h"
#include "calls_query.h"
#include "calls_slots.h"
#include "calls_upgrade.h"
#include "calls_window.h"

#include <assert.h>
#include <errno.h>

/* Nothing more of the call is sent or received. */
static void call_stop(struct call *call)
{
	if (call->state == CALL_WAITING)
		slots_unline(call->calls, call);
	call->state = CALL_OVER;
	call->tx.offered = (struct span){ 0 };
	call->timer_ns = CALLS_NEVER;
	list_remove(&call->queue);
}

static void call_set_end(struct call *call, unsigned reason, uint32_t code,
			 enum calls_outcome outcome)
{
	assert(!call->outcome);
	call->reason = (uint8_t)reason;
	call->code = code;
	call->outcome = (uint8_t)outcome;
}

/* ---- own calls ---- */

enum calls_outcome own_outcome(const struct call *call)
{
	if (call->accepted)
		return CALLS_STARTED;
	if (!call->tx.opened)
		return CALLS_NOT_EXECUTED;
	return call->tx.complete ? CALLS_IN_DOUBT : CALLS_PARTIAL;
}

/* The same when the session has ended: nothing from high on ever left. */
static enum calls_outcome own_outcome_below(const struct call *call, uint64_t high)
{
	if (call->accepted)
		return CALLS_STARTED;
	if (!call->tx.opened || call->begin_end > high)
		return CALLS_NOT_EXECUTED;
	return call->tx.complete && call->last_end <= high ? CALLS_IN_DOUBT : CALLS_PARTIAL;
}

static void count_end(struct calls *c, unsigned reason)
{
	c->n.busy += reason == CALL_END_BUSY;
	c->n.aborted += reason == CALL_END_ABORTED || reason == CALLS_ABANDONED;
}

/* A complete reply is still to be told and consumed; any other is dropped, and the slot does not
 * wait for the application. */
void own_end(struct call *call, unsigned reason, uint32_t code, enum calls_outcome outcome)
{
	struct calls *c = call->calls;
	struct call_slot *s = call_slot(call);
	bool settling = call->state == CALL_SETTLING;

	upgrade_over(call);
	if (call_waits(call))
		c->n_waiting--;
	call_stop(call);
	c->n.ended[outcome]++;
	call_set_end(call, settling ? call->reason : reason, settling ? call->code : code, outcome);
	if (call->reason != CALLS_REPLIED) {
		count_end(c, call->reason);
		rx_close(call);
		call_tell_nothing(call);
	}
	if (!call->gone)
		call_tell(call, P_ENDED);
	if (s && s->followed)
		after_over(c, s);
	if (!call->tx.opened || call->retry)
		binding_release(c, call->binding);
	if (call->reason == CALLS_REPLIED) {
		rx_finish(call);
		return;
	}
	if (s && !call->tx.opened) {
		/* The peer never hears of it: the next one is the next in its eyes. */
		s->gen--;
		slot_over(c, s);
	}
	if (s)
		slot_forget(c, s);
}

void own_abort(struct call *call, unsigned reason, uint32_t code)
{
	struct call_slot *s = call_slot(call);

	assert(!call->incoming && (call_waits(call) || call->state == CALL_OPEN));
	if (call->tx.opened) {
		s->code = code;
		slot_mark(call->calls, s, DUE_ABORT);
	}
	if (!call->tx.opened || !call->settle || call->gone) {
		own_end(call, reason, code, own_outcome(call));
		return;
	}
	upgrade_over(call);
	call_stop(call);
	rx_close(call);
	slot_clean(s, DUE_CREDIT);
	call_tell_nothing(call);
	call->state = CALL_SETTLING;
	call->reason = (uint8_t)reason;
	call->code = code;
}

static uint64_t pause_ns(const struct call *call, uint32_t retry_ms)
{
	unsigned twice = call->tries < CALLS_RETRY_TWICE ? call->tries : CALLS_RETRY_TWICE;
	uint64_t ns = (uint64_t)CALLS_RETRY_NS << twice, least = retry_ms * UINT64_C(1000000);

	return ns > least ? ns : least;
}

bool own_retry(struct call *call, uint32_t retry_ms)
{
	struct calls *c = call->calls;
	struct call_slot *s = call_slot(call);
	uint64_t at_ns = c->now_ns + pause_ns(call, retry_ms);

	if (!call->retry || call->state != CALL_OPEN || c->finishing ||
	    c->n_waiting >= c->cfg.max_queued || at_ns >= call->deadline_ns)
		return false;
	if (s->followed)
		after_over(c, s);
	slot_forget(c, s);
	tx_again(&call->tx, c->cfg.theirs.window);
	call->begin_end = call->last_end = 0;
	if (call->tries < UINT8_MAX)
		call->tries++;
	call->state = CALL_PAUSED;
	list_remove(&call->queue);
	list_append(&c->paused, &call->queue);
	c->n_waiting++;
	call->timer_ns = at_ns;
	calls_arm(c, at_ns);
	upgrade_later(call);
	call_tell_nothing(call);
	call_tell(call, P_AGAIN);
	report_lost(call);
	return true;
}

/* ---- calls of the peer ---- */

/* The part of this side's application in it. */
static enum calls_outcome peers_outcome(const struct call *call)
{
	if (call->tx.last)
		return CALLS_DONE;
	return call->accepted ? CALLS_STARTED : CALLS_NOT_EXECUTED;
}

/* The struct is free when ENDED is pulled; at once if nobody waits for that. */
static void peers_over(struct call *call)
{
	call->state = CALL_OVER;
	if (call->gone)
		slot_reset(call);
	else
		call_tell(call, P_ENDED);
}

/* The caller gets END, unless nothing is sent any more. */
static void peers_send_end(struct call *call)
{
	struct calls *c = call->calls;

	if (!calls_may_send(c)) {
		peers_over(call);
		return;
	}
	call->state = CALL_ENDING;
	slot_mark(c, calls_peers_slot(c, call->slot), DUE_END);
}

static void peers_end(struct call *call, unsigned reason, uint32_t code)
{
	enum calls_outcome outcome = peers_outcome(call);

	assert(call->incoming && call->state == CALL_OPEN);
	slot_clean(calls_peers_slot(call->calls, call->slot), DUE_ACCEPT | DUE_CREDIT);
	call_stop(call);
	rx_close(call);
	call_tell_nothing(call);
	call_set_end(call, reason, code, outcome);
}

void peers_stop(struct call *call, unsigned reason, uint32_t code)
{
	bool shown = !(call->pending & P_NEW);

	peers_end(call, reason, code);
	if (!shown) {
		call->gone = true;
		peers_send_end(call);
		return;
	}
	call->state = CALL_HELD;
	call_tell(call, P_ENDED);
}

void peers_refuse(struct call *call, unsigned reason, uint32_t code)
{
	peers_end(call, reason, code);
	peers_send_end(call);
}

void peers_replied(struct call *call)
{
	assert(call->incoming && call->state == CALL_OPEN && call->tx.complete);
	peers_end(call, CALLS_REPLIED, 0);
	if (call->final)
		call->state = CALL_FINALE;
	else
		peers_over(call);
}

void peers_end_sent(struct call *call)
{
	assert(call->state == CALL_ENDING);
	peers_over(call);
}

void peers_final(struct call *call, bool consumed)
{
	assert(call->state == CALL_FINALE);
	if (consumed && !call->gone)
		call_tell(call, P_FINAL);
	peers_over(call);
}

int call_abort(struct call *call, uint32_t code)
{
	if (call->state != CALL_OPEN && !call_waits(call))
		return -EALREADY;
	if (call->incoming)
		peers_refuse(call, CALLS_ABANDONED, code);
	else
		own_abort(call, CALLS_ABANDONED, code);
	calls_check(call->calls);
	return 0;
}

int call_refuse(struct call *call, enum call_reason reason, uint32_t retry_ms)
{
	assert(call->incoming);
	if (call->state != CALL_OPEN || call->accepted)
		return -EALREADY;
	call->retry_ms = retry_ms;
	call->calls->n.refused++;
	peers_refuse(call, reason, reason == CALL_END_CREDENTIAL ? CALLS_DISTRUSTED : 0);
	return 0;
}

int call_distrust(struct call *call)
{
	if (call->state != CALL_OPEN && !call_waits(call))
		return -EALREADY;
	if (call->incoming)
		peers_refuse(call, CALL_END_CREDENTIAL, CALLS_DISTRUSTED);
	else
		own_abort(call, CALL_END_CREDENTIAL, CALLS_DISTRUSTED);
	calls_check(call->calls);
	return 0;
}

int call_deadlock(struct call *call)
{
	assert(!call->incoming);
	if (call->state == CALL_SETTLING) {
		own_end(call, call->reason, call->code, own_outcome(call));
	} else if (call->state == CALL_OPEN || call_waits(call)) {
		call->settle = false;
		own_abort(call, CALLS_DEADLOCK, CALLS_GIVEN_UP);
	} else {
		return -EALREADY;
	}
	calls_check(call->calls);
	return 0;
}

static void own_let_go(struct call *call)
{
	struct call_slot *s;

	if (call->state == CALL_SETTLING)
		own_end(call, call->reason, call->code, own_outcome(call));
	else if (call->state != CALL_OVER)
		own_abort(call, CALLS_ABANDONED, CALLS_GIVEN_UP);
	call_tell_nothing(call);
	/* A complete reply of which not all was consumed. */
	call->rx.consumed = call->rx.received;
	if (call->slot != CALL_SLOT_NONE)
		rx_finish(call);
	s = call_slot(call);
	if (s)
		slot_forget(call->calls, s);
	call->calls->n_own--;
	call->state = CALL_FREE;
}

static void peers_let_go(struct call *call)
{
	switch ((enum call_state)call->state) {
	case CALL_OPEN:
		peers_refuse(call, CALLS_ABANDONED, CALLS_UNANSWERED);
		break;
	case CALL_HELD:
		call_tell_nothing(call);
		peers_send_end(call);
		break;
	case CALL_FINALE:
	case CALL_OVER:
		call_tell_nothing(call);
		peers_over(call);
		break;
	case CALL_ENDING:
	case CALL_FREE:
	case CALL_WAITING:
	case CALL_PAUSED:
	case CALL_SETTLING:
		break;
	}
}

void call_let_go(struct call *call)
{
	assert(call->state != CALL_FREE && !call->gone);
	call->gone = true;
	if (call->incoming)
		peers_let_go(call);
	else
		own_let_go(call);
	calls_check(call->calls);
}

/* ---- all of them ---- */

static void own_end_all(struct calls *c, unsigned reason, uint64_t high)
{
	list_each(struct call, call, &c->waiting, queue)
		own_end(call, reason, 0, CALLS_NOT_EXECUTED);
	list_each(struct call, call, &c->paused, queue)
		own_end(call, reason, 0, CALLS_NOT_EXECUTED);
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		struct call_slot *s = calls_own_slot(c, i);
		struct call *call = s->call;

		if (!s->taken)
			continue;
		if (!s->over && (!call || call->tx.opened))
			slot_over(c, s);
		slot_clean(s, DUE_ABORT);
		if (!calls_may_send(c))
			slot_clean(s, DUE_FINAL);
		if (call && call->state != CALL_OVER)
			own_end(call, reason, 0, own_outcome_below(call, high));
		slot_check(c, s);
	}
}

static void peers_end_all(struct calls *c, unsigned reason)
{
	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		struct call *call = calls_peers_call(c, i);

		if (call->state == CALL_OPEN)
			peers_stop(call, reason, 0);
		if (call->state == CALL_FINALE)
			peers_final(call, false);
		if (call->state == CALL_ENDING && !calls_may_send(c)) {
			slot_clean(calls_peers_slot(c, i), DUE_END);
			peers_over(call);
		}
		if (!calls_may_send(c))
			slot_clean(calls_peers_slot(c, i), DUE_STATE);
	}
}

void calls_end_all(struct calls *c, unsigned reason, uint64_t high)
{
	own_end_all(c, reason, high);
	peers_end_all(c, reason);
	calls_check(c);
}
