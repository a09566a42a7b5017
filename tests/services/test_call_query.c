/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How far a call is: the answer in each of its states, questions that cannot be asked, and answers
 * that do not come, or come to nobody.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call call;
static uint16_t binding;

static void fresh(const struct calls_begin *b)
{
	struct calls_config cfg = pair_config();

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	CHECK_EQ(call_begin(&p.a.c, &call, b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
}

static void fresh_plain(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	fresh(&b);
}

static void over(void)
{
	call_let_go(&call);
	pair_run(&p);
	calls_down(&p.a.c, UINT64_MAX);
	calls_down(&p.b.c, UINT64_MAX);
	if (p.b.in && p.b.in->state == CALL_HELD)
		call_let_go(p.b.in);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

static void answer_is(const char *said)
{
	CHECK_EQ(call_query(&call), 0);
	CHECK_EQ(call_query(&call), -EALREADY);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), said);
	CHECK_STR(pair_log(&p.b), "");
}

static void each_state_is_told(void)
{
	static const char reply[150] = "long";

	fresh_plain();
	p.a.consumes = false;
	answer_is("STATE WAITING age 0 received 5 consumed 5");
	CHECK_EQ(call_accept(p.b.in), 0);
	pair_pass(&p, 7000000);
	answer_is("STATE SHOWN age 7 received 5 consumed 5");
	pair_pass(&p, 20000000);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED");
	answer_is("STATE ACCEPTED age 27 received 5 consumed 5");
	call_want_final(p.b.in);
	CHECK_EQ(call_send(p.b.in, reply, sizeof reply, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 40; DATA 40; DATA 20");
	answer_is("STATE REPLIED age 27 received 5 consumed 5");
	CHECK_EQ(call_consumed(&call, 100), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 40; DATA 10 last; ENDED REPLIED DONE");
	CHECK_EQ(call_query(&call), -ECONNABORTED);
	over();
}

static void a_handler_that_does_not_stop_is_told_of(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	fresh(&b);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_abort(&call, 1), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "ENDED ABORTED STARTED 1 held");
	answer_is("STATE STOPPING age 0 received 5 consumed 5");
	call_let_go(p.b.in);
	/* Its end and the question cross. */
	CHECK_EQ(call_query(&call), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED STARTED 1");
	over();
}

static void a_call_here_is_not_asked_about(void)
{
	struct calls_begin b = pair_begins(0, "hello");
	struct calls_config cfg = pair_config();
	static struct call others[4];

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	p.a.room = 0;
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	CHECK_EQ(call_query(&call), -EAGAIN);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(call_begin(&p.a.c, &others[i], &b), 0);
	CHECK_EQ(call_begin(&p.a.c, &others[2], &b), 0);
	CHECK_EQ(others[2].state, CALL_WAITING);
	CHECK_EQ(call_query(&others[2]), -EAGAIN);
	for (unsigned i = 0; i < 3; i++)
		call_let_go(&others[i]);
	over();
}

/* ---- what a peer may send ---- */

static void forge_query(uint16_t slot, uint32_t gen)
{
	CHECK_EQ(pair_forge(&p.b, &(struct call_frame){
		.kind = CALL_QUERY, .slot = slot, .gen = gen }), 0);
}

/* The answer of b, as the bytes of call_wire.h say it. */
static void answered(unsigned i, uint16_t slot, uint32_t gen, enum call_at state)
{
	struct call_frame f = { 0 };

	CHECK_OR_RETURN(i < p.b.n_frames);
	CHECK_EQ(call_parse(p.b.frames[i].body, p.b.frames[i].len, &f), 0);
	CHECK_EQ(f.kind, CALL_STATE);
	CHECK_EQ(f.slot, slot);
	CHECK_EQ(f.gen, gen);
	CHECK_EQ(f.state, state);
}

static void unknown_calls_are_unknown(void)
{
	fresh_plain();
	forge_query(3, 5);
	forge_query(call.slot, call.gen + 1);
	pair_flush(&p.b);
	CHECK_EQ(p.b.n_frames, 2);
	answered(0, 3, 5, CALL_AT_UNKNOWN);
	answered(1, call.slot, call.gen + 1, CALL_AT_UNKNOWN);
	/* Nobody asked: nothing is told. */
	pair_deliver(&p.a);
	CHECK_EQ(p.a.c.n.late, 2);
	CHECK_STR(pair_log(&p.a), "");
	over();
}

static void an_answer_that_nobody_asked_for_is_dropped(void)
{
	struct call_frame f = { .kind = CALL_STATE, .flags = CALL_CALLEE };

	fresh_plain();
	f.slot = call.slot;
	f.gen = call.gen;
	f.state = CALL_AT_ACCEPTED;
	CHECK_EQ(pair_forge(&p.a, &f), 0);
	CHECK_EQ(p.a.c.n.late, 1);
	CHECK_STR(pair_log(&p.a), "");
	over();
}

static void a_storm_costs_one_answer_a_slot(void)
{
	fresh_plain();
	p.b.room = 0;
	for (unsigned i = 0; i < 10000; i++)
		forge_query((uint16_t)(i % 4), i);
	forge_query(call.slot, call.gen);
	p.b.room = UINT32_MAX;
	pair_flush(&p.b);
	CHECK_EQ(p.b.n_frames, 4);
	CHECK_EQ(p.b.c.n_in, 1);
	over();
}

/* A slot may get its next call while an answer about the one before is due. */
static void an_answer_outlives_its_call(void)
{
	static struct call next;
	uint16_t slot;

	fresh_plain();
	slot = call.slot;
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_flush(&p.b);
	p.b.room = 0;
	forge_query(call.slot, call.gen);
	pair_deliver(&p.a);
	CHECK_EQ(pair_begin(&p.a, &next, 0, "next"), 0);
	CHECK_EQ(next.slot, slot);
	pair_flush(&p.a);
	pair_deliver(&p.b);
	p.b.room = UINT32_MAX;
	pair_flush(&p.b);
	CHECK_EQ(p.b.n_frames, 1);
	answered(0, next.slot, next.gen - 1, CALL_AT_UNKNOWN);
	call_let_go(&next);
	over();
}

static void an_answer_of_later_versions_says_that_it_is_there(void)
{
	struct call_frame f = { .kind = CALL_STATE, .flags = CALL_CALLEE, .state = 200 };

	fresh_plain();
	CHECK_EQ(call_query(&call), 0);
	f.slot = call.slot;
	f.gen = call.gen;
	CHECK_EQ(pair_forge(&p.a, &f), 0);
	CHECK_STR(pair_log(&p.a), "STATE SHOWN age 0 received 0 consumed 0");
	CHECK_EQ(call_query(&call), 0);
	over();
}

static void a_call_that_begins_again_loses_its_answer(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.retry = true;
	fresh(&b);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 0), 0);
	pair_flush(&p.b);
	CHECK_EQ(call_query(&call), 0);
	pair_deliver(&p.a);
	CHECK_STR(pair_log(&p.a), "STATE UNKNOWN age 0 received 0 consumed 0; AGAIN");
	CHECK_EQ(call_query(&call), -EAGAIN);
	over();
}

/* A question or an answer that cannot go any more is forgotten. */
static void nothing_is_asked_behind_the_end(void)
{
	fresh_plain();
	p.a.room = p.b.room = 0;
	CHECK_EQ(call_query(&call), 0);
	forge_query(call.slot, call.gen);
	calls_fin_gone(&p.b.c);
	forge_query(1, 1);
	calls_down(&p.a.c, UINT64_MAX);
	calls_down(&p.b.c, UINT64_MAX);
	CHECK_STR(pair_log(&p.a), "ENDED SESSION IN_DOUBT");
	CHECK_EQ(call_query(&call), -ECONNABORTED);
	call_let_go(p.b.in);
	call_let_go(&call);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

int main(void)
{
	RUN(each_state_is_told);
	RUN(a_handler_that_does_not_stop_is_told_of);
	RUN(a_call_here_is_not_asked_about);
	RUN(unknown_calls_are_unknown);
	RUN(an_answer_that_nobody_asked_for_is_dropped);
	RUN(a_storm_costs_one_answer_a_slot);
	RUN(an_answer_outlives_its_call);
	RUN(an_answer_of_later_versions_says_that_it_is_there);
	RUN(a_call_that_begins_again_loses_its_answer);
	RUN(nothing_is_asked_behind_the_end);
	return check_done();
}
