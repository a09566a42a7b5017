/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending, taking, sending again; and the job of doing so for some time, or so many times.
 * Knows no contestant.
 */
#include "tests/bench/work/flight.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/clock.h"

#define LOOK_EVERY 256 /* messages between two looks at the clock */

/* ---- the flight ---- */

static void send_lane(struct flight *f, unsigned lane, bool is_last)
{
	content_put(f->message, lane, f->content.next[lane], is_last);
	if (!f->err)
		f->err = f->s->with->send(f->end, f->message, f->s->size);
	f->n_open++;
}

static void take(void *arg, const void *data, size_t len)
{
	struct flight *f = arg;

	content_check(&f->content, data, len);
	f->n_open--;
	if (f->content.n_wrong)
		return;
	if (!f->is_over)
		f->came(f, f->arg);
	if (!f->is_over)
		send_lane(f, content_lane(data), false);
}

/* Until all have come back. */
static int land(struct flight *f)
{
	const struct contestant *with = f->s->with;
	int err = 0;

	while (!err && !f->err && f->n_open && !f->content.n_wrong) {
		err = with->flush(f->end);
		if (!err)
			err = with->receive(f->end);
		if (!err && f->turned && !f->is_over)
			f->turned(f, f->arg);
	}
	return err ? err : f->err;
}

static int fly(struct flight *f)
{
	int err;

	for (unsigned lane = 0; lane < f->s->depth; lane++)
		send_lane(f, lane, false);
	err = land(f);
	if (err || f->content.n_wrong)
		return err;
	send_lane(f, 0, true);
	err = land(f);
	return err ? err : f->s->with->drain(f->end);
}

int flight_run(struct flight *f)
{
	const struct settings *s = f->s;
	struct end_options options = s->end;
	int err;

	if (s->depth < 1 || s->depth > CONTENT_LANES)
		return trouble("no such number on their way", 0);
	f->content.len = s->size;
	f->message = calloc(1, s->size);
	options.take = take;
	options.arg = f;
	err = f->message ? s->with->open(&options, &f->end) : -ENOMEM;
	if (!err)
		err = fly(f);
	if (f->content.n_wrong)
		return trouble("messages that are not what was sent", 0);
	if (err)
		return trouble("they do not come back", err);
	s->with->close(f->end);
	free(f->message);
	return 0;
}

/* ---- the job ---- */

struct window {
	uint64_t began_ns, from_ns, from_n, to_ns, to_n;
};

/* The first quarter warms up. By number if that is asked for, else by time. */
static void look(struct flight *f, void *arg)
{
	struct window *w = arg;
	uint64_t n = f->content.n, count = f->s->count, all, part, now;

	if (n % LOOK_EVERY)
		return;
	now = clock_now_ns();
	if (!w->began_ns)
		w->began_ns = now;
	all = count ? count : f->s->ms * CLOCK_MS;
	part = count ? n : now - w->began_ns;
	if (!w->from_ns && part >= all / 4) {
		w->from_ns = now;
		w->from_n = n;
	}
	if (part >= all) {
		w->to_ns = now;
		w->to_n = n;
		f->is_over = true;
	}
}

int job_flight(const struct settings *s)
{
	struct window w = { 0 };
	struct flight f = { .s = s, .came = look, .arg = &w };

	if (flight_run(&f))
		return -1;
	if (w.to_n == w.from_n)
		return trouble("too few messages to measure", 0);
	result("rounds_s", (double)(w.to_n - w.from_n) * CLOCK_S / (double)(w.to_ns - w.from_ns));
	return 0;
}
