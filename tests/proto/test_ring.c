/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The send ring at each of its limits and one over, and a test for every bug
 * that it had. Random use is tested in test_ring_model.c.
 */
#include "tests/lib/ring_fixture.h"

#include <errno.h>
#include <stdlib.h>

static void begins_empty(void)
{
	struct span out[3];
	struct ring_iter it = { 0 };
	struct ring_delivery fate;
	bool first, last;
	size_t total;
	int n = 7;

	fresh();
	CHECK_EQ(ring_unsent(&ring, out, &n, 1000), 0);
	CHECK_EQ(n, 0);
	CHECK(ring_empty(&ring) && !ring_in_flight(&ring) && !ring_has_unsent(&ring));
	CHECK(ring_all_acked(&ring) && !ring_fin_acked(&ring));
	CHECK(!ring_fin_ends(&ring, FIRST) && !ring_fin_ends(&ring, 1));
	CHECK_EQ(ring_mid_frame(&ring), 0);
	CHECK_EQ(ring_next_seq(&ring), FIRST);
	CHECK_EQ(ring_room(&ring), RING_MIN);
	CHECK_EQ(ring_next(&ring, &it, &out[0], &first, &last, &total), 0);
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked + fate.in_doubt + fate.unsent, 0);
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_ack(&ring, FIRST), 0);
	CHECK_EQ(ring_ack(&ring, FIRST + 1), -EPROTO);
	CHECK_EQ(ring_resume(&ring, FIRST), 0);
	CHECK_EQ(ring_resume(&ring, FIRST - 1), -EPROTO);
}

/* The exact bytes of three messages, one of them empty, and of the FIN. */
static void frames_are_exact(void)
{
	static const char *golden =
		"02000300feffffff030000002b00030040000000000000000200030053"
		"4e573103000000130040000102ff"
		"02000300ffffffff03000000280003004000000000000000"
		"02000300534e57310300000010004000"
		"0200030000000000030000002800030005000000000000000200030000"
		"000000030000001000" "0500";
	uint8_t body[3] = { 1, 2, 255 };
	struct span parts[3] = { { body, 1 }, { NULL, 0 }, { body + 1, 2 } }, out[3];
	char hex[600] = "";
	uint64_t number = 0;
	size_t used = 0;
	int n;

	fresh();
	CHECK_EQ(ring_send(&ring, parts, 3, FRAME, &number), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(ring_send(&ring, NULL, 0, FRAME, &number), 0);
	CHECK_EQ(number, 2);
	ring_put_fin(&ring);
	CHECK_EQ(ring_unsent(&ring, out, &n, SIZE_MAX), 43 + 40 + 40);
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < out[i].n; k++)
			used += (size_t)snprintf(hex + used, sizeof hex - used, "%02x",
						 out[i].p[k]);
	CHECK_STR(hex, golden);
}

static void limits_of_a_message(void)
{
	size_t one_frame = FRAME - WIRE_MSG_OVERHEAD;
	/* With one frame more it needs more than the ring, the worst gap counted. */
	size_t most = 3 * (FRAME - WIRE_FRAG_OVERHEAD);

	fresh();
	CHECK_EQ(send_n(one_frame), 0);
	CHECK_EQ(write_all(), FRAME);
	CHECK_EQ(send_n(one_frame + 1), 0);
	CHECK_EQ(write_all(), one_frame + 1 + 2 * WIRE_FRAG_OVERHEAD);

	/* The longest promised, and the longest that can ever fit, into an empty ring. */
	fresh();
	CHECK_EQ(send_n(ring_max_message(RING_MIN)), 0);
	fresh();
	CHECK_EQ(send_n(most), 0);
	fresh();
	CHECK_EQ(send_n(most + 1), -EMSGSIZE);
	CHECK_EQ(send_n(SIZE_MAX), -EMSGSIZE);
	CHECK_EQ(ring_send(&ring, NULL, 0, WIRE_FRAG_OVERHEAD, NULL), -EMSGSIZE);
	CHECK(ring_empty(&ring));
}

