/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every native frame of proto/wire.h: its exact bytes, there and back, and
 * everything that can be wrong with one. The kernel's frames are in
 * test_golden.c.
 */
#include "proto/wire.h"
#include "tests/lib/check.h"

#include <errno.h>
#include <stdlib.h>

#define NODEID 0x01020304u

static uint8_t buf[WIRE_FRAME_MAX + 100];
static struct frame frame;

/* ---- exact bytes ---- */

/* Spaces in the expected text are for the reader. */
static void check_hex(const uint8_t *p, size_t n, const char *expected)
{
	static char hex[2048];
	static char want[2048];
	size_t used = 0;

	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
	for (; *expected; expected++)
		if (*expected != ' ')
			want[used++] = *expected;
	want[used] = 0;
	CHECK_STR(hex, want);
}

#define HEAD(length, seq) "02000300" seq "04030201" length "0300 "
#define INNER(length, cmd) "02000300 534e5731 04030201" length cmd "00 "
#define ZERO8 "0000000000000000"
#define ZERO56 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8 ZERO8

static const struct hello hello = {
	.mine = 0x1112131415161718, .yours = 0x2122232425262728, .next = 0x31323334,
	.gen = 0x41424344, .flags = WIRE_HELLO_CHOSEN | WIRE_HELLO_LEAVING, .vmin = 1,
	.vmax = 2, .maxframe = 65535, .features = 0x5152535455565758, .required = 6,
	.max_message = 0x01000000, .queue_bytes = 0x02000000, .cluster = "prod",
	.group = "sinew",
};

static void bytes_of_hello(void)
{
	size_t n = wire_put_hello(buf, NODEID, &hello);

	CHECK_EQ(n, 24 + 128 + 9 + 12);
	check_hex(buf, n, HEAD("ad00", "00000000") "41000000 00000000 "
		  INNER("9500", "41") "1817161514131211 2827262524232221 34333231 44434241 "
		  "03010200 ffff0000 5857565554535251 0600000000000000 "
		  "70726f64 00000000" ZERO56 "0200 0500 73696e6577 0300 0800 00000001 00000002");
}

/* The same, and what the sender takes of calls behind it. */
static struct hello hello_with_calls(void)
{
	struct hello h = hello;

	h.features |= WIRE_FEATURE_CALLS;
	h.calls = (struct service_grant) { .slots = 0x0102, .window = 0x03040506, .piece = 0x4000 };
	return h;
}

static void bytes_of_control_frames(void)
{
	struct refuse r = { .mine = 1, .yours = 2, .reason = WIRE_REFUSE_STALE, .next = 3,
			    .gen = 4, .wait_ms = 5 };
	struct probe q = { .cookie = 0x0102030405060708, .cluster = "prod" };

	CHECK_EQ(wire_put_refuse(buf, NODEID, &r), 72);
	check_hex(buf, 72, HEAD("4800", "00000000") "43000000 00000000 " INNER("3000", "43")
		  "0100000000000000 0200000000000000 01000000 03000000 04000000 05000000");
	CHECK_EQ(wire_put_leaving(buf, NODEID), 40);
	check_hex(buf, 40, HEAD("2800", "00000000") "44000000 00000000 " INNER("1000", "44"));
	CHECK_EQ(wire_put_status(buf, NODEID, WIRE_STATUS_SHORT), 48);
	check_hex(buf, 48, HEAD("3000", "00000000") "47000000 00000000 " INNER("1800", "47")
		  "02000000 00000000");
	CHECK_EQ(wire_put_probe(buf, NODEID, &q, false), 112);
	check_hex(buf, 112, HEAD("7000", "00000000") "45000000 00000000 " INNER("5800", "45")
		  "0807060504030201 70726f64 00000000" ZERO56);
	CHECK_EQ(wire_put_probe(buf, NODEID, &q, true), 112);
	CHECK_EQ(buf[16], WIRE_PROBE_REPLY);
	CHECK_EQ(buf[24 + 14], WIRE_PROBE_REPLY);
	q.flags = WIRE_PATH_PADDED | WIRE_PATH_LOST;
	CHECK_EQ(wire_put_probe(buf, NODEID, &q, true), 120);
	check_hex(buf, 120, HEAD("7800", "00000000") "46000000 00000000 " INNER("6000", "46")
		  "0807060504030201 70726f64 00000000" ZERO56 "0400 0400 03000000");
	q.flags = 0;
	CHECK_EQ(wire_put_padded_probe(buf, NODEID, &q, WIRE_PROBE_MAX), WIRE_PROBE_HEAD);
	check_hex(buf, WIRE_PROBE_HEAD, HEAD("0040", "00000000") "45000000 00000000 "
		  INNER("e83f", "45") "0807060504030201 70726f64 00000000" ZERO56 "0500 8c3f");
}

