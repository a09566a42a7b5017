/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of all locks: a thread that holds one takes only those further down, and none under
 * one of the last five. Asserted at each call of a lock where the library is built with
 * SINEW_CHECK, as for the tests, and without NDEBUG. Knows no lock itself.
 *
 *	rank		lock		code that runs under it
 *	WATCH		sinew_watch	functions of the observers, which take MEMBERSHIP
 *	MEMBERSHIP	sinew_corosync	calls of sinew.h; membership/ takes it, and asserts itself
 *					that no thread takes it twice
 *	SERVICE		services/	functions of service.h
 *	DIRECTORY	peers of a node	commands are queued
 *	HANDLE		one session	the core's functions for producers; one at a time
 *	INBOX		of a node	lists for the loop
 *	MEMORY		of a node	the pool of buffers, the list of handles
 *	WAIT		of a node	lists of threads that wait; in services/, of calls
 *	LATELY		of a node	the last lines of the log
 *	STACK		sctp_seat.c	libusrsctp, which the nodes of a process share
 *
 * Nothing else of the core and no code of the application runs under a lock of lowcomms/, but
 * the observers. The lock of node.c for pthread_atfork() is of the process, and stands alone.
 */
#ifndef SINEW_LOWCOMMS_LOCK_ORDER_H
#define SINEW_LOWCOMMS_LOCK_ORDER_H

#include <pthread.h>
#include <stdbool.h>

enum lock_rank {
	LOCK_WATCH, LOCK_MEMBERSHIP, LOCK_SERVICE, LOCK_DIRECTORY, LOCK_HANDLE,
	LOCK_INBOX, LOCK_MEMORY, LOCK_WAIT, LOCK_LATELY, LOCK_STACK,
	LOCK_FIRST_LEAF = LOCK_INBOX,
};

#if defined SINEW_CHECK && !defined NDEBUG
/* This thread is about to take, or has released, a lock of that rank. */
void lock_order_take(enum lock_rank rank);
void lock_order_give(enum lock_rank rank);
/* It holds one of that rank. */
void lock_order_held(enum lock_rank rank);
/* It holds none: code of the application is about to run. */
void lock_order_none(void);
#else
#define lock_order_take(rank)	((void)(rank))
#define lock_order_give(rank)	((void)(rank))
#define lock_order_held(rank)	((void)(rank))
#define lock_order_none()	((void)0)
#endif

static inline void mutex_lock(pthread_mutex_t *m, enum lock_rank rank)
{
	lock_order_take(rank);
	pthread_mutex_lock(m);
}

static inline void mutex_unlock(pthread_mutex_t *m, enum lock_rank rank)
{
	pthread_mutex_unlock(m);
	lock_order_give(rank);
}

#endif
