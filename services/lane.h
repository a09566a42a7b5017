/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of one session: the core's state, its lock, its handles. Belongs to the session, and
 * goes with it. Knows nothing of functions of the application.
 */
#ifndef SINEW_SERVICES_LANE_H
#define SINEW_SERVICES_LANE_H

#include "services/call.h"
#include "services/calls_plain.h"
#include "services/calls_tx.h"

struct service;
struct service_grant;

#define SPARE_MAX	64u	/* handles of a lane that are kept for its next calls */

/* Of one direction: they are as long as each other. */
struct spare {
	struct sinew_call *first;	/* used last */
	unsigned n;
};

/* Of the call that is shown: lies in the bits that are 0 in addresses of handles. */
enum lane_shows {
	LANE_LASTING,
	LANE_NEW,			/* it gets NEW, and its data behind that */
	LANE_NEW_ABORTED,		/* ... but was aborted meanwhile */
	LANE_OVER,			/* the whole reply has come, or is in the ring */
	LANE_LEFT,			/* it was given back, and is left to the loop */
};

#define LANE_SHOWS	((uintptr_t)7)	/* those bits */

struct lane {
	struct sinew_calls *owner;	/* referenced */
	struct sinew_session *session;	/* whose it is */
	uint64_t ours, theirs;		/* incarnations; constant */
	struct list all;		/* of the owner, until the session is over; loop */

	struct lock lock;
	struct calls calls;
	struct list handles;		/* with those that are spare; the core knows some */
	struct spare spare[2];		/* memory of handles: of own calls, of the peer's */
	unsigned n_calls;		/* handles in use, and the loop while it delivers; the
					 * session is referenced while there are any */
	struct sinew_cred *principals[CALLS_CREDS];	/* of the peer's credentials, by place */
	struct sinew_cred *loose;	/* that nobody has any more */
	uint8_t *sealed, *opened;	/* for one piece each; NULL: nothing is sealed */
	bool delivers;			/* the loop hands events over, and takes new ones, too */
	/* By plain.c: whose function runs, without a reference, and enum lane_shows. 0: none, or
	 * the function has given it back. Written under the lock, and by the loop where another
	 * thread has not changed it. */
	_Atomic uintptr_t showing;
	struct service *recent;		/* of the peer's last call that was shown by plain.c, or
					 * NULL; loop */
	bool fin_waits;			/* our FIN, until calls are over */
	bool drained;			/* it takes no new calls */
	uint64_t stuck_ns;		/* a pause has lasted too long then; UINT64_MAX: none */
};

static inline void lane_lock(struct lane *l)
{
	lock_take(&l->lock, LOCK_SERVICE);
}

static inline void lane_unlock(struct lane *l)
{
	lock_give(&l->lock, LOCK_SERVICE);
}

static inline bool lane_shows_at(struct lane *l, const struct sinew_call *k, enum lane_shows at)
{
	return atomic_load_explicit(&l->showing, memory_order_relaxed) == ((uintptr_t)k | at);
}

/* It is shown, and was not given back. */
static inline bool lane_shows(struct lane *l, const struct sinew_call *k)
{
	uintptr_t showing = atomic_load_explicit(&l->showing, memory_order_relaxed);

	return (showing & ~LANE_SHOWS) == (uintptr_t)k && !(showing & LANE_LEFT);
}

static inline void lane_show_at(struct lane *l, const struct sinew_call *k, enum lane_shows at)
{
	atomic_store_explicit(&l->showing, (uintptr_t)k | at, memory_order_relaxed);
}

/* That call is given back: the loop shows it nothing more. is_last: with its last reference. True:
 * that is the loop's from now on. Under the lock. */
static inline bool lane_hide(struct lane *l, const struct sinew_call *k, bool is_last)
{
	bool is_left = is_last && !loop_is_inside(&l->owner->node->loop);

	lock_order_held(LOCK_SERVICE);
	if (!lane_shows(l, k))
		return false;
	atomic_store_explicit(&l->showing, is_left ? (uintptr_t)k | LANE_LEFT : 0,
			      memory_order_relaxed);
	return is_left;
}

/* The function of that call is in NEW; DATA follows. */
static inline bool lane_shows_new(struct lane *l, const struct sinew_call *k)
{
	return lane_shows_at(l, k, LANE_NEW);
}

/* NEW is over; false: DATA does not follow. The loop, without the lock. */
static inline bool lane_goes_on(struct lane *l, const struct sinew_call *k)
{
	uintptr_t is_new = (uintptr_t)k | LANE_NEW;

	return atomic_compare_exchange_strong_explicit(&l->showing, &is_new,
						       (uintptr_t)k | LANE_LASTING,
						       memory_order_relaxed, memory_order_relaxed);
}