static void limits_of_a_slot(void)
{
	uint8_t *data;
	unsigned slot;

	fresh();
	CHECK_EQ(ring_reserve(&ring, FRAME - WIRE_MSG_OVERHEAD, FRAME, &data, &slot), 0);
	CHECK_EQ(ring_commit(&ring, slot, FRAME - WIRE_MSG_OVERHEAD + 1, NULL), -EINVAL);
	CHECK_EQ(ring_commit(&ring, slot, SIZE_MAX, NULL), -EINVAL);
	CHECK_EQ(ring_commit(&ring, slot + 1, 0, NULL), -EINVAL);
	CHECK_EQ(ring_commit(&ring, RING_SLOTS, 0, NULL), -EINVAL);
	CHECK_EQ(ring_discard(&ring, 0u - 1), -EINVAL);
	CHECK_EQ(ring_commit(&ring, slot, FRAME - WIRE_MSG_OVERHEAD, NULL), 0);
	CHECK_EQ(ring_reserve(&ring, FRAME - WIRE_MSG_OVERHEAD + 1, FRAME, &data, &slot),
		 -EMSGSIZE);
	CHECK_EQ(ring_reserve(&ring, SIZE_MAX, FRAME, &data, &slot), -EMSGSIZE);
}

static void all_slots_open(void)
{
	unsigned slots[RING_SLOTS], slot;
	uint8_t *data;

	fresh();
	for (unsigned i = 0; i < RING_SLOTS; i++)
		CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slots[i]), 0);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slot), -EAGAIN);
	CHECK_EQ(send_n(10), -EAGAIN);
	CHECK_EQ(send_n(FRAME), -EAGAIN);
	/* There is room, but no slot: whoever is told now would be refused again. */
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_commit(&ring, slots[1], 10, NULL), 0);
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_discard(&ring, slots[0]), 0);
	CHECK(ring_take_writable(&ring));
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slots[0]), 0);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slots[1]), 0);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slot), -EAGAIN);
	CHECK_EQ(write_all(), 50);
}

/* A slot that is cancelled later would shift the numbers of those behind it. */
static void no_number_behind_an_open_slot(void)
{
	unsigned a, b;
	uint8_t *data;
	uint64_t number = 9;
	struct span part = { bytes, 5 };

	fresh();
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &a), 0);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &b), 0);
	CHECK_EQ(ring_commit(&ring, b, 10, &number), 0);
	CHECK_EQ(number, 0);
	number = 9;
	CHECK_EQ(ring_send(&ring, &part, 5, FRAME, &number), 0);
	CHECK_EQ(number, 0);
	CHECK(!ring_has_unsent(&ring));
	CHECK_EQ(ring_discard(&ring, a), 0);
	CHECK_EQ(write_all(), 50 + 45);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &a), 0);
	CHECK_EQ(ring_commit(&ring, a, 3, &number), 0);
	CHECK_EQ(number, 3);
}

/* Fill it up with frames of n bytes. Returns how many went in. */
static unsigned fill_up(size_t n)
{
	unsigned count = 0;

	while (count < RING_MIN && send_n(n - WIRE_MSG_OVERHEAD) == 0)
		count++;
	return count;
}

static void full_to_the_last_byte(void)
{
	fresh();
	CHECK_EQ(fill_up(1024), RING_MIN / 1024);
	CHECK_EQ(ring_room(&ring), 0);
	CHECK_EQ(send_n(0), -EAGAIN);
	CHECK_EQ(write_all(), RING_MIN);
	CHECK_EQ(send_n(0), -EAGAIN);
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_ack(&ring, FIRST + 1), 1);
	CHECK_EQ(send_n(1024 - WIRE_MSG_OVERHEAD), 0);
	CHECK_EQ(send_n(0), -EAGAIN);
	CHECK_EQ(ring.high_water, RING_MIN);
}

