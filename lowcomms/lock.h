/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adaptive futex mutex: one atomic operation when uncontended, because every message takes it;
 * waiters spin briefly, longer than it is usually held, and then sleep. A zeroed one is free, and
 * none has to be destroyed. Each call names its rank. Knows nothing of the data that it protects.
 */
#ifndef SINEW_LOWCOMMS_LOCK_H
#define SINEW_LOWCOMMS_LOCK_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/lock_order.h"

enum lock_state { LOCK_FREE, LOCK_TAKEN, LOCK_CONTENDED };

struct lock {
	_Atomic uint32_t state;		/* enum lock_state; free when zeroed */
};

/* The slow paths of lock_take() and lock_give(). */
void lock_wait(struct lock *l);
void lock_wake(struct lock *l);

static inline bool lock_seize(struct lock *l)
{
	uint32_t state = LOCK_FREE;

	return atomic_compare_exchange_strong_explicit(&l->state, &state, LOCK_TAKEN,
						       memory_order_acquire,
						       memory_order_relaxed);
}

/* True: it is ours. */
static inline bool lock_try(struct lock *l, enum lock_rank rank)
{
	bool ours = lock_seize(l);

	if (ours)
		lock_order_take(rank);
	return ours;
}

static inline void lock_take(struct lock *l, enum lock_rank rank)
{
	lock_order_take(rank);
	if (!lock_seize(l))
		lock_wait(l);
}

/* True: lock_wake() must follow. */
static inline bool lock_drop(struct lock *l, enum lock_rank rank)
{
	uint32_t was = atomic_exchange_explicit(&l->state, LOCK_FREE, memory_order_release);

	assert(was != LOCK_FREE);
	lock_order_give(rank);
	return was == LOCK_CONTENDED;
}

static inline void lock_give(struct lock *l, enum lock_rank rank)
{
	if (lock_drop(l, rank))
		lock_wake(l);
}

#endif
