/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the fast path of frames to the application: a plain reply, or request, is shown right behind
 * its frame, both events of it without a lock in between and without a reference: sinew_call_end()
 * knows by lane->showing that the loop is at it. Knows no other frame.
 */
#include "services/plain.h"

#include "lowcomms/service_plain.h"
#include "services/calls_plain.h"
#include "services/ending.h"
#include "services/intercept.h"
#include "services/service.h"

/* Of a call with a function, that one alone gets all its data at once. */
static bool goes_to_function(const struct sinew_call *k, size_t n)
{
	return k->fn && (k->delivery == SINEW_CALL_PIECES || k->delivery == SINEW_CALL_WHOLE) &&
		(!k->max_bytes || n <= k->max_bytes);
}

/* It was given back while it was shown, by its function, which has only said so, or by another
 * thread. */
static inline __attribute__((always_inline)) void left(struct sinew_call *k, bool incoming)
{
	if (!k->returned) {
		ending_left(k, incoming);
		return;
	}
	assert(!k->core);
	call_unref(k);
}

/* One of the peer's stays with the application, which may ask for its id when it is over. */
static void kept(struct sinew_call *k)
{
	assert(k->incoming && !k->returned);
	call_name(k);
	if (k->core && k->core->plain == PLAIN_REPLIED)
		plain_tell_end(k->core);
}

static inline void begin_showing(struct lane *l, struct sinew_call *k, enum lane_shows at)
{
	lock_order_held(LOCK_SERVICE);
	lane_show_at(l, at);
	atomic_store_explicit(&l->showing, (uintptr_t)k, memory_order_relaxed);
	lane_unlock(l);
}

/* Takes the lock. */
static inline __attribute__((always_inline)) void end_showing(struct lane *l, struct sinew_call *k,
							      bool incoming)
{
	uintptr_t was;

	l->owner->shown = NULL;
	lane_lock(l);
	was = atomic_load_explicit(&l->showing, memory_order_relaxed);
	atomic_store_explicit(&l->showing, 0, memory_order_relaxed);
	if (was & LANE_LEFT)
		left(k, incoming);
	else if (was && incoming)
		kept(k);
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

/* The call has ended: its function gets the reply, and the end. */
static void replied(struct lane *l, struct sinew_call *k, struct span data)
{
	assert(!k->incoming && !call_ended(k) && !k->received);
	k->received = data.n;
	k->end.reason = SINEW_END_REPLIED;
	k->end.outcome = SINEW_CALL_DONE;
	call_closes(k, l->owner);
	begin_showing(l, k, LANE_OVER);
	show_reply(l, k, data);
	end_showing(l, k, false);
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
	if (!goes_on(l, k) || !lane_shows_new(l, k))
		return true;
	lane_show_at(l, LANE_LASTING);
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
static struct service *plain_service(struct lane *l, const struct call *core)
{
	struct sinew_calls *o = l->owner;
	struct service *s = l->recent;

	if (!s || s->id != core->service)
		s = l->recent = service_find(o, core->service);
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
	struct service *s = core ? plain_service(l, core) : NULL;
	struct sinew_call *k;
	uint64_t total;
	struct span data;
	bool is_seen;

	if (!s)
		return false;
	k = lane_handle(l, true);
	if (!k)
		return false;
	lane_hold_more(l);
	total = core->rx.total;
	data = plain_accept(&l->calls, core, k);
	enter_service(k, s, core);
	lane_opens(l, k, core);
	begin_showing(l, k, LANE_NEW);
	is_seen = show_request(l, k, data, total);
	end_showing(l, k, true);
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

/* It is plain, and is dealt with. */
static bool take_frame(struct lane *l, const uint8_t *body, size_t len)
{
	struct calls *c = &l->calls;
	struct call_slot *s;
	struct sinew_call *k;
	struct span data;

	/* The core takes a frame when all events before it are handed over. */
	if (calls_event_waits(c))
		return false;
	s = intercept_is_set(l->owner) ? NULL : plain_answered(c, body, len, &data);
	if (!s)
		return plain_begin_came(c, body, len);
	k = s->call->user;
	if (!goes_to_function(k, data.n))
		return false;
	plain_answer(c, s);
	replied(l, k, data);
	return true;
}

bool plain_frames(struct lane *l, const uint8_t **body, size_t *len)
{
	struct sinew_session *h = l->session;

	lock_order_held(LOCK_SERVICE);
	assert(l->delivers);
	while (take_frame(l, *body, *len)) {
		*body = service_next(h, len);
		if (!*body)
			return false;
	}
	return true;
}
