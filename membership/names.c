/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/names.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lowcomms/thread.h"

/* The modules of the name service have their buffers there. */
#define STACK_BYTES	((size_t)512 << 10)

struct names {
	pthread_mutex_t lock;
	_Atomic unsigned refs;		/* of who began, and of each thread */
	unsigned next, missing;		/* to be asked; not answered; lock */
	int fd;				/* -1: dropped; lock */
	unsigned n;			/* constant, as are these */
	enum host_family family;
	char (*hosts)[NAMES_HOST_MAX];
	struct names_answer *answers;	/* lock */
};

/*
 * How many threads there are, with the process that counts: the child of a fork() has none of its
 * parent's.
 */
static _Atomic uint64_t running;

static uint64_t none_of_this_process(void)
{
	return (uint64_t)getpid() << 32;
}

static bool count_up(void)
{
	const uint64_t none = none_of_this_process();
	uint64_t seen = atomic_load(&running), now;

	do {
		now = (seen >> 32) == (none >> 32) ? seen : none;
		if ((uint32_t)now >= NAMES_THREADS)
			return false;
	} while (!atomic_compare_exchange_weak(&running, &seen, now + 1));
	return true;
}

static void count_down(void)
{
	atomic_fetch_sub(&running, 1);
}

static void unref(struct names *names)
{
	if (--names->refs)
		return;
	pthread_mutex_destroy(&names->lock);
	free(names->hosts);
	free(names->answers);
	free(names);
}

/* The next that nobody asks for; -1: none, or nobody wants to know. */
static int take_next(struct names *names)
{
	int i = -1;

	pthread_mutex_lock(&names->lock);
	if (names->fd >= 0 && names->next < names->n)
		i = (int)names->next++;
	pthread_mutex_unlock(&names->lock);
	return i;
}

static void put(struct names *names, unsigned i, const struct names_answer *answer)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&names->lock);
	if (names->fd >= 0) {
		names->answers[i] = *answer;
		/* It can only fail when it is readable already. */
		if (!--names->missing && write(names->fd, &one, sizeof(one)) < 0)
			names->missing = 0;
	}
	pthread_mutex_unlock(&names->lock);
}

static void *look_up(void *arg)
{
	struct names *names = arg;
	int i;

	while ((i = take_next(names)) >= 0) {
		struct names_answer answer = { .is_there = true };

		errno = 0;
		answer.error = host_look_up(names->hosts[i], names->family, &answer.addr);
		answer.errnum = errno;
		put(names, (unsigned)i, &answer);
	}
	/* Counted until the last: memory that is still ours is still a thread. */
	unref(names);
	count_down();
	return NULL;
}

/* One for each name, as far as there may be so many. An error: there is none at all. */
static int start_threads(struct names *names)
{
	pthread_t thread;
	unsigned i;
	int rc = 0;

	for (i = 0; i < names->n && count_up(); i++) {
		names->refs++;
		rc = thread_start(STACK_BYTES, look_up, names, &thread);
		if (rc) {
			names->refs--;
			count_down();
			break;
		}
		pthread_detach(thread);
	}
	return i ? 0 : rc;
}

int names_begin(const char (*hosts)[NAMES_HOST_MAX], unsigned n, enum host_family family,
		struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));
	int rc = -ENOMEM;

	if (!names)
		return -ENOMEM;
	names->refs = 1;
	names->n = names->missing = n;
	names->family = family;
	if (pthread_mutex_init(&names->lock, NULL)) {
		free(names);
		return -ENOMEM;
	}
	names->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (names->fd < 0) {
		rc = -errno;
		goto out;
	}
	names->hosts = calloc(n, sizeof(*names->hosts));
	names->answers = calloc(n, sizeof(*names->answers));
	if (!names->hosts || !names->answers)
		goto out;
	memcpy(names->hosts, hosts, n * sizeof(*hosts));
	rc = start_threads(names);
	if (rc)
		goto out;
	*ret_names = names;
	return 0;
out:
	names_drop(names);
	return rc;
}

int names_fd(const struct names *names)
{
	return names->fd;
}

bool names_complete(struct names *names)
{
	bool is_complete;

	pthread_mutex_lock(&names->lock);
	is_complete = !names->missing;
	pthread_mutex_unlock(&names->lock);
	return is_complete;
}

void names_answer(struct names *names, unsigned i, struct names_answer *ret_answer)
{
	pthread_mutex_lock(&names->lock);
	*ret_answer = names->answers[i];
	pthread_mutex_unlock(&names->lock);
}

void names_drop(struct names *names)
{
	if (!names)
		return;
	pthread_mutex_lock(&names->lock);
	if (names->fd >= 0)
		close(names->fd);
	names->fd = -1;
	pthread_mutex_unlock(&names->lock);
	unref(names);
}
