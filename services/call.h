/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One call: the handle of the application, and what belongs to it besides the core's state.
 * Counted: the application has a reference until sinew_call_end(), the loop while it works at an
 * event of it.
 * Without a note, a field is under the lock of its lane.
 */
#ifndef SINEW_SERVICES_CALL_H
#define SINEW_SERVICES_CALL_H

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "services/bytes.h"
#include "services/calls.h"
#include "services/calls_clear.h"
#include "services/calls_window.h"
#include "services/cred.h"
#include "services/owner.h"

#define CALL_WHOLE_MAX	(1024u * 1024)	/* the default of max_reply and max_request */

struct lane;
struct queued;

/* Data that the core has not taken yet, of which it was offered some. */
struct unsent {
	struct bytes *bytes;
	size_t offered;			/* of them, in front */
	uint64_t n_sealed;		/* pieces that went, as seals number them */
	bool last;			/* nothing comes behind */
	bool said;			/* the core knows that */
	bool want_room;			/* the application does */
};

/* Data that the application has not got yet. */
struct unread {
	struct bytes *bytes;
	uint64_t n_opened;		/* pieces that came, as seals number them */
	bool last;			/* the last ones are here, or were handed over */
};

/* How a call of the peer comes to its service. */
enum entry_stage {
	CALL_OUTSIDE,			/* it waits, or has left */
	CALL_ADMITTED,			/* by sinew_calls_accept(); the loop hands over its data */
	CALL_INSIDE,
};

struct entry {
	struct list waiting;		/* of the service, or admitted; under the gate */
	uint64_t number;		/* among those of all services that ever waited */
	uint8_t stage;			/* enum entry_stage */
	bool extra;			/* its place is one of max_alloc */
	bool announced;			/* the interceptor has seen NEW; loop */
};

/* How a call ended. */
struct call_end {
	int32_t code;
	uint8_t reason;			/* enum sinew_call_reason; 0: it has not */
	uint8_t outcome;		/* enum sinew_call_outcome */
	bool distrusted;		/* before: a seal is broken, or could not be made */
	bool refused;			/* before: the reply of an own one is too long, or finds no
					 * memory */
	bool may_lock;			/* before: begun by a callback, so that its reply may wait
					 * for callbacks */
};

struct sinew_call {
	struct list all;		/* of the lane, as long as its memory is there */

	/* Constant. */
	struct lane *lane;
	struct service *service;	/* of the peer's: whose n_calls counts it */
	struct sinew_cred *cred;	/* or the principal, of the peer's; NULL: none */
	struct queued *queued;		/* its events are taken from the queue; constant */
	sinew_call_fn fn;
	_Atomic(void *) user;		/* call_user(); of a spare one: the next of these */
	uint64_t begun_ns;
	uint64_t deadline_ns;
	uint32_t op;
	uint16_t service_id;		/* of an own one: that of its binding at first */
	uint8_t depth;
	uint8_t delivery;		/* enum sinew_call_delivery */

	struct call *core;		/* own, or a slot of the peer's; NULL: no more */
	struct entry entry;
	bool incoming;			/* constant */
	_Atomic bool over;		/* it does not count as open (any more) */
	unsigned refs;

	/* From here to the end: see call_rest(). */
	uint64_t max_bytes;		/* of what comes in; 0: no limit; constant */
	struct unsent out;
	struct unread in;
	uint64_t sent, received;	/* bytes */
	uint64_t unconsumed;		/* delivered bytes that the application consumes itself */
	uint64_t id;			/* 0: it waits for its slot */
	struct call_end end;
	bool accepted;			/* the called side's application has it, as is known */
	bool aborted;			/* by this side */
	bool returned;			/* by sinew_call_end() */

	struct call own;		/* the core's state of an own call, which fills it; others
					 * end before it */
};

