/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of the table: which figures make each, and what it must reach.
 * Knows nothing of how a figure is measured.
 */
#include <assert.h>
#include <math.h>

#include "tests/bench/bench.h"

/* How the value comes about, and which way is better. */
#define TIMES	.kind = ROW_RATIO, .unit = "x", .is_higher_better = true
#define PART	.kind = ROW_RATIO, .unit = "x", .is_higher_better = false

static const struct rule rules[] = {
	{ "stream64-zmq", "64 B, messages/s, by ZeroMQ, one CPU", TIMES, .must = 3, .aim = 5,
	  .over = "stream64.sinew.one",
	  .under = { "stream64.zmq-push.one", "stream64.zmq-pair.one" } },
	{ "stream64-coalesced", "64 B, messages/s, by coalesced sockets", TIMES, .must = 0.35,
	  .aim = 0.6, .over = "stream64.sinew.split", .under = { "stream64.coalesced.split" } },
	{ "stream1k-ring", "1 KiB, bytes/s, by coalesced sockets with a ring", TIMES, .must = 0.9,
	  .aim = 1.0, .over = "stream1k.sinew.split", .under = { "stream1k.ring.split" } },
	{ "stream1k-zmq", "1 KiB, bytes/s, by ZeroMQ", TIMES, .must = 1.5, .aim = 2.5,
	  .over = "stream1k.sinew.split",
	  .under = { "stream1k.zmq-push.split", "stream1k.zmq-pair.split" } },
	{ "stream60k-ring", "60,000 B, bytes/s, by coalesced sockets with a ring", TIMES,
	  .must = 0.9, .aim = 1.0, .over = "stream60k.sinew.split",
	  .under = { "stream60k.ring.split" } },
	{ "stream60k-zmq", "60,000 B, bytes/s, by ZeroMQ", TIMES, .must = 1.5, .aim = 2.5,
	  .over = "stream60k.sinew.split",
	  .under = { "stream60k.zmq-push.split", "stream60k.zmq-pair.split" } },
	{ "stream16m-coalesced", "16 MiB, bytes/s, by coalesced sockets", TIMES, .must = 0.6,
	  .aim = 0.8, .over = "stream16m.sinew.split", .under = { "stream16m.coalesced.split" } },
	{ "roundtrip-two", "round trip 64 B by bare epoll, two CPUs", PART, .must = 1.05,
	  .aim = 1.0, .over = "roundtrip.sinew.split", .under = { "roundtrip.bare.split" } },
	{ "roundtrip-one", "round trip 64 B by bare epoll, one CPU", PART, .must = 1.15,
	  .aim = 1.0, .over = "roundtrip.sinew.one", .under = { "roundtrip.bare.one" } },
	{ "roundtrip-outer-two", "the same in an outer epoll, two CPUs", PART, .must = 1.05,
	  .aim = 1.0, .over = "roundtrip.sinew-outer.split",
	  .under = { "roundtrip.bare-outer.split" } },
	{ "roundtrip-outer-one", "the same in an outer epoll, one CPU", PART, .must = 1.05,
	  .aim = 1.0, .over = "roundtrip.sinew-outer.one",
	  .under = { "roundtrip.bare-outer.one" } },
	{ "roundtrip-busy", "round trip, busy polling, by bare blocking epoll", PART, .must = 0.35,
	  .aim = 0.2, .over = "roundtrip.sinew-busy.split", .under = { "roundtrip.bare.split" } },
};

void rows_make(struct bench *b)
{
	static_assert(sizeof rules / sizeof rules[0] <= ROWS_MAX, "room for all rows");
	b->n_rows = sizeof rules / sizeof rules[0];
	for (unsigned i = 0; i < b->n_rows; i++)
		b->rows[i] = (struct row){ .rule = &rules[i] };
}