static void bytes_of_sequenced_frames(void)
{
	CHECK_EQ(wire_put_ack(buf, NODEID, 0xfffffffe), 16);
	check_hex(buf, 16, "02000300 feffffff 04030201 1000 04 00");
	CHECK_EQ(wire_put_fin(buf, NODEID, 23), 40);
	check_hex(buf, 40, HEAD("2800", "17000000") "05000000 00000000 "
		  "02000300 00000000 04030201 1000 05 00");
	CHECK_EQ(wire_put_msg(buf, NODEID, 9, 5), 40);
	check_hex(buf, 40, HEAD("2d00", "09000000") "40000000 00000000 " INNER("1500", "40"));
	CHECK_EQ(wire_put_frag(buf, NODEID, 9, 5, 0x11223344, 0x01020304), 52);
	check_hex(buf, 52, HEAD("3900", "09000000") "42000c00 00000000 "
		  "0100 0800 44332211 04030201 " INNER("1500", "42"));
	CHECK_EQ(wire_put_whole(buf, NODEID, 9, 5, WIRE_CALL), 40);
	check_hex(buf, 40, HEAD("2d00", "09000000") "48000000 00000000 " INNER("1500", "48"));
	CHECK_EQ(wire_put_opts(buf, NODEID, 9, WIRE_MSG, 88), 24);
	check_hex(buf, 24, HEAD("7000", "09000000") "01000000 00000000");
}

/* ---- there and back ---- */

static int parse(size_t n)
{
	CHECK_EQ(frame_length(buf, n), n);
	return frame_parse(buf, n, &frame);
}

static void hello_comes_back(void)
{
	struct hello h;

	CHECK_EQ(parse(wire_put_hello(buf, NODEID, &hello)), 0);
	CHECK_EQ(frame.nextcmd, WIRE_HELLO);
	CHECK_EQ(frame.u, 0);
	CHECK_EQ(frame.nodeid, NODEID);
	CHECK_OR_RETURN(frame_hello(&frame, &h) == 0);
	CHECK(h.mine == hello.mine && h.yours == hello.yours && h.next == hello.next);
	CHECK(h.gen == hello.gen && h.flags == hello.flags && h.vmin == 1 && h.vmax == 2);
	CHECK(h.maxframe == 65535 && h.features == hello.features && h.required == 6);
	CHECK(h.max_message == hello.max_message && h.queue_bytes == hello.queue_bytes);
	CHECK_STR(h.cluster, "prod");
	CHECK_STR(h.group, "sinew");
}

static void names_at_their_limit(void)
{
	struct hello longest = hello_with_calls(), h;
	size_t n;

	memset(longest.cluster, 'c', sizeof longest.cluster);
	memset(longest.group, 'g', sizeof longest.group);
	n = wire_put_hello(buf, NODEID, &longest);
	CHECK(n <= WIRE_CONTROL_MAX && n <= WIRE_HELLO_MAX);
	CHECK_EQ(parse(n), 0);
	CHECK_OR_RETURN(frame_hello(&frame, &h) == 0);
	CHECK_EQ(strlen(h.cluster), WIRE_NAME_MAX - 1);
	CHECK_EQ(strlen(h.group), WIRE_NAME_MAX - 1);
}

