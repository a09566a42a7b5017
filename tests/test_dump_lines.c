/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From packets to lines of `sinew dump`: what was sent again, over a new connection
 * too, what is missing, what breaks the rules. Whole texts are compared. Knows nothing of
 * files.
 */
#include "proto/wire.h"
#include "tests/dump.h"
#include "tools/dump/dlm.h"

#include <errno.h>

#define ONE	UINT64_C(0x1111111111111111)
#define TWO	UINT64_C(0x2222222222222222)
#define A	"10.0.0.1:40000 -> 10.0.0.2:21065 "
#define B	"10.0.0.2:21065 -> 10.0.0.1:40000 "
#define LIMITS	" cluster=c group=g vmin=1 vmax=1 maxframe=65535 features=0 required=0" \
		" max_message=0 queue_bytes=0\n"

static uint8_t frame[DUMP_PACKET_MAX];

static size_t make_hello(uint8_t *p, uint32_t nodeid, uint64_t mine, uint64_t yours, uint32_t next)
{
	struct hello h = {
		.mine = mine, .yours = yours, .next = next, .vmin = 1, .vmax = 1,
		.maxframe = WIRE_FRAME_MAX, .cluster = "c", .group = "g",
	};

	return wire_put_hello(p, nodeid, &h);
}

static size_t make_data(uint8_t *p, uint32_t nodeid, uint32_t seq, size_t n)
{
	size_t header = wire_put_msg(p, nodeid, seq, n);

	memset(p + header, 'x', n);
	return header + n;
}

/* A dial of node 1, up to where data can flow: node 2 wants next. */
static void greet(struct dump *d, struct dump_flow *f, uint32_t next)
{
	dump_handshake(d, f);
	dump_send(d, f, 0, TCP_ACK, frame, make_hello(frame, 1, ONE, 0, 0));
	dump_send(d, f, 1, TCP_ACK, frame, make_hello(frame, 2, TWO, ONE, next));
	dump_send(d, f, 0, TCP_ACK, frame, make_hello(frame, 1, ONE, TWO, 0));
}

static void send_data(struct dump *d, struct dump_flow *f, uint32_t seq, size_t n)
{
	dump_send(d, f, 0, TCP_ACK, frame, make_data(frame, 1, seq, n));
}

/* ---- native sessions ---- */

static void numbers_over_two_connections(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } }, g = { { 40001, 21065 }, { 7, 8 } };

	CHECK_OR_RETURN(dump_open(&d));
	greet(&d, &f, UINT32_MAX);
	send_data(&d, &f, UINT32_MAX, 3);
	send_data(&d, &f, 0, 0);
	dump_send(&d, &f, 1, TCP_ACK, frame, wire_put_ack(frame, 2, 0));
	dump_send(&d, &f, 1, TCP_ACK, frame, wire_put_ack(frame, 2, 0));
	dump_send(&d, &f, 1, TCP_RST, NULL, 0);
	greet(&d, &g, 0);
	send_data(&d, &g, 0, 0);
	send_data(&d, &g, 3, 1);
	dump_send(&d, &g, 0, TCP_ACK | TCP_FIN, NULL, 0);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 HELLO mine=1111111111111111 yours=none next=0 gen=0" LIMITS
		"0.004000 c1 " B "node=2 HELLO mine=2222222222222222 yours=1111111111111111"
		" next=4294967295 gen=0" LIMITS
		"0.005000 c1 " A "node=1 HELLO mine=1111111111111111 yours=2222222222222222 next=0"
		" gen=0" LIMITS
		"0.006000 c1 " A "node=1 DATA seq=4294967295 len=3\n"
		"0.007000 c1 " A "node=1 DATA seq=0 len=0\n"
		"0.008000 c1 " B "node=2 ACK next=0\n"
		"0.009000 c1 " B "node=2 ACK next=0 [dup-ack]\n"
		"0.010000 c1 " B "-- reset\n"
		"0.011000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 -- opened\n"
		"0.014000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 node=1 HELLO mine=1111111111111111"
		" yours=none next=0 gen=0" LIMITS
		"0.015000 c2 10.0.0.2:21065 -> 10.0.0.1:40001 node=2 HELLO mine=2222222222222222"
		" yours=1111111111111111 next=0 gen=0" LIMITS
		"0.016000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 node=1 HELLO mine=1111111111111111"
		" yours=2222222222222222 next=0 gen=0" LIMITS
		"0.017000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 node=1 DATA seq=0 len=0 [again]\n"
		"0.018000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 node=1 DATA seq=3 len=1 [gap 2]\n"
		"0.019000 c2 10.0.0.1:40001 -> 10.0.0.2:21065 -- finished\n");
}

