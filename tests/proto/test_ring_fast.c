/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the send ring saves work: sends that look at nothing, marks that save an ACK the walk, and
 * the early return to the pages that are warm. Each to the byte.
 */
#include "tests/lib/ring_fixture.h"

#include <errno.h>
#include <stdlib.h>

/* Each length that is copied in its own way, and no byte behind it. */
static void a_plain_send_of_each_length(void)
{
	for (size_t len = 0; len <= 200; len++) {
		fresh();
		memset(memory, 0x5a, 300);
		CHECK(ring_send_plain(&ring, bytes, len));
		CHECK_EQ(ring.reserved, len + WIRE_MSG_OVERHEAD);
		CHECK_EQ(ring_tail(&ring), len + WIRE_MSG_OVERHEAD);
		CHECK_EQ(ring.number, 1);
		CHECK_EQ(ring_next_seq(&ring), FIRST + 1);
		CHECK_MEM(memory + WIRE_MSG_OVERHEAD, bytes, len);
		for (size_t i = len + WIRE_MSG_OVERHEAD; i < 300; i++)
			CHECK_OR_RETURN(CHECK_EQ(memory[i], 0x5a));
	}
}

/* As ring_put() writes it, byte for byte, wherever it is cut. */
static void a_plain_put_of_each_length(void)
{
	static uint8_t want[300];
	uint64_t end;

	for (size_t len = 0; len <= 200; len++) {
		struct span parts[] = { { bytes, len / 3 }, { bytes + len / 3, len - len / 3 } };

		fresh();
		memset(memory, 0x5a, sizeof want);
		CHECK_EQ(ring_put(&ring, parts, len, 4096, &end), 0);
		memcpy(want, memory, sizeof want);
		fresh();
		memset(memory, 0x5a, sizeof want);
		CHECK(ring_put_plain(&ring, parts, 2, len));
		CHECK_MEM(memory, want, sizeof want);
		CHECK_EQ(ring.reserved, end);
		CHECK_EQ(ring_tail(&ring), end);
		CHECK_EQ(ring.number, 0);
		CHECK_EQ(ring_next_seq(&ring), FIRST + 1);
	}
}

/* A plain send takes what was charged to the last byte, in the first lap and in the second. */
static void no_plain_send_beyond_what_is_paid(void)
{
	fresh();
	for (unsigned lap = 0; lap < 2; lap++) {
		const size_t most = 1000 - 3 * WIRE_MSG_OVERHEAD;

		/* The first two of a lap look at all. */
		CHECK_EQ(send_n(0), 0);
		CHECK_EQ(send_n(0), 0);
		ring_pay(&ring, 1000);
		CHECK(!ring_send_plain(&ring, bytes, most + 1));
		CHECK(ring_send_plain(&ring, bytes, most));
		CHECK(!ring_send_plain(&ring, bytes, 0));
		ring_pay(&ring, 1000 + WIRE_MSG_OVERHEAD);
		CHECK(ring_send_plain(&ring, bytes, 0));
		CHECK(!ring_send_plain(&ring, bytes, 0));
		CHECK_EQ(write_all(), 1000 + WIRE_MSG_OVERHEAD);
		CHECK_EQ(ring_ack(&ring, FIRST + 4 * lap + 4), 1);
		CHECK(ring_restart(&ring));
		CHECK_EQ(ring.reserved, (lap + 1) * (uint64_t)RING_MIN);
	}
}

/* In a large ring, light traffic comes back to the beginning each RING_REFRESH bytes. */
static void light_traffic_stays_in_few_pages(void)
{
	enum { SIZE = 8 * RING_REFRESH, LEN = 1024 };
	uint8_t *large = malloc(SIZE);
	uint64_t begins = 0;

	CHECK_OR_RETURN(large);
	fresh();
	ring_init(&ring, large, SIZE, NODEID, FIRST);
	for (uint32_t i = 1; i <= 5 * RING_REFRESH / LEN; i++) {
		if (!ring_send_plain(&ring, bytes, LEN - WIRE_MSG_OVERHEAD))
			CHECK_EQ(send_n(LEN - WIRE_MSG_OVERHEAD), 0);
		CHECK_EQ((ring.reserved - LEN) % SIZE, (i - 1) * LEN % RING_REFRESH);
		begins += (ring.reserved - LEN) % SIZE == 0;
		CHECK_EQ(write_all(), LEN);
		CHECK_EQ(ring_ack(&ring, FIRST + i), 1);
	}
	CHECK_EQ(begins, 5);
	free(large);
}

