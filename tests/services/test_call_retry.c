/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that are begun again when the peer is busy: after which pause, until when, with the request
 * offered anew. Never one that may have been executed.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

#define MS UINT64_C(1000000)

static struct calls_pair p;
static struct call call, other;
static uint16_t binding;

static void open_call(uint64_t deadline_ns)
{
	struct calls_config cfg = pair_config();
	struct calls_begin b;

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	b = pair_begins(binding, "hello");
	b.retry = true;
	b.deadline_ns = deadline_ns;
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
}

static void refuse(uint32_t retry_ms)
{
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, retry_ms), 0);
	pair_run(&p);
	pair_log(&p.b);
}

static void over(void)
{
	call_let_go(&call);
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_EQ(p.a.c.n_waiting, 0);
	CHECK_EQ(p.b.c.in_bindings[0].state, CALL_UNBOUND);
	CHECK(calls_empty(&p.a.c));
	pair_free(&p);
}

static void a_busy_peer_is_asked_again(void)
{
	open_call(CALLS_NEVER);
	refuse(0);
	CHECK_STR(pair_log(&p.a), "AGAIN");
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_EQ(call_send(&call, "hello", 5, true), 0);
	CHECK_EQ(calls_deadline(&p.a.c), 1 + CALLS_RETRY_NS);
	pair_pass(&p, CALLS_RETRY_NS - 1);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	pair_pass(&p, 1);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	over();
}

static void the_pause_doubles_and_is_as_long_as_the_peer_says(void)
{
	static const unsigned pauses_ms[] = { 10, 20, 40, 80, 160, 320, 640, 1280, 1280 };

	open_call(CALLS_NEVER);
	for (unsigned i = 0; i < 9; i++) {
		refuse(15);
		CHECK_EQ(call_send(&call, "hello", 5, true), 0);
		CHECK_EQ(call.timer_ns - p.now_ns, (i ? pauses_ms[i] : 15) * MS);
		pair_pass(&p, call.timer_ns - p.now_ns);
		pair_run(&p);
	}
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	refuse(5000);
	CHECK_EQ(call.timer_ns - p.now_ns, 5000 * MS);
	over();
}

static void no_pause_goes_beyond_the_deadline(void)
{
	open_call(15 * MS);
	refuse(0);
	CHECK_STR(pair_log(&p.a), "AGAIN");
	CHECK_EQ(call_send(&call, "hello", 5, true), 0);
	pair_pass(&p, 10 * MS);
	pair_run(&p);
	refuse(0);
	CHECK_STR(pair_log(&p.a), "ENDED BUSY NOT_EXECUTED");
	over();
}

static void the_deadline_comes_in_a_pause_of_the_queue(void)
{
	open_call(15 * MS);
	refuse(0);
	/* Others have all slots. */
	calls_set_target(&p.b.c, 1);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "o"), 0);
	pair_run(&p);
	pair_log(&p.b);
	pair_pass(&p, 10 * MS);
	CHECK_EQ(call.state, CALL_WAITING);
	pair_pass(&p, 5 * MS);
	CHECK_STR(pair_log(&p.a), "AGAIN; ENDED DEADLINE NOT_EXECUTED -3");
	call_let_go(&other);
	pair_run(&p);
	call_let_go(p.b.in);
	over();
}

static void only_busy_is_asked_again(void)
{
	open_call(CALLS_NEVER);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_TOO_BIG, 0), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED TOO_BIG NOT_EXECUTED");
	over();
}

/* A handler had it: perhaps it has acted before it gave up. */
static void one_that_a_handler_had_is_not_asked_again(void)
{
	open_call(CALLS_NEVER);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_abort(p.b.in, 9), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABORTED STARTED 9");
	pair_pass(&p, 100 * MS);
	pair_run(&p);
	over();
}

/* The same of a peer that says BUSY though its application saw the call. */
static void one_that_was_seen_is_not_asked_again(void)
{
	open_call(CALLS_NEVER);
	CHECK_EQ(pair_forge(&p.a, &(struct call_frame){ .kind = CALL_END, .flags = CALL_CALLEE,
		.slot = call.slot, .gen = call.gen, .reason = CALL_END_BUSY,
		.seen = CALL_SEEN_SHOWN }), 0);
	CHECK_STR(pair_log(&p.a), "ENDED BUSY STARTED");
	call_let_go(&call);
	CHECK_EQ(p.a.c.n_waiting, 0);
	pair_free(&p);
}

static void an_abort_ends_the_pause(void)
{
	open_call(CALLS_NEVER);
	refuse(0);
	CHECK_EQ(call_abort(&call, 3), 0);
	CHECK_STR(pair_log(&p.a), "AGAIN; ENDED ABANDONED NOT_EXECUTED 3");
	pair_pass(&p, 100 * MS);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	over();
}

static void the_end_of_the_session_ends_the_pause(void)
{
	open_call(CALLS_NEVER);
	refuse(0);
	pair_log(&p.a);
	calls_down(&p.a.c, UINT64_MAX);
	CHECK_STR(pair_log(&p.a), "ENDED SESSION NOT_EXECUTED");
	call_let_go(&call);
	CHECK(calls_empty(&p.a.c));
	pair_free(&p);
}

static void closing_does_not_pause(void)
{
	open_call(CALLS_NEVER);
	calls_finish(&p.a.c);
	refuse(0);
	CHECK_STR(pair_log(&p.a), "ENDED BUSY NOT_EXECUTED");
	CHECK(calls_fin_may_go(&p.a.c));
	over();
}

int main(void)
{
	RUN(a_busy_peer_is_asked_again);
	RUN(the_pause_doubles_and_is_as_long_as_the_peer_says);
	RUN(no_pause_goes_beyond_the_deadline);
	RUN(the_deadline_comes_in_a_pause_of_the_queue);
	RUN(only_busy_is_asked_again);
	RUN(one_that_a_handler_had_is_not_asked_again);
	RUN(one_that_was_seen_is_not_asked_again);
	RUN(an_abort_ends_the_pause);
	RUN(the_end_of_the_session_ends_the_pause);
	RUN(closing_does_not_pause);
	return check_done();
}
