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
	if (!k->core)
		return;
	if (k->core->plain == PLAIN_REPLIED)
		plain_tell_end(k->core);
	plain_stays(k->core);
}

static inline void begin_showing(struct lane *l, struct sinew_call *k, enum lane_shows at)
{
	lock_order_held(LOCK_SERVICE);
	lane_show_at(l, k, at);
	lane_unlock(l);
}

/* Takes the lock. */
static inline __attribute__((always_inline)) void end_showing(struct lane *l, struct sinew_call *k,
							      bool incoming)
{
	uintptr_t was;

	lane_lock(l);
	was = atomic_load_explicit(&l->showing, memory_order_relaxed);
	atomic_store_explicit(&l->showing, 0, memory_order_relaxed);
	if (was & LANE_LEFT)
		left(k, incoming);
	else if (was && incoming)
		kept(k);
}

/* The two events of a plain call; their constant fields are filled in once a read. */
struct plain_events {
	struct sinew_call_msg first, second;
};

/* That event of the call goes to its function. Without the lock. */
static inline __attribute__((always_inline)) void hand_over(struct sinew_calls *o,
							    struct sinew_call *k,
							    struct sinew_call_msg *msg)
{
	msg->call = k;
	msg->user = call_user(k);
	o->shown = msg;
	k->fn(k, msg, msg->user);
}

/* ---- replies ---- */

static void reply_events(struct plain_events *e)
{
	*e = (struct plain_events) {
		.first = {
			.event = SINEW_CALL_DATA, .last = true, .mark = SINEW_MARK_DATA,
		},
		.second = {
			.event = SINEW_CALL_ENDED, .reason = SINEW_END_REPLIED,
			.outcome = SINEW_CALL_DONE, .mark = SINEW_MARK_NONE,
		},
	};
}

/* Without the lock. */
static void show_reply(struct lane *l, struct sinew_call *k, struct plain_events *e)
{
	struct sinew_calls *o = l->owner;

	if (!owner_calls(o))
		return;
	hand_over(o, k, &e->first);
	if (!lane_shows_at(l, k, LANE_OVER) || atomic_load(&o->freed))
		return;
	node_calls_back(o->node);
	hand_over(o, k, &e->second);
}

/* The call has ended: its function gets the reply, and the end. */
static void replied(struct lane *l, struct sinew_call *k, struct span data,
		    struct plain_events *e)
{
	assert(!k->incoming && !call_ended(k) && !k->received);
	k->received = data.n;
	k->end.reason = SINEW_END_REPLIED;
	k->end.outcome = SINEW_CALL_DONE;
	call_closes(k, l->owner);
	begin_showing(l, k, LANE_OVER);
	e->first.data = data.p;
	e->first.len = data.n;
	show_reply(l, k, e);
	end_showing(l, k, false);
}

/* ---- requests ---- */

static void request_events(struct plain_events *e)
{
	*e = (struct plain_events) {
		.first = { .event = SINEW_CALL_NEW, .mark = SINEW_MARK_NEW_CALL },
		.second = {
			.event = SINEW_CALL_DATA, .last = true, .mark = SINEW_MARK_DATA,
		},
	};
}

/* Without the lock. False: the application has freed its calls. */
static bool show_request(struct lane *l, struct sinew_call *k, struct plain_events *e)
{
	struct sinew_calls *o = l->owner;

	if (!owner_calls(o))
		return false;
	hand_over(o, k, &e->first);
	if (atomic_load(&o->freed) || !lane_goes_on(l, k))
		return true;
	node_calls_back(o->node);
	hand_over(o, k, &e->second);
	return true;
}

/* The service that gets that call by the fast path. NULL: none. */
static struct service *plain_service(struct lane *l, const struct call *core)
{
	struct sinew_calls *o = l->owner;
	struct service *s = l->recent;

	if (!s || s->id != core->service) {
		s = service_find(o, core->service);
		if (!s || !s->is_plain)
			return NULL;
		l->recent = s;
	}
	if (intercept_is_set(o) ||
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
	service_enter_plain(s);
}

/* The first event is of a call that takes the fast path. False: nothing happened. */
static bool show_new(struct lane *l, struct plain_events *e)
{
	struct call *core = plain_new(&l->calls);
	struct service *s = core ? plain_service(l, core) : NULL;
	struct sinew_call *k;
	struct span data;
	bool is_seen;

	if (!s)
		return false;
	k = lane_handle(l, true);
	if (!k)
		return false;
	lane_hold_more(l);
	e->first.total = core->rx.total;
	data = plain_accept(&l->calls, core, k);
	e->second.data = data.p;
	e->second.len = data.n;
	enter_service(k, s, core);
	lane_opens(l, k, core);
	begin_showing(l, k, LANE_NEW);
	is_seen = show_request(l, k, e);
	end_showing(l, k, true);
	/* Nobody knows it. */
	if (!is_seen)
		k->accepted = false;
	return true;
}

void plain_show_new(struct lane *l)
{
	struct plain_events e;

	lock_order_held(LOCK_SERVICE);
	assert(l->delivers);
	if (!plain_new(&l->calls))
		return;
	request_events(&e);
	owner_come(l->owner);
	while (show_new(l, &e))
		;
	l->owner->shown = NULL;
}

/* ---- frames ---- */

/* It is plain, and is dealt with. */
static bool take_frame(struct lane *l, const uint8_t *body, size_t len, struct plain_events *e)
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
	replied(l, k, data, e);
	return true;
}

bool plain_frames(struct lane *l, const uint8_t **body, size_t *len)
{
	struct sinew_session *h = l->session;
	struct plain_events e;

	lock_order_held(LOCK_SERVICE);
	assert(l->delivers);
	reply_events(&e);
	owner_come(l->owner);
	while (*body && take_frame(l, *body, *len, &e))
		*body = service_next(h, len);
	l->owner->shown = NULL;
	return *body;
}
