/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One epoll set with a timer and a wake-up inside, so that a single descriptor
 * shows all work, and the thread that drives it. Knows nothing of the purpose of its sources.
 */
#ifndef SINEW_LOWCOMMS_LOOP_H
#define SINEW_LOWCOMMS_LOOP_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "lowcomms/thread.h"

/* The receiver of an event; embedded in its owner. */
struct source {
	void (*ready)(struct source *s, uint32_t events);	/* EPOLL* */
	int fd;			/* -1: none */
	uint32_t events;	/* registered */
};

struct loop {
	int epoll;
	struct source wake, timer;
	/* While set, the loop will look at its lists before it sleeps, or nobody sleeps: no
	 * wake-up is needed. */
	_Atomic int awake;
	uint64_t armed_ns;	/* UINT64_MAX: not */
	_Atomic uint64_t turn;	/* number of this one; written by who drives */
	_Atomic uintptr_t busy;	/* thread_number() of who drives, or LOOP_IDLE, LOOP_DIRECT */
	_Atomic uintptr_t thread;	/* of who drove last: the loop thread */
	_Atomic bool shown;	/* somebody may poll the descriptor */
	/* For the status: when this iteration began to work, 0: it waits; when it was woken. */
	_Atomic uint64_t works_ns, woken_ns;
	/* The turn in which something was seen to be ready while nobody drove, and when. */
	_Atomic uint64_t seen_turn, seen_ns;
};

/* In busy, where no thread is inside of sinew_dispatch(): nobody drives, or a send that writes by
 * itself. No thread has such a number. */
#define LOOP_IDLE	0u
#define LOOP_DIRECT	1u

/* The next one. */
static inline void loop_turn(struct loop *l)
{
	atomic_store_explicit(&l->turn, atomic_load_explicit(&l->turn, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}
/* The thread that drives begins to work, at that time; or is about to wait. */
static inline void loop_works(struct loop *l, uint64_t now_ns)
{
	assert(now_ns);
	atomic_store_explicit(&l->works_ns, now_ns, memory_order_relaxed);
}
static inline void loop_rests(struct loop *l)
{
	atomic_store_explicit(&l->works_ns, 0, memory_order_relaxed);
}
/* A guess, outside of sinew_dispatch(): another thread may become it at any time. */
static inline bool loop_is_ours(const struct loop *l)
{
	return atomic_load_explicit(&l->thread, memory_order_relaxed) == thread_number();
}
/* Certain: no other thread writes this one's number there. */
static inline bool loop_is_inside(const struct loop *l)
{
	return atomic_load_explicit(&l->busy, memory_order_relaxed) == thread_number();
}

uint64_t loop_now_ns(void);	/* CLOCK_MONOTONIC */
uint64_t loop_real_ns(void);	/* CLOCK_REALTIME, for people */
/* The same clock at its last tick, up to 10 ms ago: a quarter of the cost. */
uint64_t loop_tick_ns(void);

/* 0 or -errno; loop_close() follows either way. */
int loop_open(struct loop *l);
void loop_close(struct loop *l);

/* Registered level triggered for EPOLL* events; 0 or -errno. */
int loop_add(struct loop *l, struct source *s, uint32_t events);
int loop_change(struct loop *l, struct source *s, uint32_t events);
/* Before its descriptor is closed, or to add it again later. */
void loop_remove(struct loop *l, struct source *s);

/* The descriptor becomes readable at that time at the latest; it may earlier. */
void loop_arm(struct loop *l, uint64_t at_ns);

/* After something was put on a list of the loop. Any thread. */
void loop_wake(struct loop *l);
/* From now on additions wake the loop. To be followed by a look at the lists. */
void loop_prepare_wait(struct loop *l);
void loop_finish_wait(struct loop *l);

/*
 * For how long it has worked in one iteration, or work has waited for a thread that drives, in
 * ns; 0: it waits for work. Where the descriptor is shown, what came from outside is noticed by
 * this call alone: so long at least. Any thread.
 */
uint64_t loop_busy_ns(struct loop *l);
/* As epoll_wait, or -errno. The timer and the wake-up are taken care of and are not among
 * the events. */
int loop_wait(struct loop *l, struct epoll_event *events, int max, int timeout_ms);

#endif
