/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events for the application. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_EVENT_H
#define SINEW_SERVICES_CALLS_EVENT_H

#include "calls.h"

/* All that was read at once was given to calls_frame(): shows new calls. A call that the same batch
 * aborts is never shown, unless more than the first piece of its request came. */
void calls_batch_end(struct calls *c);

enum calls_event_what {
	CALLS_EV_NEW = 1,	/* of the peer: accept or refuse it; not if it is behind another */
	CALLS_EV_SHOW,		/* of the peer: it is not any more */
	CALLS_EV_AGAIN,		/* own: refused for now; offer the request anew, from its begin */
	CALLS_EV_ACCEPTED,	/* own: the peer's application has it */
	CALLS_EV_DATA,
	CALLS_EV_ROOM,		/* call_send() may take more */
	CALLS_EV_FINAL,		/* of the peer: it has consumed the whole reply; ENDED comes next */
	CALLS_EV_STATE,		/* own: the report of its calls says how far it is */
	CALLS_EV_ENDED,
	CALLS_EV_SLOT,		/* of no call: a begin refused with -EAGAIN may be tried again */
	CALLS_EV_FAULT,		/* of no call: the peer broke a rule, or says that we did */
	CALLS_EV_CRED,		/* of no call: the peer's calls may have it from now on */
	CALLS_EV_UNCRED,	/* of no call: it is not used any more */
};

/* Fields without a note are of all; the others of the events that are named, else they mean
 * nothing. */
struct calls_event {
	enum calls_event_what what;
	struct call *call;	/* NULL: of the session */
	void *user;		/* of the call */
	struct span data;	/* DATA, sealed if call->extra says so; CRED: its bytes */
	bool last;		/* DATA: the request or reply is complete */
	bool held;		/* ENDED: see above */
	uint8_t reason;		/* ENDED: enum call_reason, never CONFIRM; or enum calls_reason */
	enum calls_outcome outcome;	/* ENDED; at the called side: what it did */
	uint32_t code;		/* ENDED: of ABORTED or ABANDONED */
	uint32_t retry_ms;	/* ENDED: of BUSY */
	union {
		const char *fault;	/* FAULT */
		const struct call_cred *cred;	/* CRED, UNCRED */
	};
};

/* There is an event. */
static inline bool calls_event_waits(const struct calls *c)
{
	return !list_empty(&c->events) || c->pending;
}

/* Where there is one; for calls_event() alone. */
void calls_event_take(struct calls *c, struct calls_event *ret);

/* The next event. False: none. */
static inline bool calls_event(struct calls *c, struct calls_event *ret)
{
	if (!calls_event_waits(c))
		return false;
	calls_event_take(c, ret);
	return true;
}

/* ---- for the other files of the core ---- */

void call_tell(struct call *call, enum call_pending what);
/* Drops what is pending. */
void call_tell_nothing(struct call *call);

#endif
