/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measures of calls, beside messages that are sent back and beside the calls of others.
 * Knows nothing of how they are judged.
 */
#include "tests/bench/plan.h"

#define QUEUE_BYTES	(4u << 20)
#define IN_FLIGHT	64
#define FLIGHT_MS	500
#define FLIGHT_MS_QUICK 200

/* ---- round trips, one and many at a time ---- */

static const struct caller {
	const char *name, *program, *with;
	bool is_of_others;
} callers[] = {
	{ "calls", "sinew", "sinew-calls", false }, { "messages", "sinew", "sinew", false },
	{ "zmq", "zmq", "zmq-dealer", true },	    { "nng", "nng", "nng-calls", true },
	{ "grpc", "grpc", "grpc", true },
};

#define N_CALLERS (sizeof callers / sizeof callers[0])

static void add_round_trip(struct bench *b, const struct caller *c, enum place place)
{
	unsigned ms = b->is_quick ? FLIGHT_MS_QUICK : FLIGHT_MS;
	struct step *step = step_add(b, "calls1", place);

	step->program = c->program;
	step->is_extra = c->is_of_others || place == PLACE_FREE;
	step_words(step, 0, "ping with=%s size=64 queue=%u ms=%u", c->with, QUEUE_BYTES, ms);
	step_words(step, 1, "pong with=%s size=64 queue=%u listens=1", c->with, QUEUE_BYTES);
	step_result(step, "median_ns",
		    figure_add(b, "ns", false, "calls1.%s.%s", c->name, place_name(place)));
}

static void add_flight(struct bench *b, const struct caller *c, enum place place)
{
	unsigned ms = b->is_quick ? FLIGHT_MS_QUICK : FLIGHT_MS;
	struct step *step = step_add(b, "calls64", place);

	step->program = c->program;
	step->is_extra = place == PLACE_FREE;
	step_words(step, 0, "flight with=%s size=64 depth=%u queue=%u ms=%u", c->with, IN_FLIGHT,
		   QUEUE_BYTES, ms);
	step_words(step, 1, "pong with=%s size=64 queue=%u listens=1", c->with, QUEUE_BYTES);
	step_result(step, "rounds_s",
		    figure_add(b, "calls/s", true, "calls64.%s.%s", c->name, place_name(place)));
}

static void plan_round_trips_of_calls(struct bench *b)
{
	for (int place = N_PLACES - 1; place >= 0; place--)
		for (unsigned i = 0; i < N_CALLERS; i++)
			add_round_trip(b, &callers[i], (enum place)place);
	for (int place = N_PLACES - 1; place >= 0; place--)
		for (unsigned i = 0; i < N_CALLERS; i++)
			add_flight(b, &callers[i], (enum place)place);
}

void plan_calls(struct bench *b)
{
	plan_round_trips_of_calls(b);
}
