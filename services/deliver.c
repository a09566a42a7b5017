/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/deliver.h"

#include <assert.h>

#include "lowcomms/service_plain.h"
#include "services/accept.h"
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_event.h"
#include "services/calls_rx.h"
#include "services/calls_upgrade.h"
#include "services/marks.h"
#include "services/plain.h"
#include "services/present.h"
#include "services/queue.h"
#include "services/seal.h"
#include "services/show.h"
#include "services/unread.h"
#include "services/unsent.h"
#include "services/service.h"
#include "services/verify.h"

/* Outcomes are handed out as they are. */
_Static_assert((int)SINEW_CALL_NOT_EXECUTED == CALLS_NOT_EXECUTED, "outcomes");
_Static_assert((int)SINEW_CALL_PARTIAL == CALLS_PARTIAL, "outcomes");
_Static_assert((int)SINEW_CALL_IN_DOUBT == CALLS_IN_DOUBT, "outcomes");
_Static_assert((int)SINEW_CALL_STARTED == CALLS_STARTED, "outcomes");
_Static_assert((int)SINEW_CALL_DONE == CALLS_DONE, "outcomes");

/* So are states. */
_Static_assert((int)SINEW_CALL_AT_UNKNOWN == CALL_AT_UNKNOWN, "states");
_Static_assert((int)SINEW_CALL_AT_WAITING == CALL_AT_WAITING, "states");
_Static_assert((int)SINEW_CALL_AT_SHOWN == CALL_AT_SHOWN, "states");
_Static_assert((int)SINEW_CALL_AT_ACCEPTED == CALL_AT_ACCEPTED, "states");
_Static_assert((int)SINEW_CALL_AT_REPLIED == CALL_AT_REPLIED, "states");
_Static_assert((int)SINEW_CALL_AT_STOPPING == CALL_AT_STOPPING, "states");

/* ---- functions of the application ---- */

static void show_event(struct lane *l, struct sinew_call *k, enum sinew_call_event event)
{
	struct sinew_call_msg msg = { .event = event };

	show(l, k, &msg);
}

static void show_slot(struct lane *l)
{
	struct sinew_calls *o = l->owner;

	if (!o->opt.room)
		return;
	lane_unlock(l);
	if (owner_enter(o))
		o->opt.room(o, l->session, o->opt.room_user);
	lane_lock(l);
}

/* ---- new calls of the peer ---- */

static struct sinew_cred *principal_of(const struct lane *l, const struct call *core)
{
	assert(core->incoming && core->cred <= CALLS_CREDS);
	return core->cred ? l->principals[core->cred - 1] : NULL;
}

static enum call_reason refusal(const struct lane *l, const struct service *s,
				const struct call *core)
{
	const struct sinew_cred *principal = principal_of(l, core);
	const struct sinew_calls *o = l->owner;
	uint64_t total = core->rx.total;

	if (atomic_load_explicit(&o->freed, memory_order_relaxed))
		return CALL_END_CLOSING;
	if (!s)
		return CALL_END_NO_SERVICE;
	if (!principal && (core->cred || s->is.flags & SINEW_SERVICE_CRED))
		return CALL_END_CREDENTIAL;
	if (!service_has_op(s, core->op, upgrade_is_wanted(core)))
		return CALL_END_NO_OP;
	if (s->is.max_request && total != CALL_TOTAL_UNKNOWN && total > s->is.max_request)
		return CALL_END_TOO_BIG;
	return 0;
}

static struct sinew_call *incoming_new(struct lane *l, struct service *s, struct call *core)
{
	struct sinew_call *k = lane_new_call(l, true);