static void others_come_back(void)
{
	struct refuse r = { 1, 2, 3, 4, 5, 6 }, r2;
	struct probe q = { .cookie = 7, .cluster = "x" }, q2;
	uint32_t flags, total, offset;

	CHECK_EQ(parse(wire_put_refuse(buf, NODEID, &r)), 0);
	CHECK_EQ(frame_refuse(&frame, &r2), 0);
	CHECK(r2.mine == 1 && r2.yours == 2 && r2.reason == 3 && r2.next == 4 && r2.gen == 5);
	CHECK_EQ(r2.wait_ms, 6);
	CHECK_EQ(parse(wire_put_probe(buf, NODEID, &q, true)), 0);
	CHECK_EQ(frame_probe(&frame, &q2), 0);
	CHECK(q2.cookie == 7 && !strcmp(q2.cluster, "x"));
	CHECK_EQ(parse(wire_put_status(buf, NODEID, 3)), 0);
	CHECK_EQ(frame_status(&frame, &flags), 0);
	CHECK_EQ(flags, 3);
	CHECK_EQ(parse(wire_put_frag(buf, NODEID, 9, 5, 100, 20) + 5), 0);
	CHECK_EQ(frame_fragment(&frame, &total, &offset), 0);
	CHECK(total == 100 && offset == 20 && frame.inner_len == 21 && frame.optlen == 12);
	CHECK_EQ(parse(wire_put_leaving(buf, NODEID)), 0);
	CHECK_EQ(parse(wire_put_fin(buf, NODEID, 5)), 0);
	CHECK_EQ(frame.inner_len, 16);
	CHECK_EQ(parse(wire_put_ack(buf, NODEID, 5)), 0);
	CHECK_EQ(frame.nextcmd, 0);
}

/* ---- what is wrong with a frame ---- */

static size_t put_kind(unsigned kind)
{
	const struct hello with_calls = hello_with_calls();
	struct refuse r = { .mine = 1 };
	struct probe q = { .cluster = "x" };

	memset(buf, 0, 2048);
	switch (kind) {
	case 0:
		return wire_put_hello(buf, NODEID, &hello);
	case 1:
		return wire_put_refuse(buf, NODEID, &r);
	case 2:
		return wire_put_leaving(buf, NODEID);
	case 3:
		return wire_put_status(buf, NODEID, 0);
	case 4:
		return wire_put_probe(buf, NODEID, &q, false);
	case 5:
		return wire_put_msg(buf, NODEID, 1, 10) + 10;
	case 6:
		return wire_put_frag(buf, NODEID, 1, 10, 100, 0) + 10;
	case 7:
		return wire_put_fin(buf, NODEID, 1);
	case 8:
		return wire_put_ack(buf, NODEID, 1);
	case 9:
		return wire_put_hello(buf, NODEID, &with_calls);
	case 10:
		return wire_put_whole(buf, NODEID, 1, 10, WIRE_CALL) + 10;
	}
	return 0;
}

#define KINDS 11

/* A frame of n bytes in memory of its own, so that a sanitizer sees what is read. */
static void parse_exactly(size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	struct hello h;
	struct refuse r;
	struct probe q;
	uint32_t a, b;

	CHECK_OR_RETURN(p != NULL);
	memcpy(p, buf, n);
	frame_length(p, n);
	if (frame_parse(p, n, &frame) == 0 && frame.cmd == WIRE_OPTS_CMD) {
		CHECK(frame.inner + frame.inner_len == p + n);
		frame_tlvs_ok(&frame);
		frame_hello(&frame, &h);
		frame_refuse(&frame, &r);
		frame_status(&frame, &a);
		frame_probe(&frame, &q);
		frame_fragment(&frame, &a, &b);
	}
	free(p);
}

