/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a thread of the library's own. Knows nothing of its work.
 */
#ifndef MEMBERSHIP_THREAD_H
#define MEMBERSHIP_THREAD_H

#include <pthread.h>
#include <signal.h>

/* All signals are blocked in it: they belong to the application's threads. stack: bytes, 0: the
 * system's default. *refs counts the reference that is the thread's. To be joined or detached.
 * Returns 0 or a negative errno. */
static inline int thread_start(size_t stack, void *(*run)(void *arg), void *arg,
			       _Atomic unsigned *refs, pthread_t *ret_thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	(*refs)++;
	rc = pthread_create(ret_thread, &attr, run, arg);
	if (rc)
		(*refs)--;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

#endif