static void a_new_incarnation_is_another_session(void)
{
	struct dump d = { .options.filter.kinds = { "DATA" }, .options.filter.n_kinds = 1 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } }, g = { { 40000, 21065 }, { 7, 8 } };

	CHECK_OR_RETURN(dump_open(&d));
	greet(&d, &f, 0);
	send_data(&d, &f, 0, 1);
	dump_handshake(&d, &g);
	dump_send(&d, &g, 0, TCP_ACK, frame, make_hello(frame, 1, 0x33, TWO, 0));
	dump_send(&d, &g, 1, TCP_ACK, frame, make_hello(frame, 2, TWO, 0x33, 0));
	send_data(&d, &g, 0, 1);
	dump_expect(&d, "0.006000 c1 " A "node=1 DATA seq=0 len=1\n"
			"0.012000 c2 " A "node=1 DATA seq=0 len=1\n");
}

/* ---- the transport ---- */

static void segments_are_put_into_order(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 0xfffffff0, 200 } };
	uint8_t p[400];
	size_t a = make_data(p, 1, 5, 60), b = make_data(p + a, 1, 6, 20);
	uint32_t at;

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	at = f.seq[0];
	dump_data_at(&d, &f, 0, at + 90, p + 90, a + b - 90);
	dump_data_at(&d, &f, 0, at + 30, p + 30, 60);
	dump_data_at(&d, &f, 0, at + 30, p + 30, 60);
	dump_data_at(&d, &f, 0, at, p, 40);
	dump_data_at(&d, &f, 0, at, p, a + b);
	/* A keep-alive is no repetition. */
	dump_data_at(&d, &f, 0, at + (uint32_t)(a + b) - 1, p, 1);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.005000 c1 " A "-- tcp-again 60 bytes\n"
		"0.006000 c1 " A "-- tcp-again 10 bytes\n"
		"0.006000 c1 " A "node=1 DATA seq=5 len=60\n"
		"0.006000 c1 " A "node=1 DATA seq=6 len=20\n"
		"0.007000 c1 " A "-- tcp-again 160 bytes\n");
}

static void a_hole_is_given_up(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[1000];
	size_t n = 0, i;

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	for (i = 0; i < 5; i++)
		n += make_data(p + n, 1, (uint32_t)i, 60);
	dump_data_at(&d, &f, 0, 101, p, 150);
	dump_data_at(&d, &f, 0, 101 + 350, p + 350, 150);
	dump_data_at(&d, &f, 1, 201, p, 0);
	f.seq[0] += 500;
	/* Its receiver has it: nobody will send it again. */
	dump_data_at(&d, &f, 1, 201, p, 0);
	d.now_ns += 200 * DUMP_MS;
	dump_data_at(&d, &f, 1, 201, p, 0);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 DATA seq=0 len=60\n"
		"0.207000 c1 " A "node=1 DATA seq=1 len=60 [hole 50 bytes]"
		" [partial 50 of 100 bytes]\n"
		"0.207000 c1 " A "-- hole 200 bytes\n"
		"0.207000 c1 " A "-- skipped 50 bytes\n"
		"0.207000 c1 " A "node=1 DATA seq=4 len=60 [gap 2]\n");
}

