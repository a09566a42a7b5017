/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of a round trip: one side sends a message and waits until it comes back, again and
 * again; the other sends back. Each round is timed. Knows no contestant.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/work/content.h"
#include "tests/bench/work/work.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define WARM_ROUNDS 500

struct rally {
	const struct settings *s;
	void *end;
	struct content content;
	int err;
};

static int open_end(struct rally *r, take_fn take)
{
	struct end_options options = r->s->end;

	options.take = take;
	options.arg = r;
	return r->s->with->open(&options, &r->end);
}

static void take(void *arg, const void *data, size_t len)
{
	struct rally *r = arg;

	content_check(&r->content, data, len);
}

static int round_trip(struct rally *r, void *message, uint64_t number, bool is_last)
{
	const struct contestant *with = r->s->with;
	int err;

	content_put(message, 0, number, is_last);
	err = with->send(r->end, message, r->s->size);
	if (!err)
		err = with->flush(r->end);
	while (!err && r->content.n <= number)
		err = with->receive(r->end);
	return err;
}

static int play(struct rally *r, void *message, struct histogram *h)
{
	uint64_t number = 0, end_ns, began, now;
	int err = 0;

	while (!err && number < WARM_ROUNDS)
		err = round_trip(r, message, number++, false);
	now = clock_now_ns();
	end_ns = now + r->s->ms * CLOCK_MS;
	while (!err && (r->s->count ? h->n < r->s->count : now < end_ns)) {
		began = clock_now_ns();
		err = round_trip(r, message, number++, false);
		now = clock_now_ns();
		histogram_add(h, now - began);
	}
	if (!err)
		err = round_trip(r, message, number, true);
	if (r->s->with->acks)
		result("acks", (double)r->s->with->acks(r->end));
	return err ? err : r->s->with->drain(r->end);
}

int job_ping(const struct settings *s)
{
	struct rally r = { .s = s, .content.len = s->size };
	struct histogram *h = calloc(1, sizeof *h);
	void *message = calloc(1, s->size);
	int err = h && message ? open_end(&r, take) : -ENOMEM;

	if (!err)
		err = play(&r, message, h);
	if (err)
		return trouble("no round trip", err);
	if (r.content.n_wrong)
		return trouble("messages that are not what was sent", 0);
	result_histogram(h);
	s->with->close(r.end);
	free(message);
	free(h);
	return 0;
}

static void send_back(void *arg, const void *data, size_t len)
{
	struct rally *r = arg;

	content_check(&r->content, data, len);
	if (!r->err)
		r->err = r->s->with->send(r->end, data, len);
}

int job_pong(const struct settings *s)
{
	struct rally r = { .s = s, .content.len = s->size };
	int err = open_end(&r, send_back);

	while (!err && !r.content.n_last && !r.content.n_wrong) {
		err = s->with->receive(r.end);
		if (!err)
			err = r.err ? r.err : s->with->flush(r.end);
	}
	if (!err && s->with->acks)
		result("acks", (double)s->with->acks(r.end));
	if (!err && !r.content.n_wrong)
		err = s->with->drain(r.end);
	if (err)
		return trouble("no round trip", err);
	if (r.content.n_wrong)
		return trouble("messages that are not what was sent", 0);
	wait_for_release();
	s->with->close(r.end);
	return 0;
}
