/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The upgrade of a binding: one call asks, the others wait for the answer, and the answer holds for
 * the session. Each way in which a probe may end, without an answer, too, and what the peer may not
 * do.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

#define MS UINT64_C(1000000)
#define OLD 100u
#define NEW 110u

static struct calls_pair p;
static struct call probe, other, third;
static uint16_t binding;

/* A session whose called side has that service in place of the old one; 0: none. */
static void open_pair(uint16_t newer)
{
	struct calls_config cfg = pair_config();

	pair_init(&p, &cfg, &cfg);
	p.b.newer = newer;
	CHECK_EQ(calls_bind(&p.a.c, OLD, NULL, &binding), 0);
}

static int begin_probe(struct call *call)
{
	struct calls_begin b = pair_begins(binding, "?");

	b.upgrade = true;
	return call_begin(&p.a.c, call, &b);
}

/* At the called side the probe is there, and is all that is there. */
static void ask(void)
{
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), p.b.newer ? "NEW 110/7; DATA 1 last" : "NEW 100/7; DATA 1 last");
	CHECK_EQ(other.state, CALL_WAITING);
}

static void answer(const char *log)
{
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), log);
}

static void over(void)
{
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
	CHECK_EQ(p.a.c.n_taken, 0);
	CHECK_EQ(p.a.c.n_waiting, 0);
	CHECK_EQ(p.a.c.out_bindings[binding].users, 0);
	CHECK_EQ(p.a.c.out_bindings[binding].state, CALL_UNBOUND);
	CHECK_EQ(p.b.c.in_bindings[binding].state, CALL_UNBOUND);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

/* Calls that come from now on are of that service. */
static void others_go_to(uint16_t service)
{
	CHECK_STR(pair_log(&p.b), service == NEW ? "NEW 110/7; DATA 4 last" :
		  "NEW 100/7; DATA 4 last");
	CHECK_EQ(other.service, service);
	answer("DATA 1 last; ENDED REPLIED DONE");
	pair_log(&p.b);
	CHECK_EQ(binding_service(&p.a.c, binding), service);
	call_let_go(&other);
}

static void a_probe_brings_the_newer_service(void)
{
	open_pair(NEW);
	ask();
	CHECK_EQ(binding_service(&p.a.c, binding), OLD);
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(probe.service, NEW);
	call_let_go(&probe);
	pair_log(&p.b);
	pair_run(&p);
	CHECK_EQ(begin_probe(&probe), -EALREADY);
	CHECK_EQ(binding_service(&p.a.c, binding), NEW);
	CHECK_EQ(other.service, NEW);
	CHECK_EQ(call_send(p.b.in, "y", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&other);
	over();
}

/* One that knows nothing of upgrades does the same. */
static void without_a_newer_service_the_old_one_is_known(void)
{
	open_pair(0);
	ask();
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(begin_probe(&third), -EALREADY);
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE; NEW 100/7; DATA 4 last");
	CHECK_EQ(call_send(p.b.in, "y", 1, true), 0);
	pair_run(&p);
	CHECK_EQ(binding_service(&p.a.c, binding), OLD);
	call_let_go(&probe);
	call_let_go(&other);
	over();
}

static void acceptance_answers_before_the_reply(void)
{
	struct call *first;

	open_pair(NEW);
	ask();
	first = p.b.in;
	CHECK_EQ(call_accept(first), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED");
	others_go_to(NEW);
	CHECK_EQ(call_send(first, "y", 1, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&probe);
	over();
}

/* ---- no answer ---- */

/* After a probe without a result: those that waited go to the old service; the next one asks. */
static void nothing_is_known(void)
{
	others_go_to(OLD);
	CHECK_EQ(begin_probe(&probe), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), p.b.newer ? "NEW 110/7; DATA 1 last" : "NEW 100/7; DATA 1 last");
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(binding_service(&p.a.c, binding), p.b.newer ? p.b.newer : OLD);
	call_let_go(&probe);
	over();
}

static void refused(enum call_reason reason, uint16_t newer)
{
	open_pair(newer);
	ask();
	CHECK_EQ(call_refuse(p.b.in, reason, 0), 0);
	pair_flush(&p.b);
	pair_log(&p.b);
	pair_run(&p);
	CHECK_EQ(probe.outcome, CALLS_NOT_EXECUTED);
	pair_log(&p.a);
	call_let_go(&probe);
	nothing_is_known();
}

static void a_refused_probe_decides_nothing(void)
{
	refused(CALL_END_BUSY, NEW);
	refused(CALL_END_NO_OP, NEW);
	refused(CALL_END_NO_SERVICE, 0);
	refused(CALL_END_TOO_BIG, 0);
}

/* Of which the called side was told, and whose handler is slow. */
static void given_up(bool settles, int (*give_up)(void), const char *told)
{
	struct calls_begin b;
	struct call *first;

	open_pair(NEW);
	b = pair_begins(binding, "?");
	b.upgrade = true;
	b.settle = settles;
	b.deadline_ns = 50 * MS;
	CHECK_EQ(call_begin(&p.a.c, &probe, &b), 0);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	first = p.b.in;
	CHECK_EQ(give_up(), 0);
	CHECK_EQ(other.state, CALL_OPEN);
	pair_flush(&p.a);
	pair_log(&p.b);
	pair_deliver(&p.b);
	CHECK_STR(pair_log(&p.b), told);
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	call_let_go(first);
	pair_run(&p);
	CHECK_EQ(probe.outcome, settles ? CALLS_NOT_EXECUTED : CALLS_IN_DOUBT);
	CHECK_EQ(other.service, OLD);
	CHECK_EQ(other.reason, CALLS_REPLIED);
	CHECK_EQ(binding_service(&p.a.c, binding), OLD);
	call_let_go(&probe);
	call_let_go(&other);
	CHECK_EQ(begin_probe(&third), 0);
	pair_log(&p.b);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 110/7; DATA 1 last");
	pair_log(&p.a);
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(binding_service(&p.a.c, binding), NEW);
	call_let_go(&third);
	over();
}

/* The clock of the caller is the one that counts. */
static int by_deadline(void)
{
	calls_now(&p.a.c, p.now_ns + 50 * MS);
	calls_tick(&p.a.c);
	return 0;
}

static int by_abort(void)
{
	return call_abort(&probe, 5);
}

static void a_probe_that_is_given_up_decides_nothing(void)
{
	static const char late[] = "ENDED ABORTED NOT_EXECUTED -3 held; NEW 100/7; DATA 4 last";
	static const char aborted[] =
		"ENDED ABORTED NOT_EXECUTED 5 held; NEW 100/7; DATA 4 last";

	given_up(false, by_deadline, late);
	given_up(true, by_deadline, late);
	given_up(false, by_abort, aborted);
	given_up(true, by_abort, aborted);
}

/* An application that saw it, and aborts it, has answered. */
static void an_abort_of_the_service_answers(void)
{
	open_pair(NEW);
	ask();
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_EQ(call_abort(p.b.in, 9), 0);
	pair_flush(&p.b);
	pair_log(&p.b);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED ABORTED STARTED 9");
	call_let_go(&probe);
	others_go_to(NEW);
	over();
}

static void a_probe_that_never_left_leaves_no_trace(void)
{
	open_pair(NEW);
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	call_let_go(&probe);
	pair_run(&p);
	CHECK_EQ(p.a.n_sent, 2);
	others_go_to(OLD);
	over();
}

static void a_busy_service_is_asked_again(void)
{
	struct calls_begin b;

	open_pair(NEW);
	b = pair_begins(binding, "?");
	b.upgrade = b.retry = true;
	CHECK_EQ(call_begin(&p.a.c, &probe, &b), 0);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_BUSY, 0), 0);
	pair_flush(&p.b);
	pair_log(&p.b);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "AGAIN");
	CHECK_EQ(begin_probe(&third), -EALREADY);
	others_go_to(OLD);
	CHECK_EQ(call_send(&probe, "?", 1, true), 0);
	pair_pass(&p, CALLS_RETRY_NS);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 110/7; DATA 1 last");
	answer("DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&probe);
	pair_log(&p.b);
	CHECK_EQ(other.service, NEW);
	answer("DATA 1 last; ENDED REPLIED DONE");
	call_let_go(&other);
	over();
}

/* ---- before and behind it ---- */

/* The peer takes UPGRADE from the first call of a number only: the number is bound anew. */
static void calls_before_a_probe_are_of_the_old_service(void)
{
	open_pair(NEW);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(pair_begin(&p.a, &third, binding, "more"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 4 last; NEW 110/7; DATA 1 last");
	CHECK_EQ(p.a.n_sent, 5);
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE; NEW 110/7; DATA 4 last");
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	CHECK_EQ(call_send(&p.b.c.in_calls[0], "x", 1, true), 0);
	pair_run(&p);
	CHECK_EQ(other.service, OLD);
	CHECK_EQ(third.service, NEW);
	call_let_go(&probe);
	call_let_go(&other);
	call_let_go(&third);
	over();
}

static void who_may_not_wait_comes_back(void)
{
	struct calls_begin b;

	open_pair(NEW);
	b = pair_begins(binding, "now");
	b.nowait = true;
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(call_begin(&p.a.c, &other, &b), -EAGAIN);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "");
	CHECK_EQ(call_accept(p.b.in), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ACCEPTED; SLOT");
	CHECK_EQ(call_begin(&p.a.c, &other, &b), 0);
	CHECK_EQ(other.service, NEW);
	call_let_go(&other);
	call_let_go(&probe);
	pair_run(&p);
	call_let_go(&p.b.c.in_calls[0]);
	pair_run(&p);
	over();
}

/* Calls of other bindings do not wait for it. */
/* That call may need others of the binding to end. */
static void what_comes_after_a_call_does_not_ask(void)
{
	struct call_ref after = { 1, 0 };
	struct calls_begin b;
	uint16_t back;

	open_pair(NEW);
	CHECK_EQ(calls_bind(&p.b.c, OLD, NULL, &back), 0);
	CHECK_EQ(pair_begin(&p.b, &other, back, "data"), 0);
	pair_run(&p);
	b = pair_begins(binding, "?");
	b.upgrade = true;
	b.after = &after;
	CHECK_EQ(call_begin(&p.a.c, &probe, &b), -EINVAL);
	CHECK_EQ(p.a.c.out_bindings[binding].users, 1);
	b.upgrade = false;
	CHECK_EQ(call_begin(&p.a.c, &probe, &b), 0);
	/* Where the service is known, too: the flag is wrong there at any time. */
	CHECK_EQ(begin_probe(&third), 0);
	b.upgrade = true;
	CHECK_EQ(call_begin(&p.a.c, &probe, &b), -EINVAL);
	call_let_go(&probe);
	call_let_go(&third);
	call_let_go(&other);
	pair_run(&p);
	call_let_go(p.a.in);
	calls_unbind(&p.b.c, back);
	over();
}

static void others_wait_for_their_own_probe_alone(void)
{
	uint16_t second;

	open_pair(NEW);
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &second), 0);
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(pair_begin(&p.a, &other, second, "data"), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 110/7; DATA 1 last; NEW 101/7; DATA 4 last");
	CHECK_EQ(call_send(p.b.in, "x", 1, true), 0);
	CHECK_EQ(call_send(&p.b.c.in_calls[0], "x", 1, true), 0);
	pair_run(&p);
	call_let_go(&probe);
	call_let_go(&other);
	calls_unbind(&p.a.c, second);
	over();
}

/* ---- how long it is known ---- */

static void learn(void)
{
	open_pair(NEW);
	CHECK_EQ(begin_probe(&probe), 0);
	pair_run(&p);
	answer("DATA 1 last; ENDED REPLIED DONE");
	pair_log(&p.b);
	call_let_go(&probe);
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
}

static void another_binding_begins_with_the_result(void)
{
	uint16_t second;

	learn();
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &second), 0);
	CHECK_EQ(binding_service(&p.a.c, second), 101);
	CHECK_EQ(calls_bind(&p.a.c, OLD, NULL, &binding), 0);
	CHECK_EQ(binding_service(&p.a.c, binding), NEW);
	CHECK_EQ(begin_probe(&probe), -EALREADY);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	others_go_to(NEW);
	calls_unbind(&p.a.c, second);
	over();
}

