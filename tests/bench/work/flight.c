/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job of many messages on their way at a time: each that comes back goes again, in a lane of
 * its own, so that they may come back in any order. The other side is that of a round trip.
 * Knows no contestant.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/work/content.h"
#include "tests/bench/work/work.h"
#include "tools/clock.h"

#define LOOK_EVERY 256 /* messages between two looks at the clock */

struct flight {
	const struct settings *s;
	void *end;
	uint8_t *message;
	struct content content;
	uint64_t began_ns, from_ns, from_n; /* all of it; what is measured */
	uint64_t to_ns, to_n;
	int err;
};

static void send_lane(struct flight *f, unsigned lane, bool is_last)
{
	content_put(f->message, lane, f->content.next[lane], is_last);
	if (!f->err)
		f->err = f->s->with->send(f->end, f->message, f->s->size);
}

/* The first quarter warms up. By number if that is asked for, else by time. */
static void look(struct flight *f)
{
	uint64_t n = f->content.n, now = clock_now_ns(), count = f->s->count, all, part;

	all = count ? count : f->s->ms * CLOCK_MS;
	part = count ? n : now - f->began_ns;
	if (!f->from_ns && part >= all / 4) {
		f->from_ns = now;
		f->from_n = n;
	}
	if (part >= all) {
		f->to_ns = now;
		f->to_n = n;
	}
}

static void take(void *arg, const void *data, size_t len)
{
	struct flight *f = arg;

	content_check(&f->content, data, len);
	if (f->content.n % LOOK_EVERY == 0 && !f->to_ns)
		look(f);
	if (!f->to_ns && !f->content.n_wrong)
		send_lane(f, content_lane(data), false);
}

static int fly(struct flight *f)
{
	const struct contestant *with = f->s->with;
	uint64_t n_open = f->s->depth;
	int err = 0;

	f->began_ns = clock_now_ns();
	for (unsigned lane = 0; lane < n_open; lane++)
		send_lane(f, lane, false);
	/* After the end of what is measured all that are on their way come back. */
	while (!err && !f->err && !f->content.n_wrong &&
	       (!f->to_ns || f->content.n < f->to_n + n_open - 1)) {
		err = with->flush(f->end);
		if (!err)
			err = with->receive(f->end);
	}
	if (err || f->err || f->content.n_wrong)
		return err ? err : f->err;
	send_lane(f, 0, true);
	err = with->flush(f->end);
	while (!err && !f->err && !f->content.n_last)
		err = with->receive(f->end);
	return err ? err : f->err;
}

int job_flight(const struct settings *s)
{
	struct flight f = { .s = s, .content.len = s->size };
	struct end_options options = s->end;
	int err;

	f.message = calloc(1, s->size);
	options.take = take;
	options.arg = &f;
	if (s->depth < 1 || s->depth > CONTENT_LANES)
		return trouble("no such number on their way", 0);
	err = f.message ? s->with->open(&options, &f.end) : -ENOMEM;
	if (!err)
		err = fly(&f);
	if (f.content.n_wrong)
		return trouble("messages that are not what was sent", 0);
	if (!err)
		err = s->with->drain(f.end);
	if (err)
		return trouble("they do not come back", err);
	result("rounds_s", (double)(f.to_n - f.from_n) * CLOCK_S / (double)(f.to_ns - f.from_ns));
	s->with->close(f.end);
	free(f.message);
	return 0;
}