static void cut_at_every_byte(void)
{
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t n = put_kind(kind);

		CHECK_EQ(frame_parse(buf, n, &frame), 0);
		for (size_t cut = 0; cut < n; cut++) {
			put_kind(kind);
			CHECK_EQ(frame_length(buf, cut), cut < WIRE_HEADER ? 0 : n);
			CHECK_EQ(frame_parse(buf, cut, &frame), -EBADMSG);
			/* The same with a length that says so. */
			put_le16(buf + 12, (uint16_t)cut);
			if (cut >= WIRE_HEADER && kind != 8)
				CHECK_EQ(frame_parse(buf, cut, &frame), -EBADMSG);
			parse_exactly(cut);
			/* And with an inner one that agrees. */
			if (cut >= WIRE_OPTS + WIRE_HEADER) {
				put_le16(buf + 24 + get_le16(buf + 18) + 12,
					 (uint16_t)(cut - 24 - get_le16(buf + 18)));
				parse_exactly(cut);
			}
		}
	}
}

static void every_byte_damaged(void)
{
	for (unsigned kind = 0; kind < KINDS; kind++) {
		size_t n = put_kind(kind);

		for (size_t i = 0; i < n; i++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				put_kind(kind);
				buf[i] ^= (uint8_t)(1u << bit);
				parse_exactly(n);
			}
		}
	}
}

static void lengths_of_a_frame(void)
{
	put_kind(5);
	put_le16(buf + 12, 0);
	CHECK_EQ(frame_length(buf, 50), -EBADMSG);
	put_le16(buf + 12, 15);
	CHECK_EQ(frame_length(buf, 50), -EBADMSG);
	put_le16(buf + 12, 16);
	CHECK_EQ(frame_length(buf, 50), 16);
	CHECK_EQ(frame_length(buf, 15), 0);
	put_le16(buf + 12, 65535);
	CHECK_EQ(frame_length(buf, 16), 65535);
	/* The longest of all is a good frame. */
	CHECK_EQ(wire_put_msg(buf, NODEID, 1, WIRE_FRAME_MAX - WIRE_MSG_OVERHEAD), 40);
	CHECK_EQ(parse(WIRE_FRAME_MAX), 0);
	CHECK_EQ(frame.inner_len, WIRE_FRAME_MAX - WIRE_OPTS);
	CHECK_EQ(frame_parse(buf, WIRE_FRAME_MAX - 1, &frame), -EBADMSG);
	CHECK_EQ(wire_put_ack(buf, NODEID, 1), 16);
	put_le16(buf + 12, 17);
	CHECK_EQ(frame_parse(buf, 17, &frame), -EBADMSG);
}

static void options_beyond_the_frame(void)
{
	static const uint16_t lengths[] = { 1, 10, 11, 12, 0x7fff, 0xffff };
	size_t n = put_kind(5);

	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		put_le16(buf + 18, lengths[i]);
		CHECK_EQ(parse(n), -EBADMSG);
		parse_exactly(n);
	}
}

static void commands(void)
{
	size_t n;

	for (unsigned cmd = 0; cmd < 256; cmd++) {
		int want = cmd == WIRE_MSG || cmd == WIRE_RCOM || cmd == WIRE_OPTS_CMD ?
			0 : -EBADMSG;

		n = put_kind(5);
		buf[14] = (uint8_t)cmd;
		CHECK_EQ(parse(n), want);
		/* The envelope and what is inside must agree. */
		n = put_kind(5);
		buf[16] = (uint8_t)cmd;
		CHECK_EQ(parse(n), cmd == WIRE_DATA ? 0 : -EBADMSG);
		/* An inner command that is not known is the session's to judge. */
		buf[24 + 14] = (uint8_t)cmd;
		CHECK_EQ(parse(n), 0);
	}
}

static void inner_packet_contradicts(void)
{
	static const unsigned at[] = { 0, 8, 12 };	/* version, nodeid, length */

	for (unsigned i = 0; i < 3; i++) {
		size_t n = put_kind(5);

		buf[24 + at[i]]++;
		CHECK_EQ(parse(n), -EBADMSG);
	}
}

