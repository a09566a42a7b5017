/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the forged segments of `sinew break reset`: their bytes, what is read from
 * seen ones, and the numbers that a target learns and uses. Knows nothing of the kernel.
 */
#include "tools/break/filter.c"
#include "tools/break/packet.c"

#include "tests/lib/check.h"

static struct filter_end end(const char *address, uint16_t port)
{
	struct filter_end e = { .port = port };

	CHECK(filter_read_address(address, &e.address));
	return e;
}

/* ---- packets ---- */

/* The words and sums were worked out by hand. */
static void a_reset_has_these_bytes(void)
{
	static const uint8_t want[] = {
		0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x26, 0xce,
		0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02,
		0x52, 0x49, 0x80, 0x00, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x00,
		0x50, 0x04, 0x04, 0x00, 0xc5, 0x95, 0x00, 0x00,
	};
	struct packet p = { .from = end("10.0.0.1", 21065), .to = end("10.0.0.2", 32768),
			    .seq = 0xfffffffe, .ack = 7, .flags = PACKET_RST };
	uint8_t out[PACKET_FORGED_MAX];

	CHECK_OR_RETURN(packet_build(&p, out) == sizeof(want));
	CHECK_MEM(out, want, sizeof(want));
}

static void checksums_come_out_even(void)
{
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct packet p = { .from = end("fd00::1", 1), .to = end("fd00::2", 2), .seq = 1,
			    .ack = 2, .flags = PACKET_ACK, .n_payload = 1, .mark = 0xabcd };
	uint8_t out[PACKET_FORGED_MAX];
	size_t n = packet_build(&p, out);

	CHECK_EQ(packet_checksum(rfc1071, sizeof(rfc1071), 0), (uint16_t)~0xddf2);
	CHECK_EQ(packet_checksum(rfc1071, 1, 0), 0xffff);
	CHECK_EQ(n, 61);
	/* Over all with the checksum in it: nothing is left. */
	CHECK_EQ(packet_checksum(out + 40, n - 40,
				 sum_of(out + 8, 32, IPPROTO_TCP + (uint32_t)(n - 40))), 0);
}

static void check_round_trip(const char *from, const char *to, uint32_t n_payload)
{
	struct packet p = { .from = end(from, 1024), .to = end(to, 65535), .seq = 0x80000000,
			    .ack = 0xffffffff, .flags = PACKET_ACK | PACKET_RST,
			    .n_payload = n_payload, .mark = 0x1234 }, q;
	uint8_t out[PACKET_FORGED_MAX];
	size_t n = packet_build(&p, out), cut;

	CHECK_OR_RETURN(packet_read(out, n, n, &q));
	CHECK(!filter_compare_ends(&p.from, &q.from) && !filter_compare_ends(&p.to, &q.to));
	CHECK(q.seq == p.seq && q.ack == p.ack && q.flags == p.flags && q.mark == p.mark);
	CHECK_EQ(q.n_payload, n_payload);
	/* Payload may be cut off, headers may not. */
	for (cut = 0; cut < n - n_payload; cut++)
		CHECK(!packet_read(out, cut, n, &q));
}

static void what_is_built_can_be_read(void)
{
	check_round_trip("10.0.0.1", "10.255.255.255", 0);
	check_round_trip("10.0.0.1", "10.255.255.255", 1);
	check_round_trip("fd00::1", "::1", 0);
	check_round_trip("fd00::1", "::1", 1);
}

static void other_packets_are_refused(void)
{
	struct packet p = { .from = end("10.0.0.1", 1), .to = end("10.0.0.2", 2) }, q;
	uint8_t good[PACKET_FORGED_MAX], bad[PACKET_FORGED_MAX];
	size_t n = packet_build(&p, good);
	static const struct { unsigned at; uint8_t value; } changes[] = {
		{ 0, 0x55 },	/* version 5 */
		{ 0, 0x44 },	/* an IP header of 16 bytes */
		{ 0, 0x4f },	/* of 60 */
		{ 3, 39 },	/* too short for TCP */
		{ 6, 0x20 },	/* a fragment that is not the last */
		{ 7, 0x01 },	/* a later one */
		{ 9, 17 },	/* UDP */
		{ 32, 0x40 },	/* a TCP header of 16 bytes */
		{ 32, 0xf0 },	/* of 60 */
	};
	unsigned i;

	CHECK(packet_read(good, n, n, &q));
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(bad, good, n);
		bad[changes[i].at] = changes[i].value;
		CHECK(!packet_read(bad, n, n, &q));
	}
}

