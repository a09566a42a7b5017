/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measures that all contestants take part in: streams and round trips.
 * Knows nothing of how they are judged.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/plan.h"

#define STREAM_MS	    500
#define STREAM_MS_QUICK	    200
#define ROUND_TRIP_MS	    500
#define ROUND_TRIP_MS_QUICK 200
#define QUEUE_BYTES	    (4u << 20)
#define QUEUE_BYTES_LONG    (64u << 20) /* two messages of 16 MiB, and a power of two */
#define SWEEP_RUNS	    3

/* ---- streams ---- */

static const struct streamer {
	const char *name, *program;
} streamers[] = {
	{ "sinew", "sinew" },	  { "coalesced", "sockets" }, { "ring", "sockets" },
	{ "zmq-push", "zmq" },	  { "zmq-pair", "zmq" },      { "bare", "sockets" },
	{ "nng-pair0", "nng" },	  { "nng-pair1", "nng" },     { "sinew-sctp", "sinew" },
	{ "usrsctp", "usrsctp" },
};

#define N_STREAMERS (sizeof streamers / sizeof streamers[0])

static const struct stream {
	const char *group;
	unsigned size;
	bool is_swept; /* for the chart alone: one placement, fewer runs */
} streams[] = {
	{ "stream64", 64, false },	{ "stream1k", 1024, false },
	{ "stream60k", 60000, false },	{ "stream16m", 16u << 20, false },
	{ "stream256", 256, true },	{ "stream8k", 8192, true },
	{ "stream1m", 1u << 20, true },
};

#define N_STREAMS (sizeof streams / sizeof streams[0])

/* Those of a quick run: what a row needs, at the placement that it needs. */
static bool is_judged(const struct stream *s, const char *with, enum place place)
{
	if (strcmp(s->group, "stream64") == 0 && place == PLACE_ONE)
		return strcmp(with, "sinew") == 0 || strncmp(with, "zmq", 3) == 0;
	if (strcmp(with, "nng-pair0") == 0)
		return false;
	if (strcmp(with, "bare") == 0 || strcmp(with, "nng-pair1") == 0)
		return s->size == 64 && place == PLACE_SPLIT;
	return place == PLACE_SPLIT && !s->is_swept;
}

/* Those over SCTP are compared with one another alone, where a row needs it. */
static bool is_planned(const struct stream *s, const char *with, enum place place)
{
	if (!strstr(with, "sctp"))
		return !s->is_swept || place == PLACE_SPLIT;
	return place == PLACE_SPLIT && (s->size == 64 || s->size == 60000);
}

static void add_stream(struct bench *b, const struct stream *s, const struct streamer *by,
		       enum place place)
{
	const char *with = by->name;
	unsigned queue = s->size > QUEUE_BYTES / 2 ? QUEUE_BYTES_LONG : QUEUE_BYTES;
	unsigned ms = b->is_quick ? STREAM_MS_QUICK : STREAM_MS;
	struct step *step = step_add(b, s->group, place);

	step->program = by->program;
	step->is_extra = !is_judged(s, with, place);
	step->runs = s->is_swept ? SWEEP_RUNS : 0;
	step_words(step, 0, "stream-receive with=%s size=%u queue=%u ms=%u listens=1", with,
		   s->size, queue, ms);
	step_words(step, 1, "stream-send with=%s size=%u queue=%u ms=%u", with, s->size, queue, ms);
	step_result(step, s->size == 64 ? "messages_s" : "bytes_s",
		    figure_add(b, s->size == 64 ? "messages/s" : "bytes/s", true, "%s.%s.%s",
			       s->group, with, place_name(place)));
	if (s->size == 64 && strcmp(with, "sinew") == 0)
		step_result(step, "acks",
			    figure_add(b, "ACKs/message", false, "acks.sinew.%s",
				       place_name(place)));
}

void plan_streams(struct bench *b)
{
	for (unsigned i = 0; i < N_STREAMS; i++)
		for (int place = N_PLACES - 1; place >= 0; place--)
			for (unsigned k = 0; k < N_STREAMERS; k++)
				if (is_planned(&streams[i], streamers[k].name, (enum place)place))
					add_stream(b, &streams[i], &streamers[k],
						   (enum place)place);
}

/* ---- round trips ---- */

static const struct rally {
	const char *name, *program, *with, *more;
	bool is_judged;
} rallies[] = {
	{ "sinew", "sinew", "sinew", "", true },
	{ "bare", "sockets", "bare", "", true },
	{ "sinew-outer", "sinew", "sinew", " outer=1", true },
	{ "bare-outer", "sockets", "bare", " outer=1", true },
	{ "sinew-busy", "sinew", "sinew", " busy=200", true },
	{ "bare-busy", "sockets", "bare", " busy=200", true },
	{ "sinew-sctp", "sinew", "sinew-sctp", "", true },
	{ "usrsctp", "usrsctp", "usrsctp", "", true },
	{ "zmq-pair", "zmq", "zmq-pair", "", false },
	{ "nng-pair1", "nng", "nng-pair1", "", false },
};

#define N_RALLIES (sizeof rallies / sizeof rallies[0])

static void add_rally(struct bench *b, const struct rally *r, enum place place)
{
	static const char *const quantiles[] = { "q10",	 "q100", "q300", "q500", "q700",
						 "q900", "q950", "q990", "q999" };
	unsigned ms = b->is_quick ? ROUND_TRIP_MS_QUICK : ROUND_TRIP_MS;
	struct step *step = step_add(b, "roundtrip", place);
	const char *name = place_name(place);

	step->program = r->program;
	step->is_extra = !r->is_judged || place == PLACE_FREE;
	step_words(step, 0, "ping with=%s size=64 queue=%u ms=%u%s", r->with, QUEUE_BYTES, ms,
		   r->more);
	step_words(step, 1, "pong with=%s size=64 queue=%u ms=%u%s listens=1", r->with, QUEUE_BYTES,
		   ms, r->more);
	step_result(step, "median_ns",
		    figure_add(b, "ns", false, "roundtrip.%s.%s", r->name, name));
	for (unsigned i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
		step_result(step, quantiles[i],
			    figure_add(b, "ns", false, "latency-%s.%s.%s", quantiles[i], r->name,
				       name));
}

void plan_round_trips(struct bench *b)
{
	for (int place = N_PLACES - 1; place >= 0; place--)
		for (unsigned i = 0; i < N_RALLIES; i++)
			/* Two that spin on one processor take turns by the scheduler's tick. */
			if (place != PLACE_ONE || !strstr(rallies[i].name, "-busy"))
				add_rally(b, &rallies[i], (enum place)place);
}
