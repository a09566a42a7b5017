/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/show.h"

#include <assert.h>

#include "services/intercept.h"
#include "services/marks.h"
#include "services/queue.h"

/* Begins and data are put into the queue by others, when they are complete. */
static bool is_for_queue(const struct sinew_call *k, enum sinew_call_event event)
{
	return k->queued && show_knows(k) && event != SINEW_CALL_NEW && event != SINEW_CALL_DATA;
}

/* By the interceptor, or by any thread. */
static bool is_returned(struct sinew_call *k)
{
	bool returned;

	lane_lock(k->lane);
	returned = k->returned;
	lane_unlock(k->lane);
	return returned;
}

static enum shown_to hand_over(struct sinew_call *k, const struct sinew_call_msg *msg, bool to_call)
{
	if (intercept_show(k, msg))
		return TAKEN;
	if (!to_call)
		return LEFT;
	if (intercept_is_set(k->lane->owner) && is_returned(k))
		return TAKEN;
	k->fn(k, msg, call_user(k));
	return TAKEN;
}

enum shown_to show(struct lane *l, struct sinew_call *k, struct sinew_call_msg *msg)
{
	bool to_call = k->fn && show_knows(k);
	struct sinew_calls *o = l->owner;
	enum shown_to to = FREED;

	assert(l->delivers && !o->shown);
	if (k->returned)
		return TAKEN;
	msg->call = k;
	msg->user = call_user(k);
	if (msg->event == SINEW_CALL_ENDED)
		mark_end(msg, k->incoming);
	else
		msg->mark = mark_of(msg->event);
	if (to_call || intercept_is_set(o)) {
		lane_unlock(l);
		if (owner_enter(o)) {
			o->shown = msg;
			to = hand_over(k, msg, to_call);
			o->shown = NULL;
		}
		lane_lock(l);
		/* Nobody else is to have what was given back meanwhile. */
		if (to == LEFT && k->returned)
			to = TAKEN;
	} else {
		to = LEFT;
	}
	assert(to != LEFT || !k->returned);
	if (to == LEFT && is_for_queue(k, msg->event))
		queue_post(k, msg);
	return to;
}