static void short_captures_keep_their_frames(void)
{
	struct dump d = { .options.filter.n_kinds = 0, .snaplen = 40 + 60 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[2000];
	size_t a = make_data(p, 1, 0, 500), b = make_data(p + a, 1, 1, 300);

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	dump_send(&d, &f, 0, TCP_ACK, p, a);
	dump_send(&d, &f, 0, TCP_ACK, p + a, 100);
	dump_send(&d, &f, 0, TCP_ACK, p + a + 100, b - 100);
	send_data(&d, &f, 2, 4);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 DATA seq=0 len=500 [hole 480 bytes]"
		" [partial 60 of 540 bytes]\n"
		"0.004000 c1 " A "node=1 DATA seq=1 len=300 [hole 40 bytes]"
		" [partial 60 of 340 bytes]\n"
		"0.006000 c1 " A "node=1 DATA seq=2 len=4\n");
}

static void a_frame_cut_by_the_end_is_told(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	size_t n = make_data(frame, 1, 9, 100);

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	dump_send(&d, &f, 0, TCP_ACK, frame, n - 10);
	dump_send(&d, &f, 1, TCP_RST, NULL, 0);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.004000 c1 " A "node=1 DATA seq=9 len=100 [partial 130 of 140 bytes]\n"
		"0.004000 c1 " B "-- reset\n");
}

/* Bytes under way when the other end reset the connection still come. */
static void bytes_behind_a_reset_are_read(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[200];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	n = make_data(p, 1, 9, 100);
	dump_handshake(&d, &f);
	dump_send(&d, &f, 0, TCP_ACK, p, 50);
	dump_send(&d, &f, 1, TCP_RST, NULL, 0);
	dump_send(&d, &f, 0, TCP_ACK, p + 50, n - 50);
	dump_send(&d, &f, 0, TCP_ACK, p, 7);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.004000 c1 " A "node=1 DATA seq=9 len=100 [partial 50 of 140 bytes]\n"
		"0.004000 c1 " B "-- reset\n"
		"0.005000 c1 " A "node=1 DATA seq=9 len=100\n"
		"0.006000 c1 " A "-- partial 7 bytes\n");
}

static void all_ports_take_what_begins_with_a_frame(void)
{
	struct dump d = { .options.filter.all_ports = true };
	struct dump_flow f = { { 4000, 5000 }, { 100, 200 } }, g = { { 4001, 80 }, { 7, 8 } };

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &g);
	dump_send(&d, &g, 0, TCP_ACK, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18);
	send_data(&d, &g, 1, 1);
	dump_handshake(&d, &f);
	make_data(frame, 1, 3, 4);
	dump_send(&d, &f, 0, TCP_ACK, frame, 10);
	dump_send(&d, &f, 0, TCP_ACK, frame + 10, 34);
	dump_expect(&d,
		"0.009000 c1 10.0.0.1:4000 -> 10.0.0.2:5000 -- opened\n"
		"0.009000 c1 10.0.0.1:4000 -> 10.0.0.2:5000 node=1 DATA seq=3 len=4\n");
}

/* ---- what breaks the rules ---- */

static void garbage_does_not_stop_it(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[400];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	send_data(&d, &f, 0, 1);
	dump_send(&d, &f, 0, TCP_ACK, (const uint8_t *)"0123456789abcdefghi", 19);
	n = make_data(p, 1, 1, 8);
	p[WIRE_OPTS + offsetof(struct wire_header, length)]++;
	n += make_data(p + n, 1, 2, 0);
	n += wire_put_header(p + n, 0x00030009, 0, 1, 16, WIRE_ACK);
	n += wire_put_header(p + n, WIRE_VERSION_3_2, 0, 1, 16, 9);
	n += wire_put_header(p + n, WIRE_VERSION_3_2, 0, 1, 8, WIRE_ACK);
	n += wire_put_ack(p + n, 1, 4);
	dump_send(&d, &f, 0, TCP_ACK, p, n);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 DATA seq=0 len=1\n"
		"0.004000 c1 " A "-- malformed: version 13106.12592\n"
		"0.005000 c1 " A "-- skipped 67 bytes\n"
		"0.005000 c1 " A "node=1 DATA seq=2 len=0 [gap 1]\n"
		"0.005000 c1 " A "node=1 ACK [malformed: version 3.9]\n"
		"0.005000 c1 " A "node=1 unknown [malformed: command 9 outside of OPTS]\n"
		"0.005000 c1 " A "-- malformed: length 8\n"
		"0.005000 c1 " A "-- skipped 16 bytes\n"
		"0.005000 c1 " A "node=1 ACK next=4\n");
}

