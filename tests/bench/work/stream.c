/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of a stream: one side sends as fast as it can for some time, the other checks each
 * message and measures what comes after a start. Knows no contestant.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/work/content.h"
#include "tests/bench/work/work.h"
#include "tools/clock.h"

#define LOOK_BYTES (64u << 10) /* sent or come between two looks at the clock */
#define LOOKS_MIN  2 /* the receiver's window opens at its first one, and needs some behind it */

struct window {
	struct content content;
	uint64_t unchecked, look_every; /* messages since the last look at the clock */
	uint64_t begin_ns, warm_ns; /* first message; how long after it the window opens */
	uint64_t from_ns, from_n; /* the window */
};

static uint64_t look_every(size_t size)
{
	return size < LOOK_BYTES ? LOOK_BYTES / size : 1;
}

int job_stream_send(const struct settings *s)
{
	uint8_t *message = calloc(1, s->size);
	uint64_t number = 0, every = look_every(s->size), n_looks = 0, end_ns;
	void *end = NULL;
	int err = message ? s->with->open(&s->end, &end) : -ENOMEM;

	if (err)
		return trouble("cannot open", err);
	end_ns = clock_now_ns() + s->ms * CLOCK_MS;
	do {
		for (uint64_t i = 0; i < every && !err; i++) {
			content_put(message, 0, number++, false);
			err = s->with->send(end, message, s->size);
		}
		n_looks++;
	} while (!err && (n_looks < LOOKS_MIN || clock_now_ns() < end_ns));
	content_put(message, 0, number, true);
	if (!err)
		err = s->with->send(end, message, s->size);
	if (!err)
		err = s->with->flush(end);
	if (!err)
		err = s->with->drain(end);
	if (err)
		return trouble("cannot send", err);
	wait_for_release();
	s->with->close(end);
	free(message);
	return 0;
}

static void take(void *arg, const void *data, size_t len)
{
	struct window *w = arg;

	content_check(&w->content, data, len);
	if (++w->unchecked < w->look_every || w->from_ns)
		return;
	w->unchecked = 0;
	if (!w->begin_ns)
		w->begin_ns = clock_now_ns();
	if (clock_now_ns() >= w->begin_ns + w->warm_ns) {
		w->from_ns = clock_now_ns();
		w->from_n = w->content.n;
	}
}

static int judge(const struct window *w, uint64_t end_ns, size_t size)
{
	double seconds = (double)(end_ns - w->from_ns) / CLOCK_S;
	double n = (double)(w->content.n - w->from_n);

	if (w->content.n_wrong)
		return trouble("messages that are not what was sent", 0);
	if (!w->from_ns || n < 1 || seconds <= 0)
		return trouble("too few messages to measure", 0);
	result("messages_s", n / seconds);
	result("bytes_s", n * (double)size / seconds);
	return 0;
}

int job_stream_receive(const struct settings *s)
{
	struct window w = {
		.content.len = s->size,
		.look_every = look_every(s->size),
		.warm_ns = s->ms * CLOCK_MS / 4,
	};
	struct end_options options = s->end;
	uint64_t end_ns;
	void *end = NULL;
	int err;

	options.take = take;
	options.arg = &w;
	err = s->with->open(&options, &end);
	while (!err && w.content.n_last < s->threads && !w.content.n_wrong)
		err = s->with->receive(end);
	end_ns = clock_now_ns();
	if (err)
		return trouble("cannot receive", err);
	if (s->with->acks)
		result("acks", (double)s->with->acks(end) / (double)w.content.n);
	err = s->with->drain(end);
	if (err)
		return trouble("no orderly end", err);
	err = judge(&w, end_ns, s->size);
	s->with->close(end);
	return err;
}