static void fin_on_a_full_ring(void)
{
	uint32_t n = RING_MIN / 1024;
	struct ring_delivery fate;

	fresh();
	fill_up(1024);
	write_all();
	ring_put_fin(&ring);
	CHECK_EQ(ring_next_seq(&ring), FIRST + n);
	CHECK_EQ(write_all(), WIRE_FIN);
	CHECK_EQ(ring_ack(&ring, FIRST + n + 2), -EPROTO);
	CHECK_EQ(ring_ack(&ring, FIRST + n), 1);
	CHECK(ring_all_acked(&ring) && !ring_fin_acked(&ring) && ring_in_flight(&ring));
	CHECK_EQ(ring_resume(&ring, FIRST + n), 0);
	CHECK_EQ(write_all(), WIRE_FIN);
	CHECK_EQ(ring_ack(&ring, FIRST + n + 1), 1);
	CHECK(ring_fin_acked(&ring) && ring_empty(&ring) && !ring_in_flight(&ring));
	CHECK_EQ(ring_ack(&ring, FIRST + n + 2), -EPROTO);
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked, n);
	CHECK_EQ(fate.unsent, n);
}

/* Was: the FIN took the number of the oldest unacknowledged frame. */
static void fin_after_all_was_written(void)
{
	fresh();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(send_n(10), 0);
	write_all();
	CHECK_EQ(ring_mid_frame(&ring), 0);
	ring_put_fin(&ring);
	CHECK_EQ(get_le32(ring.fin_frame + 4), FIRST + 3);
}

/*
 * Was: the rest of the frame was never written. The peer's ACK passes the frame
 * that is being sent again, because it had read more than its HELLO said (R10).
 */
static void acknowledged_while_half_sent(void)
{
	struct span out[3];
	int n;

	fresh();
	for (int i = 0; i < 5; i++)
		CHECK_EQ(send_n(100), 0);
	write_all();
	CHECK_EQ(ring_resume(&ring, FIRST + 1), 0);
	CHECK_EQ(ring_sent(&ring, 140 + 30), 1);
	CHECK_EQ(ring_mid_frame(&ring), 110);
	CHECK_EQ(ring_ack(&ring, FIRST + 4), 1);
	CHECK_EQ(ring_mid_frame(&ring), 110);
	/* Its memory is not given to senders yet. */
	CHECK_EQ(atomic_load(&ring.acked), 140);
	CHECK_EQ(ring_unsent(&ring, out, &n, SIZE_MAX), 110 + 140);
	CHECK_EQ(n, 2);
	CHECK(out[0].p == memory + 2 * 140 + 30 && out[0].n == 110);
	CHECK(out[1].p == memory + 4 * 140);
	CHECK_EQ(ring_unsent(&ring, out, &n, 20), 20);
	CHECK_EQ(ring_sent(&ring, 100), 0);
	CHECK_EQ(ring_mid_frame(&ring), 10);
	CHECK_EQ(ring_sent(&ring, 10 + 5), 1);
	CHECK_EQ(ring_mid_frame(&ring), 135);
	CHECK_EQ(atomic_load(&ring.acked), 4 * 140);
	CHECK_EQ(ring_ack(&ring, FIRST + 5), 1);
	CHECK(ring_empty(&ring) && ring_has_unsent(&ring));
	CHECK_EQ(ring_resume(&ring, FIRST + 5), 0);
	CHECK(!ring_has_unsent(&ring));
}

/* The smallest wish counts, and the success of a smaller sender leaves it standing. */
static void wishes_of_several_senders(void)
{
	uint32_t n = RING_MIN / 1024, enough = (WIRE_FRAME_MAX + 1040) / 1024 + 2;

	fresh();
	fill_up(1024);
	CHECK_EQ(send_n(50000), -EAGAIN);
	CHECK_EQ(send_n(1000), -EAGAIN);
	CHECK_EQ(send_n(60000), -EAGAIN);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + enough), 1);
	CHECK(ring_take_writable(&ring));
	CHECK_EQ(send_n(60000), 0);
	CHECK_EQ(send_n(60000), -EAGAIN);
	CHECK_EQ(send_n(10), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + n), 1);
	CHECK(ring_take_writable(&ring));
	CHECK(!ring_take_writable(&ring));
}