/* One for each RING_MARK_STEP, at the border of two messages; an ACK takes those before it. */
static void marks_are_where_messages_begin(void)
{
	const uint32_t each = RING_MARK_STEP / 1024;
	uint32_t n = RING_MIN / 1024;

	fresh();
	for (uint32_t i = 0; i < n; i++)
		if (!ring_send_plain(&ring, bytes, 1024 - WIRE_MSG_OVERHEAD))
			CHECK_EQ(send_n(1024 - WIRE_MSG_OVERHEAD), 0);
	CHECK_EQ(ring.marks.put, n / each - 1);
	for (uint32_t i = 0; i < ring.marks.put; i++) {
		CHECK_EQ(ring.marks.all[i].pos, (i + 1) * RING_MARK_STEP);
		CHECK_EQ(ring.marks.all[i].number, (i + 1) * each);
		CHECK_EQ(ring.marks.all[i].seq, FIRST + (i + 1) * each);
	}
	CHECK_EQ(ring_sent(&ring, 2 * RING_MARK_STEP - 1), 0);
	CHECK_EQ(ring_ack(&ring, FIRST + 2 * each - 1), 1);
	CHECK_EQ(ring.marks.taken, 1);
	CHECK_EQ(ring_sent(&ring, 1), 0);
	CHECK_EQ(ring_ack(&ring, FIRST + 2 * each), 1);
	CHECK_EQ(ring.marks.taken, 2);
	/* Beyond the newest frame, and a mark that lies in what waits. */
	CHECK_EQ(ring_ack(&ring, FIRST + 3 * each), -EPROTO);
	CHECK_EQ(ring.marks.taken, 2);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + n), 1);
	CHECK_EQ(ring.marks.taken, ring.marks.put);
}

/* No more marks than there is room for, and the next ones when some are taken. */
static void marks_are_all_taken(void)
{
	enum { SIZE = 64 * RING_MARK_STEP, LEN = 1024, EACH = RING_MARK_STEP / LEN };
	uint8_t *large = malloc(SIZE);

	CHECK_OR_RETURN(large);
	fresh();
	ring_init(&ring, large, SIZE, NODEID, FIRST);
	for (uint32_t i = 0; i < 40 * EACH; i++)
		CHECK_OR_RETURN(CHECK_EQ(send_n(LEN - WIRE_MSG_OVERHEAD), 0));
	CHECK_EQ(ring.marks.put, RING_MARKS);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 39 * EACH), 1);
	CHECK_EQ(ring.marks.taken, RING_MARKS);
	for (uint32_t i = 0; i < 2 * EACH; i++)
		CHECK_OR_RETURN(CHECK_EQ(send_n(LEN - WIRE_MSG_OVERHEAD), 0));
	CHECK_EQ(ring.marks.put, RING_MARKS + 2);
	CHECK_EQ(ring.marks.all[0].pos, 40 * RING_MARK_STEP);
	CHECK_EQ(ring.marks.all[0].number, 40 * EACH);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 42 * EACH), 1);
	CHECK(ring_empty(&ring));
	free(large);
}

int main(void)
{
	RUN(a_plain_send_of_each_length);
	RUN(a_plain_put_of_each_length);
	RUN(no_plain_send_beyond_what_is_paid);
	RUN(light_traffic_stays_in_few_pages);
	RUN(marks_are_where_messages_begin);
	RUN(marks_are_all_taken);
	return check_done();
}
