/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_seat.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lowcomms/lock.h"

#define TICK_MAX_NS	(SCTP_RTO_MIN_MS * 500000u)	/* half of it */
#define TICK_SHARE	20u		/* of the time, that ticks may take */

static struct {
	struct lock lock;
	_Atomic pid_t process;		/* it was opened in; 0: not */
	struct sctp_seat *driver;	/* who has entered */
	uint64_t ticked_ns;
	uint64_t tick_ns;		/* from one to the next */
} stack = { .tick_ns = SCTP_TICK_NS };

/* A socket of any seat has changed: in any call of the stack. */
static void mark(void *arg)
{
	struct sctp_item *item = arg;
	const uint64_t one = 1;
	ssize_t put;

	if (!list_empty(&item->marked))
		return;
	list_append(&item->seat->marked, &item->marked);
	if (item->seat == stack.driver)
		return;
	do
		put = write(item->seat->wake.fd, &one, sizeof one);
	while (put < 0 && errno == EINTR);
}

int sctp_begin(int (*output)(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df))
{
	/* Before the lock: in a child of fork() nobody may be there to give it back. */
	if (stack.process && stack.process != getpid())
		return -ECHILD;
	lock_take(&stack.lock, LOCK_STACK);
	if (!stack.process) {
		sctp_stack_start(output, mark);
		stack.process = getpid();
	}
	lock_give(&stack.lock, LOCK_STACK);
	return 0;
}

/* ---- seats ---- */

static void woken(struct source *source, uint32_t events)
{
	struct sctp_seat *seat = list_entry(source, struct sctp_seat, wake);
	uint64_t n;

	(void)events;
	if (!seat->streams)
		return;		/* closed in this turn */
	while (read(source->fd, &n, sizeof n) < 0 && errno == EINTR)
		;
	sctp_enter(seat);
	sctp_leave(seat);
}

int sctp_seat_open(struct sctp_seat *seat, struct streams *ss)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), err;

	assert(!seat->streams);
	if (fd < 0)
		return -errno;
	seat->wake = (struct source) { .ready = woken, .fd = fd };
	err = loop_add(ss->loop, &seat->wake, EPOLLIN);
	if (err) {
		close(fd);
		return err;
	}
	list_init(&seat->marked);
	seat->n_sockets = 0;
	seat->streams = ss;
	return 0;
}

void sctp_seat_close(struct sctp_seat *seat)
{
	assert(seat->streams && list_empty(&seat->marked) && !seat->n_sockets);
	loop_remove(seat->streams->loop, &seat->wake);
	close(seat->wake.fd);
	seat->streams = NULL;
}

/* ---- under the lock ---- */

void sctp_lock(void)
{
	lock_take(&stack.lock, LOCK_STACK);
}

void sctp_unlock(void)
{
	lock_give(&stack.lock, LOCK_STACK);
}

void sctp_enter(struct sctp_seat *seat)
{
	lock_take(&stack.lock, LOCK_STACK);
	assert(!stack.driver && seat->streams);
	stack.driver = seat;
}

/* From now on that loop makes some. If none did for a while, no time has passed for the stack. */
static void begin_ticks(struct streams *ss)
{
	uint64_t now = loop_now_ns();

	if (now - stack.ticked_ns > (uint64_t)SCTP_RTO_MIN_MS * 1000000u)
		stack.ticked_ns = now;
	ss->deadline_ns = now + stack.tick_ns;
}

static __attribute__((noinline)) void tell_news(struct sctp_seat *seat)
{
	while (!list_empty(&seat->marked)) {
		struct sctp_item *item = list_first(&seat->marked, struct sctp_item, marked);

		assert(item->seat == seat);
		list_remove(&item->marked);
		item->news(item);
	}
}

void sctp_leave(struct sctp_seat *seat)
{
	assert(stack.driver == seat);
	if (!list_empty(&seat->marked))
		tell_news(seat);
	if (seat->n_sockets && seat->streams->deadline_ns == UINT64_MAX)
		begin_ticks(seat->streams);
	stack.driver = NULL;
	lock_give(&stack.lock, LOCK_STACK);
}

/* Each is a walk through all timers, of all loops: where it takes long there are fewer. */
static void walk(uint32_t elapsed_ms)
{
	uint64_t began_ns = loop_now_ns(), tick_ns;

	sctp_stack_pass(elapsed_ms);
	tick_ns = (loop_now_ns() - began_ns) * TICK_SHARE;
	if (tick_ns < SCTP_TICK_NS)
		tick_ns = SCTP_TICK_NS;
	stack.tick_ns = tick_ns < TICK_MAX_NS ? tick_ns : TICK_MAX_NS;
	assert(stack.tick_ns >= SCTP_TICK_NS);
}

void sctp_tick(uint64_t now_ns)
{
	uint64_t elapsed_ms;

	assert(stack.driver);
	if (now_ns < stack.ticked_ns + stack.tick_ns)
		return;
	elapsed_ms = (now_ns - stack.ticked_ns) / 1000000u;
	stack.ticked_ns += elapsed_ms * 1000000u;
	/* A process that was stopped has nobody to blame. */
	walk(elapsed_ms < SCTP_RTO_MAX_MS ? (uint32_t)elapsed_ms : SCTP_RTO_MAX_MS);
}

void sctp_watch(struct sctp_socket *so, struct sctp_item *item)
{
	assert(stack.driver == item->seat && item->news);
	list_init(&item->marked);
	sctp_stack_watch(so, item);
}

void sctp_unwatch(struct sctp_socket *so, struct sctp_item *item)
{
	assert(stack.driver == item->seat);
	sctp_stack_watch(so, NULL);
	list_remove(&item->marked);
}
