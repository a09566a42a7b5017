/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of the depth of a queue: what it costs to queue a message when so many are there,
 * unacknowledged. The sender is driven by the library's thread and has nothing to do meanwhile;
 * the receiver, in the same process, does not read until it is told.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/work/host.h"
#include "tests/bench/work/threaded.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define BATCH	    100
#define QUEUE_BYTES (128u << 20)
#define WARM	    1200000 /* messages: each page of the queue was touched */
#define QUIET_MS    2 /* without a byte sent: the sender has nothing to do */

struct queue {
	struct threaded sender;
	struct host receiver;
	uint64_t sent;
	uint8_t message[64];
	struct histogram times; /* of a batch */
};

static struct sinew_status status_of(struct queue *q)
{
	struct sinew_status st = { .size = sizeof st };

	sinew_peer_status(q->sender.peer, &st);
	return st;
}

static int send_some(struct queue *q, uint64_t n)
{
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		content_put(q->message, 0, q->sent, false);
		err = sinew_send(q->sender.peer, q->message, sizeof q->message);
		q->sent += err == 0;
	}
	return err;
}

/* By its name callgrind knows it: what is counted is what happens inside. */
__attribute__((noinline)) int measured_sends(struct queue *q);

int measured_sends(struct queue *q)
{
	return send_some(q, BATCH);
}

/* All is written that the connection takes. */
static void wait_for_quiet(struct queue *q)
{
	const struct timespec pause = { .tv_nsec = QUIET_MS * 1000000 };
	uint64_t before, after = status_of(q).bytes_sent;

	do {
		before = after;
		nanosleep(&pause, NULL);
		after = status_of(q).bytes_sent;
	} while (before != after);
}

static int drain(struct queue *q)
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int err = 0;

	while (!err && status_of(q).unacked) {
		err = host_turn(&q->receiver, 10);
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return err;
}

static int cycle(struct queue *q, const struct settings *s)
{
	int err = send_some(q, s->depth);

	wait_for_quiet(q);
	for (uint64_t i = 0; i < s->repeat && !err; i++) {
		uint64_t began = clock_now_ns();

		err = measured_sends(q);
		histogram_add(&q->times, clock_now_ns() - began);
		wait_for_quiet(q);
	}
	return err ? err : drain(q);
}

static int open_both(struct queue *q, const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 2,
		.n = 1,
		.first = 1,
		.last = 1,
		.message_bytes = sizeof q->message,
	};
	int err = host_open(&q->receiver, &opt);

	if (!err)
		err = threaded_open(&q->sender, s, QUEUE_BYTES);
	if (!err)
		err = host_meet(&q->receiver, &opt);
	if (!err)
		err = host_until(&q->receiver, host_is_up);
	/* The sender's end of it may need one of our turns more. */
	if (!err)
		err = host_turn(&q->receiver, 0);
	return err ? err : threaded_wait_up(&q->sender);
}

int job_depth(const struct settings *s)
{
	struct queue *q = calloc(1, sizeof *q);
	int err = q ? open_both(q, s) : -ENOMEM;

	if (!err && s->ms) {
		err = send_some(q, WARM);
		if (!err)
			err = drain(q);
	}
	for (uint64_t i = 0; i < s->count && !err; i++)
		err = cycle(q, s);
	if (err)
		return trouble("cannot queue so many", err);
	if (q->receiver.n_wrong || q->receiver.n_down || q->receiver.n_came != q->sent)
		return trouble("messages that are not what was sent", 0);
	result("batch_ns", (double)histogram_quantile(&q->times, 500) / BATCH);
	result("messages", (double)q->times.n * BATCH);
	threaded_close(&q->sender);
	host_close(&q->receiver);
	free(q);
	return 0;
}
