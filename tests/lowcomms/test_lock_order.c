/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the order of locks: what it allows goes on, each inversion aborts. Knows no
 * node.
 */
#undef NDEBUG
#ifndef SINEW_CHECK
#define SINEW_CHECK
#endif
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lowcomms/lock.h"
#include "tests/lib/check.h"

static const enum lock_rank ranks[] = {
	LOCK_WATCH, LOCK_MEMBERSHIP, LOCK_SERVICE, LOCK_DIRECTORY, LOCK_HANDLE,
	LOCK_INBOX, LOCK_MEMORY, LOCK_WAIT, LOCK_LATELY, LOCK_STACK,
};
enum { N_RANKS = sizeof ranks / sizeof *ranks };

/* Two locks, one under the other. Whether a process that takes them so ends by itself. */
static bool survives(enum lock_rank outer, enum lock_rank inner)
{
	static const struct rlimit none;
	struct lock first = { 0 };
	pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		lock_take(&first, outer);
		mutex_lock(&second, inner);
		mutex_unlock(&second, inner);
		lock_give(&first, outer);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		CHECK_EQ(WTERMSIG(status), SIGABRT);
	return WIFEXITED(status);
}

static void the_order_goes_on(void)
{
	struct lock locks[N_RANKS] = { 0 };

	for (unsigned i = 0; i <= LOCK_INBOX; i++) {
		lock_take(&locks[i], ranks[i]);
		lock_order_held(ranks[i]);
	}
	for (unsigned i = 0; i <= LOCK_INBOX; i++)
		lock_give(&locks[i], ranks[i]);
	lock_order_none();
}

static void each_inversion_aborts(void)
{
	for (unsigned outer = 0; outer < N_RANKS; outer++)
		for (unsigned inner = 0; inner < N_RANKS; inner++)
			CHECK_EQ(survives(ranks[outer], ranks[inner]),
				 outer < inner && outer < LOCK_INBOX);
}

/* One that is free is taken, and then counts as any other. */
static void a_lock_that_is_tried_counts(void)
{
	struct lock l = { 0 };

	CHECK(lock_try(&l, LOCK_HANDLE));
	CHECK(!lock_try(&l, LOCK_HANDLE));
	CHECK(!lock_drop(&l, LOCK_HANDLE));
	lock_order_none();
}

int main(void)
{
	RUN(the_order_goes_on);
	RUN(each_inversion_aborts);
	RUN(a_lock_that_is_tried_counts);
	return check_done();
}
