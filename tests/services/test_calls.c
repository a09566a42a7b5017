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
	CHECK_EQ(calls_bind(&p.a.c, 100, &binding), 0);
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

int main(void)
{
	RUN(a_call_is_answered);
	RUN(empty_request_and_reply);
	return check_done();
}
