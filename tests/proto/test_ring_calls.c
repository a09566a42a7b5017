/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames in the send ring that are no messages: what counts them and what does not, and each reason
 * for which one is refused. Random use is tested in test_ring_model.c.
 */
#include "tests/lib/ring_fixture.h"

#include <errno.h>

static int put_n(size_t len, uint64_t *ret_end)
{
	struct span part = { bytes, len };

	return ring_put(&ring, &part, len, FRAME, ret_end);
}

static void expect_fate(uint64_t acked, uint64_t in_doubt, uint64_t unsent)
{
	struct ring_delivery fate;

	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked, acked);
	CHECK_EQ(fate.in_doubt, in_doubt);
	CHECK_EQ(fate.unsent, unsent);
}

static void frame_is_exact(void)
{
	struct span parts[2] = { { bytes, 3 }, { bytes + 3, 4 } }, out[3];
	uint8_t expected[WIRE_MSG_OVERHEAD + 7];
	uint64_t end;
	int n;

	fresh();
	CHECK_EQ(ring_put(&ring, parts, 7, FRAME, &end), 0);
	CHECK_EQ(end, sizeof expected);
	wire_put_whole(expected, NODEID, FIRST, 7, WIRE_CALL);
	memcpy(expected + WIRE_MSG_OVERHEAD, bytes, 7);
	CHECK_EQ(ring_unsent(&ring, out, &n, SIZE_MAX), sizeof expected);
	CHECK_MEM(out[0].p, expected, sizeof expected);
	CHECK_EQ(put_n(FRAME - WIRE_MSG_OVERHEAD + 1, &end), -EMSGSIZE);
	CHECK_EQ(put_n(FRAME - WIRE_MSG_OVERHEAD, &end), 0);
}

/* Between messages it takes a number of the sequence, and none of theirs. */
static void no_report_counts_it(void)
{
	struct span part = { bytes, 10 };
	uint64_t end, number;

	fresh();
	CHECK_EQ(put_n(1, &end), 0);
	CHECK_EQ(ring.number, 0);
	CHECK_EQ(ring_send(&ring, &part, 10, FRAME, &number), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(put_n(2, &end), 0);
	CHECK(ring_send_plain(&ring, bytes, 10));
	CHECK_EQ(ring.number, 2);
	expect_fate(0, 0, 2);
	write_all();
	CHECK_EQ(put_n(3, &end), 0);
	expect_fate(0, 2, 2);
	CHECK_EQ(ring_next_seq(&ring), FIRST + 5);
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	expect_fate(0, 2, 2);
	CHECK_EQ(ring_ack(&ring, FIRST + 3), 1);
	expect_fate(1, 2, 2);
	CHECK_EQ(ring.acked_number, 1);
	CHECK_EQ(ring_ack(&ring, FIRST + 5), -EPROTO);
	CHECK_EQ(ring_resume(&ring, FIRST + 4), 0);
	expect_fate(2, 2, 2);
	CHECK(!ring_all_acked(&ring));
	CHECK_EQ(write_all(), WIRE_MSG_OVERHEAD + 3);
	CHECK_EQ(ring_ack(&ring, FIRST + 5), 1);
	CHECK(ring_all_acked(&ring) && ring_empty(&ring));
}

/* At the end the messages are walked, with their numbers, whatever lies between them. */
static void no_walk_shows_it(void)
{
	struct ring_iter it = { 0 };
	struct span body;
	bool first, last;
	size_t total;
	uint64_t end;

	fresh();
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(put_n(50, &end), 0);
		CHECK_EQ(put_n(60, &end), 0);
		CHECK_EQ(send_n(i), 0);
	}
	CHECK_EQ(put_n(70, &end), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 4), 1);
	ring_close(&ring);
	for (unsigned i = 2; i <= 3; i++) {
		CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 1);
		CHECK(first && last && total == i && body.n == i);
		CHECK_EQ(it.number, i);
	}
	CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 0);
	expect_fate(1, 3, 3);
}

/* Its room is free again with its own ACK, and with no message in the ring. */
static void room_comes_back(void)
{
	uint64_t end, before = 0;
	uint32_t next = FIRST;

	fresh();
	for (unsigned i = 0; i < 100; i++) {
		while (!put_n(20000, &end)) {
			CHECK(end - before >= 20000 + WIRE_MSG_OVERHEAD);
			before = end;
			next++;
		}
		CHECK_EQ(put_n(20000, &end), -EAGAIN);
		CHECK_EQ(end, before);
		write_all();
		CHECK_EQ(ring_ack(&ring, next), 1);
		CHECK(ring_take_writable(&ring));
		CHECK(ring_rests(&ring));
		CHECK_EQ(ring_bytes_held(&ring), 0);
	}
	expect_fate(0, 0, 0);
}

