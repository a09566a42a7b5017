/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of messages and calls beside a topology server at work. Knows nothing of how that is
 * judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/caller.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/topo_host.h"
#include "tools/clock.h"

#define PEER		2
#define CALLS_MAX	16u /* at a time */
#define MESSAGES	64u /* between two turns */
#define MESSAGE_BYTES	64u
#define WINDOW_MS	50u
#define WARM_WINDOWS	4u
#define WINDOWS_MAX	256u /* of each kind */
#define EVENT_NS	1000000 /* one to each subscriber */

struct beside {
	struct host host;
	struct sinew_calls *calls;
	struct sinew_binding *binding;
	unsigned n_open;
	uint64_t n_calls, n_messages;
	int err;
	double calls_s[2], messages_s[2]; /* without events, and with them: of the middle window */
	/* The thread that publishes. */
	struct sinew_topo *topo;
	pthread_t thread;
	_Atomic bool feeds, stop;
	int publisher_err;
};

/* ---- messages and calls ---- */

static void on_event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct beside *b = user;

	if (msg->event != SINEW_CALL_ENDED)
		return;
	b->n_open--;
	b->n_calls++;
	if (msg->reason != SINEW_END_REPLIED)
		b->err = -ECONNABORTED;
	sinew_call_end(call);
}

static int begin_calls(struct beside *b)
{
	static const uint8_t request[MESSAGE_BYTES];
	const struct iovec iov = { (void *)(uintptr_t)request, sizeof request };
	const struct sinew_call_options opt = {
		.size = sizeof opt,
		.fn = on_event,
		.delivery = SINEW_CALL_WHOLE,
	};
	struct sinew_call *call;
	int err = 0;

	while (b->n_open < CALLS_MAX && !err) {
		err = sinew_call_begin(b->binding, CALLEE_ECHO, &opt, &iov, 1, 0, b, &call);
		b->n_open += !err;
	}
	return err;
}

static int send_messages(struct beside *b)
{
	uint8_t buf[MESSAGE_BYTES];
	int err = 0;

	for (unsigned i = 0; i < MESSAGES && !err; i++) {
		err = host_send(&b->host.nodes[0], PEER, buf, sizeof buf, false);
		b->n_messages += !err;
	}
	return err == -EAGAIN ? 0 : err;
}

static int window(struct beside *b)
{
	uint64_t until = clock_now_ns() + WINDOW_MS * CLOCK_MS;
	int err = 0;

	while (!err && clock_now_ns() < until) {
		err = begin_calls(b);
		if (!err)
			err = send_messages(b);
		if (!err)
			err = host_turn(&b->host, 0);
		if (!err)
			err = b->err;
	}
	return err;
}

/* Windows without and with events, in the order 0 1 1 0: n of each. */
static int windows(struct beside *b, uint64_t n)
{
	double calls_s[2][WINDOWS_MAX], messages_s[2][WINDOWS_MAX];
	int err = 0;

	for (uint64_t i = 0; i < 2 * n && !err; i++) {
		unsigned is_fed = i % 4 == 1 || i % 4 == 2;
		uint64_t began = clock_now_ns(), calls = b->n_calls, messages = b->n_messages;
		double s;

		atomic_store(&b->feeds, is_fed);
		err = window(b);
		s = (double)(clock_now_ns() - began) / CLOCK_S;
		calls_s[is_fed][i / 2] = (double)(b->n_calls - calls) / s;
		messages_s[is_fed][i / 2] = (double)(b->n_messages - messages) / s;
	}
	for (unsigned i = 0; i < 2 && !err; i++) {
		b->calls_s[i] = topo_median(calls_s[i], n);
		b->messages_s[i] = topo_median(messages_s[i], n);
	}
	return err;
}

/* ---- the load ---- */

static void *publish(void *arg)
{
	struct beside *b = arg;
	uint64_t next = clock_now_ns(), id = 0;
	int err = 0;

	for (bool is_there = false; !err && !atomic_load(&b->stop);) {
		struct timespec at = { .tv_sec = (time_t)(next / CLOCK_S),
				       .tv_nsec = (long)(next % CLOCK_S) };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		next += EVENT_NS;
		if (!atomic_load(&b->feeds))
			continue;
		err = is_there ? topo_take(b->topo, id) : topo_put(b->topo, TOPO_TYPE, 1, &id);
		if (!err)
			err = sinew_topo_dispatch(b->topo, 0) < 0 ? -EPROTO : 0;
		is_there = !is_there;
	}
	b->publisher_err = err;
	return NULL;
}

static int beside_open(struct beside *b, const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = 1,
		.first = PEER,
		.last = PEER,
		.queue_bytes = s->end.queue_bytes,
	};
	int err = host_open(&b->host, &opt);

	if (!err)
		err = callee_calls_new(&b->host.nodes[0], &b->calls);
	if (!err)
		err = sinew_topo_start(b->host.nodes[0].node, b->calls, NULL);
	if (!err)
		err = host_meet(&b->host, &opt);
	if (!err)
		err = host_until(&b->host, host_is_up);
	return err ? err : sinew_binding_open(b->calls, b->host.nodes[0].peers[PEER],
					      CALLEE_SERVICE, NULL, &b->binding);
}

static int load(struct beside *b, const struct settings *s, struct readers *fed,
		struct readers *idle)
{
	struct sinew_node *node = b->host.nodes[0].node;
	int err = readers_open(fed, node, NULL, (unsigned)s->threads, TOPO_TYPE);

	if (!err)
		err = readers_open(idle, node, NULL, (unsigned)s->depth, TOPO_TYPE_IDLE);
	if (!err)
		err = readers_start(fed);
	if (!err)
		err = sinew_topo_open(node, &b->topo);
	if (!err)
		err = -pthread_create(&b->thread, NULL, publish, b);
	return err;
}

static void unload(struct beside *b, struct readers *fed, struct readers *idle)
{
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
	sinew_topo_close(b->topo);
	readers_close(fed);
	readers_close(idle);
}

/* threads subscribers, which are fed half of the time, beside depth idle ones. */
int job_topo_beside(const struct settings *s)
{
	struct beside *b = calloc(1, sizeof *b);
	uint64_t n_windows = s->ms / WINDOW_MS / 4 * 2;
	struct readers fed, idle;
	int err = b ? beside_open(b, s) : -ENOMEM;

	if (!err)
		err = load(b, s, &fed, &idle);
	if (!err)
		err = windows(b, WARM_WINDOWS);
	if (!err)
		err = n_windows > WINDOWS_MAX ? -EINVAL : windows(b, n_windows);
	if (!err)
		unload(b, &fed, &idle);
	if (err || b->publisher_err || fed.err)
		return trouble("no work beside the server", err ? err : b->publisher_err);
	result("messages_alone_s", b->messages_s[0]);
	result("messages_fed_s", b->messages_s[1]);
	result("calls_alone_s", b->calls_s[0]);
	result("calls_fed_s", b->calls_s[1]);
	result("events", (double)atomic_load(&fed.n_events));
	sinew_binding_close(b->binding);
	sinew_calls_free(b->calls);
	host_close(&b->host);
	free(b);
	return 0;
}
