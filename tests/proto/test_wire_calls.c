/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls in proto/wire.h: the grant in a HELLO, its exact bytes, there and back, and each thing that
 * can be wrong with it; and what the hot paths compare. All other frames are in test_wire.c.
 */
#include "proto/wire.h"
#include "tests/lib/check.h"

#include <errno.h>

#define NODEID 0x01020304u

static const struct hello hello = {
	.mine = 1, .vmin = 1, .vmax = 1, .maxframe = 65535, .cluster = "prod", .group = "g",
	.features = WIRE_FEATURE_CALLS | 8,
	.calls = { .slots = 0x0102, .window = 0x03040506, .piece = 0x4000 },
};

static uint8_t buf[1000];
static struct frame frame;

static int parse(size_t n)
{
	CHECK_EQ(frame_length(buf, n), n);
	return frame_parse(buf, n, &frame);
}

static void exact_bytes(void)
{
	static const uint8_t tlv[] = { 6, 0, 12, 0, 1, 0, 2, 1, 6, 5, 4, 3, 0, 0x40, 0, 0 };
	struct hello none = hello;
	size_t n = wire_put_hello(buf, NODEID, &hello);

	CHECK_EQ(n, 24 + 128 + 5 + 12 + sizeof tlv);
	CHECK_MEM(buf + n - sizeof tlv, tlv, sizeof tlv);
	CHECK_EQ(buf[WIRE_OPTS + 48], WIRE_FEATURE_CALLS | 8);
	/* A node without calls says what it always said. */
	none.features = 8;
	none.calls.slots = 0;
	CHECK_EQ(wire_put_hello(buf, NODEID, &none), n - sizeof tlv);
	CHECK_EQ(buf[WIRE_OPTS + 48], 8);
}

static void comes_back(void)
{
	struct hello h;

	CHECK_EQ(parse(wire_put_hello(buf, NODEID, &hello)), 0);
	CHECK_EQ(frame_hello(&frame, &h), 0);
	CHECK(grant_is_same(&h.calls, &hello.calls) && h.features == hello.features);
	CHECK_STR(h.group, "g");
	CHECK_EQ(parse(wire_put_whole(buf, NODEID, 9, 100, WIRE_CALL) + 100), 0);
	CHECK(frame.nextcmd == WIRE_CALL && frame.u == 9 && frame.inner_len == 116);
}

/* A HELLO whose only TLV, if any, is CALLS with that value, with or without the bit. */
static int hello_of_calls(const char *value, uint16_t n, bool bit, struct hello *h)
{
	uint8_t *inner = buf + WIRE_OPTS, *tlv = inner + sizeof(struct wire_hello);
	size_t len = sizeof(struct wire_hello) + (value ? 4u + n : 0);

	wire_put_hello(buf, NODEID, &hello);
	if (value) {
		put_le16(tlv, WIRE_TLV_CALLS);
		put_le16(tlv + 2, n);
		memcpy(tlv + 4, value, n);
	}
	put_le16(buf + 12, (uint16_t)(WIRE_OPTS + len));
	put_le16(inner + 12, (uint16_t)len);
	inner[48] = bit ? WIRE_FEATURE_CALLS : 0;
	CHECK_EQ(parse(WIRE_OPTS + len), 0);
	return frame_hello(&frame, h);
}

static void tlv_of_calls(void)
{
	static const char good[] = "\1\0\x10\0\1\0\0\0\0\x40\0\0";
	static const char *const bad[] = {
		"\0\0\x10\0\1\0\0\0\0\x40\0\0",	/* no version */
		"\1\0\x0f\0\1\0\0\0\0\x40\0\0",	/* one slot less than the least */
		"\1\0\0\0\1\0\0\0\0\x40\0\0",
		"\1\0\x10\0\0\0\0\0\0\x40\0\0",	/* no window */
		"\1\0\x10\0\1\0\0\0\0\0\0\0",	/* no piece */
		"\1\0\x10\0\1\0\0\0\1\x40\0\0",	/* one byte more than the longest */
		"\1\0\x10\0\1\0\0\0\0\x40\0\1",
	};
	struct hello h;

	CHECK_EQ(hello_of_calls(good, 12, true, &h), 0);
	CHECK(h.calls.slots == 16 && h.calls.window == 1 && h.calls.piece == 16384);
	CHECK_EQ(hello_of_calls(good, 12, false, &h), -EBADMSG);
	CHECK_EQ(hello_of_calls(good, 11, true, &h), -EBADMSG);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_EQ(hello_of_calls(bad[i], 12, true, &h), -EBADMSG);
	/* A later version has more behind what is known. */
	CHECK_EQ(hello_of_calls("\2\0\0\1\1\2\0\0\1\0\0\0xyz", 15, true, &h), 0);
	CHECK(h.calls.slots == 256 && h.calls.window == 0x201 && h.calls.piece == 1);
	/* The bit alone. */
	CHECK_EQ(hello_of_calls(NULL, 0, true, &h), -EBADMSG);
	CHECK_EQ(hello_of_calls(NULL, 0, false, &h), 0);
	CHECK_EQ(h.calls.slots, 0);
}

static size_t put_whole(enum wire_cmd cmd)
{
	memset(buf, 0, 100);
	return wire_put_whole(buf, NODEID, 1, 10, cmd) + 10;
}

/* The hot paths compare this: the frame of that sender, number and kind, and no other. */
static void is_exactly_that_frame(enum wire_cmd cmd, enum wire_cmd other)
{
	size_t n = put_whole(cmd);
	uint64_t length;

	CHECK_EQ(wire_whole_length(buf, NODEID, 1, cmd), n);
	CHECK(wire_whole_length(buf, NODEID + 1, 1, cmd) != n);
	CHECK_EQ(wire_whole_length(buf, NODEID, 2, cmd), 0);
	CHECK_EQ(wire_whole_length(buf, NODEID, 1, other), 0);
	for (unsigned bit = 0; bit < 8 * WIRE_MSG_OVERHEAD; bit++) {
		put_whole(cmd);
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		length = wire_whole_length(buf, NODEID, 1, cmd);
		CHECK(length == 0 || length > WIRE_FRAME_MAX);
	}
	CHECK_EQ(wire_put_whole(buf, UINT32_MAX, UINT32_MAX, WIRE_FRAME_MAX - 40, cmd), 40);
	CHECK_EQ(wire_whole_length(buf, UINT32_MAX, UINT32_MAX, cmd), WIRE_FRAME_MAX);
}

static void is_exactly_that_message(void)
{
	size_t n = put_whole(WIRE_DATA);

	CHECK_EQ(wire_msg_length(buf, NODEID, 1), n);
	is_exactly_that_frame(WIRE_DATA, WIRE_CALL);
}

static void is_exactly_that_call(void)
{
	is_exactly_that_frame(WIRE_CALL, WIRE_DATA);
}

int main(void)
{
	RUN(exact_bytes);
	RUN(comes_back);
	RUN(tlv_of_calls);
	RUN(is_exactly_that_message);
	RUN(is_exactly_that_call);
	return check_done();
}