/* Only when all numbers were used is it forgotten. */
static void a_result_gives_way_to_bindings(void)
{
	uint16_t second;

	learn();
	CHECK_EQ(calls_bind(&p.a.c, 101, NULL, &second), 0);
	CHECK_EQ(calls_bind(&p.a.c, 102, NULL, &binding), 0);
	CHECK_EQ(binding_service(&p.a.c, binding), 102);
	CHECK_EQ(begin_probe(&probe), 0);
	call_let_go(&probe);
	calls_unbind(&p.a.c, second);
	over();
}

/* In the memory of the session before, as an allocator gives it. */
static void another_incarnation_knows_nothing(void)
{
	struct calls_config cfg = pair_config();

	learn();
	calls_down(&p.a.c, p.a.position);
	calls_down(&p.b.c, p.b.position);
	pair_free(&p);
	calls_init(&p.a.c, &cfg, p.a.mem, p.now_ns);
	calls_init(&p.b.c, &cfg, p.b.mem, p.now_ns);
	CHECK_EQ(calls_bind(&p.a.c, OLD, NULL, &binding), 0);
	CHECK_EQ(binding_service(&p.a.c, binding), OLD);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	others_go_to(OLD);
	over();
}

/* ---- ends of all ---- */

static void those_that_wait_end_with_the_session(void)
{
	open_pair(NEW);
	ask();
	calls_down(&p.a.c, p.a.position);
	CHECK_STR(pair_log(&p.a), "ENDED SESSION NOT_EXECUTED; ENDED SESSION IN_DOUBT");
	call_let_go(&probe);
	call_let_go(&other);
	CHECK(calls_empty(&p.a.c));
	pair_free(&p);
}

