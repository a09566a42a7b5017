/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the fast path of frames to the application: a plain reply, or request, is shown right behind
 * its frame, both events of it without a lock in between and without a reference: sinew_call_end()
 * knows by lane->showing that the loop is at it. Knows no other frame.
 */
#include "services/plain.h"

#include "lowcomms/service_plain.h"
#include "services/calls_plain.h"
#include "services/intercept.h"
#include "services/service.h"

/* Of a call with a function, that one alone gets all its data at once. */
static bool goes_to_function(const struct sinew_call *k, size_t n)
{
	return k->fn && (k->delivery == SINEW_CALL_PIECES || k->delivery == SINEW_CALL_WHOLE) &&
		(!k->max_bytes || n <= k->max_bytes);
}

/* Another thread has given the call back while it was shown. */
static void free_orphan(struct sinew_call *k)
{
	struct lane *l = k->lane;

	assert(k->returned && !k->core);
	lane_lock(l);
	call_unref(k);
	lane_unlock(l);
}

/* It is over with the call, unless its function has given it back. */
static void shown(struct lane *l, struct sinew_call *k)
{
	l->owner->shown = NULL;
	if (!atomic_load_explicit(&l->showing, memory_order_relaxed))
		return;
	if (atomic_exchange(&l->showing, 0) == ((uintptr_t)k | LANE_ORPHAN))
		free_orphan(k);
}

/* The function may get another event. */
static bool goes_on(const struct lane *l, const struct sinew_call *k)
{
	return atomic_load_explicit(&l->showing, memory_order_relaxed) == (uintptr_t)k &&
		!atomic_load(&l->owner->freed);
}

/* ---- replies ---- */

/* Without the lock. */
static void show_reply(struct lane *l, struct sinew_call *k, struct span data)
{
	struct sinew_calls *o = l->owner;
	sinew_call_fn fn = k->fn;
	struct sinew_call_msg msg;

	if (!owner_enter(o))
		return;
	calls_clear(&msg, sizeof msg);
	msg.event = SINEW_CALL_DATA;
	msg.data = data.p;
	msg.len = data.n;
	msg.last = true;
	msg.mark = SINEW_MARK_DATA;
	msg.call = k;
	msg.user = call_user(k);
	o->shown = &msg;
	fn(k, &msg, msg.user);
	if (!goes_on(l, k))
		return;
	msg.event = SINEW_CALL_ENDED;
	msg.data = NULL;
	msg.len = 0;
	msg.last = false;
	msg.mark = SINEW_MARK_NONE;
	msg.reason = SINEW_END_REPLIED;
	msg.outcome = SINEW_CALL_DONE;
	msg.user = call_user(k);
	node_calls_back(o->node);
	fn(k, &msg, msg.user);
}

/* The call has ended: its function gets the reply, and the end. Gives the lock back. */
static void replied(struct lane *l, struct sinew_call *k, struct span data)
{
	assert(!k->incoming && !call_ended(k) && !k->received);
	k->received = data.n;
	k->end.reason = SINEW_END_REPLIED;
	k->end.outcome = SINEW_CALL_DONE;
	call_closed(k, l->owner);
	atomic_store_explicit(&l->shows_new, LANE_NOT_NEW, memory_order_relaxed);
	atomic_store_explicit(&l->showing, (uintptr_t)k, memory_order_relaxed);
	lane_unlock(l);
	show_reply(l, k, data);
	shown(l, k);
}

/* ---- requests ---- */

/* Without the lock. False: the application has freed its calls. */
static bool show_request(struct lane *l, struct sinew_call *k, struct span data, uint64_t total)
{
	struct sinew_calls *o = l->owner;
	sinew_call_fn fn = k->fn;
	struct sinew_call_msg msg;

	if (!owner_enter(o))
		return false;
	calls_clear(&msg, sizeof msg);
	msg.event = SINEW_CALL_NEW;
	msg.total = total;
	msg.mark = SINEW_MARK_NEW_CALL;
	msg.call = k;
	msg.user = call_user(k);
	o->shown = &msg;
	fn(k, &msg, msg.user);
	if (!goes_on(l, k) ||
	    atomic_load_explicit(&l->shows_new, memory_order_relaxed) != LANE_NEW)
		return true;
	atomic_store_explicit(&l->shows_new, LANE_NOT_NEW, memory_order_relaxed);
	msg.event = SINEW_CALL_DATA;
	msg.data = data.p;
	msg.len = data.n;
	msg.last = true;
	msg.total = 0;
	msg.mark = SINEW_MARK_DATA;
	msg.user = call_user(k);
	node_calls_back(o->node);
	fn(k, &msg, msg.user);
	return true;
}

