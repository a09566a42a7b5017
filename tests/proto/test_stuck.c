/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of a link whose transport carries nothing any more: when it is asked, when
 * another link is dialled beside it, and when that dial ends (R7). Random schedules are the
 * simulator's, real networks the live tests'.
 */
#include "tests/lib/core_fixture.h"

#define DEAD 2000u	/* path_dead_ms */

static bool asks(void)
{
	bool asked = fx->asked != NULL;

	fx->asked = NULL;
	return asked;
}

/* Time goes on, and each question is answered: the other kernel is silent, too. */
static void pass_stuck(unsigned ms)
{
	for (unsigned t = 0; t < ms; t += 10) {
		struct wire *w;

		pass(10);
		w = fx->asked;
		fx->asked = NULL;
		if (w && !w->gone)
			link_transport(&w->link, true, fx->core.now_ns - w->link.last_rx_ns);
		settle();
	}
}

static struct wire *stuck(unsigned id)
{
	struct wire *high, *low = both_up(&high), *w = id == LOW ? low : high;

	pass(20);
	send_one(id);
	fx->dial[id] = NULL;
	return w;
}

static void asked_only_when_something_was_written(void)
{
	struct wire *high;

	both_up(&high);
	pass(1000);
	asks();
	feed(high, high->out, 0);
	for (unsigned t = 0; t < 3000; t += 100)
		pass(100);
	CHECK(!asks());
	send_one(HIGH);
	pass(300);
	CHECK(asks());
}

/* Nor does an ACK of ours, written before, hide what is written behind it. */
static void data_behind_an_ack_are_asked_about(void)
{
	struct wire *high;

	both_up(&high);
	unharmed(high, HIGH, 0xfffffffe);
	pass(10);
	CHECK(high->link.last_tx_ns > high->link.last_rx_ns);
	asks();
	send_one(HIGH);
	CHECK(core_deadline(&fx->core) <= fx->core.now_ns + DEAD / 8 * 1000000ull);
}

static void nothing_is_dialled_while_the_other_kernel_answers(void)
{
	struct wire *high = stuck(HIGH);

	/* Its program is stopped: nothing is read from it. Its kernel takes what comes. */
	for (unsigned t = 0; t < 3 * DEAD; t += 100) {
		pass(100);
		if (asks())
			link_transport(&high->link, t % 200, 0);
		settle();
	}
	CHECK(!fx->dial[HIGH] && !high->gone);
}

/* The time counts from when something waits, not from the last time that nothing did. */
static void waiting_counts_from_its_beginning(void)
{
	const uint64_t long_ago = 100 * DEAD * 1000000ull;
	struct wire *high;

	both_up(&high);
	core_now(&fx->core, fx->core.now_ns + 2 * long_ago);
	link_transport(&high->link, false, long_ago);
	core_now(&fx->core, fx->core.now_ns + (DEAD - 100) * 1000000ull);
	link_transport(&high->link, true, long_ago);
	core_now(&fx->core, fx->core.now_ns + 200 * 1000000ull);
	link_transport(&high->link, true, long_ago);
	CHECK(!high->link.stuck);
	core_now(&fx->core, fx->core.now_ns + DEAD * 1000000ull);
	link_transport(&high->link, true, long_ago);
	CHECK(high->link.stuck);
}

static void dialled_beside_after_its_time(void)
{
	struct wire *high = stuck(HIGH), *w;
	struct hello h = hello_of(HIGH, 77);
	unsigned dials = 0;

	pass_stuck(DEAD);
	CHECK(!fx->dial[HIGH]);
	fx->dials_hang = true;
	pass_stuck(700);
	CHECK_OR_RETURN(fx->dial[HIGH] != NULL);
	/* A new attempt every half second, one at a time. */
	for (w = fx->dial[HIGH]; dials < 4; dials++) {
		CHECK(!w->gone);
		pass_stuck(510);
		CHECK(w->gone && fx->dial[HIGH] != w);
		w = fx->dial[HIGH];
	}
	CHECK(!high->gone);
	fx->dials_hang = false;
	link_connected(&w->link);
	settle();
	/* D chooses it from where the peer is, and resets the old one. */
	feed_hello(w, HIGH, &h);
	CHECK(w->link.state == LINK_UP);
	CHECK(high->gone && high->how == LINK_RESET);
	CHECK_EQ(fx->down[HIGH], 0);
}

/* ACKs on the old link overtake the HELLO: D goes on from them, but not below its choice. */
static void a_position_below_the_acknowledged_one(void)
{
	struct hello h = hello_of(HIGH, 77);
	struct wire *high = stuck(HIGH), *w;
	uint8_t ack[WIRE_HEADER];

	feed(high, ack, wire_put_ack(ack, HIGH, 0xffffffff));
	h.gen = latest_choice(HIGH);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);		/* from 0xfffffffe, where the choice began */
	CHECK(w->link.state == LINK_UP && high->gone);
	h.gen = latest_choice(HIGH);
	w = incoming(HIGH);
	feed_hello(w, HIGH, &h);		/* the next choice began at 0xffffffff */
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
}