/* Behind a hole a message may hold what looks like a frame: of another node it is none. */
static void frames_inside_of_messages_are_not_believed(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[400];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	send_data(&d, &f, 0, 1);
	f.seq[0] += 1000;
	memset(p, 'x', 30);
	n = 30 + wire_put_ack(p + 30, 2, 4);
	n += make_data(p + n, 1, 9, 0);
	dump_send(&d, &f, 0, TCP_ACK, p, n);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 DATA seq=0 len=1\n"
		"0.004000 c1 " A "-- hole 1000 bytes\n"
		"0.004000 c1 " A "-- skipped 46 bytes\n"
		"0.004000 c1 " A "node=1 DATA seq=9 len=0 [gap 8]\n");
}

static void wrong_fields_are_named(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };
	uint8_t p[400];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	n = make_hello(p, 1, ONE, 0, 0);
	memset(p + WIRE_OPTS + offsetof(struct wire_hello, cluster), 'x', 64);
	n += wire_put_opts(p + n, 1, 7, WIRE_FRAGMENT, WIRE_HEADER);
	n += wire_put_header(p + n, WIRE_VERSION_3_2, WIRE_NATIVE, 1, WIRE_HEADER, WIRE_FRAGMENT);
	n += wire_put_opts(p + n, 1, 8, WIRE_DATA, WIRE_HEADER);
	n += wire_put_header(p + n, WIRE_VERSION_3_2, 0, 1, WIRE_HEADER, WIRE_DATA);
	n += wire_put_opts(p + n, 1, 0, 0x60, WIRE_HEADER);
	n += wire_put_header(p + n, WIRE_VERSION_3_2, WIRE_NATIVE, 1, WIRE_HEADER, 0x60);
	dump_send(&d, &f, 0, TCP_ACK, p, n);
	dump_expect(&d,
		"0.000000 c1 " A "-- opened\n"
		"0.003000 c1 " A "node=1 HELLO [malformed: HELLO: a field, a name or a TLV does"
		" not fit]\n"
		"0.003000 c1 " A "node=1 FRAGMENT seq=7 len=0"
		" [malformed: FRAGMENT without its TLV, or with two]\n"
		"0.003000 c1 " A "node=1 DATA seq=8 len=0"
		" [malformed: DATA: the inner header is not native]\n"
		"0.003000 c1 " A "node=1 unknown command=96 len=0\n");
}

static void unknown_tlvs_are_named(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	static const uint8_t tlvs[] = { 9, 0, 2, 0, 1, 2, 2, 0, 0, 0 };
	uint8_t p[400];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	n = wire_put_opts(p, 1, 7, WIRE_DATA, WIRE_HEADER + sizeof tlvs);
	put_le16(p + offsetof(struct wire_opts, optlen), sizeof tlvs);
	memcpy(p + n, tlvs, sizeof tlvs);
	n += sizeof tlvs;
	n += wire_put_header(p + n, WIRE_VERSION_3_2, WIRE_NATIVE, 1, WIRE_HEADER, WIRE_DATA);
	CHECK_EQ(engine_bytes(d.engine, p, n), 0);
	dump_expect(&d, "@0         c1 - -> - node=1 DATA seq=7 len=0"
			" tlvs=[\"9:2 bytes\", \"GROUP:0 bytes\"]\n");
}

