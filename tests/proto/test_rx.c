/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how much one call reads: up to a bound, over what it does not keep, and what
 * the fast path takes; of the longest message that each side takes; and of when what was read is
 * acknowledged.
 */
#include "tests/lib/core_fixture.h"

#include <errno.h>

#define MANY	1000u
#define AT_ONCE	64u		/* frames without a message, of one call */

static size_t put_acks(uint8_t *p, unsigned many)
{
	size_t n = 0;

	while (many--)
		n += wire_put_ack(p + n, HIGH, FIRST);
	return n;
}

static void many_frames_give_way(void)
{
	static uint8_t buf[MANY * WIRE_HEADER];
	struct wire *high;
	struct rx rx = { .p = buf };
	enum rx_result r;

	both_up(&high);
	rx.end = buf + put_acks(buf, MANY);
	do {
		const uint8_t *before = rx.p;

		r = link_rx(&high->link, &rx);
		CHECK((size_t)(rx.p - before) <= AT_ONCE * WIRE_HEADER);
	} while (r == RX_AGAIN);
	CHECK_EQ(r, RX_MORE);
	CHECK(rx.p == rx.end);
}

/* One call takes as many as it may: a call a frame would cost more than the frame. */
static void as_many_as_it_may(void)
{
	static uint8_t buf[AT_ONCE * WIRE_HEADER];
	struct wire *high;
	struct rx rx = { .p = buf };

	both_up(&high);
	rx.end = buf + put_acks(buf, AT_ONCE);
	link_rx(&high->link, &rx);
	CHECK(rx.p == rx.end);
}

/* Behind the padding comes the next frame, in the same bytes. */
static void padding_ends_where_it_ends(void)
{
	static const size_t sizes[] = { WIRE_PROBE_HEAD + 1, 1000, WIRE_PROBE_MAX };
	static uint8_t buf[WIRE_PROBE_MAX + WIRE_CONTROL_MAX];
	struct probe q = { .cookie = 12, .cluster = "test" }, got;
	struct frame f;

	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct wire *w;
		size_t n = sizes[i];
		unsigned answers = 0;

		fixture_begin(true);
		settle();
		w = incoming(HIGH);
		memset(buf, 0, sizeof buf);
		wire_put_padded_probe(buf, HIGH, &q, n);
		q.cookie++;
		n += wire_put_probe(buf + n, HIGH, &q, false);
		q.cookie--;
		feed(w, buf, n);
		for (; next_frame(w, &f); answers++) {
			CHECK_EQ(f.nextcmd, WIRE_PROBE_REPLY);
			CHECK_EQ(frame_probe(&f, &got), 0);
			CHECK_EQ(got.cookie, q.cookie + answers);
		}
		CHECK_EQ(answers, 2);
		CHECK(!w->gone);
	}
}

/* A plain message is taken where it ends with the bytes that are there, and no byte earlier. */
static void the_short_way_takes_whole_messages(void)
{
	uint8_t buf[2 * WIRE_MSG_OVERHEAD + 20];

	for (unsigned missing = 0; missing < 2; missing++) {
		struct rx rx = { .p = buf };
		struct wire *high;
		const uint8_t *message;
		size_t n, len = 0;

		both_up(&high);
		n = put_message(buf, HIGH, FIRST, "first");
		n += put_message(buf + n, HIGH, FIRST + 1, "second");
		rx.end = buf + n - missing;
		CHECK_EQ(link_rx(&high->link, &rx), RX_MSG);
		CHECK(rx.msg_len == 5 && !memcmp(rx.msg, "first", 5));
		message = link_rx_plain(&high->link, &rx, &len);
		CHECK_EQ(message != NULL, !missing);
		if (message)
			CHECK(len == 6 && !memcmp(message, "second", 6));
		CHECK_EQ(link_rx(&high->link, &rx), RX_MORE);
	}
}

/* Ours is 100000; 0: the peer says none. */
static void the_longest_message_is_what_both_take(void)
{
	static const uint32_t says[] = { 0, 1, 500, 100000, 100001 };
	static const uint8_t body[100001];

	for (unsigned i = 0; i < sizeof says / sizeof says[0]; i++) {
		uint32_t longest = says[i] && says[i] < 100000 ? says[i] : 100000;
		struct hello h = hello_of(HIGH, 77);
		struct span part = { body, longest + 1 };
		struct wire *w;
		struct session *s;
		uint8_t *data;
		unsigned slot;

		fixture_begin(true);
		settle();
		h.max_message = says[i];
		w = incoming(HIGH);
		feed_hello(w, HIGH, &h);
		h.gen = latest_choice(HIGH);
		feed_hello(w, HIGH, &h);
		s = fx->session[HIGH];
		CHECK_OR_RETURN(s);
		CHECK_EQ(session_send(s, &part, 1, longest + 1, NULL), -EMSGSIZE);
		CHECK_EQ(session_reserve(s, longest + 1, &data, &slot), -EMSGSIZE);
		CHECK(!session_send_plain(s, body, longest + 1));
		if (longest <= 500) {	/* a slot is of one frame */
			CHECK_EQ(session_reserve(s, longest, &data, &slot), 0);
			CHECK_EQ(ring_commit(&s->ring, slot, longest, NULL), 0);
		}
		part.n = longest;
		CHECK_EQ(session_send(s, &part, 1, longest, NULL), 0);
	}
}

