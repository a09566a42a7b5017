/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measures of sinew itself: what threads, depth, peers, resets cost, and the exact counts.
 * Knows nothing of how they are judged.
 */
#include <stdio.h>

#include "tests/bench/plan.h"

#define QUEUE_BYTES	  (4u << 20)
#define STREAM_MS	  500
#define STREAM_MS_QUICK	  200
#define GATE_SHORT	  100000 /* messages; rows.c knows the difference, too */
#define GATE_LONG	  300000
#define ROUNDS_SHORT	  1000
#define ROUNDS_LONG	  3000
#define RESETS		  1000
#define RESETS_QUICK	  200
#define RESEND_MESSAGES	  65536 /* of 1 KiB */
#define DEPTH_QUEUE_BYTES (128u << 20) /* a million of 64 bytes */
#define BESIDE_MESSAGES	  1000000
#define IDLE_MS		  10000
#define MANY_PEERS	  32
#define MEMORY_PEERS	  64
#define ONE_RUN		  1

static const char *const quantiles[] = { "q10",	 "q100", "q300", "q500", "q700",
					 "q900", "q950", "q990", "q999" };

#define N_QUANTILES (sizeof quantiles / sizeof quantiles[0])

/* ---- threads ---- */

static void plan_threads(struct bench *b)
{
	static const unsigned threads[] = { 1, 4 };
	unsigned ms = b->is_quick ? STREAM_MS_QUICK : STREAM_MS;

	for (int place = PLACE_ONE; place >= PLACE_FREE; place--) {
		for (unsigned i = 0; i < 2; i++) {
			struct step *step = step_add(b, "threads", (enum place)place);

			step->is_extra = place != PLACE_SPLIT;
			step_words(step, 0,
				   "stream-receive with=sinew size=64 queue=%u ms=%u listens=1 "
				   "threads=%u",
				   QUEUE_BYTES, ms, threads[i]);
			step_words(step, 1, "threads size=64 queue=%u ms=%u threads=%u",
				   QUEUE_BYTES, ms, threads[i]);
			step_result(step, "messages_s",
				    figure_add(b, "messages/s", true, "threads.%u.%s", threads[i],
					       place_name((enum place)place)));
		}
	}
}

/* ---- exact counts ---- */

static void plan_instructions(struct bench *b)
{
	static const unsigned counts[] = { GATE_SHORT, GATE_LONG };

	for (unsigned i = 0; i < 2; i++) {
		struct step *step = step_add(b, "instructions", PLACE_FREE);

		step->kind = STEP_GATE;
		step->runs = ONE_RUN;
		for (unsigned k = 0; k < 2; k++)
			step_words(step, k, "%u", counts[i]);
		step_result(step, "instructions",
			    figure_add(b, "instructions", false, "instructions.%u", counts[i]));
	}
}

static void plan_writes(struct bench *b)
{
	static const unsigned counts[] = { ROUNDS_SHORT, ROUNDS_LONG };

	for (unsigned i = 0; i < 2; i++) {
		struct step *step = step_add(b, "writes", PLACE_SPLIT);

		step->kind = STEP_COUNTED;
		step->runs = ONE_RUN;
		step_words(step, 0, "ping with=sinew size=64 queue=%u count=%u", QUEUE_BYTES,
			   counts[i]);
		step_words(step, 1, "pong with=sinew size=64 queue=%u listens=1", QUEUE_BYTES);
		step_result(step, "writes", figure_add(b, "calls", false, "writes.%u", counts[i]));
		step_result(step, "acks",
			    figure_add(b, "frames", false, "pingpong-acks.%u", counts[i]));
	}
}

/* ---- resets ---- */

static void add_quantiles(struct bench *b, struct step *step, const char *name)
{
	for (unsigned i = 0; i < N_QUANTILES; i++)
		step_result(step, quantiles[i],
			    figure_add(b, "ns", false, "latency-%s.%s.split", quantiles[i], name));
}

static void plan_resets(struct bench *b)
{
	unsigned n = b->is_quick ? RESETS_QUICK : RESETS;
	struct step *step = step_add(b, "reset", PLACE_SPLIT);

	step_words(step, 0, "resets size=64 count=%u", n);
	step_words(step, 1, "load size=64");
	step_result(step, "median_ns", figure_add(b, "ns", false, "reset.sinew"));
	add_quantiles(b, step, "reset-sinew");
	step = step_add(b, "reset", PLACE_SPLIT);
	step_words(step, 0, "dials count=%u", n);
	step_words(step, 1, "greeter");
	step_result(step, "median_ns", figure_add(b, "ns", false, "reset.bare"));
	add_quantiles(b, step, "reset-bare");

	step = step_add(b, "resend", PLACE_SPLIT);
	step_words(step, 0, "resend-receive size=1024 count=%u", RESEND_MESSAGES);
	step_words(step, 1, "resend size=1024 count=%u", RESEND_MESSAGES);
	step_result(step, "stream_bytes_s", figure_add(b, "bytes/s", true, "resend.stream"));
	step_result(step, "resent_bytes_s", figure_add(b, "bytes/s", true, "resend.resent"));
	step_result(step, "resent_bytes", figure_add(b, "bytes", true, "resend.bytes"));
}

