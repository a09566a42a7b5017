/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows of calls: how much goes without consumption, when consumption is told, how a window
 * grows, and whose turn it is to send. Knows nothing of how calls end.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call call, second;
static uint16_t binding;
static uint8_t bytes[4000];

static void fresh_with(const struct calls_config *cfg)
{
	pair_init(&p, cfg, cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	p.a.consumes = p.b.consumes = false;
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
}

static void fresh(void)
{
	struct calls_config cfg = pair_config();

	fresh_with(&cfg);
}

static void begin_with(struct call *which, size_t n, bool last)
{
	struct calls_begin b = pair_begins(binding, "");

	b.data = (struct span){ bytes, n };
	b.last = last;
	CHECK_EQ(call_begin(&p.a.c, which, &b), 0);
	pair_run(&p);
}

static void consume(size_t n)
{
	CHECK_EQ(call_consumed(p.b.in, n), 0);
	pair_run(&p);
}

/* The sender is told of these bytes by a frame. */
static void consume_told(size_t n)
{
	unsigned sent = p.b.n_sent;

	consume(n);
	CHECK_EQ(p.b.n_sent, sent + 1);
}

static void consume_untold(size_t n)
{
	unsigned sent = p.b.n_sent;

	consume(n);
	CHECK_EQ(p.b.n_sent, sent);
}

static void done(void)
{
	call_let_go(&call);
	pair_run(&p);
	if (p.b.in)
		call_let_go(p.b.in);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_EQ(p.b.c.grow_bytes, p.b.c.cfg.grow_bytes);
	pair_free(&p);
}

static void a_window_is_filled_by_pieces(void)
{
	fresh();
	begin_with(&call, 300, true);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 40; DATA 40; DATA 20");
	CHECK_EQ(call_unsent(&call).n, 200);
	CHECK_EQ(call_room(&call), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	done();
}

/* Of 100: 24 bytes are not told, for 25 the sender gets room. */
static void consumption_is_told_by_quarters(void)
{
	fresh();
	begin_with(&call, 60, false);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 40; DATA 20");
	consume_untold(24);
	consume_told(1);
	CHECK_EQ(call_room(&call), 65);
	consume_untold(24);
	done();
}

/* A byte is told when the sender has less than a quarter left. */
static void consumption_is_told_to_a_sender_short_of_room(void)
{
	unsigned sent;

	fresh();
	begin_with(&call, 75, false);
	consume_untold(1);
	sent = p.b.n_sent;
	CHECK_EQ(call_send(&call, bytes, 1, false), 0);
	pair_run(&p);
	CHECK_EQ(p.b.n_sent, sent);
	consume_told(1);
	CHECK_EQ(call_room(&call), 26);
	done();
}

static void no_credit_is_told_for_what_is_complete(void)
{
	fresh();
	begin_with(&call, 100, true);
	consume_untold(100);
	done();
}

static void no_credit_is_told_beyond_the_total(void)
{
	struct calls_begin b = pair_begins(0, "");

	fresh();
	b.total = 100;
	b.last = false;
	b.data = (struct span){ bytes, 99 };
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	CHECK_EQ(call_send(&call, bytes, 2, true), -EAGAIN);
	pair_run(&p);
	CHECK_EQ(call_send(&call, bytes, 2, true), -EMSGSIZE);
	CHECK_EQ(call_send(&call, bytes, 0, true), -EINVAL);
	consume_untold(99);
	CHECK_EQ(call_send(&call, bytes, 1, true), 0);
	pair_run(&p);
	done();
}

static void a_window_grows_while_there_is_memory(void)
{
	struct calls_config cfg = pair_config();

	cfg.window_max = 400;
	cfg.grow_bytes = 250;
	fresh_with(&cfg);
	begin_with(&call, 3000, true);
	CHECK_EQ(call_consumed(p.b.in, 25), 0);
	CHECK_EQ(p.b.in->rx.window, 200);
	CHECK_EQ(p.b.c.grow_bytes, 150);
	pair_run(&p);
	CHECK_EQ(p.b.in->rx.received, 225);
	CHECK_EQ(call_consumed(p.b.in, 49), 0);
	CHECK_EQ(p.b.in->rx.window, 350);
	CHECK_EQ(p.b.c.grow_bytes, 0);
	pair_run(&p);
	CHECK_EQ(p.b.in->rx.received, 25 + 49 + 350);
	done();
}

/* Another call gets its growth only when nothing of it is held any more. */
static void a_window_is_given_back_when_all_is_consumed(void)
{
	struct calls_config cfg = pair_config();

	cfg.window_max = 400;
	cfg.grow_bytes = 100;
	fresh_with(&cfg);
	begin_with(&call, 250, true);
	CHECK_EQ(call_consumed(p.b.in, 25), 0);
	CHECK_EQ(p.b.c.grow_bytes, 0);
	pair_run(&p);
	consume(60);
	CHECK(p.b.in->rx.complete);
	CHECK_EQ(p.b.in->rx.received, 250);
	CHECK_EQ(call_consumed(p.b.in, 10), 0);
	CHECK_EQ(p.b.c.grow_bytes, 0);
	CHECK_EQ(call_consumed(p.b.in, 155), 0);
	CHECK_EQ(p.b.c.grow_bytes, 100);
	done();
}

static void a_window_never_grows_beyond_its_limit(void)
{
	struct calls_config cfg = pair_config();

	cfg.window_max = 150;
	cfg.grow_bytes = 1000;
	fresh_with(&cfg);
	begin_with(&call, 3000, true);
	for (unsigned i = 0; i < 10; i++)
		consume(p.b.in->rx.received - p.b.in->rx.consumed);
	CHECK_EQ(p.b.in->rx.window, 150);
	CHECK_EQ(p.b.c.grow_bytes, 950);
	done();
}

/* A window that has grown stays, and counts. */
static void the_limits_of_windows_change(void)
{
	struct calls_config cfg = pair_config();

	cfg.window_max = 400;
	cfg.grow_bytes = 250;
	fresh_with(&cfg);
	begin_with(&call, 3000, true);
	CHECK_EQ(call_consumed(p.b.in, 25), 0);
	CHECK_EQ(p.b.in->rx.window, 200);
	calls_set_window(&p.b.c, 100, 20);
	CHECK_EQ(p.b.c.grow_bytes, -80);
	pair_run(&p);
	CHECK_EQ(p.b.in->rx.received, 225);
	consume(200);
	CHECK_EQ(p.b.in->rx.window, 200);
	CHECK_EQ(p.b.in->rx.received, 425);
	/* Far enough, but no bytes are left; then there are some. */
	calls_set_window(&p.b.c, 1000, 100);
	CHECK_EQ(p.b.c.grow_bytes, 0);
	CHECK_EQ(call_consumed(p.b.in, 100), 0);
	CHECK_EQ(p.b.in->rx.window, 200);
	pair_run(&p);
	calls_set_window(&p.b.c, 1000, 130);
	CHECK_EQ(call_consumed(p.b.in, 100), 0);
	CHECK_EQ(p.b.in->rx.window, 230);
	CHECK_EQ(p.b.c.grow_bytes, 0);
	done();
}

static void bytes_arrive_as_they_were(void)
{
	unsigned rounds = 0;

	fresh();
	p.a.consumes = p.b.consumes = true;
	begin_with(&call, sizeof bytes, true);
	CHECK_EQ(p.b.in->rx.received, sizeof bytes);
	CHECK_EQ(call_send(p.b.in, bytes, sizeof bytes, true), 0);
	do
		pair_run(&p);
	while (p.b.in && ++rounds < 10);
	CHECK_EQ(call.rx.received, sizeof bytes);
	CHECK(p.b.in == NULL);
	done();
}

/* A frame that found no room in the ring changes nothing. */
static void a_ring_without_room(void)
{
	fresh();
	p.a.room = 0;
	begin_with(&call, 10, true);
	CHECK_STR(pair_log(&p.b), "");
	p.a.room = 1;
	pair_run(&p);
	CHECK_EQ(p.a.n_sent, 1);
	p.a.room = 1;
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 10 last");
	done();
}

static void pieces_of_calls_go_in_turn(void)
{
	fresh();
	p.a.room = 1;
	begin_with(&call, 100, true);
	begin_with(&second, 80, true);
	p.a.room = UINT32_MAX;
	pair_run(&p);
	/* A call is shown with its second piece. */
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 40; DATA 40; NEW 100/7; DATA 40; DATA 40 last; "
		  "DATA 20 last");
	call_let_go(&second);
	pair_run(&p);
	CHECK_EQ(p.b.c.n_in, 2);
	call_let_go(&call);
	pair_free(&p);
}

/* Nothing of the first one is consumed, and its window is used up. */
static void a_full_window_stops_no_other_call(void)
{
	struct call *first;

	fresh();
	begin_with(&call, 300, true);
	pair_log(&p.b);
	first = p.b.in;
	CHECK_EQ(call_room(&call), 0);
	begin_with(&second, 10, false);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 10");
	CHECK_EQ(call_send(&second, bytes, 90, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "DATA 40; DATA 40; DATA 10 last");
	CHECK_EQ(call_unsent(&call).n, 200);
	call_let_go(&second);
	pair_run(&p);
	call_let_go(p.b.in);
	p.b.in = first;
	done();
}

static void room_is_told_once(void)
{
	fresh();
	begin_with(&call, 100, false);
	call_want_room(&call);
	CHECK_STR(pair_log(&p.a), "");
	consume(50);
	CHECK_STR(pair_log(&p.a), "ROOM");
	consume(50);
	CHECK_STR(pair_log(&p.a), "");
	call_want_room(&call);
	CHECK_STR(pair_log(&p.a), "ROOM");
	done();
}

/* Behind data that went: nothing goes instead of it. */
static void what_is_withdrawn_sends_nothing(void)
{
	fresh();
	begin_with(&call, 3, false);
	CHECK_EQ(call_send(&call, bytes, 2, true), 0);
	call_withdraw(&call);
	pair_flush(&p.a);
	CHECK_EQ(p.a.n_frames, 0);
	CHECK_EQ(call_send(&call, bytes, 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 3; DATA 1 last");
	done();
}

int main(void)
{
	RUN(a_window_is_filled_by_pieces);
	RUN(consumption_is_told_by_quarters);
	RUN(consumption_is_told_to_a_sender_short_of_room);
	RUN(no_credit_is_told_for_what_is_complete);
	RUN(no_credit_is_told_beyond_the_total);
	RUN(a_window_grows_while_there_is_memory);
	RUN(a_window_is_given_back_when_all_is_consumed);
	RUN(a_window_never_grows_beyond_its_limit);
	RUN(the_limits_of_windows_change);
	RUN(bytes_arrive_as_they_were);
	RUN(a_ring_without_room);
	RUN(pieces_of_calls_go_in_turn);
	RUN(a_full_window_stops_no_other_call);
	RUN(room_is_told_once);
	RUN(what_is_withdrawn_sends_nothing);
	return check_done();
}
