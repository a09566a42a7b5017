/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of the depth of a queue: what it costs to queue a message when so many are there,
 * unacknowledged. Both nodes are in this process; the receiver does not read until it is told,
 * and the sender has nothing to write meanwhile.
 * Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define BATCH	    100 /* few enough that none of them is written at once */
#define FRAME_BYTES 112 /* of a message in the queue, at least */
#define QUIET_MS    2 /* without a byte sent: the sender has nothing to do */

struct queue {
	struct host host;
	struct hosted *sender;
	uint8_t message[64];
	struct histogram times; /* of a batch */
};

static size_t queue_bytes;

static void tune(struct sinew_options *opt)
{
	opt->queue_bytes = (uint32_t)queue_bytes;
}

static struct sinew_status status_of(struct queue *q)
{
	struct sinew_status st = { .size = sizeof st };

	sinew_session_status(q->sender->peers[2], &st);
	return st;
}

static int send_some(struct queue *q, uint64_t n)
{
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++)
		err = host_send(q->sender, 2, q->message, sizeof q->message, false);
	return err;
}

/* By its name callgrind knows it: what is counted is what happens inside. */
__attribute__((noinline)) int measured_sends(struct queue *q);

int measured_sends(struct queue *q)
{
	return send_some(q, BATCH);
}

/* All is written that the connection takes; the next message that is sent is tried at once, and
 * those behind it wait for more. */
static int calm(struct queue *q)
{
	uint64_t before, after = status_of(q).bytes_sent;
	int err;

	do {
		before = after;
		err = sinew_dispatch(q->sender->node, QUIET_MS);
		after = status_of(q).bytes_sent;
	} while (err >= 0 && before != after);
	return err < 0 ? err : send_some(q, 2);
}

static int drain(struct queue *q)
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int err = 0;

	while (!err && status_of(q).unacked) {
		err = host_turn(&q->host, 10);
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
	}
	return err;
}

static int cycle(struct queue *q, const struct settings *s)
{
	int err = send_some(q, s->depth);

	for (uint64_t i = 0; i < s->repeat && !err; i++) {
		uint64_t began;

		err = calm(q);
		began = clock_now_ns();
		if (!err)
			err = measured_sends(q);
		histogram_add(&q->times, clock_now_ns() - began);
	}
	return err ? err : drain(q);
}

static int open_both(struct queue *q, const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = 2,
		.first = 1,
		.last = 2,
		.message_bytes = sizeof q->message,
		.tune = tune,
	};
	int err = host_open(&q->host, &opt);

	q->sender = &q->host.nodes[0];
	if (!err)
		err = host_meet(&q->host, &opt);
	return err ? err : host_until(&q->host, host_is_up);
}

int job_depth(const struct settings *s)
{
	struct queue *q = calloc(1, sizeof *q);
	int err;

	queue_bytes = s->end.queue_bytes;
	err = q ? open_both(q, s) : -ENOMEM;
	/* Each page of the queue is touched once. */
	if (!err)
		err = send_some(q, queue_bytes / FRAME_BYTES);
	if (!err)
		err = drain(q);
	for (uint64_t i = 0; i < s->count && !err; i++)
		err = cycle(q, s);
	if (err)
		return trouble("cannot queue so many", err);
	if (q->host.n_wrong || q->host.n_down || q->host.n_came != q->sender->sent[2])
		return trouble("messages that are not what was sent", 0);
	result("batch_ns", (double)histogram_quantile(&q->times, 500) / BATCH);
	host_close(&q->host);
	free(q);
	return 0;
}
