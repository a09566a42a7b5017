/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of credentials in the core of calls: when one goes over, how long it stays, what
 * its seal costs, and each broken rule. Knows nothing of what one proves.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call calls[8];
static const uint8_t secret[CALL_CRED_MAX + 1] = "open sesame";

static struct calls_cred cred(uint64_t id)
{
	return (struct calls_cred) { .id = id, .bytes = { secret, 11 }, .kind = 9, .extra = 3 };
}

static uint16_t bind_as(struct calls_cred as, uint16_t service)
{
	uint16_t binding = UINT16_MAX;

	CHECK_EQ(calls_bind(&p.a.c, service, &as, &binding), 0);
	return binding;
}

static void fresh(uint16_t n_bindings)
{
	struct calls_config cfg = pair_config();

	cfg.n_bindings = n_bindings;
	pair_free(&p);
	pair_init(&p, &cfg, &cfg);
}

static void end(unsigned i)
{
	CHECK_EQ(call_send(p.b.in, "yes", 3, true), 0);
	pair_run(&p);
	call_let_go(&calls[i]);
	pair_run(&p);
}

static void it_goes_once_before_its_first_binding(void)
{
	uint16_t first, second, again, other;

	fresh(4);
	first = bind_as(cred(1), 100);
	second = bind_as(cred(1), 101);
	again = bind_as(cred(1), 100);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &other), 0);
	CHECK(first == again && first != second && other != first && other != second);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "CRED 0: kind 9, 11 bytes, seal 3");
	CHECK_EQ(p.b.c.in_bindings[first].cred, 1);
	CHECK_EQ(p.b.c.in_bindings[second].cred, 1);
	CHECK_EQ(p.b.c.in_bindings[other].cred, 0);
	CHECK_EQ(pair_begin(&p.a, &calls[0], first, "hello"), 0);
	pair_run(&p);
	CHECK_EQ(p.b.in->cred, 1);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5 last");
	end(0);
	CHECK_STR(pair_log(&p.a), "DATA 3 last; ENDED REPLIED DONE");
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE");
}

static void it_stays_while_something_has_it(void)
{
	uint16_t binding, free_one;

	fresh(2);
	binding = bind_as(cred(1), 100);
	CHECK_EQ(pair_begin(&p.a, &calls[0], binding, "hello"), 0);
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "CRED 0: kind 9, 11 bytes, seal 3; NEW 100/7; DATA 5 last");
	CHECK_EQ(p.b.c.in_bindings[binding].state, CALL_UNBOUND);
	/* The call has it, though its binding is gone. */
	CHECK_EQ(p.b.c.in_creds[0].state, CRED_KNOWN);
	end(0);
	CHECK_STR(pair_log(&p.b), "ENDED REPLIED DONE; UNCRED 0");
	CHECK_EQ(p.a.c.out_creds[0].state, CRED_NONE);
	/* Nothing of it, where it was never said. */
	binding = bind_as(cred(2), 100);
	calls_unbind(&p.a.c, binding);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &free_one), 0);
}

static void an_unread_reply_keeps_it(void)
{
	uint16_t binding;

	fresh(2);
	p.a.consumes = false;
	binding = bind_as(cred(1), 100);
	CHECK_EQ(pair_begin(&p.a, &calls[0], binding, "hello"), 0);
	pair_run(&p);
	calls_unbind(&p.a.c, binding);
	CHECK_EQ(call_send(p.b.in, "yes", 3, true), 0);
	pair_run(&p);
	CHECK_EQ(p.a.c.out_creds[0].state, CRED_KNOWN);
	CHECK_EQ(call_consumed(&calls[0], 3), 0);
	pair_run(&p);
	CHECK_EQ(p.b.c.in_creds[0].state, CRED_NONE);
	call_let_go(&calls[0]);
}

