/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words for an event: its reason, and those of RxRPC: mark, error, the code of an abort. Knows
 * nothing of calls.
 */
#ifndef SINEW_SERVICES_MARKS_H
#define SINEW_SERVICES_MARKS_H

#include "services/sinew-call.h"

/* Of an event other than ENDED. */
enum sinew_call_mark mark_of(enum sinew_call_event event);
/* The reason of an end, as the core says it. */
enum sinew_call_reason mark_reason(uint8_t reason);
/* Of ENDED, whose reason and code are filled in. incoming: at the called side. */
void mark_end(struct sinew_call_msg *msg, bool incoming);

#endif
