/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of the peer that come after own ones: shown when those have ended at this side, whichever
 * way, and never before; and at once where there is nothing to wait for.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call call, back;	/* of a; of b, behind it */
static uint16_t binding;	/* of either */

/* a has a call at b, which is shown; b may call back. */
static void fresh(const struct calls_begin *b)
{
	struct calls_config cfg = pair_config();

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	CHECK_EQ(calls_bind(&p.b.c, 200, NULL, &binding), 0);
	CHECK_EQ(call_begin(&p.a.c, &call, b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	CHECK_EQ(call_accept(p.b.in), 0);
}

static void fresh_plain(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	fresh(&b);
}

/* b calls back after that call. */
static void call_back(struct call_ref after)
{
	struct calls_begin b = pair_begins(binding, "back");

	b.op = 8;
	b.after = &after;
	CHECK_EQ(call_begin(&p.b.c, &back, &b), 0);
}

static struct call_ref ref_of(const struct call *k)
{
	return (struct call_ref){ .gen = k->gen, .slot = k->slot };
}

static void fresh_behind(void)
{
	fresh_plain();
	call_back(ref_of(p.b.in));
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "NEW 200/8 behind; DATA 4 last");
}

static void over(void)
{
	calls_unbind(&p.a.c, binding);
	calls_unbind(&p.b.c, binding);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken + p.b.c.n_taken, 0);
	CHECK_EQ(p.a.c.n_in + p.b.c.n_in, 0);
	calls_down(&p.a.c, UINT64_MAX);
	calls_down(&p.b.c, UINT64_MAX);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

/* a answers the callback, which is shown by now. */
static void answer_back(void)
{
	CHECK_EQ(call_send(p.a.in, "ok", 2, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED REPLIED DONE");
	CHECK(strstr(pair_log(&p.b), "DATA 2 last; ENDED REPLIED DONE") != NULL);
	call_let_go(&back);
	call_let_go(&call);
	over();
}

static void it_is_shown_behind_the_end(void)
{
	fresh_behind();
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE; SHOW 8");
	answer_back();
}

static void it_does_not_overtake_a_reply(void)
{
	static const char reply[150] = "long";

	fresh_plain();
	p.a.consumes = false;
	CHECK_EQ(call_send(p.b.in, reply, sizeof reply, true), 0);
	call_back(ref_of(p.b.in));
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 40; DATA 40; DATA 20; NEW 200/8 behind; DATA 4 last");
	CHECK_EQ(call_consumed(&call, 100), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 40; DATA 10 last; ENDED REPLIED DONE; SHOW 8");
	CHECK_EQ(call_consumed(&call, 50), 0);
	CHECK_EQ(call_consumed(p.a.in, 4), 0);
	answer_back();
}

/* In one batch, it is as if the end had come first. */
static void an_end_of_the_same_batch_counts(void)
{
	fresh_plain();
	call_back(ref_of(p.b.in));
	pair_flush(&p.b);
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_flush(&p.b);
	pair_deliver(&p.a);
	CHECK_STR(pair_log(&p.a),
		  "DATA 5 last; ENDED REPLIED DONE; NEW 200/8; DATA 4 last");
	answer_back();
}

/* ---- nothing to wait for ---- */

/* b has replied to the call of a, and a has read that; what names the call. */
static struct call_ref replied(void)
{
	struct call_ref ref = ref_of(p.b.in);

	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	return ref;
}

static void a_call_that_has_ended_is_not_waited_for(void)
{
	struct call_ref ref;

	fresh_plain();
	ref = replied();
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE");
	call_back(ref);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "NEW 200/8; DATA 4 last");
	answer_back();
}

/* Its reply is not consumed, and its slot not free; but its end was told. */
static void an_end_that_was_told_is_enough(void)
{
	struct call_ref ref;

	fresh_plain();
	p.a.consumes = false;
	ref = replied();
	CHECK_EQ(p.a.c.n_taken, 1);
	pair_log(&p.a);
	call_back(ref);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "NEW 200/8; DATA 4 last");
	CHECK_EQ(call_consumed(&call, 5), 0);
	CHECK_EQ(call_consumed(p.a.in, 4), 0);
	answer_back();
}

/* The slot has its next call, of which b does not know yet. */
static void a_slot_that_was_used_again_is_not_waited_for(void)
{
	static struct call next;
	struct call_ref ref;

	fresh_plain();
	ref = replied();
	CHECK_EQ(pair_begin(&p.a, &next, 0, "next"), 0);
	pair_flush(&p.a);
	CHECK_EQ(next.slot, ref.slot);
	call_back(ref);
	pair_flush(&p.b);
	pair_deliver(&p.a);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE; NEW 200/8; DATA 4 last");
	pair_run(&p);
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE");
	call_let_go(&next);
	answer_back();
}

/* b knows that the slot has another call: it says nothing of the one before. */
static void a_reference_ends_with_its_slot(void)
{
	static struct call next;
	struct call_ref ref;

	fresh_plain();
	ref = replied();
	CHECK_EQ(pair_begin(&p.a, &next, 0, "next"), 0);
	pair_run(&p);
	call_back(ref);
	pair_flush(&p.b);
	/* Of the offsets of call_wire.h. */
	CHECK_EQ(p.b.frames[0].body[30] | p.b.frames[0].body[31] << 8, CALL_SLOT_NONE);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE; NEW 200/8; DATA 4 last");
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE");
	call_let_go(&next);
	answer_back();
}

/* ---- other ends ---- */

static void an_abort_lets_it_be_shown(void)
{
	fresh_behind();
	CHECK_EQ(call_abort(&call, 3), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED IN_DOUBT 3; SHOW 8");
	pair_run(&p);
	call_let_go(p.b.in);
	pair_run(&p);
	answer_back();
}

static void so_does_a_caller_that_lets_go(void)
{
	fresh_behind();
	call_let_go(&call);
	CHECK_STR(pair_log(&p.a), "SHOW 8");
	pair_run(&p);
	call_let_go(p.b.in);
	CHECK_EQ(call_send(p.a.in, "ok", 2, true), 0);
	pair_run(&p);
	call_let_go(&back);
	over();
}

/* Its end waits for the word of the peer, and so does what is behind it. */
static void a_call_that_settles_has_not_ended(void)
{
	struct calls_begin b = pair_begins(0, "hello");

	b.settle = true;
	fresh(&b);
	call_back(ref_of(p.b.in));
	pair_run(&p);
	CHECK_EQ(call_abort(&call, 3), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "NEW 200/8 behind; DATA 4 last");
	call_let_go(p.b.in);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED STARTED 3; SHOW 8");
	answer_back();
}

/* A call that is begun again later ran nowhere. */
static void a_call_that_is_refused_for_now_is_not_waited_for(void)
{
	struct calls_begin b = pair_begins(0, "hello");
	struct calls_config cfg = pair_config();

	b.retry = true;
	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	CHECK_EQ(calls_bind(&p.b.c, 200, NULL, &binding), 0);
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	pair_run(&p);
	call_back(ref_of(p.b.in));
	pair_run(&p);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 0), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "NEW 200/8 behind; DATA 4 last; SHOW 8; AGAIN");
	CHECK_EQ(call_abort(&call, 1), 0);
	CHECK_STR(pair_log(&p.a), "ENDED ABANDONED NOT_EXECUTED 1");
	answer_back();
}

/* ---- while it is behind ---- */

static void its_caller_aborts_it(void)
{
	fresh_behind();
	CHECK_EQ(call_abort(&back, 9), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABORTED NOT_EXECUTED 9 held");
	call_let_go(p.a.in);
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE");
	call_let_go(&back);
	call_let_go(&call);
	over();
}

static void its_deadline_is_over(void)
{
	struct calls_begin b = pair_begins(binding, "back");
	struct call_ref ref;

	fresh_plain();
	ref = ref_of(p.b.in);
	b.after = &ref;
	b.deadline_ns = 5000000;
	CHECK_EQ(call_begin(&p.b.c, &back, &b), 0);
	pair_run(&p);
	pair_pass(&p, 6000000);
	CHECK_STR(pair_log(&p.a), "NEW 200/7 behind; DATA 4 last; ENDED DEADLINE NOT_EXECUTED -3 "
		  "held");
	call_let_go(p.a.in);
	pair_run(&p);
	CHECK(strstr(pair_log(&p.b), "ENDED DEADLINE") != NULL);
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	call_let_go(&back);
	call_let_go(&call);
	over();
}

/* It occupies its slot. */
static void it_holds_its_slot(void)
{
	fresh_behind();
	CHECK_EQ(p.a.c.n_in, 1);
	CHECK_EQ(p.b.c.n_taken, 1);
	CHECK_EQ(call_refuse(p.a.in, CALL_END_BUSY, 0), 0);
	pair_run(&p);
	CHECK_EQ(p.b.c.n_taken, 0);
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a),
		  "ENDED BUSY NOT_EXECUTED; DATA 5 last; ENDED REPLIED DONE");
	call_let_go(&back);
	call_let_go(&call);
	over();
}