/* Of a plain call that is over: as it was before it began. */
static inline void call_rest(struct sinew_call *k)
{
	k->entry.extra = k->entry.announced = false;
	calls_clear((char *)k + offsetof(struct sinew_call, max_bytes),
		    offsetof(struct sinew_call, own) - offsetof(struct sinew_call, max_bytes));
}

/* How long all of iov is; false: it is no valid one. */
bool call_iov_lengths(const struct iovec *iov, int n, size_t *ret);
static inline bool call_iov_length(const struct iovec *iov, int n, size_t *ret)
{
	if (n != 1 || !iov || !iov->iov_base || iov->iov_len > SSIZE_MAX)
		return call_iov_lengths(iov, n, ret);
	*ret = iov->iov_len;
	return true;
}
/* The memory of a handle, in its initial state. NULL: none. Under the lock of the lane. */
struct sinew_call *call_alloc(struct lane *l, bool incoming);
/* Under the lock. */
static inline void call_ref(struct sinew_call *k)
{
	k->refs++;
}
/* It was the last reference. */
struct sinew_session *call_free(struct sinew_call *k);
/* Under the lock. NULL, or a reference to the session that is the caller's. */
static inline struct sinew_session *call_put_back(struct sinew_call *k)
{
	assert(k->refs);
	return --k->refs ? NULL : call_free(k);
}
/* The same without the lock, which it takes. */
void call_give_ref(struct sinew_call *k);
/* The same of the loop, which has a reference to the session of its own. */
static inline void call_unref(struct sinew_call *k)
{
	struct sinew_session *h = call_put_back(k);

	if (h)
		sinew_session_unref(h);
}
static inline bool call_ended(const struct sinew_call *k)
{
	return k->end.reason != 0;
}

/* For a slot of the peer, or for a handler: in the line of its service, or in the queue. */
static inline bool call_is_waiting(const struct sinew_call *k)
{
	if (!k->incoming)
		return k->core && k->core->state == CALL_WAITING;
	if (call_ended(k) || k->returned)
		return false;
	return k->entry.stage == CALL_OUTSIDE || (k->queued && !k->accepted);
}

/* The application's. A thread that took an event from the queue may set it while the loop looks at
 * the next one. */
static inline void *call_user(const struct sinew_call *k)
{
	return atomic_load_explicit(&k->user, memory_order_relaxed);
}
static inline void call_set_user(struct sinew_call *k, void *user)
{
	atomic_store_explicit(&k->user, user, memory_order_relaxed);
}
/* Learns its id, once it has a slot. */
static inline void call_name(struct sinew_call *k)
{
	if (!k->id && k->core && k->core->slot != CALL_SLOT_NONE)
		k->id = (uint64_t)k->core->gen << 16 | k->core->slot;
}
/* The core has it, and it counts as open. */
void call_open(struct sinew_call *k, struct call *core);
/* The core's state of it is no longer to be used. */
void call_detach(struct sinew_call *k);
/* Lets the core's state of it go, and detaches it. */
void call_drop(struct sinew_call *k);
/* This side aborts it by itself, with that code. The core has it. */
void call_give_up(struct sinew_call *k, int32_t code);
/* The same with the code for data that do not fit what this side expects. */
void call_bad_data(struct sinew_call *k);
/* It counts as open until now. */
static inline void call_closes(struct sinew_call *k, struct sinew_calls *o)
{
	lock_order_held(LOCK_SERVICE);
	assert(!atomic_load_explicit(&k->over, memory_order_relaxed));
	atomic_store_explicit(&k->over, true, memory_order_relaxed);
	atomic_fetch_sub_explicit(&o->n.open, 1, memory_order_release);
}
/* It does not count as open any more. */
static inline void call_closed(struct sinew_call *k, struct sinew_calls *o)
{
	lock_order_held(LOCK_SERVICE);
	if (!atomic_load_explicit(&k->over, memory_order_relaxed))
		call_closes(k, o);
}
/* The same for its service. */
void call_leave(struct sinew_call *k);

#endif