	assert(core->incoming && !core->user);
	if (!k)
		return NULL;
	k->service = s;
	k->cred = cred_ref(principal_of(l, core));
	k->fn = s->is.fn;
	if (queue_join(k)) {
		call_unref(k);
		return NULL;
	}
	call_set_user(k, s->user);
	k->max_bytes = s->is.max_request;
	k->delivery = (uint8_t)s->is.delivery;
	k->begun_ns = l->calls.now_ns;
	k->deadline_ns = core->deadline_ns;
	k->op = core->op;
	k->service_id = s->id;
	k->depth = core->depth;
	core->user = k;
	if (s->is.flags & SINEW_SERVICE_WANT_FINAL)
		call_want_final(core);
	call_open(k, core);
	return k;
}

/* It has a place in its service; data that have come meanwhile follow. */
static void go_in(struct lane *l, struct sinew_call *k)
{
	bool last = k->in.last;
	struct span data;
	struct bytes *mem;

	assert(k->incoming && list_empty(&k->entry.waiting));
	k->entry.stage = CALL_INSIDE;
	if (k->delivery != SINEW_CALL_WHOLE && !k->accepted)
		present_new(l, k);
	if (!k->core || k->aborted || !(unread_len(k) || last))
		return;
	k->in.last = false;
	data = (struct span) { unread_data(k), unread_len(k) };
	mem = unread_give(k);
	present_data(l, k, data, last);
	owner_release(l->owner, mem);
}

static void let_in(struct lane *l, struct sinew_call *k)
{
	service_enter(l->owner, k);
	if (k->queued)
		queue_expect(k);
	go_in(l, k);
}

static bool has_room(struct sinew_calls *o, const struct service *s)
{
	return service_has_room(s) && (s->is.fn || queue_has_room(o));
}

/* NULL: none is there. */
static struct service *service_of(struct sinew_calls *o, struct call *core)
{
	struct service *s = service_find(o, core->service), *newest;

	assert(core->incoming);
	if (!s || !upgrade_is_wanted(core))
		return s;
	newest = service_newest(s);
	if (newest != s)
		upgrade_to(core, newest->id);
	return newest;
}

static void wait_for_room(struct lane *l, struct sinew_call *k)
{
	accept_wait(k);
	present_waiting(l, k);
}

static void incoming(struct lane *l, const struct calls_event *ev)
{
	struct service *s = service_of(l->owner, ev->call);
	enum call_reason reason = refusal(l, s, ev->call);
	struct sinew_call *k = NULL;
	bool enters = false, behind = ev->call->behind;

	if (!reason) {
		enters = !behind && has_room(l->owner, s);
		if (enters || behind || s->is.full == SINEW_FULL_WAIT)
			k = incoming_new(l, s, ev->call);
	}
	if (!k) {
		call_refuse(ev->call, reason ? reason : CALL_END_BUSY,
			    reason ? 0 : s->is.retry_ms);
		return;
	}
	call_ref(k);
	if (enters) {
		let_in(l, k);
	} else if (!behind) {
		wait_for_room(l, k);
	}
	call_unref(k);
}

/* A call that was behind another one may come into its service. */
static void let_follow(struct lane *l, struct sinew_call *k)
{
	const struct sinew_service *is = &k->service->is;

	assert(k->incoming && k->entry.stage == CALL_OUTSIDE && !k->accepted);
	if (k->aborted)
		return;
	call_ref(k);
	if (has_room(l->owner, k->service))
		let_in(l, k);
	else if (is->full == SINEW_FULL_WAIT)
		wait_for_room(l, k);
	else
		call_refuse(k->core, CALL_END_BUSY, is->retry_ms);
	call_unref(k);
}

/* It is let in, or was admitted, unless it has ended. Gives the reference back. */
static void resume(struct sinew_call *k, void (*how)(struct lane *l, struct sinew_call *k))
{
	struct lane *l = k->lane;

	lane_lock(l);
	assert(!l->delivers);
	/* The lane may have slept for long: calls that are begun now begin with this turn. */
	calls_now(&l->calls, service_turn_ns(l->owner->node));
	l->delivers = true;
	if (k->core && k->core->state == CALL_OPEN && !k->returned)
		how(l, k);
	l->delivers = false;
	lane_settle(l);
	lane_unlock(l);
	call_give_ref(k);
}