static void refused_behind_a_slot(void)
{
	uint64_t end = 7;
	uint8_t *data;
	unsigned slot;

	fresh();
	CHECK_EQ(ring_reserve(&ring, 100, FRAME, &data, &slot), 0);
	CHECK_EQ(put_n(10, &end), -EAGAIN);
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_commit(&ring, slot, 100, NULL), 0);
	CHECK(ring_take_writable(&ring));
	CHECK_EQ(put_n(10, &end), 0);
	CHECK_EQ(end, 2 * WIRE_MSG_OVERHEAD + 110);
	ring_put_fin(&ring);
	CHECK_EQ(put_n(10, &end), -ESHUTDOWN);
}

/* ---- secrets ---- */

#define SECRET	300u	/* bytes of one */

static int put_secret(uint64_t *ret_end)
{
	struct span part = { bytes, SECRET };

	return ring_put_secret(&ring, &part, SECRET, FRAME, ret_end);
}

/* The body of the frame that ends there is as it was put, or is wiped. */
static bool is_there(uint64_t end)
{
	return !memcmp(memory + (end - SECRET) % RING_MIN, bytes, SECRET);
}

static bool is_wiped(uint64_t end)
{
	const uint8_t *p = memory + (end - SECRET) % RING_MIN;

	return !p[0] && !memcmp(p, p + 1, SECRET - 1);
}

static void acknowledged_secret_is_wiped(void)
{
	uint64_t before, end, behind;

	fresh();
	CHECK_EQ(put_n(SECRET, &before), 0);
	CHECK_EQ(put_secret(&end), 0);
	CHECK_EQ(put_n(SECRET, &behind), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	CHECK(is_there(end));
	CHECK_EQ(ring_resume(&ring, FIRST + 1), 0);
	CHECK(is_there(end));
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 2), 1);
	CHECK(is_wiped(before) && is_wiped(end));
	CHECK_EQ(ring_ack(&ring, FIRST + 3), 1);
	CHECK(is_there(behind));
}

/* Once it goes out no more; until then its bytes are those of a frame that the peer reads. */
static void half_sent_secret_stays(void)
{
	struct span out[3];
	uint64_t end;
	int n;

	fresh();
	CHECK_EQ(put_secret(&end), 0);
	write_all();
	CHECK_EQ(ring_resume(&ring, FIRST), 0);
	CHECK_EQ(ring_unsent(&ring, out, &n, 100), 100);
	ring_sent(&ring, 100);
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	CHECK(is_there(end));
	write_all();
	CHECK(is_wiped(end));
}

/* A lap may end early; the next lap writes into the gap behind it. */
static void wiping_spares_the_next_lap(void)
{
	uint64_t first, end, last = 0, next;
	uint32_t seq = FIRST + 1;

	fresh();
	CHECK_EQ(put_n(SECRET, &first), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	CHECK(ring_restart(&ring));
	CHECK_EQ(put_secret(&end), 0);
	CHECK_EQ(end % RING_MIN, WIRE_MSG_OVERHEAD + SECRET);
	while (!put_n(SECRET, &next)) {
		last = next;
		seq++;
	}
	CHECK(last > end + RING_MIN / 2);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 2), 1);
	CHECK(is_wiped(end));
	for (next = last; next > end; next -= SECRET + WIRE_MSG_OVERHEAD)
		CHECK(is_there(next));
	CHECK_EQ(ring_ack(&ring, seq + 1), 1);
	CHECK(ring_empty(&ring));
}

/* One that is refused costs nothing, and reveals nothing of the one before. */
static void refused_secret(void)
{
	uint64_t end, unused;

	fresh();
	CHECK_EQ(put_secret(&end), 0);
	while (!put_n(20000, &unused))
		;
	while (!put_n(10, &unused))
		;
	CHECK_EQ(put_secret(&unused), -EAGAIN);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	CHECK(is_wiped(end));
}

/* At the end the bodies of messages are shown, and those of secrets are gone. */
static void unacknowledged_secret_is_wiped(void)
{
	struct ring_iter it = { 0 };
	bool first, last;
	struct span body;
	uint64_t end, behind;
	size_t total;

	fresh();
	CHECK_EQ(send_n(SECRET), 0);
	CHECK_EQ(put_secret(&end), 0);
	CHECK_EQ(send_n(SECRET), 0);
	CHECK_EQ(put_n(SECRET, &behind), 0);
	ring_close(&ring);
	ring_wipe(&ring);
	CHECK(is_wiped(end) && is_there(behind));
	for (unsigned i = 1; i <= 2; i++) {
		CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 1);
		CHECK(it.number == i && total == SECRET);
		CHECK_MEM(body.p, bytes, SECRET);
	}
	CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 0);
	expect_fate(0, 0, 2);
}

int main(void)
{
	RUN(frame_is_exact);
	RUN(no_report_counts_it);
	RUN(no_walk_shows_it);
	RUN(room_comes_back);
	RUN(refused_behind_a_slot);
	RUN(acknowledged_secret_is_wiped);
	RUN(half_sent_secret_stays);
	RUN(wiping_spares_the_next_lap);
	RUN(refused_secret);
	RUN(unacknowledged_secret_is_wiped);
	return check_done();
}
