/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the events that wait for the application: in the order of their causes, and for each call
 * from the lowest bit of its pending ones on, which is the order in which they can happen.
 */
#include "calls_event.h"

#include "calls_check.h"
#include "calls_cred.h"
#include "calls_slots.h"

#include <assert.h>

void call_tell(struct call *call, enum call_pending what)
{
	call->pending |= (uint16_t)what;
	if (list_empty(&call->event))
		list_append(&call->calls->events, &call->event);
}

void call_tell_nothing(struct call *call)
{
	call->pending = 0;
	call->rx.n_fresh = 0;
	list_remove(&call->event);
}

void calls_batch_end(struct calls *c)
{
	list_join(&c->events, &c->unshown);
}

static void pull_data(struct call *call, struct calls_event *ret)
{
	struct call_rx *rx = &call->rx;

	assert(rx->n_fresh);
	ret->data = rx->fresh[0];
	rx->fresh[0] = rx->fresh[1];
	rx->fresh[1] = (struct span){ 0 };
	rx->n_fresh--;
	ret->last = rx->complete && !rx->n_fresh;
}

static void pull_end(struct call *call, struct calls_event *ret)
{
	ret->held = call->state == CALL_HELD;
	ret->reason = call->reason;
	ret->outcome = (enum calls_outcome)call->outcome;
	ret->code = call->code;
	ret->retry_ms = call->retry_ms;
}

static void pull(struct call *call, struct calls_event *ret)
{
	unsigned bit = call->pending & -call->pending;

	ret->call = call;
	ret->user = call->user;
	switch ((enum call_pending)bit) {
	case P_NEW:
		ret->what = CALLS_EV_NEW;
		call->calls->n.shown++;
		break;
	case P_SHOW:
		ret->what = CALLS_EV_SHOW;
		break;
	case P_ACCEPTED:
		ret->what = CALLS_EV_ACCEPTED;
		break;
	case P_DATA:
		ret->what = CALLS_EV_DATA;
		pull_data(call, ret);
		break;
	case P_ROOM:
		ret->what = CALLS_EV_ROOM;
		break;
	case P_FINAL:
		ret->what = CALLS_EV_FINAL;
		break;
	case P_STATE:
		ret->what = CALLS_EV_STATE;
		call->asked = false;
		break;
	case P_AGAIN:
		ret->what = CALLS_EV_AGAIN;
		break;
	case P_ENDED:
		ret->what = CALLS_EV_ENDED;
		pull_end(call, ret);
		break;
	}
	if (bit != P_DATA || !call->rx.n_fresh)
		call->pending &= (uint16_t)~bit;
	if (!call->pending)
		list_remove(&call->event);
	if (bit == P_ENDED && call->incoming && call->state == CALL_OVER)
		slot_reset(call);
}

static void pull_cred(struct calls *c, struct calls_event *ret)
{
	struct call_cred *cred = peers_cred_told(c);

	ret->cred = cred;
	ret->what = cred->state == CRED_KNOWN ? CALLS_EV_CRED : CALLS_EV_UNCRED;
	ret->data = cred->bytes;
	cred->bytes = (struct span){ 0 };
}

static void pull_of_session(struct calls *c, struct calls_event *ret)
{
	ret->call = NULL;
	ret->user = NULL;
	if (c->pending & CP_FAULT) {
		c->pending &= (uint8_t)~CP_FAULT;
		ret->what = CALLS_EV_FAULT;
		ret->fault = c->fault;
		return;
	}
	if (c->pending & CP_CRED) {
		pull_cred(c, ret);
		return;
	}
	c->pending &= (uint8_t)~CP_SLOT;
	ret->what = CALLS_EV_SLOT;
}

void calls_event_take(struct calls *c, struct calls_event *ret)
{
	if (list_empty(&c->events))
		pull_of_session(c, ret);
	else
		pull(list_first(&c->events, struct call, event), ret);
	calls_check(c);
}
