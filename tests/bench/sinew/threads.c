/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of several threads that send to one peer; the receiver is that of a stream. Each thread
 * has a lane of its own in the content. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/sinew/jobs.h"
#include "tests/bench/sinew/threaded.h"
#include "tests/bench/work/content.h"
#include "tools/clock.h"

#define LOOK_EVERY 1024 /* messages between two looks at the clock */

struct sender {
	struct threaded *node;
	const struct settings *s;
	unsigned lane;
	pthread_t thread;
	int err;
};

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	uint8_t *message = calloc(1, sender->s->size);
	uint64_t number = 0, end_ns = clock_now_ns() + sender->s->ms * CLOCK_MS;

	sender->err = message ? 0 : -ENOMEM;
	while (!sender->err && (number % LOOK_EVERY || clock_now_ns() < end_ns)) {
		content_put(message, sender->lane, number++, false);
		sender->err = threaded_send(sender->node, message, sender->s->size);
	}
	if (!sender->err) {
		content_put(message, sender->lane, number, true);
		sender->err = threaded_send(sender->node, message, sender->s->size);
	}
	free(message);
	return NULL;
}

int job_threads(const struct settings *s)
{
	struct sender senders[CONTENT_LANES];
	unsigned n = s->threads < CONTENT_LANES ? (unsigned)s->threads : CONTENT_LANES, i;
	struct threaded node;
	int err = threaded_open(&node, s, (uint32_t)s->end.queue_bytes);

	if (!err)
		err = threaded_wait_up(&node);
	if (err)
		return trouble("cannot open", err);
	for (i = 0; i < n && !err; i++) {
		senders[i] = (struct sender){ .node = &node, .s = s, .lane = i };
		err = -pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
	}
	for (unsigned k = 0; k < i; k++) {
		pthread_join(senders[k].thread, NULL);
		err = err ? err : senders[k].err;
	}
	if (!err)
		err = threaded_finish(&node);
	if (err)
		return trouble("cannot send from threads", err);
	wait_for_release();
	threaded_close(&node);
	return 0;
}
