/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of a node: options, memory, services, the sessions that take part. Counted: the
 * application has a reference, the node, each lane and each kept message. Knows nothing of calls.
 *
 * Files of services/ above the core of calls; each calls those of the lines below:
 *
 *	hub.c			functions of lowcomms/service.h, the user's calls for a node
 *	plain_user.c		the fast paths of begin.c and call_user.c
 *	ending.h		the way of a call that is given back
 *	begin.c, call_user.c	the user's calls for bindings and calls
 *	deliver.c, verify.c	events of the core become events of the application
 *	plain.c			the fast path of frames to functions
 *	present.c		new calls and data, in the form that is asked for
 *	show.c			go to it
 *	queue.c, sign.c		or are taken by threads
 *	intercept.c, marks.c	the function that sees all of them, and RxRPC's words for them
 *	lane.c			the calls of one session: its lock, frames into its ring
 *	lane_status.c		its status for the user
 *	call.c			one call
 *	unsent.c, unread.c	its data that wait
 *	accept.c		calls that wait are let in by the application
 *	charge.c		the application is ready for more calls of a service
 *	seal.c			pieces are sealed and opened
 *	call_options.c		options, and their change
 *	service.c, cred.c	services, and who is in them; credentials
 *	owner.c
 *
 * Each lane has a lock (LOCK_SERVICE), and so have the services of a node; a thread holds one of
 * them at a time, below it perhaps the gate, and none while code of the application runs.
 */
#ifndef SINEW_SERVICES_OWNER_H
#define SINEW_SERVICES_OWNER_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/lock.h"
#include "lowcomms/node.h"
#include "proto/grant.h"
#include "proto/list.h"
#include "services/sinew-call.h"

#define SERVICE_BUCKETS	64u	/* by id */

struct queue;
struct service;
struct verifier;

struct owner_counts {
	_Atomic unsigned open;		/* calls, of both directions; of them */
	_Atomic unsigned library;	/* the library has these for itself */
	_Atomic uint64_t creds;		/* that ever were */
};

struct sinew_calls {
	struct sinew_node *node;
	struct sinew_calls_options opt;	/* all filled in; constant; loop: slots, window */
	struct service_grant grant;	/* in our HELLO; constant */
	_Atomic unsigned refs;
	struct owner_counts n;
	_Atomic uint64_t due_ns;	/* when the loop comes by itself */
	_Atomic uint64_t drain_ns;	/* when calls end that are still there; UINT64_MAX: never */
	_Atomic bool draining;		/* no new calls */
	_Atomic bool waiter_due;	/* one that waits for its service may have room */
	_Atomic bool node_gone;

	/* sinew_calls_free() waits for the loop to leave the application. */
	_Atomic bool freed;
	_Atomic bool inside;
	pthread_mutex_t leave_lock;
	pthread_cond_t left;

	struct lock lock;		/* of changes to: */
	_Atomic(struct service *) services[SERVICE_BUCKETS];
	struct {
		void (*fn)(void *arg);	/* NULL: nobody */
		void *arg;
	} bound;			/* is told of further services */
	_Atomic(sinew_call_intercept_fn) intercept;	/* set once */
	void *intercept_user;
	_Atomic(struct verifier *) verifiers;

	_Atomic(struct queue *) queue;	/* set once; NULL: none */
	struct lock gate;		/* LOCK_WAIT, of what waits at services, and of charges */
	struct list admitted;		/* by sinew_calls_accept(), referenced; under the gate */
	uint64_t n_waited;		/* the same */

	/* Loop. */
	struct list lanes;
	const struct sinew_call_msg *shown;	/* the event that is handed over */
	bool freed_seen;
};

/* All zero but for the reference of the caller. NULL: no memory. */
struct sinew_calls *owner_new(struct sinew_node *node, const struct sinew_calls_options *opt);
struct sinew_calls *owner_ref(struct sinew_calls *o);
void owner_unref(struct sinew_calls *o);
/* Memory by the user's functions; NULL: none. Any thread. */
void *owner_alloc(struct sinew_calls *o, size_t size);
void owner_release(struct sinew_calls *o, void *mem);
/* The loop comes at that time at the latest; true: that is news. */
bool owner_due(struct sinew_calls *o, uint64_t due_ns);
/* The loop is to come at that time. Any thread, also under a lock of services/. */
void owner_wake(struct sinew_calls *o, uint64_t due_ns);
void owner_left(struct sinew_calls *o);
/* After the last of some functions of the application. Loop. Against owner_shut(): one of the two
 * sees the other. */
static inline void owner_leave(struct sinew_calls *o)
{
	if (!atomic_load_explicit(&o->inside, memory_order_relaxed))
		return;
	atomic_store(&o->inside, false);
	if (atomic_load(&o->freed))
		owner_left(o);
}
/* Before the first of them. owner_leave() follows in any case. */
static inline void owner_come(struct sinew_calls *o)
{
	if (!atomic_load_explicit(&o->inside, memory_order_relaxed))
		atomic_store(&o->inside, true);
}
/* Before each of them, behind owner_come(); false: there is none any more. */
static inline bool owner_calls(struct sinew_calls *o)
{
	assert(atomic_load_explicit(&o->inside, memory_order_relaxed));
	if (atomic_load(&o->freed))
		return false;
	node_calls_back(o->node);
	return true;
}
/* Both. */
static inline bool owner_enter(struct sinew_calls *o)
{
	owner_come(o);
	return owner_calls(o);
}
/* Waits until the application is left, and keeps the loop out of it. */
void owner_shut(struct sinew_calls *o);

#endif