static void writable_when_it_fits(void)
{
	uint32_t n = RING_MIN / 1024, i;

	fresh();
	fill_up(1024);
	write_all();
	CHECK_EQ(send_n(984), -EAGAIN);
	for (i = 1; i <= n && !ring_take_writable(&ring); i++)
		CHECK_EQ(ring_ack(&ring, FIRST + i), 1);
	/* Room for the frame, and for the gap that it may leave; not later, because more
	 * may never come. */
	CHECK_EQ(i - 1, 2);
	CHECK_EQ(send_n(984), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + n), 1);
	fill_up(1024);
	write_all();
	/* Fragments count the gap themselves. Told of the smaller wish first. */
	CHECK_EQ(ring_ack(&ring, FIRST + n + 3), 1);
	CHECK(ring_take_writable(&ring));
	CHECK_EQ(send_n(100000), -EAGAIN);
	for (i = n + 4; i <= 2 * n && !ring_take_writable(&ring); i++)
		CHECK_EQ(ring_ack(&ring, FIRST + i), 1);
	CHECK_EQ(send_n(100000), 0);
	CHECK_EQ(i - 1 - n, (100000 + 2 * WIRE_FRAG_OVERHEAD + FRAME + 1023) / 1024);
}

static void a_long_message_partly_acknowledged(void)
{
	struct ring_iter it = { 0 };
	struct ring_delivery fate;
	struct span body;
	bool first, last;
	size_t total, off = 0;

	fresh();
	CHECK_EQ(send_n(3), 0);
	CHECK_EQ(send_n(130000), 0);
	CHECK_EQ(ring_sent(&ring, 43 + FRAME + 100), 0);
	CHECK_EQ(ring_ack(&ring, FIRST + 3), -EPROTO);
	CHECK_EQ(ring_ack(&ring, FIRST + 2), 1);
	/* The second is not delivered before its last byte was sent. */
	ring_close(&ring);
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked, 1);
	CHECK_EQ(fate.in_doubt, 1);
	CHECK_EQ(fate.unsent, 2);
	while (ring_next(&ring, &it, &body, &first, &last, &total)) {
		CHECK_EQ(it.number, 2);
		CHECK_EQ(total, 130000);
		CHECK_EQ(first, off == 0);
		CHECK_MEM(body.p, bytes + off, body.n);
		off += body.n;
		CHECK_EQ(last, off == total);
	}
	CHECK_EQ(off, 130000);
	write_all();
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.in_doubt, 2);
}

/* Fates know what was ever handed to a link, not where the cursor is now (R13). */
static void fates_after_a_reconnect(void)
{
	struct ring_delivery fate;

	fresh();
	for (int i = 0; i < 4; i++)
		CHECK_EQ(send_n(60), 0);
	ring_sent(&ring, 250);
	CHECK_EQ(ring_resume(&ring, FIRST + 1), 0);
	CHECK_EQ(ring_resume(&ring, FIRST), -EPROTO);
	CHECK_EQ(ring_resume(&ring, FIRST + 3), -EPROTO);
	ring_close(&ring);
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked, 1);
	CHECK_EQ(fate.in_doubt, 2);
	CHECK_EQ(fate.unsent, 4);
}

static void nothing_after_close(void)
{
	unsigned a, b;
	uint8_t *data;

	fresh();
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &a), 0);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &b), 0);
	CHECK(ring_close(&ring));
	CHECK(!ring_close(&ring));
	CHECK_EQ(send_n(1), -ESHUTDOWN);
	CHECK_EQ(send_n(FRAME), -ESHUTDOWN);
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &a), -ESHUTDOWN);
	CHECK_EQ(ring_commit(&ring, a, 10, NULL), -ESHUTDOWN);
	CHECK_EQ(ring_discard(&ring, b), 0);
	CHECK(!ring_has_unsent(&ring));
}