static void those_that_wait_have_their_deadline(void)
{
	struct calls_begin b;

	open_pair(NEW);
	b = pair_begins(binding, "data");
	b.deadline_ns = 40 * MS;
	CHECK_EQ(begin_probe(&probe), 0);
	CHECK_EQ(call_begin(&p.a.c, &other, &b), 0);
	pair_run(&p);
	pair_pass(&p, 40 * MS);
	CHECK_STR(pair_log(&p.a), "ENDED DEADLINE NOT_EXECUTED -3");
	call_let_go(&other);
	pair_log(&p.b);
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(binding_service(&p.a.c, binding), NEW);
	call_let_go(&probe);
	over();
}

static void closing_waits_for_those_that_wait(void)
{
	open_pair(NEW);
	ask();
	calls_finish(&p.a.c);
	CHECK(!calls_fin_may_go(&p.a.c));
	answer("DATA 1 last; ENDED REPLIED DONE");
	pair_log(&p.b);
	answer("DATA 1 last; ENDED REPLIED DONE");
	CHECK_EQ(other.service, NEW);
	call_let_go(&probe);
	call_let_go(&other);
	pair_run(&p);
	CHECK(calls_fin_may_go(&p.a.c));
	over();
}

/* ---- rules ---- */

/* Whether that first call asked, too, or not. */
static void an_upgrade_behind_the_first_call_breaks_the_rules(void)
{
	struct call_frame f = {
		.kind = CALL_BEGIN, .slot = 1, .gen = 1, .total = CALL_TOTAL_UNKNOWN,
		.deadline_ms = CALL_DEADLINE_NONE, .after_slot = CALL_SLOT_NONE,
		.flags = CALL_UPGRADE,
	};

	open_pair(NEW);
	ask();
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	CHECK_STR(pair_log(&p.b), "ENDED PROTOCOL NOT_EXECUTED held; "
		  "FAULT an upgrade behind the first call of its binding");
	pair_run(&p);
	call_let_go(&probe);
	call_let_go(&other);
	pair_free(&p);

	open_pair(NEW);
	CHECK_EQ(pair_begin(&p.a, &other, binding, "data"), 0);
	pair_run(&p);
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 4 last; ENDED PROTOCOL NOT_EXECUTED held; "
		  "FAULT an upgrade behind the first call of its binding");
	pair_run(&p);
	call_let_go(&p.b.c.in_calls[0]);
	call_let_go(&other);
	pair_free(&p);
}