static void texts_from_the_wire_are_safe(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct hello h = {
		.mine = 1, .cluster = "a \"b\"\n\x1b[2J\\", .group = "\xff", .maxframe = 1,
	};

	CHECK_OR_RETURN(dump_open(&d));
	CHECK_EQ(engine_bytes(d.engine, frame, wire_put_hello(frame, 1, &h)), 0);
	dump_expect(&d, "@0         c1 - -> - node=1 HELLO mine=0000000000000001 yours=none next=0"
			" gen=0 cluster=\"a \\x22b\\x22\\x0a\\x1b[2J\\x5c\" group=\\xff"
			" vmin=0 vmax=0 maxframe=1 features=0 required=0 max_message=0"
			" queue_bytes=0\n");
}

/* ---- kernels ---- */

static size_t make_message(uint8_t *p, uint32_t nodeid, uint32_t seq, uint32_t lkid)
{
	struct dlm_message m = {
		.version = WIRE_VERSION_3_2, .lockspace = 0x11223344, .sender = nodeid,
		.type = DLM_MSG_REQUEST, .lkid = lkid, .rqmode = DLM_MODE_EX,
		.grmode = DLM_MODE_NONE, .exflags = DLM_LKF_VALBLK | 1u << 31,
		.flags = DLM_FLAG_USER, .asts = 3, .extra = { (const uint8_t *)"r\x01", 2 },
	};
	int n = dlm_message_encode(&m, p + WIRE_OPTS, WIRE_DLM_MAX);

	CHECK(n > 0);
	return wire_put_opts(p, nodeid, seq, WIRE_MSG, (size_t)n) + (size_t)n;
}

#define REQUEST	"MSG REQUEST seq=%u ls=11223344 m_nodeid=0 pid=0 lkid=%x remid=0" \
		" exflags=VALBLK|0x80000000 flags=USER grmode=IV rqmode=EX bastmode=NL" \
		" asts=BLOCKING|COMPLETION result=0 name=r\\x01"

static void kernels_are_told_by_their_nodes(void)
{
	struct dump d = { .options.filter.n_kinds = 0 };
	struct dump_flow f = { { 40000, 21064 }, { 100, 200 } }, g = { { 21064, 40001 }, { 7, 8 } };
	struct dump_flow h = { { 40002, 21064 }, { 500, 600 } };
	char expected[4000];
	size_t n;

	CHECK_OR_RETURN(dump_open(&d));
	dump_send(&d, &f, 0, TCP_SYN, NULL, 0);
	dump_send(&d, &g, 1, TCP_SYN, NULL, 0);
	dump_send(&d, &f, 0, TCP_ACK, frame, make_message(frame, 1, 0, 5));
	n = make_message(frame, 2, 0, 9);
	dump_send(&d, &g, 1, TCP_ACK, frame, n + wire_put_ack(frame + n, 2, 1));
	dump_send(&d, &f, 0, TCP_RST, NULL, 0);
	dump_send(&d, &h, 0, TCP_SYN, NULL, 0);
	dump_send(&d, &h, 0, TCP_ACK, frame, make_message(frame, 1, 0, 5));
	dump_send(&d, &g, 1, TCP_ACK, frame, wire_put_ack(frame, 2, 1));
	dump_send(&d, &h, 0, TCP_ACK, frame, make_message(frame, 1, 2, 6));
	/* Another frame with number 0: the node counts anew. */
	dump_send(&d, &h, 0, TCP_ACK, frame, make_message(frame, 1, 0, 7));
	dump_send(&d, &g, 1, TCP_ACK, frame, wire_put_ack(frame, 2, 1));
	snprintf(expected, sizeof expected,
		"0.000000 c1 10.0.0.1:40000 -> 10.0.0.2:21064 -- opened\n"
		"0.001000 c2 10.0.0.2:40001 -> 10.0.0.1:21064 -- opened\n"
		"0.002000 c1 10.0.0.1:40000 -> 10.0.0.2:21064 node=1 " REQUEST "\n"
		"0.003000 c2 10.0.0.2:40001 -> 10.0.0.1:21064 node=2 " REQUEST "\n"
		"0.003000 c2 10.0.0.2:40001 -> 10.0.0.1:21064 node=2 ACK next=1\n"
		"0.004000 c1 10.0.0.1:40000 -> 10.0.0.2:21064 -- reset\n"
		"0.005000 c3 10.0.0.1:40002 -> 10.0.0.2:21064 -- opened\n"
		"0.006000 c3 10.0.0.1:40002 -> 10.0.0.2:21064 node=1 " REQUEST " [again]\n"
		"0.007000 c2 10.0.0.2:40001 -> 10.0.0.1:21064 node=2 ACK next=1 [dup-ack]\n"
		"0.008000 c3 10.0.0.1:40002 -> 10.0.0.2:21064 node=1 " REQUEST " [gap 1]\n"
		"0.009000 c3 10.0.0.1:40002 -> 10.0.0.2:21064 node=1 " REQUEST " [restart]\n"
		"0.010000 c2 10.0.0.2:40001 -> 10.0.0.1:21064 node=2 ACK next=1\n",
		0u, 5u, 0u, 9u, 0u, 5u, 2u, 6u, 0u, 7u);
	dump_expect(&d, expected);
}