static void versions(void)
{
	size_t n = put_kind(5);

	put_le32(buf, WIRE_VERSION_3_1);
	put_le32(buf + 24, WIRE_VERSION_3_1);
	CHECK_EQ(parse(n), 0);
	put_le32(buf, 0x00030003);
	CHECK_EQ(parse(n), -EPROTONOSUPPORT);
	put_le32(buf, 0x00030000);
	CHECK_EQ(parse(n), -EPROTONOSUPPORT);
	put_le32(buf, 0x00020002);
	CHECK_EQ(frame_length(buf, n), -EPROTONOSUPPORT);
	put_le32(buf, 0x00040002);
	CHECK_EQ(frame_length(buf, n), -EPROTONOSUPPORT);
	memcpy(buf, "GET / HTTP/1.1\r\n", 16);
	CHECK_EQ(frame_length(buf, 16), -EPROTONOSUPPORT);
}

static void padded_probes(void)
{
	struct probe q = { .cookie = 7, .cluster = "x" }, q2;
	uint8_t *head = malloc(WIRE_PROBE_HEAD);	/* nothing is read behind it */
	static const uint8_t at[] = { 12, 13, 14, 16, 18, 24 + 12, 24 + 14, 112, 113, 114, 115 };

	CHECK(head);
	for (size_t size = WIRE_PROBE_HEAD; size <= WIRE_PROBE_MAX; size += 1 + size / 9) {
		wire_put_padded_probe(buf, NODEID, &q, size);
		memcpy(head, buf, WIRE_PROBE_HEAD);
		CHECK_EQ(frame_padded_probe(head, &frame, &q2), 0);
		CHECK(q2.cookie == 7 && !strcmp(q2.cluster, "x") && !q2.flags);
		CHECK(frame.length == size && frame.nodeid == NODEID);
	}
	for (unsigned i = 0; i < sizeof at; i++) {
		wire_put_padded_probe(head, NODEID, &q, 5000);
		head[at[i]] ^= 0x40;
		CHECK_EQ(frame_padded_probe(head, &frame, &q2), -EBADMSG);
	}
	wire_put_padded_probe(head, NODEID, &q, WIRE_PROBE_MAX + 1);
	CHECK_EQ(frame_padded_probe(head, &frame, &q2), -EBADMSG);
	free(head);
}

static void not_native(void)
{
	struct hello h;
	struct refuse r;
	struct probe q;
	uint32_t flags;

	CHECK_EQ(parse(put_kind(0)), 0);
	buf[24 + 4]++;
	CHECK_EQ(frame_hello(&frame, &h), -EBADMSG);
	CHECK_EQ(frame_refuse(&frame, &r), -EBADMSG);
	CHECK_EQ(frame_probe(&frame, &q), -EBADMSG);
	CHECK_EQ(frame_status(&frame, &flags), -EBADMSG);
}

static void names_not_terminated(void)
{
	struct hello h;
	struct probe q;

	CHECK_EQ(parse(put_kind(0)), 0);
	memset(buf + 24 + 64, 'c', 64);
	CHECK_EQ(frame_hello(&frame, &h), -EBADMSG);
	CHECK_EQ(parse(put_kind(4)), 0);
	memset(buf + 24 + 24, 'c', 64);
	CHECK_EQ(frame_probe(&frame, &q), -EBADMSG);
	CHECK_EQ(parse(put_kind(0)), 0);
	memset(buf + 24 + 16, 0, 8);	/* no incarnation */
	CHECK_EQ(frame_hello(&frame, &h), -EBADMSG);
}

/* ---- TLVs ---- */

/* A HELLO whose TLVs are these bytes. */
static int hello_with(const void *tlvs, size_t n, struct hello *h)
{
	uint8_t *inner = buf + WIRE_OPTS;
	size_t len = sizeof(struct wire_hello) + n;

	put_kind(0);
	put_le16(buf + 12, (uint16_t)(WIRE_OPTS + len));
	put_le16(inner + 12, (uint16_t)len);
	if (n)
		memcpy(inner + sizeof(struct wire_hello), tlvs, n);
	CHECK_EQ(parse(WIRE_OPTS + len), 0);
	return frame_hello(&frame, h);
}

