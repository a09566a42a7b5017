/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of one session: the core's state, its lock, its handles. Belongs to the session, and
 * goes with it. Knows nothing of functions of the application.
 */
#ifndef SINEW_SERVICES_LANE_H
#define SINEW_SERVICES_LANE_H

#include "services/call.h"
#include "services/calls_tx.h"

struct service_grant;

struct spare {
	struct list handles;
	unsigned n;
};

struct lane {
	struct sinew_calls *owner;	/* referenced */
	struct sinew_session *session;	/* whose it is */
	uint64_t ours, theirs;		/* incarnations; constant */
	struct list all;		/* of the owner, until the session is over; loop */

	struct lock lock;
	struct calls calls;
	struct list handles;		/* that the core knows */
	struct spare spare[2];		/* memory of handles: of own calls, of the peer's */
	unsigned n_calls;		/* handles in use; the session is referenced while there
					 * are any */
	struct sinew_cred *principals[CALLS_CREDS];	/* of the peer's credentials, by place */
	struct sinew_cred *loose;	/* that nobody has any more */
	uint8_t *sealed, *opened;	/* for one piece each; NULL: nothing is sealed */
	bool delivers;			/* the loop hands events over, and takes new ones, too */
	bool fin_waits;			/* our FIN, until calls are over */
	bool drained;			/* it takes no new calls */
};

static inline void lane_lock(struct lane *l)
{
	lock_take(&l->lock, LOCK_SERVICE);
}

static inline void lane_unlock(struct lane *l)
{
	lock_give(&l->lock, LOCK_SERVICE);
}

/* NULL: no memory. */
struct lane *lane_new(struct sinew_calls *o, struct sinew_session *h,
		      const struct service_grant *theirs);
/* A call has that credential no more; if it was the last, lane_free_loose() is due. Under the
 * lock. */
static inline void lane_drop_cred(struct lane *l, struct sinew_cred *c)
{
	lock_order_held(LOCK_SERVICE);
	if (!cred_put_back(c))
		return;
	c->next = l->loose;
	l->loose = c;
}
/* Under the lock, which is given back meanwhile. */
void lane_free_loose(struct lane *l);
/* With the session. */
void lane_free(struct lane *l);
void lane_put_waiting(struct lane *l);
/* Frames go into the ring while there is room, the FIN after the last one. Under the lock; any
 * thread. */
static inline void lane_put(struct lane *l)
{
	lock_order_held(LOCK_SERVICE);
	if (calls_frame_waits(&l->calls) || l->fin_waits)
		lane_put_waiting(l);
}
/* The loop comes where events wait, or at the next deadline. The same. */
void lane_wake(struct lane *l);
/* Gives the lock back, then a reference to the session from call_put_back(). NULL: none. */
static inline void lane_unlock_and_drop(struct lane *l, struct sinew_session *unused)
{
	lane_unlock(l);
	if (unused)
		sinew_session_unref(unused);
}
/* Something has changed: both. */
static inline void lane_settle(struct lane *l)
{
	lane_put(l);
	/* The loop comes to both by itself. */
	if (!l->delivers)
		lane_wake(l);
}

#endif