/* Its end was not said yet: it lives on. */
static void it_is_taken_again_in_time(void)
{
	uint16_t binding;

	fresh(2);
	binding = bind_as(cred(1), 100);
	pair_run(&p);
	pair_log(&p.b);
	calls_unbind(&p.a.c, binding);
	p.a.room = 1;	/* for UNBIND alone */
	pair_flush(&p.a);
	CHECK_EQ(p.a.c.out_creds[0].state, CRED_LEAVES);
	CHECK_EQ(bind_as(cred(1), 100), binding);
	p.a.room = UINT32_MAX;
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	CHECK_EQ(p.b.c.in_bindings[binding].cred, 1);
}

static void there_are_so_many(void)
{
	struct calls_cred third = cred(3), long_seal = cred(4);
	uint16_t first, binding;

	fresh(4);
	first = bind_as(cred(1), 100);
	bind_as(cred(2), 100);
	CHECK_EQ(calls_bind(&p.a.c, 100, &third, &binding), -ENOSPC);
	pair_run(&p);
	calls_unbind(&p.a.c, first);
	CHECK_EQ(calls_bind(&p.a.c, 100, &third, &binding), -ENOSPC);
	pair_run(&p);
	CHECK_EQ(calls_bind(&p.a.c, 100, &third, &binding), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "CRED 0: kind 9, 11 bytes, seal 3; "
		  "CRED 1: kind 9, 11 bytes, seal 3; UNCRED 0; CRED 0: kind 9, 11 bytes, seal 3");
	/* A piece has 40 bytes. */
	long_seal.extra = 40;
	CHECK_EQ(calls_bind(&p.a.c, 101, &long_seal, &binding), -EMSGSIZE);
}

/* All bindings of a service share its part of the slots: three of four. */
static void a_service_has_one_share_of_slots(void)
{
	struct calls_config cfg = pair_config();
	uint16_t binding[2];

	cfg.depth_max = 0;
	pair_free(&p);
	pair_init(&p, &cfg, &cfg);
	binding[0] = bind_as(cred(1), 100);
	binding[1] = bind_as(cred(2), 100);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(pair_begin(&p.a, &calls[i], binding[i % 2], "x"), 0);
		CHECK_EQ(calls[i].state, CALL_OPEN);
	}
	CHECK_EQ(pair_begin(&p.a, &calls[3], binding[1], "x"), 0);
	CHECK_EQ(calls[3].state, CALL_WAITING);
	for (unsigned i = 0; i < 4; i++)
		call_let_go(&calls[i]);
}

