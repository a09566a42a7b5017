/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far a call is, as its called side says. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_QUERY_H
#define SINEW_SERVICES_CALLS_QUERY_H

#include "calls.h"

/* Asks the peer how far an own call is: STATE follows, unless ENDED comes first. -EALREADY: it was
 * asked, and has not answered. -EAGAIN: the call has not left, it waits for a slot or the ring.
 * -ECONNABORTED: it has ended. -ESHUTDOWN: no frame comes from here any more. */
int call_query(struct call *call);

/* ---- for the other files of the core ---- */

/* The peer asks about that use of a slot: STATE is due, one for all that it asks meanwhile. */
void report_owe(struct calls *c, struct call_slot *s, uint32_t gen);
/* Fills it in with the state of that moment. */
void frame_report(const struct calls *c, const struct call_slot *s, struct call_frame *f);
/* The answer has come. False: nobody asked. */
bool report_came(struct call_slot *s, const struct call_frame *f);
/* It does not come, as the call is begun again. */
void report_lost(struct call *call);

#endif