/* ---- depth of the queue ---- */

static const struct depth {
	unsigned depth, cycles, repeat;
	unsigned exact_cycles, exact_repeat; /* by callgrind: the same number of messages */
	bool is_slow;
} depths[] = {
	{ 100, 100, 1, 20, 1, false },
	{ 10000, 25, 4, 20, 1, false },
	{ 1000000, 1, 50, 1, 20, true },
};

#define N_DEPTHS (sizeof depths / sizeof depths[0])

static void plan_depth(struct bench *b)
{
	for (unsigned i = 0; i < N_DEPTHS; i++) {
		const struct depth *d = &depths[i];
		struct step *step = step_add(b, "depth-exact", PLACE_FREE);

		step->kind = STEP_CALLGRIND;
		step->toggle = "measured_sends";
		step->runs = ONE_RUN;
		step->is_slow = true;
		step->limit_s = 120;
		step_words(step, 0, "depth depth=%u count=%u repeat=%u queue=%u", d->depth,
			   d->exact_cycles, d->exact_repeat, DEPTH_QUEUE_BYTES);
		step_result(step, "instructions",
			    figure_add(b, "instructions", false, "depth-exact.%u", d->depth));
	}
	for (unsigned i = 0; i < N_DEPTHS; i++) {
		const struct depth *d = &depths[i];
		struct step *step = step_add(b, "depth", PLACE_FREE);

		step->is_slow = d->is_slow;
		step_words(step, 0, "depth depth=%u count=%u repeat=%u queue=%u", d->depth,
			   d->cycles, d->repeat, b->is_quick ? QUEUE_BYTES : DEPTH_QUEUE_BYTES);
		step_result(step, "batch_ns", figure_add(b, "ns", false, "depth.%u", d->depth));
	}
}

/* ---- many peers ---- */

static void plan_beside(struct bench *b)
{
	/* The first is the one that is sent to. */
	static const unsigned peers[] = { 1, 501 };

	for (unsigned i = 0; i < 2; i++) {
		struct step *step = step_add(b, "idle", PLACE_SPLIT);

		step_words(step, 0, "beside size=64 nodes=%u count=%u", peers[i], BESIDE_MESSAGES);
		step_words(step, 1, "crowd nodes=%u", peers[i]);
		step_result(step, "cpu_ns",
			    figure_add(b, "ns", false, "idle.cpu.%u", peers[i] - 1));
		step_result(step, "wall_ns",
			    figure_add(b, "ns", false, "idle.wall.%u", peers[i] - 1));
	}
}

static void plan_mesh(struct bench *b)
{
	static const unsigned nodes[] = { 64, 8, 16, 32 };

	for (unsigned i = 0; i < 4; i++) {
		struct step *step = step_add(b, "mesh", PLACE_FREE);

		step->is_extra = i > 0;
		step_words(step, 0, "mesh nodes=%u", nodes[i]);
		step_result(step, "up_ms", figure_add(b, "ms", false, "mesh.up.%u", nodes[i]));
		step_result(step, "again_ms",
			    figure_add(b, "ms", false, "mesh.again.%u", nodes[i]));
	}
}

static void plan_idle_nodes(struct bench *b)
{
	struct step *step = step_add(b, "rest", PLACE_FREE);

	step->is_slow = true;
	step->runs = ONE_RUN;
	step_words(step, 0, "mesh nodes=64 ms=%u", IDLE_MS);
	step_result(step, "idle_cpu", figure_add(b, "% of a core", false, "rest.cpu"));

	step = step_add(b, "memory", PLACE_FREE);
	step->is_slow = true;
	step->runs = ONE_RUN;
	step->limit_s = 110;
	step_words(step, 0, "memory size=16384 count=400 nodes=%u", MEMORY_PEERS);
	step_words(step, 1, "crowd count=1 nodes=%u", MEMORY_PEERS);
	step_result(step, "before", figure_add(b, "bytes", false, "memory.before"));
	step_result(step, "after", figure_add(b, "bytes", false, "memory.after"));
	step_result(step, "most", figure_add(b, "bytes", false, "memory.most"));
	step_result(step, "settled_ms", figure_add(b, "ms", false, "memory.settled"));
}

static void plan_many(struct bench *b)
{
	struct step *step = step_add(b, "many", PLACE_SPLIT);

	step_words(step, 0, "many size=1024 nodes=%u count=5", MANY_PEERS);
	step_words(step, 1, "crowd nodes=%u", MANY_PEERS);
	step_result(step, "many_ns", figure_add(b, "ns", false, "many.at-once"));
	step_result(step, "single_ns", figure_add(b, "ns", false, "many.one-by-one"));
}

void plan_own(struct bench *b)
{
	plan_threads(b);
	plan_instructions(b);
	plan_writes(b);
	plan_resets(b);
	plan_depth(b);
	plan_beside(b);
	plan_many(b);
	plan_mesh(b);
	plan_idle_nodes(b);
}
