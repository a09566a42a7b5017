/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each frame that the library writes, as tests/lib/decode.h reads it, by the tables of
 * proto/SESSION.md alone. Knows nothing of sessions.
 */
#include "proto/wire.h"
#include "tests/lib/check.h"
#include "tests/lib/decode.h"

#include <stdlib.h>

#define ONE	UINT64_C(0x1111111111111111)
#define TWO	UINT64_C(0x2222222222222222)

static uint8_t frame[WIRE_FRAME_MAX];

static void expect(size_t n, const char *words)
{
	struct decoded d;
	char *text = NULL;
	size_t n_text;
	FILE *out;

	CHECK_OR_RETURN(decode(frame, n, &d));
	out = open_memstream(&text, &n_text);
	CHECK_OR_RETURN(out != NULL);
	decode_print(out, &d);
	fclose(out);
	CHECK_STR(text, words);
	free(text);
}

static void frames_of_a_session(void)
{
	struct hello h = {
		.mine = ONE, .yours = TWO, .next = UINT32_MAX, .gen = 3, .flags = 2, .vmin = 1,
		.vmax = 4, .maxframe = 65535, .features = 0x10, .required = 0x20,
		.max_message = 16, .queue_bytes = 32, .cluster = "c", .group = "g",
	};
	struct refuse r = {
		.mine = ONE, .yours = TWO, .reason = WIRE_REFUSE_CLAIMED, .next = 5, .gen = 6,
		.wait_ms = 7,
	};

	expect(wire_put_hello(frame, 9, &h),
	       "HELLO node=9 mine=1111111111111111 yours=2222222222222222 next=4294967295 gen=3"
	       " flags=2 vmin=1 vmax=4 maxframe=65535 features=10 required=20 cluster=c group=g"
	       " max_message=16 queue_bytes=32");
	h.features |= WIRE_FEATURE_CALLS;
	h.calls = (struct service_grant) { .slots = 16, .window = 17, .piece = 18 };
	expect(wire_put_hello(frame, 9, &h),
	       "HELLO node=9 mine=1111111111111111 yours=2222222222222222 next=4294967295 gen=3"
	       " flags=2 vmin=1 vmax=4 maxframe=65535 features=12 required=20 cluster=c group=g"
	       " max_message=16 queue_bytes=32 version=1 slots=16 window=17 piece=18");
	expect(wire_put_refuse(frame, 9, &r),
	       "REFUSE node=9 mine=1111111111111111 yours=2222222222222222 reason=CLAIMED next=5"
	       " gen=6 wait_ms=7");
	expect(wire_put_leaving(frame, 9), "LEAVING node=9");
	expect(wire_put_status(frame, 9, 3), "STATUS node=9 flags=3");
	expect(wire_put_ack(frame, 9, 0x01020304), "ACK node=9 next=16909060");
	expect(wire_put_fin(frame, 9, UINT32_MAX), "FIN node=9 seq=4294967295");
}

static void frames_with_a_body(void)
{
	expect(wire_put_msg(frame, 9, 8, 0), "DATA node=9 seq=8 body=0");
	expect(wire_put_msg(frame, 9, 8, 1000) + 1000, "DATA node=9 seq=8 body=1000");
	expect(wire_put_whole(frame, 9, 8, 77, WIRE_CALL) + 77, "CALL node=9 seq=8 body=77");
	expect(wire_put_frag(frame, 9, 8, 10, 0x12345678, 0x1234) + 10,
	       "FRAGMENT node=9 seq=8 body=10 total=305419896 offset=4660");
}

static void frames_of_a_path(void)
{
	struct probe q = { .cookie = 0x123456789, .cluster = "c" };

	expect(wire_put_probe(frame, 9, &q, false), "PROBE node=9 cookie=123456789 cluster=c");
	wire_put_padded_probe(frame, 9, &q, WIRE_PROBE_MAX);
	expect(WIRE_PROBE_MAX, "PROBE node=9 cookie=123456789 cluster=c");
	q.flags = WIRE_PATH_PADDED | WIRE_PATH_LOST;
	expect(wire_put_probe(frame, 9, &q, true),
	       "PROBE_REPLY node=9 cookie=123456789 cluster=c path=3");
}

/* The longest texts have no zero behind them, or one. */
static void the_longest_names(void)
{
	char name[WIRE_NAME_MAX] = { 0 }, words[400];
	struct hello h = { .mine = 1 };

	memset(name, 'n', sizeof name - 1);
	memcpy(h.cluster, name, sizeof name);
	memcpy(h.group, name, sizeof name);
	snprintf(words, sizeof words, "HELLO node=9 mine=1 yours=0 next=0 gen=0 flags=0 vmin=0"
		 " vmax=0 maxframe=0 features=0 required=0 cluster=%s group=%s max_message=0"
		 " queue_bytes=0", name, name);
	expect(wire_put_hello(frame, 9, &h), words);
}

/* A link passes such to and from a kernel. */
static void a_packet_in_its_envelope(void)
{
	size_t n = wire_put_opts(frame, 9, 8, WIRE_MSG, 88);

	memset(frame + n, 0, 88);
	wire_put_header(frame + n, WIRE_VERSION_3_2, 0x44332211, 9, 88, WIRE_MSG);
	put_le32(frame + n + WIRE_HEADER, 14);
	expect(n + 88, "MSG node=9 seq=8 ls=44332211 PURGE");
	put_le32(frame + n + WIRE_HEADER, 15);
	expect(n + 88, "MSG node=9 seq=8 ls=44332211 unknown");
}

int main(void)
{
	RUN(frames_of_a_session);
	RUN(frames_with_a_body);
	RUN(frames_of_a_path);
	RUN(the_longest_names);
	RUN(a_packet_in_its_envelope);
	return check_done();
}