static void no_application_is_upgraded_to_the_library(void)
{
	static const uint8_t kinds[] = { CALL_REPLY, CALL_ACCEPT, CALL_END };

	for (unsigned i = 0; i < sizeof kinds; i++) {
		struct call_frame f = {
			.kind = kinds[i], .flags = CALL_CALLEE, .gen = 1, .service = 7,
			.reason = kinds[i] == CALL_END ? CALL_END_ABORTED : 0,
			.seen = CALL_SEEN_SHOWN,
		};

		open_pair(NEW);
		ask();
		CHECK_EQ(pair_forge(&p.a, &f), -EPROTO);
		CHECK_EQ(p.a.c.n.broken, 1);
		CHECK_EQ(probe.reason, CALLS_PROTOCOL);
		call_let_go(&probe);
		call_let_go(&other);
		pair_free(&p);
	}
}

int main(void)
{
	RUN(a_probe_brings_the_newer_service);
	RUN(without_a_newer_service_the_old_one_is_known);
	RUN(acceptance_answers_before_the_reply);
	RUN(a_refused_probe_decides_nothing);
	RUN(a_probe_that_is_given_up_decides_nothing);
	RUN(an_abort_of_the_service_answers);
	RUN(a_probe_that_never_left_leaves_no_trace);
	RUN(a_busy_service_is_asked_again);
	RUN(calls_before_a_probe_are_of_the_old_service);
	RUN(who_may_not_wait_comes_back);
	RUN(what_comes_after_a_call_does_not_ask);
	RUN(others_wait_for_their_own_probe_alone);
	RUN(another_binding_begins_with_the_result);
	RUN(a_result_gives_way_to_bindings);
	RUN(another_incarnation_knows_nothing);
	RUN(those_that_wait_end_with_the_session);
	RUN(those_that_wait_have_their_deadline);
	RUN(closing_waits_for_those_that_wait);
	RUN(an_upgrade_behind_the_first_call_breaks_the_rules);
	RUN(no_application_is_upgraded_to_the_library);
	return check_done();
}