/* O never: what it acknowledged in that session is behind any choice. */
static void o_stays_strict(void)
{
	struct hello h = hello_of(LOW, 77);
	struct wire *low = stuck(LOW), *w;
	uint8_t ack[WIRE_HEADER];

	feed(low, ack, wire_put_ack(ack, LOW, 0xffffffff));
	w = incoming(LOW);
	feed_hello(w, LOW, &h);
	h.flags = WIRE_HELLO_CHOSEN;
	h.gen = 2;
	feed_hello(w, LOW, &h);
	CHECK_EQ(refused_for(w), WIRE_REFUSE_PROTOCOL);
	unharmed(low, LOW, 0xfffffffe);
}

/* An ACK on the old link ends the dial: D's until it chooses. */
static void d_ends_its_dial(void)
{
	struct wire *high = stuck(HIGH), *w;
	uint8_t ack[WIRE_HEADER];

	pass_stuck(DEAD + 700);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && w->link.state == LINK_WAIT);
	feed(high, ack, wire_put_ack(ack, HIGH, 0xffffffff));
	CHECK(w->gone);
	fx->dial[HIGH] = NULL;
	pass_stuck(1000);
	CHECK(!fx->dial[HIGH]);
	unharmed(high, HIGH, 0xfffffffe);
}

/* A frame shows that its own direction passes, and what the other kernel has is acknowledged. */
static void ends_when_ours_arrive_again(void)
{
	struct wire *high = stuck(HIGH), *w;

	pass_stuck(DEAD + 700);
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && w->link.state == LINK_WAIT);
	unharmed(high, HIGH, 0xfffffffe);
	CHECK(!w->gone && high->link.stuck);
	/* Its kernel speaks, and still has not taken ours. */
	link_transport(&high->link, true, 0);
	settle();
	CHECK(!w->gone && high->link.stuck);
	asks();
	pass(DEAD / 8 + 10);
	CHECK(asks());
	link_transport(&high->link, false, 0);
	settle();
	CHECK(w->gone && !high->link.stuck && !high->gone);
}

/* The dial beside the stuck link of the other peer goes on. */
static void only_its_own_dial_ends(void)
{
	struct wire *high = stuck(HIGH), *low = NULL, *w;
	uint8_t ack[WIRE_HEADER];

	for (unsigned i = 0; i < fx->n_wires; i++)
		if (fx->wires[i]->link.peer == &fx->peer[LOW] && !fx->wires[i]->gone)
			low = fx->wires[i];
	CHECK_OR_RETURN(low && low->link.state == LINK_UP);
	send_one(LOW);
	link_transport(&high->link, true, 0);
	link_transport(&low->link, true, 0);
	for (unsigned t = 0; t < DEAD + 100; t += 100) {
		pass(100);
		link_transport(&high->link, true, fx->core.now_ns);
		link_transport(&low->link, true, fx->core.now_ns);
		settle();
	}
	w = fx->dial[HIGH];
	CHECK_OR_RETURN(w && !w->gone && low->link.stuck);
	feed(low, ack, wire_put_ack(ack, LOW, 0xffffffff));
	CHECK(!low->link.stuck);
	CHECK(!w->gone && fx->dial[HIGH] == w);
}

/* O's only while its HELLO is unwritten: later the choice may be in flight. */
static void o_ends_its_dial_before_its_hello(void)
{
	for (unsigned written = 0; written < 2; written++) {
		struct wire *low = stuck(LOW), *w;
		uint8_t ack[WIRE_HEADER];

		fx->dials_hang = true;
		pass_stuck(DEAD + 700);
		w = fx->dial[LOW];
		CHECK_OR_RETURN(w && w->link.state == LINK_CONNECTING);
		if (written) {
			link_connected(&w->link);
			settle();
		}
		feed(low, ack, wire_put_ack(ack, LOW, 0xffffffff));
		CHECK_EQ(w->gone, !written);
		unharmed(low, LOW, 0xfffffffe);
	}
}

/* Another path is tried first when this one is stuck. */
static void the_other_path_is_dialled(void)
{
	struct path_addr addrs[2] = { address_of(HIGH), address_of(HIGH) };
	struct wire *high = stuck(HIGH);

	addrs[1].ip[14] = 1;
	peer_addrs(&fx->peer[HIGH], addrs, 2);
	fx->peer[HIGH].paths.p[1].probe_at_ns = CORE_NEVER;	/* nothing is known of it */
	settle();
	for (unsigned i = 0; i < 300 && !fx->dial[HIGH]; i++)
		pass_stuck(10);
	CHECK_OR_RETURN(fx->dial[HIGH] != NULL);
	CHECK_EQ(fx->dial[HIGH]->link.path, 1);
	CHECK(high->link.path == 0);
}

int main(void)
{
	RUN(asked_only_when_something_was_written);
	RUN(data_behind_an_ack_are_asked_about);
	RUN(nothing_is_dialled_while_the_other_kernel_answers);
	RUN(waiting_counts_from_its_beginning);
	RUN(dialled_beside_after_its_time);
	RUN(a_position_below_the_acknowledged_one);
	RUN(o_stays_strict);
	RUN(d_ends_its_dial);
	RUN(ends_when_ours_arrive_again);
	RUN(only_its_own_dial_ends);
	RUN(o_ends_its_dial_before_its_hello);
	RUN(the_other_path_is_dialled);
	return check_done();
}