/* Messages from HIGH, the first of them with that number. */
static void feed_messages(struct wire *w, uint32_t seq, unsigned many)
{
	uint8_t buf[WIRE_MSG_OVERHEAD + 10];

	for (unsigned i = 0; i < many; i++)
		feed(w, buf, put_message(buf, HIGH, seq + i, "0123456789"));
}

/* At the number of frames or of bytes, not one earlier. */
static void an_ack_is_due_at_its_thresholds(void)
{
	uint32_t bytes = 3 * (WIRE_MSG_OVERHEAD + 10);

	for (unsigned i = 0; i < 3; i++) {
		struct wire *high;

		both_up(&high);
		acked_on(high);
		if (i == 0)
			fx->core.cfg.ack_frames = 3;
		else
			fx->session[HIGH]->ack_bytes = bytes + i - 1;
		feed_messages(high, FIRST, 2);
		CHECK_EQ(acked_on(high), 0);
		feed_messages(high, FIRST + 2, 1);
		CHECK_EQ(acked_on(high), i < 2 ? FIRST + 3 : 0);
		/* Counted anew from there. */
		feed_messages(high, FIRST + 3, 2);
		CHECK_EQ(acked_on(high), i < 2 ? 0 : FIRST + 4);
	}
}

/* The time runs from the first message that waits. */
static void an_ack_is_due_in_time(void)
{
	struct wire *high;
	uint64_t due;

	both_up(&high);
	acked_on(high);
	due = fx->core.now_ns + fx->core.cfg.ack_ns;
	feed_messages(high, FIRST, 2);
	CHECK(core_deadline(&fx->core) <= due);
	core_now(&fx->core, due - 1);
	feed_messages(high, FIRST + 2, 1);
	core_tick(&fx->core);
	settle();
	CHECK_EQ(acked_on(high), 0);
	CHECK_EQ(core_deadline(&fx->core), due);
	core_now(&fx->core, due);
	core_tick(&fx->core);
	settle();
	CHECK_EQ(acked_on(high), FIRST + 3);
}

/* After half of the keep-alive time without a word of ours what comes is answered at once. */
static void a_keepalive_is_answered_by_ours(void)
{
	for (unsigned early = 0; early < 2; early++) {
		struct wire *high;

		both_up(&high);
		acked_on(high);
		core_now(&fx->core,
			 high->link.last_tx_ns + fx->core.cfg.keepalive_ns / 2 - early);
		feed_messages(high, FIRST, 1);
		CHECK_EQ(acked_on(high), early ? 0 : FIRST + 1);
	}
}

/* The look ahead takes ACKs of the peer, in its version, and nothing else. */
static void the_look_ahead_takes_acks_alone(void)
{
	uint8_t buf[5 * WIRE_HEADER];
	struct wire *high;
	struct session *s;
	size_t n = 0, off = 0;

	both_up(&high);
	send_one(HIGH);
	s = fx->session[HIGH];
	n += wire_put_ack(buf, LOW, FIRST + 1);
	n += wire_put_header(buf + n, WIRE_VERSION_3_1, FIRST + 1, HIGH, WIRE_HEADER, WIRE_ACK);
	n += wire_put_header(buf + n, WIRE_VERSION_3_2, FIRST + 1, HIGH, WIRE_HEADER, WIRE_MSG);
	core_now(&fx->core, fx->core.now_ns + 1);
	link_scan(&high->link, buf, n, &off);
	CHECK_EQ(s->ring.acked_seq, FIRST);
	n += wire_put_ack(buf + n, HIGH, FIRST + 1);
	link_scan(&high->link, buf, n, &off);
	CHECK_EQ(off, n);
	CHECK_EQ(s->ring.acked_seq, FIRST + 1);
	CHECK_EQ(high->link.last_rx_ns, fx->core.now_ns);
	CHECK(!high->gone);
	n += wire_put_ack(buf + n, HIGH, FIRST + 2);
	link_scan(&high->link, buf, n, &off);
	settle();
	CHECK(high->gone && strstr(fx->notes, "ACK of data never sent"));
}

/* The HELLO of the next link says it. */
static void an_ack_that_is_due_ends_with_its_link(void)
{
	uint8_t buf[100];
	struct wire *high, *next;

	for (unsigned at_once = 0; at_once < 2; at_once++) {
		both_up(&high);
		feed(high, buf, put_message(buf, HIGH, FIRST, "x"));
		CHECK_EQ(fx->delivered[HIGH], 1);
		if (at_once)
			session_ack_soon(fx->session[HIGH]);
		link_dead(&high->link, false);
		settle();
		next = link_from(HIGH, FIRST);
		CHECK(fx->peer[HIGH].up == &next->link);
		pass(6);
		CHECK_EQ(acked_on(next), 0);
	}
}

int main(void)
{
	RUN(an_ack_is_due_at_its_thresholds);
	RUN(an_ack_is_due_in_time);
	RUN(a_keepalive_is_answered_by_ours);
	RUN(the_look_ahead_takes_acks_alone);
	RUN(the_longest_message_is_what_both_take);
	RUN(many_frames_give_way);
	RUN(as_many_as_it_may);
	RUN(padding_ends_where_it_ends);
	RUN(the_short_way_takes_whole_messages);
	RUN(an_ack_that_is_due_ends_with_its_link);
	return check_done();
}
