/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new call of the peer, and data of any call, in the form that the application asked for: in
 * pieces, as a whole, to be read, or by the queue. All under the lock of the lane, which is given
 * back while the application runs; loop. Knows nothing of services and their room.
 */
#ifndef SINEW_SERVICES_PRESENT_H
#define SINEW_SERVICES_PRESENT_H

#include "services/calls_event.h"
#include "services/lane.h"

/* The interceptor sees a call before its service has room for it. */
void present_waiting(struct lane *l, struct sinew_call *k);
/* It has its place in the service. */
void present_new(struct lane *l, struct sinew_call *k);
/* Data of a call that has its place in the service. */
void present_data(struct lane *l, struct sinew_call *k, struct span data, bool last);
/* Data from the core: presented, or stored until the call has its place; or they are too many. */
void present_arrived(struct lane *l, struct sinew_call *k, const struct calls_event *ev);

#endif
