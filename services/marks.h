/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of RxRPC for an event: mark, error, and the code of an abort. Knows nothing of calls.
 */
#ifndef SINEW_SERVICES_MARKS_H
#define SINEW_SERVICES_MARKS_H

#include "services/sinew-call.h"

/* Of an event other than ENDED. */
enum sinew_call_mark mark_of(enum sinew_call_event event);
/* Of ENDED, whose reason and code are filled in. incoming: at the called side. */
void mark_end(struct sinew_call_msg *msg, bool incoming);

#endif
