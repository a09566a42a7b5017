/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a call between two cores: begun, answered, refused, aborted, given up, by each side
 * in each phase, and what both sides are told of it. Windows and slots have tests of their own.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call call;
static uint16_t binding;

/* Two ends, and a binding of a to service 100. */
static void fresh(void)
{
	struct calls_config cfg = pair_config();

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
}

static void over(void)
{
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_EQ(p.b.c.n_in, 0);
	calls_down(&p.a.c, UINT64_MAX);
	calls_down(&p.b.c, UINT64_MAX);
	CHECK(calls_empty(&p.a.c));
	CHECK(calls_empty(&p.b.c));
	pair_free(&p);
}

static void a_call_is_answered(void)
{
	fresh();
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	pair_flush(&p.a);
	CHECK_EQ(p.a.n_sent, 2);
	CHECK_EQ(p.a.frames[1].len, 40 + 5);
	pair_deliver(&p.b);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_send(p.b.in, "world!", 6, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE");
	CHECK_STR(pair_log(&p.a), "DATA 6 last; ENDED REPLIED DONE");
	CHECK_EQ(p.b.n_sent, 1);
	CHECK_EQ(p.a.n_sent, 2);
	CHECK_EQ(p.a.c.n_taken, 0);
	call_let_go(&call);
	over();
}

static void empty_request_and_reply(void)
{
	fresh();
	CHECK_EQ(pair_begin(&p.a, &call, binding, ""), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 0 last");
	CHECK_EQ(call_send(p.b.in, NULL, 0, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 0 last; ENDED REPLIED DONE");
	call_let_go(&call);
	over();
}

/* The call of a is open at b, and shown. */
static void open_call(const struct calls_begin *b)
{
	fresh();
	CHECK_EQ(call_begin(&p.a.c, &call, b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK(p.b.in != NULL);
}

static void open_plain(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	open_call(&b);
}

static void refused_calls_were_not_executed(void)
{
	open_plain();
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 250), 0);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 250), -EALREADY);
	CHECK_EQ(call_accept(p.b.in), -EALREADY);
	pair_run(&p);
	CHECK(p.a.c.n.busy == 1 && !p.a.c.n.aborted && p.b.c.n.refused == 1);
	CHECK_STR(pair_log(&p.b), "ENDED BUSY NOT_EXECUTED retry 250");
	CHECK_STR(pair_log(&p.a), "ENDED BUSY NOT_EXECUTED retry 250");
	call_let_go(&call);
	over();
}

static void an_accepted_call_is_not_refused(void)
{
	open_plain();
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_accept(p.b.in), -EALREADY);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 0), -EALREADY);
	CHECK_EQ(call_abort(p.b.in, 17), 0);
	CHECK_EQ(call_abort(p.b.in, 17), -EALREADY);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABANDONED STARTED 17");
	CHECK_STR(pair_log(&p.a), "ENDED ABORTED STARTED 17");
	CHECK(p.a.c.n.aborted == 1 && !p.a.c.n.busy && !p.b.c.n.refused && !p.b.c.n.aborted);
	CHECK_EQ(call_abort(&call, 1), -EALREADY);
	call_let_go(&call);
	over();
}

static void an_abort_holds_the_slot_until_the_handler_lets_go(void)
{
	open_plain();
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_abort(&call, 99), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED IN_DOUBT 99");
	CHECK_EQ(call_abort(&call, 99), -EALREADY);
	call_let_go(&call);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED STARTED 99 held");
	CHECK_EQ(call_send(p.b.in, "x", 1, true), -ECONNABORTED);
	CHECK_EQ(p.a.c.n_taken, 1);
	CHECK_EQ(p.b.c.n_in, 1);
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_STR(pair_log(&p.a), "");
	over();
}

