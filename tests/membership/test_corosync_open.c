/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of opening where no corosync runs: it says so, within its time, and gives
 * everything back, also when calls of its own fail. Knows nothing of corosync.
 */
#include "tests/lib/failures.h"

#include <sched.h>

#include "tests/lib/check.h"
#include "tests/lib/cluster.h"

#include "membership/sinew-corosync.h"

#define CONNECT_MS	30
#define FAILS_MAX	20		/* calls of one kind that an opening makes */

#ifdef HAVE_COROSYNC

/* Tries under that plan; what it came to. */
static int try_open(const struct plan *plan, char *err, size_t err_size)
{
	static const struct plan none = { .call = CALLS };
	struct sinew_corosync_setup setup;
	struct sinew_corosync *cs = NULL;
	unsigned fds = n_descriptors();
	long blocks;
	int rc;

	sinew_corosync_setup_init(&setup, sizeof(setup));
	setup.connect_ms = CONNECT_MS;
	failing_begin(plan);
	blocks = atomic_load(&failing.blocks);
	rc = sinew_corosync_open(&setup, &cs, err, err_size);
	failing_begin(&none);
	CHECK(rc < 0);
	CHECK(!cs);
	CHECK(err[0]);
	CHECK_EQ(atomic_load(&failing.blocks), blocks);
	CHECK_EQ(n_descriptors(), fds);
	return rc;
}

static void without_corosync_it_says_so(void)
{
	const struct plan none = { .call = CALLS };
	char err[256] = "";
	int rc = try_open(&none, err, sizeof(err));

	CHECK(rc == -ENOTCONN || rc == -ETIMEDOUT);
	CHECK(strstr(err, "corosync"));
}

/* Each call of that kind in turn, until there are no more. */
static void each_that_fails(enum call call, int expected)
{
	char err[256];
	unsigned k;

	for (k = 1; k <= FAILS_MAX; k++) {
		const struct plan plan = { .call = call, .k = k };
		int rc;

		err[0] = '\0';
		rc = try_open(&plan, err, sizeof(err));
		if (k == 1 && expected)
			CHECK_EQ(rc, expected);
	}
}

static void without_memory(void)
{
	each_that_fails(CALL_calloc, -ENOMEM);
	each_that_fails(CALL_malloc, 0);
}

static void a_setup_needs_its_size(void)
{
	struct sinew_corosync_setup setup = { .observe = true };
	struct sinew_corosync *cs = NULL;
	char err[256] = "";

	CHECK_EQ(sinew_corosync_open(&setup, &cs, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "sinew_corosync_setup_init"));
}

static void without_descriptors(void) { each_that_fails(CALL_eventfd, -ENOMEM); }
static void without_a_thread(void) { each_that_fails(CALL_pthread_create, -EAGAIN); }
static void without_a_lock(void) { each_that_fails(CALL_pthread_mutex_init, -ENOMEM); }

int main(void)
{
	/* One that runs on this machine is not to be met. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) && unshare(CLONE_NEWNET)) {
		printf("ok - without corosync # SKIP no network namespace of its own\n");
		return 0;
	}
	RUN(without_corosync_it_says_so);
	RUN(a_setup_needs_its_size);
	RUN(without_memory);
	RUN(without_descriptors);
	RUN(without_a_thread);
	RUN(without_a_lock);
	return check_done();
}

#else

int main(void)
{
	printf("ok - without corosync # SKIP built without corosync's libraries\n");
	return 0;
}

#endif
