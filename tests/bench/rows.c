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
	{ "stream64-usrsctp", "64 B over SCTP, messages/s, by bare usrsctp", TIMES, .must = 0.9,
	  .aim = 1.5, .over = "stream64.sinew-sctp.split", .under = { "stream64.usrsctp.split" } },
	{ "stream60k-usrsctp", "60,000 B over SCTP, bytes/s, by bare usrsctp", TIMES,
	  .must = 0.9, .aim = 1.0, .over = "stream60k.sinew-sctp.split",
	  .under = { "stream60k.usrsctp.split" } },
	{ "stream-acks", "ACK frames a message, streaming 64 B", .kind = ROW_VALUE, .unit = "ACKs",
	  .must = 1.0 / 64, .aim = 1.0 / 256, .over = "acks.sinew.split" },
	{ "roundtrip-two", "round trip 64 B by bare epoll, two CPUs", PART, .must = 1.05,
	  .aim = 1.0, .over = "roundtrip.sinew.split", .under = { "roundtrip.bare.split" } },
	{ "roundtrip-one", "round trip 64 B by bare epoll, one CPU", PART, .must = 1.15,
	  .aim = 1.0, .over = "roundtrip.sinew.one", .under = { "roundtrip.bare.one" } },
	{ "roundtrip-outer-two", "the same in an outer epoll, two CPUs", PART, .must = 1.05,
	  .aim = 1.0, .over = "roundtrip.sinew-outer.split",
	  .under = { "roundtrip.bare-outer.split" } },
	{ "roundtrip-outer-one", "the same in an outer epoll, one CPU", PART, .must = NAN,
	  .aim = NAN, .over = "roundtrip.sinew-outer.one",
	  .under = { "roundtrip.bare-outer.one" } },
	{ "roundtrip-busy", "round trip, busy polling, by bare blocking epoll", PART, .must = 0.35,
	  .aim = 0.2, .over = "roundtrip.sinew-busy.split", .under = { "roundtrip.bare.split" } },
	{ "roundtrip-spin", "the same of bare sockets that spin in recv()", PART, .must = NAN,
	  .aim = NAN, .over = "roundtrip.bare-busy.split", .under = { "roundtrip.bare.split" } },
	{ "roundtrip-usrsctp-two", "round trip over SCTP by bare usrsctp, two CPUs", PART,
	  .must = 1 / 0.9, .aim = 1.0, .over = "roundtrip.sinew-sctp.split",
	  .under = { "roundtrip.usrsctp.split" } },
	{ "roundtrip-usrsctp-one", "round trip over SCTP by bare usrsctp, one CPU", PART,
	  .must = 1.3, .aim = 1 / 0.9,
	  .over = "roundtrip.sinew-sctp.one", .under = { "roundtrip.usrsctp.one" } },
	/* Where the machine pauses for ack_ms, an ACK goes alone. */
	{ "writes", "extra writes of a round trip", .kind = ROW_SLOPE, .unit = "writes",
	  .scale = 2000, .less = 2, .must = 0.005, .aim = 0, .over = "writes.3000",
	  .under = { "writes.1000" } },
	{ "threads", "4 threads to one peer, by one thread", TIMES, .must = 0.8, .aim = 1.2,
	  .over = "threads.4.split", .under = { "threads.1.split" } },
	{ "instructions", "instructions to send and receive 64 B", .kind = ROW_SLOPE,
	  .unit = "instructions", .scale = 200000, .must = 250, .aim = 120,
	  .over = "instructions.300000", .under = { "instructions.100000" } },
	{ "reset", "reset to next delivery, by connect and a byte", PART, .must = 2, .aim = 1.2,
	  .over = "reset.sinew", .under = { "reset.bare" } },
	{ "resend", "64 MiB resent after a reset, by the same stream", TIMES, .must = 0.8,
	  .aim = 1.0, .over = "resend.resent", .under = { "resend.stream" } },
	{ "depth-exact", "instructions to queue at 100, 10,000, 1,000,000", .kind = ROW_SPREAD,
	  .unit = "x", .must = 1.02, .aim = 1.0, .over = "depth-exact.1000000",
	  .under = { "depth-exact.10000", "depth-exact.100" } },
	{ "depth", "time to queue at 10,000, by at 100", PART, .must = 1.1, .aim = 1.0,
	  .over = "depth.10000", .under = { "depth.100" } },
	{ "depth-million", "time to queue at 1,000,000, by at 100", PART, .must = NAN, .aim = NAN,
	  .over = "depth.1000000", .under = { "depth.100" } },
	{ "idle", "a message beside 500 idle peers, by none", PART, .must = 1.1, .aim = 1.0,
	  .over = "idle.cpu.500", .under = { "idle.cpu.0" } },
	{ "many", "1 KiB to 32 peers by send-to-many, by 32 sends", PART, .must = 0.9, .aim = 0.7,
	  .over = "many.at-once", .under = { "many.one-by-one" } },
	{ "mesh-up", "64 nodes in full mesh: all up", .kind = ROW_VALUE, .unit = "ms",
	  .must = 3000, .aim = 1000, .over = "mesh.up.64" },
	{ "mesh-again", "all links destroyed: all up again", .kind = ROW_VALUE, .unit = "ms",
	  .must = 3000, .aim = 1000, .over = "mesh.again.64" },
	{ "memory-before", "resident memory an idle peer", .kind = ROW_VALUE, .unit = "KiB",
	  .scale = 1.0 / 1024, .must = 32, .aim = 8, .over = "memory.before" },
	{ "memory-after", "the same after heavy traffic", .kind = ROW_VALUE, .unit = "KiB",
	  .scale = 1.0 / 1024, .must = 32, .aim = 8, .over = "memory.after" },
	{ "rest", "CPU of 64 idle nodes in full mesh", .kind = ROW_VALUE, .unit = "%",
	  .must = 1, .aim = 0.1, .over = "rest.cpu" },
	{ "calls1-one", "a call by a message and back, one CPU", PART, .must = 1.15, .aim = 1.05,
	  .over = "calls1.calls.one", .under = { "calls1.messages.one" } },
	{ "calls1-two", "a call by a message and back, two CPUs", PART, .must = 1.08, .aim = 1.02,
	  .over = "calls1.calls.split", .under = { "calls1.messages.split" } },
	{ "calls64-messages", "calls/s, 64 at a time, by messages and back, one CPU", TIMES,
	  .must = 0.6, .aim = 0.8, .over = "calls64.calls.one",
	  .under = { "calls64.messages.one" } },
	{ "calls64-zmq-one", "the same by ZeroMQ DEALER and ROUTER, one CPU", TIMES, .must = 2,
	  .aim = 3, .over = "calls64.calls.one", .under = { "calls64.zmq.one" } },
	{ "calls64-zmq-two", "the same, two CPUs", TIMES, .must = 1, .aim = 1.6,
	  .over = "calls64.calls.split", .under = { "calls64.zmq.split" } },
	{ "calls64-nng", "the same by NNG REQ and REP, one CPU", TIMES, .must = 10, .aim = 25,
	  .over = "calls64.calls.one", .under = { "calls64.nng.one" } },
	{ "calls64-grpc", "the same by gRPC C++ asynchronous, one CPU", TIMES, .must = 10,
	  .aim = 30, .over = "calls64.calls.one", .under = { "calls64.grpc.one" } },
	{ "calls-bulk", "1 GiB as one reply, by 16 KiB messages", TIMES, .must = 0.85,
	  .aim = 0.95, .over = "calls-bulk.calls", .under = { "calls-bulk.messages" } },
	{ "calls-beside", "p99 of calls beside such a reply, by median alone", PART, .must = 25,
	  .aim = 10, .over = "calls-beside.p99", .under = { "calls-beside.alone" } },
	{ "calls-idle", "a call beside 1,000 idle calls (32 peers), by none", PART, .must = 1.1,
	  .aim = 1.0, .over = "calls-idle.cpu.1000", .under = { "calls-idle.cpu.0" } },
	{ "calls-memory", "resident memory an idle call, both sides", .kind = ROW_VALUE,
	  .unit = "B", .must = 1024, .aim = 512, .over = "calls-memory.both" },
	{ "calls-reset", "reset to next reply, by the same for messages", PART, .must = 1.1,
	  .aim = 1.0, .over = "calls-reset.calls", .under = { "calls-reset.messages" } },
};

void rows_make(struct bench *b)
{
	static_assert(sizeof rules / sizeof rules[0] <= ROWS_MAX, "room for all rows");
	b->n_rows = sizeof rules / sizeof rules[0];
	for (unsigned i = 0; i < b->n_rows; i++)
		b->rows[i] = (struct row){ .rule = &rules[i] };
}