static void tlvs_of_hello(void)
{
	static const char group64[4 + 64] = "\2\0\x40\0gggggggggggggggggggggggggggggggggggggggg"
		"gggggggggggggggggggggggg";
	struct hello h;

	CHECK_EQ(hello_with("", 0, &h), 0);
	CHECK_STR(h.group, "");
	CHECK_EQ(h.max_message, 0);
	CHECK_EQ(hello_with("\2\0\0\0", 4, &h), 0);
	CHECK_STR(h.group, "");
	/* Unknown ones are skipped, also empty ones. */
	CHECK_EQ(hello_with("\x99\x99\3\0abc\x77\0\0\0\2\0\1\0g", 16, &h), 0);
	CHECK_STR(h.group, "g");
	/* A longer one of a later version is taken as far as known. */
	CHECK_EQ(hello_with("\3\0\x0a\0\1\0\0\0\2\0\0\0xy", 14, &h), 0);
	CHECK(h.max_message == 1 && h.queue_bytes == 2);
	CHECK_EQ(hello_with("\3\0\7\0\1\0\0\0\2\0\0", 11, &h), -EBADMSG);
	CHECK_EQ(hello_with("\2\0\2\0g\0", 6, &h), -EBADMSG);
	CHECK_EQ(hello_with(group64, sizeof group64, &h), -EBADMSG);
	/* Cut: in the type, in the length, in the value. */
	CHECK_EQ(hello_with("\2", 1, &h), -EBADMSG);
	CHECK_EQ(hello_with("\2\0\1", 3, &h), -EBADMSG);
	CHECK_EQ(hello_with("\2\0\2\0g", 5, &h), -EBADMSG);
	CHECK_EQ(hello_with("\x99\0\xff\xffg", 5, &h), -EBADMSG);
}

/* A FRAGMENT frame of no body whose TLVs are these bytes. */
static void opts_with(const void *tlvs, uint16_t n)
{
	uint8_t *inner = buf + WIRE_OPTS + n;

	wire_put_opts(buf, NODEID, 1, WIRE_FRAGMENT, (size_t)n + WIRE_HEADER);
	put_le16(buf + 18, n);
	if (n)
		memcpy(buf + WIRE_OPTS, tlvs, n);
	wire_put_header(inner, WIRE_VERSION_3_2, WIRE_NATIVE, NODEID, WIRE_HEADER,
			WIRE_FRAGMENT);
	CHECK_EQ(parse(WIRE_OPTS + WIRE_HEADER + (size_t)n), 0);
}

static void tlvs_of_a_fragment(void)
{
#define ONE "\1\0\x08\0\5\0\0\0\1\0\0\0"
	uint32_t total = 77, offset = 78;

	opts_with("", 0);
	CHECK(frame_tlvs_ok(&frame));
	CHECK_EQ(frame_fragment(&frame, &total, &offset), -EBADMSG);
	opts_with(ONE ONE, 24);
	CHECK(frame_tlvs_ok(&frame));
	CHECK_EQ(frame_fragment(&frame, &total, &offset), -EBADMSG);
	opts_with("\1\0\7\0\5\0\0\0\1\0\0", 11);
	CHECK_EQ(frame_fragment(&frame, &total, &offset), -EBADMSG);
	opts_with(ONE "\x99", 13);
	CHECK(!frame_tlvs_ok(&frame));
	CHECK_EQ(frame_fragment(&frame, &total, &offset), -EBADMSG);
	opts_with("\1\0\x09\0\5\0\0\0\1\0\0\0", 12);
	CHECK(!frame_tlvs_ok(&frame));
	CHECK_EQ(frame_fragment(&frame, &total, &offset), -EBADMSG);
	CHECK(total == 77 && offset == 78);
	opts_with("\x99\0\2\0ab" ONE "\x98\0\0\0", 22);
	CHECK(frame_tlvs_ok(&frame));
	CHECK_EQ(frame_fragment(&frame, &total, &offset), 0);
	CHECK(total == 5 && offset == 1);
}