/* ---- for programs ---- */

static void objects_say_the_same(void)
{
	struct dump d = { .options.json = true, .options.style.n_payload = 2 };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	send_data(&d, &f, 5, 3);
	dump_expect(&d,
		"{\"schema\":1,\"record\":\"begin\",\"command\":\"dump\",\"version\":\"0.2.0\"}\n"
		"{\"record\":\"note\",\"time_ns\":1001000000,\"offset\":0,\"connection\":1,"
		"\"protocol\":\"tcp\",\"from\":\"10.0.0.1:40000\",\"to\":\"10.0.0.2:21065\","
		"\"from_node\":0,\"to_node\":0,\"note\":\"opened\"}\n"
		"{\"record\":\"frame\",\"time_ns\":1004000000,\"offset\":0,\"connection\":1,"
		"\"protocol\":\"tcp\",\"from\":\"10.0.0.1:40000\",\"to\":\"10.0.0.2:21065\","
		"\"from_node\":1,\"to_node\":0,\"length\":43,\"kind\":\"DATA\",\"type\":\"\","
		"\"sequenced\":true,\"fields\":{\"seq\":5,\"len\":3},\"marks\":{},"
		"\"payload_bytes\":3,\"payload\":\"7878\"}\n");
}

static void a_summary_adds_up(void)
{
	struct dump d = { .options.summary = true };
	struct dump_flow f = { { 40000, 21065 }, { 100, 200 } };

	CHECK_OR_RETURN(dump_open(&d));
	dump_handshake(&d, &f);
	send_data(&d, &f, 5, 3);
	send_data(&d, &f, 5, 3);
	send_data(&d, &f, 8, 3);
	dump_data_at(&d, &f, 0, 101, frame, 43);
	dump_send(&d, &f, 1, TCP_ACK, frame, wire_put_ack(frame, 2, 9));
	dump_expect(&d,
		"conn   from              to               node    frames        bytes    again "
		"  gaps dup-acks  holes tcp-again malformed  kinds\n"
		"c1     10.0.0.1:40000 -> 10.0.0.2:21065      1         3          129        1 "
		"     2        0      0         1         0  DATA 3\n"
		"c1     10.0.0.2:21065 -> 10.0.0.1:40000      2         1           16        0 "
		"     0        0      0         0         0  ACK 1\n");
}

int main(void)
{
	RUN(numbers_over_two_connections);
	RUN(a_new_incarnation_is_another_session);
	RUN(segments_are_put_into_order);
	RUN(a_hole_is_given_up);
	RUN(short_captures_keep_their_frames);
	RUN(a_frame_cut_by_the_end_is_told);
	RUN(bytes_behind_a_reset_are_read);
	RUN(all_ports_take_what_begins_with_a_frame);
	RUN(garbage_does_not_stop_it);
	RUN(frames_inside_of_messages_are_not_believed);
	RUN(wrong_fields_are_named);
	RUN(unknown_tlvs_are_named);
	RUN(texts_from_the_wire_are_safe);
	RUN(kernels_are_told_by_their_nodes);
	RUN(objects_say_the_same);
	RUN(a_summary_adds_up);
	return check_done();
}
