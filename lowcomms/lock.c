/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The slow path of a lock, under contention: spinning, sleeping, waking one.
 */
#include "lowcomms/lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS	100	/* before it sleeps: some times as long as a message takes */

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

void lock_wait(struct lock *l)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&l->state, memory_order_relaxed) == LOCK_FREE &&
		    lock_seize(l))
			return;
		relax();
	}
	/* A thread that slept may not be the last one: it leaves the lock as contended. */
	while (atomic_exchange_explicit(&l->state, LOCK_CONTENDED, memory_order_acquire) !=
	       LOCK_FREE)
		syscall(SYS_futex, &l->state, FUTEX_WAIT_PRIVATE, LOCK_CONTENDED, NULL, NULL, 0);
}

void lock_wake(struct lock *l)
{
	syscall(SYS_futex, &l->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
