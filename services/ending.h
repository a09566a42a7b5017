/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the end of a call that the application gives back: a fast path for a call that is over and
 * has left nothing but its handle. Inline, for sinew_call_end() and for the loop, to which a
 * function leaves the call that it was called for. Knows no thread.
 */
#ifndef SINEW_SERVICES_ENDING_H
#define SINEW_SERVICES_ENDING_H

#include "services/call_user.h"
#include "services/calls_plain.h"
#include "services/lane.h"
#include "services/service.h"

/* The application alone has the call, and no data wait. */
static inline bool ending_is_alone(const struct sinew_call *k)
{
	return k->core && !k->queued && k->refs == 1 && !k->out.bytes && !k->in.bytes && !k->cred;
}

/* The core has let the call go: so do its service and its lane. Two constants: that of k; it was
 * plain all the time. */
static inline __attribute__((always_inline)) void ending_go(struct sinew_call *k, bool incoming,
							    bool plain)
{
	struct lane *l = k->lane;

	lock_order_held(LOCK_SERVICE);
	assert(k->incoming == incoming && !k->returned);
	assert(atomic_load_explicit(&k->over, memory_order_relaxed) == !incoming);
	if (incoming) {
		k->entry.stage = CALL_OUTSIDE;
		assert(!plain || !k->entry.extra);
		if (plain)
			service_leave_plain(k->service);
		else
			service_leave(l->owner, k->service, k->entry.extra);
		call_closes(k, l->owner);
	}
	k->core = NULL;
	/* Our FIN may have waited for this call alone. */
	if (l->fin_waits)
		lane_settle(l);
}

/* Any thread, under the lock. NULL, or a reference to the session that is the caller's. */
static inline __attribute__((always_inline)) struct sinew_session *ending(struct sinew_call *k,
									  bool incoming)
{
	struct lane *l = k->lane;

	assert(k->incoming == incoming);
	if (!ending_is_alone(k))
		return end_any(k);
	if (!incoming && !plain_let_go(k->core))
		return end_any(k);
	if (incoming) {
		if (k->entry.stage != CALL_INSIDE || !k->accepted || !plain_may_drop(k->core))
			return end_any(k);
		plain_drop(k->core);
	}
	ending_go(k, incoming, false);
	if (lane_hide(l, k, true)) {
		k->returned = true;
		return NULL;
	}
	lane_forget(l, k, incoming);
	return lane_unhold(l);
}

/* The loop, for the function of a call that is over. */
static inline __attribute__((always_inline)) void ending_left(struct sinew_call *k, bool incoming)
{
	struct sinew_session *unused;
	struct lane *l = k->lane;

	/* The function may have freed all calls behind that. */
	if (!k->core || (!incoming && !plain_let_go(k->core))) {
		unused = end_any(k);
		assert(!unused);	/* the loop holds the lane */
		(void)unused;
		return;
	}
	assert(ending_is_alone(k));
	if (incoming)
		plain_drop_kept(k->core);
	ending_go(k, incoming, true);
	lane_forget(l, k, incoming);
	lane_unhold_more(l);
}

#endif
