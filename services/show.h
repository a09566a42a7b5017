/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One event goes to the application: to the interceptor, the function of the call, or the queue.
 * Knows nothing of its cause.
 */
#ifndef SINEW_SERVICES_SHOW_H
#define SINEW_SERVICES_SHOW_H

#include "services/lane.h"

/* The event that is handed over, for sinew_call_msg_ref(). */
struct shown {
	struct sinew_call_msg msg;
	bool stored;		/* the data lie in the memory of what was not read */
};

/* Where an event went. */
enum shown_to {
	FREED,			/* nowhere: the application has freed its calls */
	LEFT,			/* to nobody, or it is for the queue */
	TAKEN,			/* the interceptor or the function has dealt with it */
};

/* Of a call that the application does not have, the interceptor alone hears. */
static inline bool show_knows(const struct sinew_call *k)
{
	return !k->incoming || k->accepted;
}

/* Shows its message. stored: the data lie in the memory of what was not read. Begins and data are
 * put into the queue by others, when they are complete. Under the lock of the lane, which is given
 * back while the application runs; the caller has a reference of the call. */
enum shown_to show(struct lane *l, struct sinew_call *k, struct shown *shown, bool stored);

#endif