/* The service that gets that call by the fast path. NULL: none. */
static struct service *plain_service(struct sinew_calls *o, const struct call *core)
{
	struct service *s = service_find(o, core->service);

	if (!s || !s->is_plain || intercept_is_set(o) ||
	    atomic_load_explicit(&o->freed, memory_order_relaxed) ||
	    (s->is.max_request && core->rx.received > s->is.max_request) ||
	    (s->is.ops && !service_has_op(s, core->op, false)))
		return NULL;
	return s;
}

/* It has its place in its service, and its application has it. */
static void enter_service(struct sinew_call *k, struct service *s, struct call *core)
{
	assert(core->user == k && !k->core && k->entry.stage == CALL_OUTSIDE);
	k->service = s;
	k->fn = s->is.fn;
	call_set_user(k, s->user);
	k->max_bytes = s->is.max_request;
	k->delivery = (uint8_t)s->is.delivery;
	k->begun_ns = core->begun_ns;
	k->deadline_ns = core->deadline_ns;
	k->op = core->op;
	k->service_id = s->id;
	k->depth = core->depth;
	k->accepted = true;
	k->received = core->rx.received;
	k->entry.stage = CALL_INSIDE;
	atomic_fetch_add_explicit(&s->n_calls, 1, memory_order_relaxed);
}

/* The first event is of a call that takes the fast path. False: nothing happened. */
static bool show_new(struct lane *l)
{
	struct call *core = plain_new(&l->calls);
	struct service *s = core ? plain_service(l->owner, core) : NULL;
	struct sinew_call *k;
	uint64_t total;
	struct span data;
	bool is_seen;

	if (!s)
		return false;
	k = lane_new_call(l, true);
	if (!k)
		return false;
	total = core->rx.total;
	data = plain_accept(&l->calls, core, k);
	enter_service(k, s, core);
	k->id = plain_id(core);
	lane_opens(l, k, core);
	atomic_store_explicit(&l->shows_new, LANE_NEW, memory_order_relaxed);
	atomic_store_explicit(&l->showing, (uintptr_t)k, memory_order_relaxed);
	lane_unlock(l);
	is_seen = show_request(l, k, data, total);
	shown(l, k);
	lane_lock(l);
	/* Nobody knows it. */
	if (!is_seen)
		k->accepted = false;
	return true;
}

void plain_show_new(struct lane *l)
{
	lock_order_held(LOCK_SERVICE);
	assert(l->delivers);
	while (show_new(l))
		;
}

/* ---- frames ---- */

/* It is plain, and is dealt with. *ret_locked: the lock is still held. */
static bool take_frame(struct lane *l, const uint8_t *body, size_t len, bool *ret_locked)
{
	struct calls *c = &l->calls;
	struct call *core;
	struct span data;

	/* The core takes a frame when all events before it are handed over. */
	if (calls_event_waits(c))
		return false;
	core = intercept_is_set(l->owner) ? NULL : plain_answered(c, body, len, &data);
	if (!core || !goes_to_function(core->user, data.n))
		return plain_begin_came(c, body, len);
	plain_answer(c, core, body, data.n);
	replied(l, core->user, data);
	*ret_locked = false;
	return true;
}

bool plain_frames(struct lane *l, const uint8_t **body, size_t *len)
{
	struct sinew_session *h = l->session;
	bool locked = true, taken;

	lock_order_held(LOCK_SERVICE);
	assert(l->delivers);
	do {
		if (!locked)
			lane_lock(l);
		locked = true;
		taken = take_frame(l, *body, *len, &locked);
		if (taken)
			*body = service_next(h, len);
	} while (taken && *body);
	if (!locked)
		lane_lock(l);
	return !taken;
}