static void let_in_some(struct sinew_calls *o, struct service *s)
{
	struct sinew_call *k;

	while (has_room(o, s) && (k = accept_next(o, s)))
		resume(k, let_in);
}

void deliver_waiting(struct sinew_calls *o)
{
	struct sinew_call *k;

	if (!atomic_exchange(&o->waiter_due, false))
		return;
	while ((k = accept_admitted(o)))
		resume(k, go_in);
	for (unsigned i = 0; i < SERVICE_BUCKETS; i++)
		for (struct service *s = atomic_load(&o->services[i]); s; s = s->next)
			let_in_some(o, s);
}

/* ---- ends ---- */

/* The application does not have it, or has given it back. */
static void forget(struct sinew_call *k)
{
	assert(k->incoming && list_empty(&k->entry.waiting));
	if (queue_forget(k))
		call_unref(k);
	call_leave(k);
	call_unref(k);
}

static void show_end(struct lane *l, struct sinew_call *k, uint32_t retry_ms)
{
	struct sinew_call_msg msg = {
		.event = SINEW_CALL_ENDED, .reason = k->end.reason, .outcome = k->end.outcome,
		.code = k->end.code, .retry_ms = retry_ms,
	};

	show(l, k, &msg);
}

/* A complete reply whose seal is broken is none, nor is one that is not taken. */
static void unreply(struct sinew_call *k)
{
	if (k->end.distrusted) {
		k->end.reason = SINEW_END_CREDENTIAL;
		k->end.code = SINEW_CALL_DISTRUSTED;
	} else if (k->end.refused) {
		k->end.reason = SINEW_END_GIVEN_UP;
		k->end.code = SINEW_RXGEN_CC_UNMARSHAL;
	}
}

static void ended(struct lane *l, struct sinew_call *k, const struct calls_event *ev)
{
	bool silent = k->incoming && (k->returned || !k->accepted);

	assert(k->core == ev->call && !call_ended(k));
	k->end.reason = (uint8_t)mark_reason(ev->reason);
	k->end.outcome = (uint8_t)ev->outcome;
	k->end.code = (int32_t)ev->code;
	if (ev->reason == CALLS_REPLIED)
		unreply(k);
	accept_forget(k);
	call_closed(k, l->owner);
	if (k->incoming && ev->held && (silent || k->service->is.flags & SINEW_SERVICE_DETACH))
		call_drop(k);
	else if (k->incoming && !ev->held)
		call_detach(k);
	if (!silent || k->entry.announced)
		show_end(l, k, ev->retry_ms);
	if (silent)
		forget(k);
}

/* ---- all of them ---- */

static void fault(struct lane *l, const char *text)
{
	struct sinew_node *n = l->owner->node;

	assert(text);
	lane_unlock(l);
	log_limited(&n->log, SINEW_ERROR, l->session->nodeid, "calls broken",
		    "calls of this session end: %s", text);
	lane_lock(l);
}

static void show_report(struct lane *l, struct sinew_call *k)
{
	const struct call_report *said = &l->calls.report;
	struct sinew_call_report report = {
		.at = (enum sinew_call_at)said->state, .age_ms = said->age_ms,
		.received = said->received, .consumed = said->consumed,
	};
	struct sinew_call_msg msg = { .event = SINEW_CALL_STATE, .report = &report };

	show(l, k, &msg);
}