/* Was: the gap at the end of a lap counted as bytes held. */
static void an_empty_ring_begins_a_new_lap(void)
{
	fresh();
	CHECK_EQ(send_n(1000), 0);
	write_all();
	ring_ack(&ring, FIRST + 1);
	CHECK_EQ(ring_room(&ring), RING_MIN);
	CHECK_EQ(send_n(960), 0);
	CHECK_EQ(ring_bytes_queued(&ring), 1000);
	CHECK_EQ(ring_bytes_held(&ring), 1000);
	CHECK_EQ(write_all(), 1000);
	CHECK_EQ(ring_bytes_held(&ring), 1000);
	CHECK_EQ(ring.high_water, 1040);
	CHECK_MEM(memory + WIRE_MSG_OVERHEAD, bytes, 960);
	CHECK_EQ(ring_ack(&ring, FIRST + 2), 1);
	CHECK(ring_empty(&ring));
	CHECK_EQ(ring_bytes_held(&ring), 0);
}

/* Its memory is free to go only when nothing in it is needed. */
static void a_restart_waits_until_the_ring_rests(void)
{
	unsigned slot;
	uint8_t *data;

	fresh();
	CHECK(ring_rests(&ring));
	CHECK_EQ(send_n(1000), 0);
	CHECK(!ring_rests(&ring));
	CHECK(!ring_restart(&ring));
	write_all();
	CHECK(!ring_take_writable(&ring));
	ring_ack(&ring, FIRST + 1);
	CHECK(ring_take_writable(&ring));
	CHECK(ring_rests(&ring));
	CHECK(ring_restart(&ring));
	CHECK(!ring_take_writable(&ring));
	CHECK_EQ(ring_reserve(&ring, 10, FRAME, &data, &slot), 0);
	CHECK(data == memory + WIRE_MSG_OVERHEAD);
	CHECK(!ring_rests(&ring));
	CHECK(!ring_restart(&ring));
	CHECK_EQ(ring_commit(&ring, slot, 10, NULL), 0);
	write_all();
	ring_ack(&ring, FIRST + 2);
	CHECK(ring_restart(&ring));
	CHECK_EQ(send_n(960), 0);
	CHECK_MEM(memory + WIRE_MSG_OVERHEAD, bytes, 960);
}

/* Was: the same, for what others see: up to two rings of bytes. */
static void the_producer_sees_no_more_than_a_ring(void)
{
	fresh();
	CHECK_EQ(send_n(1000), 0);
	write_all();
	ring_ack(&ring, FIRST + 1);
	CHECK_EQ(ring_room(&ring), RING_MIN);
	while (send_n(1000 - WIRE_MSG_OVERHEAD) == 0)
		CHECK_OR_RETURN(ring_bytes_held(&ring) <= RING_MIN);
	CHECK_EQ(ring_bytes_held(&ring), RING_MIN / 1000 * 1000);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + 2), 1);
	CHECK_EQ(ring_bytes_held(&ring), (RING_MIN / 1000 - 1) * 1000);
}

static void dlm_packets(void)
{
	uint8_t packet[WIRE_DLM_MAX] = { 0 };
	struct span part = { packet, sizeof packet };
	struct ring_iter it = { 0 };
	struct span body;
	bool first, last;
	size_t total;
	uint64_t number;

	fresh();
	ring_take_packets(&ring);
	wire_put_header(packet, WIRE_VERSION_3_2, 5, NODEID, WIRE_DLM_MAX, WIRE_RCOM);
	CHECK(!ring_send_plain(&ring, packet, WIRE_DLM_MAX));
	CHECK_EQ(ring_send(&ring, &part, WIRE_DLM_MAX, FRAME, &number), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(memory[16], WIRE_RCOM);
	CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 1);
	CHECK(first && last);
	CHECK_EQ(total, WIRE_DLM_MAX);
	CHECK_MEM(body.p, packet, WIRE_DLM_MAX);
	CHECK_EQ(write_all(), WIRE_OPTS + WIRE_DLM_MAX);
}

