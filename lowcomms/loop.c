/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The epoll set, the timer and the wake-up of one node. Knows nothing of links.
 */
#include "lowcomms/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t loop_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t loop_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t loop_tick_ns(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void loop_close(struct loop *l)
{
	close_fd(&l->wake.fd);
	close_fd(&l->timer.fd);
	close_fd(&l->epoll);
}

int loop_open(struct loop *l)
{
	int err;

	*l = (struct loop) {
		.wake = { .fd = -1 },
		.timer = { .fd = -1 },
		.armed_ns = UINT64_MAX,
	};
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake.fd < 0)
		return -errno;
	l->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->timer.fd < 0)
		return -errno;
	err = loop_add(l, &l->wake, EPOLLIN);
	return err ? err : loop_add(l, &l->timer, EPOLLIN);
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	assert(s->fd >= 0 && !s->events);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev))
		return -errno;
	s->events = events;
	return 0;
}

int loop_change(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	assert(s->fd >= 0);
	if (s->events == events)
		return 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &ev))
		return -errno;
	s->events = events;
	return 0;
}

void loop_remove(struct loop *l, struct source *s)
{
	struct epoll_event ev = { 0 };

	assert(s->fd >= 0);
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, &ev);
	s->events = 0;
}

void loop_arm(struct loop *l, uint64_t at_ns)
{
	struct itimerspec when = { 0 };

	assert(atomic_load(&l->busy) != LOOP_IDLE);
	/* A timer that fires early costs a turn; setting it anew each time
	 * would cost a system call every turn. */
	if (at_ns >= l->armed_ns)
		return;
	when.it_value.tv_sec = (time_t)(at_ns / 1000000000u);
	when.it_value.tv_nsec = (long)(at_ns % 1000000000u);
	if (at_ns == 0)
		when.it_value.tv_nsec = 1;
	if (!timerfd_settime(l->timer.fd, TFD_TIMER_ABSTIME, &when, NULL))
		l->armed_ns = at_ns;
}

void loop_wake(struct loop *l)
{
	const uint64_t one = 1;
	ssize_t n;

	if (atomic_load(&l->awake))
		return;
	atomic_store_explicit(&l->woken_ns, loop_tick_ns(), memory_order_relaxed);
	if (atomic_exchange(&l->awake, 1))
		return;
	do
		n = write(l->wake.fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

void loop_prepare_wait(struct loop *l)
{
	atomic_store(&l->awake, 0);
}

void loop_finish_wait(struct loop *l)
{
	/* A thread that sees it late wakes the loop for nothing; the lists are looked at again
	 * behind the next loop_prepare_wait(), which is in order with all that is put on them. */
	if (!atomic_load_explicit(&l->awake, memory_order_relaxed))
		atomic_store_explicit(&l->awake, 1, memory_order_relaxed);
}

/* Nobody drives: since when there is something to do, as far as is known. */
static uint64_t waits_since(struct loop *l, uint64_t turn, uint64_t now_ns)
{
	struct pollfd p = { .fd = l->epoll, .events = POLLIN };

	if (atomic_load(&l->awake))
		return atomic_load(&l->woken_ns);
	if (poll(&p, 1, 0) <= 0)
		return now_ns;
	/* The time first: another thread that finds the turn finds its time, too. */
	if (atomic_load(&l->seen_turn) != turn) {
		atomic_store(&l->seen_ns, now_ns);
		atomic_store(&l->seen_turn, turn);
	}
	return atomic_load(&l->seen_ns);
}

uint64_t loop_busy_ns(struct loop *l)
{
	uint64_t turn = atomic_load(&l->turn), now_ns = loop_now_ns();
	uint64_t since_ns = atomic_load(&l->works_ns);

	if (!since_ns && atomic_load(&l->busy) == LOOP_IDLE && atomic_load(&l->shown)) {
		since_ns = waits_since(l, turn, now_ns);
		/* A thread that drives, or drove meanwhile, left no marks of a wait. */
		if (atomic_load(&l->busy) != LOOP_IDLE || atomic_load(&l->turn) != turn)
			return 0;
	}
	return since_ns && now_ns > since_ns ? now_ns - since_ns : 0;
}

static void drain_fd(struct source *s)
{
	uint64_t n;

	assert(s->fd >= 0 && !s->ready);
	while (read(s->fd, &n, sizeof n) < 0 && errno == EINTR)
		;
}

int loop_wait(struct loop *l, struct epoll_event *events, int max, int timeout_ms)
{
	int n = epoll_wait(l->epoll, events, max, timeout_ms), left = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		if (s == &l->wake) {
			drain_fd(s);
		} else if (s == &l->timer) {
			drain_fd(s);
			l->armed_ns = UINT64_MAX;
		} else {
			events[left++] = events[i];
		}
	}
	return left;
}