static void the_session_ends(void)
{
	fresh_behind();
	calls_down(&p.a.c, UINT64_MAX);
	CHECK_STR(pair_log(&p.a), "ENDED SESSION IN_DOUBT; ENDED SESSION NOT_EXECUTED held");
	call_let_go(p.a.in);
	calls_down(&p.b.c, UINT64_MAX);
	call_let_go(p.b.in);
	call_let_go(&back);
	call_let_go(&call);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

/* Both are open: neither side's FIN goes before they have ended. */
static void a_side_finishes(void)
{
	fresh_behind();
	calls_finish(&p.a.c);
	pair_run(&p);
	CHECK(!calls_fin_may_go(&p.a.c));
	CHECK_EQ(call_send(p.b.in, "reply", 5, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 5 last; ENDED REPLIED DONE; SHOW 8");
	CHECK(!calls_fin_may_go(&p.a.c));
	CHECK_EQ(call_send(p.a.in, "ok", 2, true), 0);
	pair_run(&p);
	CHECK(calls_fin_may_go(&p.a.c));
	call_let_go(&back);
	call_let_go(&call);
	over();
}

int main(void)
{
	RUN(it_is_shown_behind_the_end);
	RUN(it_does_not_overtake_a_reply);
	RUN(an_end_of_the_same_batch_counts);
	RUN(a_call_that_has_ended_is_not_waited_for);
	RUN(an_end_that_was_told_is_enough);
	RUN(a_slot_that_was_used_again_is_not_waited_for);
	RUN(a_reference_ends_with_its_slot);
	RUN(an_abort_lets_it_be_shown);
	RUN(so_does_a_caller_that_lets_go);
	RUN(a_call_that_settles_has_not_ended);
	RUN(a_call_that_is_refused_for_now_is_not_waited_for);
	RUN(its_caller_aborts_it);
	RUN(its_deadline_is_over);
	RUN(it_holds_its_slot);
	RUN(the_session_ends);
	RUN(a_side_finishes);
	return check_done();
}