/* 100 bytes of a window are 100 plain ones, 37 in each piece of 40. */
static void a_seal_counts_in_pieces_not_in_windows(void)
{
	static const char text[] = "0123456789012345678901234567890123456789012345678901234567890"
		"123456789012345678901234567890123456789";
	uint16_t binding;

	fresh(2);
	binding = bind_as(cred(1), 100);
	pair_run(&p);
	pair_log(&p.b);
	p.b.consumes = false;
	CHECK_EQ(sizeof text, 101);
	CHECK_EQ(pair_begin(&p.a, &calls[0], binding, text), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 37; DATA 37; DATA 26 last");
	CHECK_EQ(p.b.in->rx.received, 100);
	CHECK_EQ(call_consumed(p.b.in, 101), -EINVAL);
	CHECK_EQ(call_consumed(p.b.in, 100), 0);
	end(0);
	CHECK_STR(pair_log(&p.a), "DATA 3 last; ENDED REPLIED DONE");
}

/* Nothing, sealed, is a piece that must be opened. */
static void an_empty_request_is_sealed(void)
{
	struct calls_begin b;

	fresh(2);
	b = pair_begins(bind_as(cred(1), 100), "");
	b.last = false;
	CHECK_EQ(call_begin(&p.a.c, &calls[0], &b), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "CRED 0: kind 9, 11 bytes, seal 3; NEW 100/7; DATA 0");
	CHECK_EQ(call_send(&calls[0], NULL, 0, true), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "DATA 0 last");
	end(0);
}

/* ---- distrust ---- */

static void a_broken_seal_ends_a_call_at_both_sides(void)
{
	uint16_t binding;

	fresh(2);
	binding = bind_as(cred(1), 100);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(pair_begin(&p.a, &calls[i], binding, "x"), 0);
	pair_run(&p);
	pair_log(&p.b);
	/* Of the request, before it was accepted, and behind that. */
	CHECK_EQ(call_distrust(p.b.in), 0);
	CHECK_EQ(call_distrust(p.b.in), -EALREADY);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED CREDENTIAL NOT_EXECUTED -1000");
	CHECK_STR(pair_log(&p.b), "ENDED CREDENTIAL NOT_EXECUTED -1000");
	p.b.in = &p.b.c.in_calls[calls[1].slot];
	CHECK_EQ(call_accept_now(p.b.in), 0);
	CHECK_EQ(call_distrust(p.b.in), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED CREDENTIAL STARTED -1000");
	CHECK_STR(pair_log(&p.b), "ENDED CREDENTIAL STARTED -1000");
	/* Of the reply. */
	p.b.in = &p.b.c.in_calls[calls[0].slot];
	CHECK_EQ(call_send(p.b.in, "y", 1, false), 0);
	pair_run(&p);
	pair_log(&p.a);
	CHECK_EQ(call_distrust(&calls[0]), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED CREDENTIAL STARTED -1000");
	CHECK_STR(pair_log(&p.b), "ENDED CREDENTIAL STARTED -1000 held");
	call_let_go(p.b.in);
	for (unsigned i = 0; i < 3; i++)
		call_let_go(&calls[i]);
	pair_run(&p);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
}

static void a_refused_credential_executes_nothing(void)
{
	fresh(2);
	CHECK_EQ(pair_begin(&p.a, &calls[0], bind_as(cred(1), 100), "x"), 0);
	pair_run(&p);
	CHECK_EQ(call_refuse(p.b.in, CALL_END_CREDENTIAL, 0), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED CREDENTIAL NOT_EXECUTED -1000");
	call_let_go(&calls[0]);
}

/* ---- the end ---- */

static void the_end_of_the_session_is_theirs(void)
{
	uint16_t binding;

	fresh(2);
	binding = bind_as(cred(1), 100);
	CHECK_EQ(pair_begin(&p.a, &calls[0], binding, "x"), 0);
	pair_run(&p);
	pair_log(&p.b);
	calls_down(&p.b.c, 0);
	CHECK_STR(pair_log(&p.b), "ENDED SESSION NOT_EXECUTED held; UNCRED 0");
	call_let_go(p.b.in);
	calls_down(&p.a.c, 0);
	call_let_go(&calls[0]);
	calls_unbind(&p.a.c, binding);
	CHECK(!calls_event_waits(&p.b.c) && !calls_frame_waits(&p.a.c));
}

/* ---- broken rules ---- */

static const struct forged {
	struct call_frame f;
	const char *rule;
} forged[] = {
	{ { .kind = CALL_CRED, .cred = 0 }, "a credential number out of range" },
	{ { .kind = CALL_CRED, .cred = 3 }, "a credential number out of range" },
	{ { .kind = CALL_CRED, .cred = 65535 }, "a credential number out of range" },
	{ { .kind = CALL_CRED, .cred = 1 }, "a credential number in use" },
	{ { .kind = CALL_CRED, .cred = 2, .extra = 40 }, "a seal that leaves no room in a piece" },
	{ { .kind = CALL_CRED, .cred = 2, .extra = 129 }, "a seal that leaves no room in a piece" },
	{ { .kind = CALL_UNCRED, .cred = 0 }, "the end of an unknown credential" },
	{ { .kind = CALL_UNCRED, .cred = 2 }, "the end of an unknown credential" },
	{ { .kind = CALL_UNCRED, .cred = 3 }, "the end of an unknown credential" },
	{ { .kind = CALL_UNCRED, .cred = 1 }, "the end of a credential that is in use" },
	{ { .kind = CALL_BIND, .binding = 1, .cred = 2 }, "a binding of an unknown credential" },
	{ { .kind = CALL_BIND, .binding = 1, .cred = 65535 },
	  "a binding of an unknown credential" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .total = CALL_TOTAL_UNKNOWN, .n_data = 2,
	    .data = secret }, "a sealed piece without its seal" },
};

static void broken(const char *rule)
{
	char text[200];

	snprintf(text, sizeof text, "FAULT %s", rule);
	CHECK_STR(pair_log(&p.b), text);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "FAULT the peer says that this side broke a rule");
}

static void each_rule_is_kept(void)
{
	for (unsigned i = 0; i < sizeof forged / sizeof *forged; i++) {
		fresh(2);
		bind_as(cred(1), 100);
		pair_run(&p);
		pair_log(&p.b);
		CHECK_EQ(pair_forge(&p.b, &forged[i].f), -EPROTO);
		broken(forged[i].rule);
	}
}

/* The bytes of a frame, longer than a credential may be. */
static void longer_than_we_take(void)
{
	static uint8_t body[CALL_HEAD_MAX + CALL_CRED_MAX + 1];
	struct call_frame f = { .kind = CALL_CRED, .cred = 1, .n_data = CALL_CRED_MAX };
	size_t n = call_put(body, &f);

	fresh(2);
	CHECK_EQ(calls_frame(&p.b.c, body, n + CALL_CRED_MAX), 0);
	CHECK_STR(pair_log(&p.b), "CRED 0: kind 0, 4096 bytes, seal 0");
	f.cred = 2;
	f.n_data++;
	call_put(body, &f);
	CHECK_EQ(calls_frame(&p.b.c, body, n + CALL_CRED_MAX + 1), -EPROTO);
	broken("a credential longer than we take");
	/* Longer than its frame. */
	fresh(2);
	CHECK_EQ(calls_frame(&p.b.c, body, n + CALL_CRED_MAX), -EPROTO);
	broken("a frame that is malformed");
}

/* A call of it is open, its binding gone. */
static void the_end_of_one_that_a_call_has(void)
{
	struct call_frame unbind = { .kind = CALL_UNBIND }, uncred = { .kind = CALL_UNCRED };
	uint16_t binding;

	fresh(2);
	binding = bind_as(cred(1), 100);
	CHECK_EQ(pair_begin(&p.a, &calls[0], binding, "x"), 0);
	pair_run(&p);
	pair_log(&p.b);
	unbind.binding = binding;
	uncred.cred = 1;
	CHECK_EQ(pair_forge(&p.b, &unbind), 0);
	CHECK_EQ(pair_forge(&p.b, &uncred), -EPROTO);
	pair_run(&p);
	CHECK_STR(pair_log(&p.a), "ENDED PROTOCOL IN_DOUBT; "
		  "FAULT the peer says that this side broke a rule");
	call_let_go(&calls[0]);
	call_let_go(p.b.in);
}

int main(void)
{
	RUN(it_goes_once_before_its_first_binding);
	RUN(it_stays_while_something_has_it);
	RUN(an_unread_reply_keeps_it);
	RUN(it_is_taken_again_in_time);
	RUN(there_are_so_many);
	RUN(a_service_has_one_share_of_slots);
	RUN(a_seal_counts_in_pieces_not_in_windows);
	RUN(an_empty_request_is_sealed);
	RUN(a_broken_seal_ends_a_call_at_both_sides);
	RUN(a_refused_credential_executes_nothing);
	RUN(the_end_of_the_session_is_theirs);
	RUN(each_rule_is_kept);
	RUN(longer_than_we_take);
	RUN(the_end_of_one_that_a_call_has);
	pair_free(&p);
	return check_done();
}