/* Its reply cannot be heard: it does not wait for the word of the peer. */
static void a_deadlock_ends_a_call_at_once(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	open_call(&b);
	CHECK_EQ(call_deadlock(&call), 0);
	CHECK_STR(pair_log(&p.a), "ENDED DEADLOCK IN_DOUBT -6");
	CHECK_EQ(call_deadlock(&call), -EALREADY);
	call_let_go(&call);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED NOT_EXECUTED -6 held");
	call_let_go(p.b.in);
	over();
	/* It waits for that word already. */
	open_call(&b);
	CHECK_EQ(call_abort(&call, 5), 0);
	CHECK_STR(pair_log(&p.a), "");
	CHECK_EQ(call_deadlock(&call), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED IN_DOUBT 5");
	call_let_go(&call);
	pair_run(&p);
	call_let_go(p.b.in);
	over();
	/* Or for room in the ring. */
	fresh();
	p.a.room = 0;
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	CHECK_EQ(call_deadlock(&call), 0);
	CHECK_STR(pair_log(&p.a), "ENDED DEADLOCK NOT_EXECUTED -6");
	call_let_go(&call);
	p.a.room = UINT32_MAX;
	over();
}

static void settling_waits_for_the_word_of_the_peer(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	open_call(&b);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_abort(&call, 99), 0);
	CHECK_EQ(call_abort(&call, 98), -EALREADY);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "");
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED STARTED 99 held");
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED STARTED 99");
	call_let_go(&call);
	over();
}

static void settling_finds_that_nobody_saw_it(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	open_call(&b);
	CHECK_EQ(call_abort(&call, 99), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED NOT_EXECUTED 99 held");
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED NOT_EXECUTED 99");
	call_let_go(&call);
	over();
}

static void settling_finds_the_reply_complete(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	open_call(&b);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_flush(&p.b);
	CHECK_EQ(call_abort(&call, 99), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED DONE 99");
	call_let_go(&call);
	over();
}

static void an_abort_in_the_batch_of_its_call_is_never_shown(void)
{
	fresh();
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	pair_flush(&p.a);
	CHECK_EQ(call_abort(&call, 5), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED IN_DOUBT 5");
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_EQ(p.b.c.n.shown, 0);
	CHECK_EQ(p.a.c.n_taken, 0);
	call_let_go(&call);
	over();
}

static void an_abort_before_begin_sends_nothing(void)
{
	fresh();
	pair_run(&p);
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	CHECK_EQ(call_abort(&call, 5), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED NOT_EXECUTED 5");
	pair_run(&p);
	CHECK_EQ(p.a.n_sent, 1);
	call_let_go(&call);
	CHECK_EQ(pair_begin(&p.a, &call, binding, "again"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	call_let_go(&call);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED NOT_EXECUTED -6 held");
	call_let_go(p.b.in);
	over();
}

static void a_handler_that_lets_go_without_a_reply(void)
{
	open_plain();
	CHECK_EQ(call_accept(p.b.in), 0);
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_STR(pair_log(&p.a), "ENDED ABORTED STARTED -1");
	call_let_go(&call);
	over();
}

static void accept_is_told_when_asked_for(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.want_accept = true;
	open_call(&b);
	CHECK_EQ(call_accept(p.b.in), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED");
	CHECK_EQ(call_accept_now(p.b.in), -EALREADY);
	calls_down(&p.a.c, UINT64_MAX);
	CHECK_STR(pair_log(&p.a), "ENDED SESSION STARTED");
	call_let_go(&call);
	calls_down(&p.b.c, UINT64_MAX);
	CHECK_STR(pair_log(&p.b), "ENDED SESSION STARTED held");
	CHECK(!calls_empty(&p.b.c));
	call_let_go(p.b.in);
	over();
}

static void accept_is_told_after_20_ms(void)
{
	open_plain();
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(calls_deadline(&p.b.c), 1 + CALLS_ACCEPT_NS);
	pair_pass(&p, CALLS_ACCEPT_NS - 1);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "");
	pair_pass(&p, 1);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED");
	CHECK_EQ(calls_deadline(&p.b.c), CALLS_NEVER);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&call);
	over();
}

static void accept_is_told_now(void)
{
	open_plain();
	CHECK_EQ(call_accept_now(p.b.in), 0);
	CHECK_EQ(call_accept(p.b.in), -EALREADY);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED");
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&call);
	over();
}

static void final_comes_when_the_reply_is_consumed(void)
{
	open_plain();
	p.a.consumes = false;
	call_want_final(p.b.in);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(p.a.c.n_taken, 1);
	calls_finish(&p.a.c);
	CHECK(!calls_fin_may_go(&p.a.c));
	CHECK_EQ(call_consumed(&call, 2), -EINVAL);
	CHECK_EQ(call_consumed(&call, 1), 0);
	CHECK(!calls_fin_may_go(&p.a.c));
	pair_run(&p);
	CHECK(calls_fin_may_go(&p.a.c));
	CHECK_STR(pair_log(&p.b), "FINAL; ENDED REPLIED DONE");
	call_let_go(&call);
	over();
}

static void a_reply_that_is_given_up_counts_as_consumed(void)
{
	open_plain();
	p.a.consumes = false;
	call_want_final(p.b.in);
	CHECK_EQ(call_send(p.b.in, "xyz", 3, true), 0);
	pair_run(&p);
	call_let_go(&call);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "FINAL; ENDED REPLIED DONE");
	over();
}

/* The abort crosses the reply: nobody has consumed that. */
static void final_is_not_told_of_an_abort(void)
{
	open_plain();
	p.a.consumes = false;
	call_want_final(p.b.in);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_flush(&p.b);
	CHECK_EQ(call_abort(&call, 9), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE");
	call_let_go(&call);
	over();
}

static void an_early_reply_is_refused(void)
{
	fresh();
	p.b.consumes = false;
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	pair_run(&p);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), -EBUSY);
	CHECK_EQ(call_consumed(p.b.in, 4), 0);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), -EBUSY);
	CHECK_EQ(call_consumed(p.b.in, 2), -EINVAL);
	CHECK_EQ(call_consumed(p.b.in, 1), 0);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), -EPIPE);
	pair_run(&p);
	call_let_go(&call);
	over();
}

