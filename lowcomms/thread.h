/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a thread of the library's own, and telling threads apart. Inline, so that membership
 * uses it, too: the library exports no name for it. Knows nothing of the thread's work.
 */
#ifndef SINEW_LOWCOMMS_THREAD_H
#define SINEW_LOWCOMMS_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>

/* Of this thread, as long as it lives, and of no other one: the address of something. Where the
 * compiler reads it from a register, it is not worth a call. */
static inline uintptr_t thread_number(void)
{
#if !defined(__clang__) && __GNUC__ >= 11 && (defined(__x86_64__) || defined(__aarch64__))
	return (uintptr_t)__builtin_thread_pointer();
#else
	return (uintptr_t)pthread_self();
#endif
}

/* All signals are blocked in it: they belong to the application's threads. stack: bytes, 0: the
 * system's default. To be joined or detached. Returns 0 or a negative errno. */
static inline int thread_start(size_t stack, void *(*run)(void *arg), void *arg,
			       pthread_t *ret_thread)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(ret_thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

#endif
