/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One event goes to the application: to the interceptor, the function of the call, or the queue.
 * Knows nothing of its cause.
 */
#ifndef SINEW_SERVICES_SHOW_H
#define SINEW_SERVICES_SHOW_H

#include "services/lane.h"

/* Where an event went. */
enum shown_to {
	FREED,			/* nowhere: the application has freed its calls */
	LEFT,			/* to nobody, or it is for the queue */
	TAKEN,			/* the interceptor or the function has dealt with it, or the call
				 * was given back */
};

/* Of a call that the application does not have, the interceptor alone hears. */
static inline bool show_knows(const struct sinew_call *k)
{
	return !k->incoming || k->accepted;
}

/* Shows its message. Begins and data are put into the queue by others, when they are complete.
 * Under the lock of the lane, which is given back while the application runs; the caller has a
 * reference of the call. */
enum shown_to show(struct lane *l, struct sinew_call *k, struct sinew_call_msg *msg);

#endif