static void deadlines_end_calls_at_both_sides(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.deadline_ns = 5000001;
	open_call(&b);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(p.b.in->deadline_ns, 5000001);
	CHECK_EQ(calls_deadline(&p.a.c), 5000001);
	pair_pass(&p, 4999999);
	CHECK_STR(pair_log(&p.a), "");
	pair_pass(&p, 1);
	CHECK_STR(pair_log(&p.a), "ENDED DEADLINE IN_DOUBT -3");
	CHECK_STR(pair_log(&p.b), "ENDED DEADLINE STARTED -3 held");
	CHECK_EQ(calls_deadline(&p.a.c), CALLS_NEVER);
	CHECK_EQ(calls_deadline(&p.b.c), CALLS_NEVER);
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	call_let_go(&call);
	over();
}

static void a_deadline_in_the_past_is_never_shown_for_long(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.deadline_ns = 2000001;
	fresh();
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	calls_now(&p.a.c, 2000001);
	pair_flush(&p.a);
	pair_deliver(&p.b);
	CHECK_EQ(p.b.in->deadline_ns, 1);
	call_let_go(&call);
	calls_tick(&p.b.c);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last; ENDED DEADLINE NOT_EXECUTED -3 held");
	call_let_go(p.b.in);
	over();
}

static void outcomes_by_position(uint64_t high, const char *said)
{
	struct calls_begin b = pair_begins(0, "hello");

	fresh();
	b.last = false;
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	pair_flush(&p.a);
	CHECK_EQ(call_send(&call, "!", 1, true), 0);
	pair_flush(&p.a);
	CHECK_EQ(call.begin_end, 16 + 45);
	CHECK_EQ(call.last_end, 16 + 45 + 9);
	calls_down(&p.a.c, high);
	CHECK_STR(pair_log(&p.a), said);
	call_let_go(&call);
	CHECK(calls_empty(&p.a.c));
	pair_free(&p);
}

static void the_end_of_a_session_tells_what_is_certain(void)
{
	outcomes_by_position(16, "ENDED SESSION NOT_EXECUTED");
	outcomes_by_position(16 + 44, "ENDED SESSION NOT_EXECUTED");
	outcomes_by_position(16 + 45, "ENDED SESSION PARTIAL");
	outcomes_by_position(16 + 45 + 8, "ENDED SESSION PARTIAL");
	outcomes_by_position(16 + 45 + 9, "ENDED SESSION IN_DOUBT");
}