/* The function of a call that is over gives the call back. The loop does the rest, as it takes the
 * lock for the next call anyway. False: the loop does not. Without the lock. */
static inline bool lane_leave(struct lane *l, const struct sinew_call *k)
{
	if (!lane_shows_at(l, k, LANE_OVER) || !loop_is_inside(&l->owner->node->loop))
		return false;
	lane_show_at(l, k, LANE_LEFT);
	return true;
}

/* The call is aborted: DATA does not follow NEW. */
static inline void lane_hide_data(struct lane *l, const struct sinew_call *k)
{
	if (lane_shows_new(l, k))
		lane_show_at(l, k, LANE_NEW_ABORTED);
}

/* There is one. */
static inline struct sinew_call *spare_take(struct spare *spare)
{
	struct sinew_call *k = spare->first;

	assert(k && spare->n);
	spare->first = call_user(k);
	spare->n--;
	return k;
}

/* False: there are enough. */
static inline bool spare_give(struct spare *spare, struct sinew_call *k)
{
	assert(!k->core);
	if (spare->n >= SPARE_MAX)
		return false;
	call_set_user(k, spare->first);
	spare->first = k;
	spare->n++;
	return true;
}

/* One more handle, or the loop. */
static inline void lane_hold(struct lane *l)
{
	if (!l->n_calls++)
		sinew_session_ref(l->session);
}

/* One less: NULL, or a reference to the session that is the caller's. */
static inline struct sinew_session *lane_unhold(struct lane *l)
{
	assert(l->n_calls);
	return --l->n_calls ? NULL : l->session;
}

/* The same while the loop holds it, too. */
static inline void lane_hold_more(struct lane *l)
{
	assert(l->n_calls && l->delivers);
	l->n_calls++;
}
static inline void lane_unhold_more(struct lane *l)
{
	l->n_calls--;
	assert(l->n_calls && l->delivers);
}

/* The loop, which has a reference to the session of its own. */
static inline void lane_unhold_loop(struct lane *l)
{
	struct sinew_session *h = lane_unhold(l);

	if (h)
		sinew_session_unref(h);
}

/* The initial state of a handle, of a new one and of a spare one, but for its place among those of
 * the lane: it has one reference. */
static inline void call_prepare(struct lane *l, struct sinew_call *k, bool incoming)
{
	assert(!((uintptr_t)k & LANE_SHOWS));
	calls_clear((char *)k + offsetof(struct sinew_call, lane),
		    offsetof(struct sinew_call, own) - offsetof(struct sinew_call, lane));
	k->lane = l;
	k->incoming = incoming;
	k->refs = 1;
	atomic_init(&k->over, true);
	list_init(&k->entry.waiting);
	if (!incoming)
		own_prepare(&l->calls, &k->own);
}

/* A handle with one reference. NULL: no memory. Under the lock. The lane is to be held for it. */
static inline struct sinew_call *lane_handle(struct lane *l, bool incoming)
{
	struct sinew_call *k = l->spare[incoming].first ? spare_take(&l->spare[incoming]) :
		call_alloc(l, incoming);

	assert(!k || (k->refs == 1 && k->lane == l && k->incoming == incoming));
	return k;
}
static inline struct sinew_call *lane_new_call(struct lane *l, bool incoming)
{
	struct sinew_call *k = lane_handle(l, incoming);

	if (k)
		lane_hold(l);
	return k;
}

/* The core has it, and it counts as open. Under the lock. */
static inline void lane_opens(struct lane *l, struct sinew_call *k, struct call *core)
{
	lock_order_held(LOCK_SERVICE);
	assert(!k->core && core->user == k);
	k->core = core;
	atomic_store_explicit(&k->over, false, memory_order_relaxed);
	atomic_fetch_add_explicit(&l->owner->n.open, 1, memory_order_relaxed);
}

/* A handle in its initial state is spare, or memory again. */
static inline void lane_spare(struct lane *l, struct sinew_call *k, bool incoming)
{
	if (spare_give(&l->spare[incoming], k))
		return;
	list_remove(&k->all);
	owner_release(l->owner, k);
}

/* A plain call is over, and its handle not used any more. The lane is not held for it any more. */
static inline void lane_forget(struct lane *l, struct sinew_call *k, bool incoming)
{
	assert(k->refs == 1 && !k->core && k->incoming == incoming);
	call_rest(k);
	lane_spare(l, k, incoming);
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
/* The slots and the window that the options of its owner say. Under the lock, on the loop. */
void lane_take_options(struct lane *l);
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
