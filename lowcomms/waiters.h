/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads of the application that wait for the loop. While its list is empty, a wake-up costs one
 * load. Knows nothing of the conditions that they wait for.
 */
#ifndef SINEW_LOWCOMMS_WAITERS_H
#define SINEW_LOWCOMMS_WAITERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* On the stack of the thread that waits. */
struct waiter {
	pthread_cond_t cond;
	struct waiter *next;	/* under the lock */
	bool woken;		/* since the last wait_for(); under the lock */
};

struct waiters {
	_Atomic unsigned n;	/* who wakes looks there, without the lock */
	struct waiter *first;	/* under the lock */
};

/* From now on wait_wake() is not missed: what is waited for is to be looked at behind this.
 * 0 or -ENOMEM. */
int wait_begin(pthread_mutex_t *lock, struct waiters *list, struct waiter *w);
/* Until woken since the last call, or until_ns of CLOCK_MONOTONIC, UINT64_MAX: no limit. 0 or
 * -ETIMEDOUT. No point of cancellation. */
int wait_for(pthread_mutex_t *lock, struct waiter *w, uint64_t until_ns);
void wait_end(pthread_mutex_t *lock, struct waiters *list, struct waiter *w);

void wait_wake_all(pthread_mutex_t *lock, struct waiters *list);
/* Behind the change that is waited for. Any thread. */
static inline void wait_wake(pthread_mutex_t *lock, struct waiters *list)
{
	if (atomic_load(&list->n))
		wait_wake_all(lock, list);
}

#endif
