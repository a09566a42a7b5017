/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue: events of calls that have no function, for any number of threads. It lists calls, each
 * once, and not events: what has happened to a call waits at the call, its data in its window, so
 * that nothing is ever dropped, and no memory is needed to queue.
 */
#ifndef SINEW_SERVICES_QUEUE_H
#define SINEW_SERVICES_QUEUE_H

#include "services/call.h"
#include "services/message.h"
#include "services/sign.h"

struct queue {
	pthread_mutex_t lock;		/* LOCK_WAIT */
	pthread_cond_t ready;		/* there is a call, or an end */
	pthread_cond_t left;		/* no thread waits any more */
	struct sign sign;		/* of both; under the lock */
	struct list calls;		/* with something to tell, referenced; under the lock */
	unsigned n_inside, n_taken;	/* threads that wait, messages that are out; the same */
	bool over;			/* the same */
	unsigned max;			/* constant */
	_Atomic unsigned n_new;		/* calls of peers that no thread has taken */
};

enum queued_state { QUEUED_IDLE, QUEUED_LISTED, QUEUED_TAKEN };

/* The part of a call that is served by the queue. */
struct queued {
	struct list link;		/* under the lock of the queue */
	uint8_t state;			/* enum queued_state; the same */
	struct sinew_call *call;	/* constant */
	unsigned pending;		/* 1 << enum sinew_call_event; under the lane's lock, as */
	bool is_new;			/* counted in n_new */
	struct sinew_call_msg end;	/* ENDED */
	struct sinew_call_report report, told;	/* STATE, pending and as a thread has it */
	struct kept_msg out;		/* the event that a thread has */
};

/* Nobody uses it any more. */
static inline void queue_free(struct sinew_calls *o, struct queue *q)
{
	assert(list_empty(&q->calls) && !q->n_inside && !q->n_taken);
	sign_close(&q->sign);
	pthread_cond_destroy(&q->ready);
	pthread_cond_destroy(&q->left);
	pthread_mutex_destroy(&q->lock);
	owner_release(o, q);
}

static inline struct queue *queue_of(struct sinew_calls *o)
{
	return atomic_load_explicit(&o->queue, memory_order_acquire);
}

/* One more call of a peer may wait for a thread. Any thread. */
bool queue_has_room(struct sinew_calls *o);
/* A call without a function is served by the queue, if there is one. 0 or -ENOMEM. Under the lock
 * of its lane, as the next four. */
int queue_join(struct sinew_call *k);
/* A thread may take NEW of the call some time: it counts from now on. */
void queue_expect(struct sinew_call *k);
/* It has been seen, or will never be. */
void queue_seen(struct sinew_call *k);
/* The event is to be taken; what belongs to ENDED or STATE is copied. */
void queue_post(struct sinew_call *k, const struct sinew_call_msg *msg);
/* Nothing more of the call is to be taken. True: the reference of the list is the caller's. */
bool queue_forget(struct sinew_call *k);
/* A message of sinew_calls_take() comes back. Without a lock. */
void queue_put(struct queued *q);
/* The node is gone. */
void queue_wake(struct sinew_calls *o);
/* Threads are sent away, and waited for. */
void queue_shut(struct sinew_calls *o);

#endif