static void a_length_that_does_not_fit_comes_from_the_wire(void)
{
	struct packet p = { .from = end("10.0.0.1", 1), .to = end("10.0.0.2", 2) }, q;
	uint8_t out[PACKET_FORGED_MAX];
	size_t n = packet_build(&p, out);

	out[2] = out[3] = 0;
	CHECK_OR_RETURN(packet_read(out, n, 200000, &q));
	CHECK_EQ(q.n_payload, 200000 - 40);
}

/* ---- targets ---- */

static struct target target(void)
{
	return (struct target){ .connection.ends = { end("10.0.0.1", 5), end("10.0.0.2", 6) } };
}

static struct packet seen(const struct target *t, unsigned from)
{
	return (struct packet){ .from = t->connection.ends[from], .to = t->connection.ends[!from],
				.flags = PACKET_ACK, .seq = 1000, .ack = 2000 };
}

static void one_acknowledgement_tells_both_numbers(void)
{
	struct target t = target();
	struct packet p = seen(&t, 1);

	CHECK(!target_reset(&t, 0, &p) && !target_reset(&t, 1, &p));
	p = seen(&t, 1);
	CHECK_EQ(target_end(&t, &p), 1);
	target_learn(&t, 1, &p);
	CHECK_OR_RETURN(target_reset(&t, 0, &p));
	CHECK_EQ(p.seq, 1000);
	CHECK_EQ(p.ack, 2000);
	CHECK_EQ(p.flags, PACKET_RST | PACKET_ACK);
	CHECK_EQ(target_end(&t, &p), 1);
	CHECK_OR_RETURN(target_reset(&t, 1, &p));
	CHECK_EQ(p.seq, 2000);
	CHECK_EQ(target_end(&t, &p), 0);
}

static void payload_and_fin_count(void)
{
	struct target t = target();
	struct packet p = seen(&t, 0);

	p.seq = 0xfffffff0;
	p.n_payload = 0x20;
	p.flags |= PACKET_FIN;
	target_learn(&t, 0, &p);
	CHECK(target_reset(&t, 1, &p));
	CHECK_EQ(p.seq, 0x11);
}

static void the_latest_word_counts(void)
{
	struct target t = target();
	struct packet p = seen(&t, 0);

	p.n_payload = 100;
	target_learn(&t, 0, &p);
	CHECK_EQ(t.next[1], 1100);
	/* It got lost: the other end expects less. */
	p = seen(&t, 1);
	p.ack = 1000;
	target_learn(&t, 1, &p);
	CHECK_EQ(t.next[1], 1000);
}

static void openings_and_resets_tell_nothing(void)
{
	struct target t = target();
	struct packet p = seen(&t, 0);

	p.flags = PACKET_SYN;
	target_learn(&t, 0, &p);
	p.flags = PACKET_RST | PACKET_ACK;
	target_learn(&t, 0, &p);
	CHECK(!t.knows_next[0] && !t.knows_next[1] && !t.knows_acked[0]);
}

/* A probe must never be data that the connection could take for its own. */
static void probes_are_empty_or_too_old(void)
{
	struct target t = target();
	struct packet p;

	target_probe(&t, 0, 12345, &p);
	CHECK_EQ(p.n_payload, 0);
	CHECK_EQ(p.seq, 12345);
	CHECK_EQ(p.flags, PACKET_ACK);
	CHECK_EQ(target_end(&t, &p), 1);
	/* Only what the other end has sent is known: that is not what this one has. */
	p = seen(&t, 1);
	p.flags = 0;
	target_learn(&t, 1, &p);
	target_probe(&t, 0, 12345, &p);
	CHECK_EQ(p.n_payload, 0);
	p = seen(&t, 0);
	p.ack = 1;
	target_learn(&t, 0, &p);
	target_probe(&t, 0, 12345, &p);
	CHECK_EQ(p.n_payload, 1);
	CHECK_EQ(p.seq, 0xffffffff);
	CHECK_EQ(p.ack, 1000);
}

static void segments_of_others_are_not_ours(void)
{
	struct target t = target();
	struct packet p = seen(&t, 0);

	p.from.port++;
	CHECK_EQ(target_end(&t, &p), -1);
}

int main(void)
{
	RUN(a_reset_has_these_bytes);
	RUN(checksums_come_out_even);
	RUN(what_is_built_can_be_read);
	RUN(other_packets_are_refused);
	RUN(a_length_that_does_not_fit_comes_from_the_wire);
	RUN(one_acknowledgement_tells_both_numbers);
	RUN(payload_and_fin_count);
	RUN(the_latest_word_counts);
	RUN(openings_and_resets_tell_nothing);
	RUN(probes_are_empty_or_too_old);
	RUN(segments_of_others_are_not_ours);
	return check_done();
}