/* ---- reader, writer, names ---- */

static void reader_fails_closed(void)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct reader r = { .p = bytes, .left = sizeof bytes };

	CHECK_EQ(reader_u8(&r), 1);
	CHECK(reader_u64(&r) == 0x0908070605040302);
	CHECK_EQ(r.left, 0);
	CHECK(reader_take(&r, 0) != NULL && !r.bad);
	CHECK_EQ(reader_u8(&r), 0);
	CHECK(r.bad && reader_take(&r, 0) == NULL);
	r = (struct reader) { .p = bytes, .left = 3 };
	CHECK_EQ(reader_u32(&r), 0);
	/* Once bad, always bad, though two bytes would be there. */
	CHECK_EQ(reader_u16(&r), 0);
	CHECK(r.bad);
	r = (struct reader) { .p = bytes, .left = 9 };
	CHECK(reader_take(&r, SIZE_MAX) == NULL && r.bad);
}

static void writer_fails_closed(void)
{
	uint8_t out[12] = { 0 };
	struct writer w = { out, 9, false };

	writer_u8(&w, 0xaa);
	writer_u64(&w, 0x0102030405060708);
	CHECK(!w.full && w.left == 0);
	writer_bytes(&w, "x", 0);
	writer_zero(&w, 0);
	CHECK(!w.full);
	writer_u8(&w, 1);
	CHECK(w.full && out[9] == 0);
	check_hex(out, 10, "aa 0807060504030201 00");
	w = (struct writer) { out, 3, false };
	writer_u32(&w, 1);
	writer_u16(&w, 1);
	CHECK(w.full && out[0] == 0xaa);
}

static void every_name(void)
{
	static const uint8_t cmds[] = { 1, 2, 3, 4, 5, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
					0x47, 0x48 };

	for (unsigned i = 0; i < sizeof cmds; i++)
		CHECK(strcmp(wire_cmd_name(cmds[i]), "unknown"));
	CHECK_STR(wire_cmd_name(0), "unknown");
	CHECK_STR(wire_cmd_name(0x49), "unknown");
	CHECK_STR(wire_cmd_name(WIRE_HELLO), "HELLO");
	for (uint32_t r = WIRE_REFUSE_STALE; r <= WIRE_REFUSE_CLAIMED; r++) {
		CHECK(strcmp(wire_reason_name(r), "unknown"));
		CHECK(strstr(wire_reason_text(r), wire_reason_name(r)) == wire_reason_text(r));
	}
	CHECK_STR(wire_reason_name(0), "unknown");
	CHECK_STR(wire_reason_name(UINT32_MAX), "unknown");
	CHECK_STR(wire_reason_text(UINT32_MAX), "unknown");
	CHECK_STR(wire_reason_text(WIRE_REFUSE_STALE), "STALE");
	CHECK_STR(wire_reason_text(WIRE_REFUSE_IDENTITY),
		  "IDENTITY (the configurations differ in a nodeid or an address)");
}

int main(void)
{
	RUN(bytes_of_hello);
	RUN(bytes_of_control_frames);
	RUN(padded_probes);
	RUN(bytes_of_sequenced_frames);
	RUN(hello_comes_back);
	RUN(names_at_their_limit);
	RUN(others_come_back);
	RUN(cut_at_every_byte);
	RUN(every_byte_damaged);
	RUN(lengths_of_a_frame);
	RUN(options_beyond_the_frame);
	RUN(commands);
	RUN(inner_packet_contradicts);
	RUN(versions);
	RUN(not_native);
	RUN(names_not_terminated);
	RUN(tlvs_of_hello);
	RUN(tlvs_of_a_fragment);
	RUN(reader_fails_closed);
	RUN(writer_fails_closed);
	RUN(every_name);
	return check_done();
}
