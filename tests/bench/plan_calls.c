/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measures of calls, beside messages that are sent back and beside the calls of others.
 * Knows nothing of how they are judged.
 */
#include "tests/bench/plan.h"

#define QUEUE_BYTES	   (4u << 20)
#define IN_FLIGHT	   64
#define FLIGHT_MS	   500
#define FLIGHT_MS_QUICK	   200
#define BULK_BLOCKS	   65536 /* of 16 KiB: 1 GiB */
#define BULK_BLOCKS_QUICK  8192
#define BESIDE_MS	   500 /* alone, and again beside a long reply */
#define BESIDE_MS_QUICK	   200
#define IDLE_CALLS	   1000
#define IDLE_PEERS	   32
#define MEMORY_CALLS	   5760 /* so many that the granularity of the heap does not matter */
#define CALLS_BESIDE	   100000
#define CALLS_BESIDE_QUICK 20000
#define RESETS		   150
#define RESETS_QUICK	   50
#define OTHERS_RUNS	   3 /* of what no row needs */

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

/* In a quick run each is run once. */
static struct step *add_step(struct bench *b, const char *group, enum place place)
{
	struct step *step = step_add(b, group, place);

	step->runs = b->is_quick ? 1 : 0;
	return step;
}

static void add_round_trip(struct bench *b, const struct caller *c, enum place place)
{
	unsigned ms = b->is_quick ? FLIGHT_MS_QUICK : FLIGHT_MS;
	struct step *step = add_step(b, "calls1", place);

	step->program = c->program;
	step->is_extra = c->is_of_others;
	if (c->is_of_others)
		step->runs = OTHERS_RUNS;
	step_words(step, 0, "ping with=%s size=64 queue=%u ms=%u", c->with, QUEUE_BYTES, ms);
	step_words(step, 1, "pong with=%s size=64 queue=%u listens=1", c->with, QUEUE_BYTES);
	step_result(step, "median_ns",
		    figure_add(b, "ns", false, "calls1.%s.%s", c->name, place_name(place)));
}

static void add_flight(struct bench *b, const struct caller *c, enum place place)
{
	unsigned ms = b->is_quick ? FLIGHT_MS_QUICK : FLIGHT_MS;
	struct step *step = add_step(b, "calls64", place);

	step->program = c->program;
	step_words(step, 0, "flight with=%s size=64 depth=%u queue=%u ms=%u", c->with, IN_FLIGHT,
		   QUEUE_BYTES, ms);
	step_words(step, 1, "pong with=%s size=64 queue=%u listens=1", c->with, QUEUE_BYTES);
	step_result(step, "rounds_s",
		    figure_add(b, "calls/s", true, "calls64.%s.%s", c->name, place_name(place)));
}

static void plan_round_trips_of_calls(struct bench *b)
{
	static const enum place places[] = { PLACE_ONE, PLACE_SPLIT };

	for (unsigned p = 0; p < 2; p++)
		for (unsigned i = 0; i < N_CALLERS; i++)
			add_round_trip(b, &callers[i], places[p]);
	for (unsigned p = 0; p < 2; p++)
		for (unsigned i = 0; i < N_CALLERS; i++)
			add_flight(b, &callers[i], places[p]);
}

/* ---- a long reply ---- */

static void plan_bulk(struct bench *b)
{
	unsigned n_blocks = b->is_quick ? BULK_BLOCKS_QUICK : BULK_BLOCKS;
	unsigned ms = b->is_quick ? FLIGHT_MS_QUICK : FLIGHT_MS;
	struct step *step = add_step(b, "calls-bulk", PLACE_SPLIT);

	step_words(step, 0, "bulk nodes=1 count=%u queue=%u", n_blocks, QUEUE_BYTES);
	step_words(step, 1, "callee nodes=1 queue=%u", QUEUE_BYTES);
	step_result(step, "bytes_s", figure_add(b, "bytes/s", true, "calls-bulk.calls"));
	step = add_step(b, "calls-bulk", PLACE_SPLIT);
	step_words(step, 0, "stream-receive with=sinew size=16384 queue=%u ms=%u listens=1",
		   QUEUE_BYTES, ms);
	step_words(step, 1, "stream-send with=sinew size=16384 queue=%u ms=%u", QUEUE_BYTES, ms);
	step_result(step, "bytes_s", figure_add(b, "bytes/s", true, "calls-bulk.messages"));

	step = add_step(b, "calls-beside", PLACE_SPLIT);
	step_words(step, 0, "bulk-beside nodes=1 size=64 ms=%u queue=%u",
		   b->is_quick ? BESIDE_MS_QUICK : BESIDE_MS, QUEUE_BYTES);
	step_words(step, 1, "callee nodes=1 queue=%u", QUEUE_BYTES);
	step_result(step, "alone_ns", figure_add(b, "ns", false, "calls-beside.alone"));
	step_result(step, "beside_ns", figure_add(b, "ns", false, "calls-beside.median"));
	step_result(step, "beside_p99_ns", figure_add(b, "ns", false, "calls-beside.p99"));
}

/* ---- open calls that are idle ---- */

static void plan_idle_calls(struct bench *b)
{
	static const unsigned n_idle[] = { 0, IDLE_CALLS };
	unsigned count = b->is_quick ? CALLS_BESIDE_QUICK : CALLS_BESIDE;
	struct step *step;

	for (unsigned i = 0; i < 2; i++) {
		step = add_step(b, "calls-idle", PLACE_SPLIT);
		step_words(step, 0, "idle-calls size=64 nodes=%u depth=%u count=%u", IDLE_PEERS,
			   n_idle[i], count);
		step_words(step, 1, "callee nodes=%u depth=%u count=%u", IDLE_PEERS, n_idle[i],
			   count);
		step_result(step, "cpu_ns",
			    figure_add(b, "ns", false, "calls-idle.cpu.%u", n_idle[i]));
	}
	step = add_step(b, "calls-memory", PLACE_SPLIT);
	step_words(step, 0, "idle-calls size=64 nodes=%u depth=%u", IDLE_PEERS, MEMORY_CALLS);
	step_words(step, 1, "callee nodes=%u depth=%u", IDLE_PEERS, MEMORY_CALLS);
	step_result(step, "call_bytes", figure_add(b, "bytes", false, "calls-memory.both"));
}

/* ---- resets ---- */

static void plan_resets_of_calls(struct bench *b)
{
	static const char *const names[] = { "calls", "messages" };
	static const char *const with[] = { "sinew-calls", "sinew" };

	for (unsigned i = 0; i < 2; i++) {
		struct step *step = add_step(b, "calls-reset", PLACE_SPLIT);

		step_words(step, 0, "flight-resets with=%s size=64 depth=%u queue=%u count=%u",
			   with[i], IN_FLIGHT, QUEUE_BYTES, b->is_quick ? RESETS_QUICK : RESETS);
		step_words(step, 1, "pong with=%s size=64 queue=%u listens=1", with[i],
			   QUEUE_BYTES);
		step_result(step, "median_ns",
			    figure_add(b, "ns", false, "calls-reset.%s", names[i]));
	}
}

void plan_calls(struct bench *b)
{
	plan_round_trips_of_calls(b);
	plan_bulk(b);
	plan_idle_calls(b);
	plan_resets_of_calls(b);
}
