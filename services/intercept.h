/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interceptor: the function that sees each event of each call before the call's own. Loop.
 */
#ifndef SINEW_SERVICES_INTERCEPT_H
#define SINEW_SERVICES_INTERCEPT_H

#include "services/call.h"

/* It is there. */
static inline bool intercept_is_set(struct sinew_calls *o)
{
	return atomic_load_explicit(&o->intercept, memory_order_acquire);
}

/* Shows it the event. True: nobody else is to get it. Without a lock, between owner_enter() and
 * owner_leave(). */
bool intercept_show(struct sinew_call *k, const struct sinew_call_msg *msg);

#endif
