/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how long the thread of the server waits: for ever without a deadline, else
 * until the next one, but not beyond a bound. Stands in for epoll_wait() and the clock. Knows the
 * public headers only.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lib/follower.h"

#define TYPE	100u
#define MOST_MS	60000		/* of one wait that has an end */
#define HOUR_MS	3600000

static struct test_node node;
static struct sinew_topo *topo;
static pthread_t here;
static _Atomic int wait_ms;	/* of the last wait of another thread, which is the server's */
static _Atomic int64_t stands_at_ns;	/* the clock of that thread; 0: it goes */

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	if (!pthread_equal(pthread_self(), here))
		atomic_store(&wait_ms, timeout_ms);
	return epoll_pwait(fd, events, max, timeout_ms, NULL);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int64_t at_ns = pthread_equal(pthread_self(), here) ? 0 : atomic_load(&stands_at_ns);

	if (!at_ns)
		return (int)syscall(SYS_clock_gettime, id, ret);
	*ret = (struct timespec) { at_ns / 1000000000, at_ns % 1000000000 };
	return 0;
}

#define DRIVE_ALL(cond) DRIVE_ALONE(&topo, 1, cond)

static void follow(struct follower *f, int timeout_ms)
{
	struct sinew_topo_filter filter = names_of(TYPE, 0, 10);

	filter.timeout_ms = timeout_ms;
	CHECK(follower_begin(f, topo, &filter));
	DRIVE_ALL(f->n_current == 1);
}

static bool begin(void)
{
	const struct sockaddr_storage addr = free_address("127.0.0.1");
	struct sinew_options o;

	memset(&node, 0, sizeof node);
	fast_options(&o, 1, &addr);
	o.addrs[0] = addr;
	o.n_addrs = 1;
	return node_open(&node, &o) && CHECK_EQ(sinew_topo_start(node.n, NULL, NULL), 0) &&
		CHECK_EQ(sinew_topo_open(node.n, &topo), 0);
}

static void end(void)
{
	sinew_topo_close(topo);
	node_free(&node);
}

static void it_waits_until_the_next_deadline(void)
{
	struct follower endless, late, soon;

	CHECK_OR_RETURN(begin());
	follow(&endless, -1);
	DRIVE_ALL(wait_ms == -1);
	follow(&late, HOUR_MS);
	DRIVE_ALL(wait_ms == MOST_MS);
	follow(&soon, MOST_MS / 2);
	DRIVE_ALL(wait_ms > 0 && wait_ms <= MOST_MS / 2);
	follower_end(&soon);
	follower_end(&late);
	follower_end(&endless);
	end();
}

/* A part of a millisecond is a whole one. */
static void it_waits_long_enough(void)
{
	struct follower soon, late, later;
	int64_t at_ns = now_ms() * 1000000;

	CHECK_OR_RETURN(begin());
	atomic_store(&stands_at_ns, at_ns);
	follow(&soon, MOST_MS / 2);
	DRIVE_ALL(wait_ms == MOST_MS / 2);
	atomic_store(&stands_at_ns, at_ns + 1);
	follow(&late, MOST_MS);
	DRIVE_ALL(wait_ms == MOST_MS / 2);
	atomic_store(&stands_at_ns, at_ns + 1000000);
	follow(&later, HOUR_MS);
	DRIVE_ALL(wait_ms == MOST_MS / 2 - 1);
	atomic_store(&stands_at_ns, 0);
	follower_end(&soon);
	follower_end(&late);
	follower_end(&later);
	end();
}

int main(void)
{
	here = pthread_self();
	RUN(it_waits_until_the_next_deadline);
	RUN(it_waits_long_enough);
	return check_done();
}
