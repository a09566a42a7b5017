/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/waiters.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "lowcomms/lock_order.h"

/* 0, or a positive errno. */
static int init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return err;
}

int wait_begin(pthread_mutex_t *lock, struct waiters *list, struct waiter *w)
{
	if (init_cond(&w->cond))
		return -ENOMEM;
	w->woken = false;
	mutex_lock(lock, LOCK_WAIT);
	assert(!list->first == !atomic_load(&list->n));
	w->next = list->first;
	list->first = w;
	atomic_fetch_add(&list->n, 1);
	mutex_unlock(lock, LOCK_WAIT);
	return 0;
}

int wait_for(pthread_mutex_t *lock, struct waiter *w, uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u),
	};
	int err = 0, was;

	/* A thread that ended here would leave its stack on the list. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	mutex_lock(lock, LOCK_WAIT);
	while (!w->woken && !err)
		err = until_ns == UINT64_MAX ? pthread_cond_wait(&w->cond, lock) :
			pthread_cond_timedwait(&w->cond, lock, &until);
	if (w->woken)
		err = 0;
	w->woken = false;
	mutex_unlock(lock, LOCK_WAIT);
	pthread_setcancelstate(was, NULL);
	return -err;
}

void wait_end(pthread_mutex_t *lock, struct waiters *list, struct waiter *w)
{
	struct waiter **pp = &list->first;

	mutex_lock(lock, LOCK_WAIT);
	assert(atomic_load(&list->n));
	while (*pp != w) {
		assert(*pp);
		pp = &(*pp)->next;
	}
	*pp = w->next;
	atomic_fetch_sub(&list->n, 1);
	mutex_unlock(lock, LOCK_WAIT);
	pthread_cond_destroy(&w->cond);
}

void wait_wake_all(pthread_mutex_t *lock, struct waiters *list)
{
	mutex_lock(lock, LOCK_WAIT);
	assert(!list->first == !atomic_load(&list->n));
	for (struct waiter *w = list->first; w; w = w->next) {
		w->woken = true;
		pthread_cond_signal(&w->cond);
	}
	mutex_unlock(lock, LOCK_WAIT);
}