static void of_call(struct lane *l, struct sinew_call *k, struct calls_event *ev)
{
	assert(k->lane == l && k->core == ev->call);
	switch (ev->what) {
	case CALLS_EV_ACCEPTED:
		k->accepted = true;
		show_event(l, k, SINEW_CALL_ACCEPTED);
		return;
	case CALLS_EV_DATA:
		if (!k->cred || open_piece(l, k, ev))
			present_arrived(l, k, ev);
		return;
	case CALLS_EV_ROOM:
		if (!k->out.want_room)
			return;
		if (!unsent_room(k)) {
			call_want_room(k->core);
			return;
		}
		k->out.want_room = false;
		show_event(l, k, SINEW_CALL_ROOM);
		return;
	case CALLS_EV_ENDED:
		ended(l, k, ev);
		return;
	case CALLS_EV_AGAIN:
		unsent_again(k);
		return;
	case CALLS_EV_SHOW:
		let_follow(l, k);
		return;
	case CALLS_EV_STATE:
		show_report(l, k);
		return;
	case CALLS_EV_FINAL:
		show_event(l, k, SINEW_CALL_FINAL_ACK);
		return;
	case CALLS_EV_NEW:
	case CALLS_EV_SLOT:
	case CALLS_EV_FAULT:
	case CALLS_EV_CRED:
	case CALLS_EV_UNCRED:
		return;
	}
}

/* The application may give it back meanwhile. */
static void with_ref(struct lane *l, struct sinew_call *k, struct calls_event *ev)
{
	call_ref(k);
	of_call(l, k, ev);
	call_unref(k);
}

static void of_session(struct lane *l, const struct calls_event *ev)
{
	if (ev->what == CALLS_EV_SLOT)
		show_slot(l);
	else if (ev->what == CALLS_EV_FAULT)
		fault(l, ev->fault);
	else if (ev->what == CALLS_EV_CRED)
		verify_new(l, ev);
	else if (ev->what == CALLS_EV_UNCRED)
		verify_gone(l, ev);
}

static void deliver(struct lane *l)
{
	struct calls_event ev;

	plain_show_new(l);
	while (calls_event(&l->calls, &ev)) {
		if (ev.what == CALLS_EV_NEW)
			incoming(l, &ev);
		else if (ev.user)
			with_ref(l, ev.user, &ev);
		else if (!ev.call)
			of_session(l, &ev);
		else if (ev.what == CALLS_EV_ENDED && ev.held)
			call_let_go(ev.call);
		plain_show_new(l);
	}
}

static void begin(struct lane *l)
{
	lock_order_held(LOCK_SERVICE);
	assert(!l->delivers);
	l->delivers = true;
	lane_hold(l);
}

static void end(struct lane *l)
{
	assert(l->delivers);
	l->delivers = false;
	lane_unhold_loop(l);
}

void lane_deliver(struct lane *l)
{
	begin(l);
	deliver(l);
	end(l);
}

void lane_frames(struct lane *l, const uint8_t *body, size_t len)
{
	begin(l);
	while (body && plain_frames(l, &body, &len)) {
		/* The core takes a frame when all events before it are handed over. */
		if (calls_event_waits(&l->calls))
			deliver(l);
		calls_frame(&l->calls, body, len);
		if (calls_event_waits(&l->calls))
			deliver(l);
		body = service_next(l->session, &len);
	}
	end(l);
}

void lane_work(struct lane *l)
{
	do {
		lane_deliver(l);
		lane_put(l);
		lane_free_loose(l);
	} while (calls_event_waits(&l->calls) || l->loose);
	lane_wake(l);
}

void lane_end_stuck(struct lane *l)
{
	lock_order_held(LOCK_SERVICE);
	list_each(struct sinew_call, k, &l->handles, all)
		if (k->end.may_lock && k->core)
			call_deadlock(k->core);
}

/* The handle stays the application's, if that knows it. */
static void give_up(struct sinew_call *k)
{
	bool unknown = k->incoming && (!k->accepted || k->returned);

	accept_forget(k);
	call_drop(k);
	call_closed(k, k->lane->owner);
	if (unknown)
		forget(k);
}

void lane_give_up(struct lane *l)
{
	assert(atomic_load(&l->owner->freed));
	list_each(struct sinew_call, k, &l->handles, all)
		if (k->core)
			give_up(k);
}