/* Marks lie in what waits, too: no number there is acknowledged by one. */
static void no_mark_is_acknowledged_before_it_is_sent(void)
{
	const uint32_t n = RING_MIN / 1000 - 8, sent = n / 3;
	struct ring_delivery fate;

	fresh();
	for (uint32_t i = 0; i < n; i++)
		CHECK_OR_RETURN(CHECK_EQ(send_n(1000 - WIRE_MSG_OVERHEAD), 0));
	CHECK(atomic_load(&ring.marks.put) >= 3);
	CHECK_EQ(ring_sent(&ring, sent * 1000), 0);
	for (uint32_t i = sent + 1; i <= n + 1; i++)
		CHECK_OR_RETURN(CHECK_EQ(ring_ack(&ring, FIRST + i), -EPROTO));
	CHECK_EQ(ring_ack(&ring, FIRST + sent), 1);
	ring_delivery(&ring, &fate);
	CHECK_EQ(fate.acked, sent);
	CHECK_EQ(fate.unsent, n);
	CHECK_EQ(ring_bytes_queued(&ring), (n - sent) * 1000);
}

/* A slot that is given back after the end leaves the others where they are looked for. */
static void a_late_slot_moves_nothing(void)
{
	struct ring_iter it = { 0 }, again;
	struct span body;
	bool first, last;
	size_t total;
	uint8_t *data;
	unsigned slot;

	fresh();
	CHECK_EQ(ring_reserve(&ring, 100, FRAME, &data, &slot), 0);
	body = (struct span) { (const uint8_t *)"behind", 6 };
	CHECK_EQ(ring_send(&ring, &body, 6, FRAME, NULL), 0);
	ring_close(&ring);
	again = it;
	CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 1);
	CHECK_EQ(ring_discard(&ring, slot), 0);
	CHECK_EQ(ring_next(&ring, &again, &body, &first, &last, &total), 1);
	CHECK(total == 6 && !memcmp(body.p, "behind", 6));
	CHECK_EQ(ring_next(&ring, &it, &body, &first, &last, &total), 0);
}

/* Frames that end exactly with a lap leave no gap. */
static void a_lap_that_ends_with_a_frame(void)
{
	enum { N = 64, LEN = RING_MIN / N - WIRE_MSG_OVERHEAD };
	struct span out[3];
	int n;

	fresh();
	for (unsigned i = 0; i < N - 1; i++)
		CHECK_EQ(send_n(LEN), 0);
	write_all();
	CHECK_EQ(ring_ack(&ring, FIRST + N - 1), 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(send_n(LEN), 0);
	CHECK_EQ(ring_unsent(&ring, out, &n, SIZE_MAX), 3 * (RING_MIN / N));
	CHECK_EQ(out[0].n, RING_MIN / N);
	CHECK_EQ(write_all(), 3 * (RING_MIN / N));
	CHECK_EQ(ring_ack(&ring, FIRST + N + 2), 1);
	CHECK(ring_all_acked(&ring));
}

int main(void)
{
	RUN(begins_empty);
	RUN(frames_are_exact);
	RUN(limits_of_a_message);
	RUN(limits_of_a_slot);
	RUN(all_slots_open);
	RUN(no_number_behind_an_open_slot);
	RUN(a_late_slot_moves_nothing);
	RUN(full_to_the_last_byte);
	RUN(fin_on_a_full_ring);
	RUN(fin_after_all_was_written);
	RUN(acknowledged_while_half_sent);
	RUN(wishes_of_several_senders);
	RUN(writable_when_it_fits);
	RUN(a_long_message_partly_acknowledged);
	RUN(fates_after_a_reconnect);
	RUN(nothing_after_close);
	RUN(an_empty_ring_begins_a_new_lap);
	RUN(a_restart_waits_until_the_ring_rests);
	RUN(the_producer_sees_no_more_than_a_ring);
	RUN(dlm_packets);
	RUN(no_mark_is_acknowledged_before_it_is_sent);
	RUN(a_lap_that_ends_with_a_frame);
	return check_done();
}