static void closing_refuses_new_calls_and_ends_endless_ones(void)
{
	struct calls_begin b = pair_begins(0, "hello");
	struct call late, endless;

	open_plain();
	b.endless = true;
	CHECK_EQ(call_begin(&p.a.c, &endless, &b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK_EQ(call_accept(p.b.in), 0);
	calls_finish(&p.b.c);
	CHECK_STR(pair_log(&p.b), "ENDED CLOSING STARTED held");
	call_let_go(p.b.in);
	CHECK_EQ(pair_begin(&p.a, &late, binding, "late"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED CLOSING STARTED; ENDED CLOSING NOT_EXECUTED");
	CHECK(!calls_fin_may_go(&p.b.c));
	CHECK_EQ(call_send(&p.b.c.in_calls[call.slot], "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	CHECK(calls_fin_may_go(&p.b.c));
	calls_peer_fin(&p.a.c);
	CHECK_EQ(pair_begin(&p.a, &late, binding, "late"), -ESHUTDOWN);
	call_let_go(&call);
	call_let_go(&late);
	call_let_go(&endless);
	over();
}

static void a_call_that_crosses_the_fin_was_not_executed(void)
{
	fresh();
	calls_finish(&p.b.c);
	CHECK(calls_fin_may_go(&p.b.c));
	calls_fin_gone(&p.b.c);
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_EQ(p.b.c.n.late, 1);
	calls_peer_fin(&p.a.c);
	CHECK_STR(pair_log(&p.a), "ENDED CLOSING NOT_EXECUTED");
	call_let_go(&call);
	over();
}

static void stopping_ends_all(void)
{
	struct call waiting[5];

	open_plain();
	for (unsigned i = 0; i < 5; i++)
		CHECK_EQ(pair_begin(&p.a, &waiting[i], binding, "w"), i < 4 ? 0 : -EAGAIN);
	calls_stop(&p.a.c);
	CHECK_STR(pair_log(&p.a), "ENDED CLOSING NOT_EXECUTED -6; ENDED CLOSING NOT_EXECUTED -6; "
		  "ENDED CLOSING IN_DOUBT -6; ENDED CLOSING NOT_EXECUTED -6; "
		  "ENDED CLOSING NOT_EXECUTED -6; SLOT");
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED NOT_EXECUTED -6 held");
	call_let_go(p.b.in);
	call_let_go(&call);
	for (unsigned i = 0; i < 4; i++)
		call_let_go(&waiting[i]);
	over();
}

static void what_is_offered_is_moved_or_withdrawn(void)
{
	fresh();
	CHECK_EQ(pair_begin(&p.a, &call, binding, "hello"), 0);
	CHECK_EQ(call_unsent(&call).n, 5);
	call_withdraw(&call);
	CHECK_EQ(call_unsent(&call).n, 0);
	CHECK_EQ(call_send(&call, "hel", 3, false), 0);
	CHECK_EQ(call_send(&call, "lo", 2, true), -EAGAIN);
	call_want_room(&call);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ROOM");
	CHECK_EQ(call_send(&call, "lo", 2, true), 0);
	call_moved(&call, "LO");
	pair_flush(&p.a);
	CHECK_MEM(p.a.frames[0].body + 8, "LO", 2);
	/* Of a request that has gone there is nothing to withdraw. */
	call_withdraw(&call);
	CHECK_EQ(call_send(&call, "x", 1, true), -EPIPE);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 3; DATA 2 last");
	CHECK_EQ(call_send(p.b.in, NULL, 0, true), 0);
	pair_run(&p);
	call_let_go(&call);
	over();
}

int main(void)
{
	RUN(a_call_is_answered);
	RUN(empty_request_and_reply);
	RUN(refused_calls_were_not_executed);
	RUN(an_accepted_call_is_not_refused);
	RUN(an_abort_holds_the_slot_until_the_handler_lets_go);
	RUN(a_deadlock_ends_a_call_at_once);
	RUN(settling_waits_for_the_word_of_the_peer);
	RUN(settling_finds_that_nobody_saw_it);
	RUN(settling_finds_the_reply_complete);
	RUN(an_abort_in_the_batch_of_its_call_is_never_shown);
	RUN(an_abort_before_begin_sends_nothing);
	RUN(a_handler_that_lets_go_without_a_reply);
	RUN(accept_is_told_when_asked_for);
	RUN(accept_is_told_after_20_ms);
	RUN(accept_is_told_now);
	RUN(final_comes_when_the_reply_is_consumed);
	RUN(a_reply_that_is_given_up_counts_as_consumed);
	RUN(final_is_not_told_of_an_abort);
	RUN(an_early_reply_is_refused);
	RUN(deadlines_end_calls_at_both_sides);
	RUN(a_deadline_in_the_past_is_never_shown_for_long);
	RUN(the_end_of_a_session_tells_what_is_certain);
	RUN(closing_refuses_new_calls_and_ends_endless_ones);
	RUN(a_call_that_crosses_the_fin_was_not_executed);
	RUN(stopping_ends_all);
	RUN(what_is_offered_is_moved_or_withdrawn);
	return check_done();
}
