/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer that breaks the rules of calls: every rule once. All calls of the session end, at both
 * sides, and no other begins. Frames that are merely late break none.
 */
#include "tests/lib/calls_pair.h"
#include "tests/lib/check.h"

#include <errno.h>

static struct calls_pair p;
static struct call call, spare;

/* b has a call of a, shown and accepted, of which half the request has come. */
static void fresh(void)
{
	struct calls_config cfg = pair_config();
	struct calls_begin b = pair_begins(0, "hello");
	uint16_t binding;

	pair_init(&p, &cfg, &cfg);
	CHECK_EQ(calls_bind(&p.a.c, 100, NULL, &binding), 0);
	b.last = false;
	CHECK_EQ(call_begin(&p.a.c, &call, &b), 0);
	pair_run(&p);
	CHECK_EQ(call_accept(p.b.in), 0);
	CHECK_STR(pair_log(&p.b), "NEW 100/7; DATA 5");
}

/* The forged frame reached b. */
static void broken(const char *rule)
{
	char said[200];

	snprintf(said, sizeof said, "ENDED PROTOCOL STARTED held; FAULT %s", rule);
	CHECK_STR(pair_log(&p.b), said);
	CHECK_EQ(calls_bind(&p.b.c, 100, NULL, &(uint16_t){ 0 }), -EPROTO);
	pair_flush(&p.b);
	CHECK_EQ(p.b.n_frames, 1);
	pair_deliver(&p.a);
	CHECK_STR(pair_log(&p.a),
		  "ENDED PROTOCOL PARTIAL; FAULT the peer says that this side broke a rule");
	CHECK_EQ(pair_begin(&p.a, &spare, 0, "x"), -EPROTO);
	call_let_go(&call);
	call_let_go(p.b.in);
	CHECK_EQ(p.b.c.n.broken, 1);
	CHECK_EQ(pair_forge(&p.b, &(struct call_frame){ .kind = CALL_UNBIND, .binding = 77 }), 0);
	pair_run(&p);
	CHECK_STR(pair_log(&p.b), "");
	calls_finish(&p.a.c);
	calls_finish(&p.b.c);
	CHECK(calls_fin_may_go(&p.a.c) && calls_fin_may_go(&p.b.c));
	calls_down(&p.a.c, 0);
	calls_down(&p.b.c, 0);
	CHECK(calls_empty(&p.a.c) && calls_empty(&p.b.c));
	pair_free(&p);
}

static const uint8_t data[200] = "some";

static const struct forged {
	struct call_frame f;
	const char *rule;
} forged[] = {
	{ { .kind = CALL_BEGIN, .slot = 4, .gen = 1, .total = CALL_TOTAL_UNKNOWN },
	  "a call in a slot that was never granted" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 2, .total = CALL_TOTAL_UNKNOWN },
	  "a call that is not the next one of its slot" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .binding = 1, .total = CALL_TOTAL_UNKNOWN },
	  "a call by an unknown binding" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .binding = 2, .total = CALL_TOTAL_UNKNOWN },
	  "a call by an unknown binding" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .depth = 2, .total = CALL_TOTAL_UNKNOWN },
	  "a call too deep" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .total = CALL_TOTAL_UNKNOWN, .n_data = 41,
	    .data = data }, "a piece longer than we take" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .total = 3, .n_data = 4, .data = data },
	  "data other than the announced total" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .total = 5, .n_data = 4, .data = data },
	  "data other than the announced total" },
	{ { .kind = CALL_PIECE, .slot = 4, .gen = 1 },
	  "a frame in a slot that was never granted" },
	{ { .kind = CALL_PIECE, .flags = CALL_MORE },
	  "an empty piece that is not the last" },
	{ { .kind = CALL_CREDIT, .consumed = 1, .window = 1 }, "credit for what was never sent" },
	{ { .kind = CALL_CREDIT, .consumed = (uint32_t)-1 }, "credit for what was never sent" },
	{ { .kind = CALL_CREDIT, .flags = CALL_WANT_FINAL },
	  "the end of a reply that was not sent" },
	{ { .kind = CALL_REPLY, .flags = CALL_CALLEE, .slot = 4 },
	  "an answer in a slot that was never granted" },
	{ { .kind = CALL_BIND, .binding = 0, .service = 100 }, "a binding number in use" },
	{ { .kind = CALL_BIND, .binding = 2, .service = 100 }, "a binding number out of range" },
	{ { .kind = CALL_UNBIND, .binding = 1 }, "an unknown binding" },
	{ { .kind = CALL_SLOTS, .target = 0 }, "more slots than were granted, or none" },
	{ { .kind = CALL_SLOTS, .target = 5 }, "more slots than were granted, or none" },
	{ { .kind = CALL_QUERY, .slot = 4 }, "a frame in a slot that was never granted" },
	{ { .kind = CALL_STATE, .flags = CALL_CALLEE, .slot = 4 },
	  "an answer in a slot that was never granted" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .after_slot = 4, .after_gen = 1 },
	  "a call after one in a slot that was never granted" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .after_slot = 3, .after_gen = 1 },
	  "a call after one that was never begun" },
	{ { .kind = CALL_BEGIN, .slot = 3, .gen = 1, .after_slot = 65534, .after_gen = 0 },
	  "a call after one in a slot that was never granted" },
};

/* Frames of the call that is open have its slot and gen. */
static void about_open(struct call_frame *f)
{
	if (f->gen || f->slot == 4)
		return;
	f->slot = p.b.in->slot;
	f->gen = p.b.in->gen;
}

static void each_rule_is_kept(void)
{
	for (unsigned i = 0; i < sizeof forged / sizeof *forged; i++) {
		struct call_frame f = forged[i].f;

		fresh();
		about_open(&f);
		CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
		broken(forged[i].rule);
	}
}

static void a_slot_in_use(void)
{
	struct call_frame f = { .kind = CALL_BEGIN, .total = CALL_TOTAL_UNKNOWN };

	fresh();
	f.slot = p.b.in->slot;
	f.gen = p.b.in->gen + 1;
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	broken("a call in a slot that is in use");
}

/* b has begun that call, but a cannot have heard of it: so it is none that comes before. */
static void a_call_after_one_that_has_not_left(void)
{
	struct call_frame f = {
		.kind = CALL_BEGIN, .slot = 3, .gen = 1, .total = CALL_TOTAL_UNKNOWN,
	};
	uint16_t binding;

	fresh();
	CHECK_EQ(calls_bind(&p.b.c, 100, NULL, &binding), 0);
	CHECK_EQ(pair_begin(&p.b, &spare, binding, "x"), 0);
	f.after_slot = spare.slot;
	f.after_gen = spare.gen;
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	CHECK_STR(pair_log(&p.b), "ENDED PROTOCOL NOT_EXECUTED; ENDED PROTOCOL STARTED held; "
		  "FAULT a call after one that was never begun");
	call_let_go(&spare);
	call_let_go(p.b.in);
	call_let_go(&call);
	pair_free(&p);
}

static void data_beyond_the_window(void)
{
	struct call_frame f = { .kind = CALL_PIECE, .flags = CALL_MORE, .data = data };

	fresh();
	p.b.consumes = false;
	about_open(&f);
	for (unsigned left = 95; left; left -= f.n_data) {
		f.n_data = left < 40 ? left : 40;
		CHECK_EQ(pair_forge(&p.b, &f), 0);
	}
	CHECK_STR(pair_log(&p.b), "DATA 40; DATA 40; DATA 15");
	f.n_data = 1;
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	broken("data beyond the window");
}

static void data_behind_the_last(void)
{
	struct call_frame f = { .kind = CALL_PIECE, .n_data = 1, .data = data };

	fresh();
	about_open(&f);
	CHECK_EQ(pair_forge(&p.b, &f), 0);
	CHECK_STR(pair_log(&p.b), "DATA 1 last");
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	broken("data behind the last piece");
}

static void a_malformed_frame(void)
{
	static const uint8_t nothing[8];

	fresh();
	for (size_t len = 0; len < 8; len++) {
		CHECK_EQ(calls_frame(&p.b.c, nothing, len), -EPROTO);
		broken("a frame that is malformed");
		fresh();
	}
	CHECK_EQ(calls_frame(&p.b.c, nothing, 8), -EPROTO);
	broken("a frame that is malformed");
}

/* ---- answers ---- */

/* The peer of a is forged; its call has its complete request in the ring. */
static void answered(const struct call_frame *f, const char *rule, const char *outcome)
{
	char said[200];

	fresh();
	CHECK_EQ(call_send(&call, "!", 1, true), 0);
	pair_flush(&p.a);
	for (; f->kind; f++) {
		struct call_frame g = *f;

		g.flags |= CALL_CALLEE;
		g.slot = call.slot;
		g.gen = call.gen;
		CHECK_EQ(pair_forge(&p.a, &g), f[1].kind ? 0 : -EPROTO);
	}
	snprintf(said, sizeof said, "ENDED PROTOCOL %s; FAULT %s", outcome, rule);
	CHECK(strstr(pair_log(&p.a), said) != NULL);
	call_let_go(&call);
	pair_free(&p);
}

#define REPLY { .kind = CALL_REPLY, .flags = CALL_MORE, .total = CALL_TOTAL_UNKNOWN }
#define FRAMES(...) (const struct call_frame[]){ __VA_ARGS__, { .kind = 0 } }

static void answers_keep_the_rules(void)
{
	answered(FRAMES(REPLY, REPLY), "a second reply", "STARTED");
	answered(FRAMES({ .kind = CALL_PIECE, .flags = CALL_MORE, .n_data = 1, .data = data }),
		 "more of a reply that has not begun", "IN_DOUBT");
	answered(FRAMES({ .kind = CALL_ACCEPT }, { .kind = CALL_END, .reason = CALL_END_BUSY }),
		 "an accepted call that nobody has seen", "STARTED");
	answered(FRAMES({ .kind = CALL_END, .reason = CALL_END_CONFIRM, .seen = 1 }),
		 "a confirmed abort that was none", "IN_DOUBT");
}

/* Those of later versions, and what the core alone says at its own side. */
static void an_unknown_reason_is_an_abort(void)
{
	static const uint8_t unknown[] = { 0, CALL_END_CONFIRM + 1, CALLS_REPLIED, 255 };

	for (unsigned i = 0; i < sizeof unknown; i++) {
		struct call_frame f = {
			.kind = CALL_END, .flags = CALL_CALLEE, .reason = unknown[i],
			.seen = CALL_SEEN_SHOWN, .code = 9,
		};

		fresh();
		CHECK_EQ(call_send(&call, "!", 1, true), 0);
		pair_flush(&p.a);
		f.slot = call.slot;
		f.gen = call.gen;
		CHECK_EQ(pair_forge(&p.a, &f), 0);
		CHECK_STR(pair_log(&p.a), "ENDED ABORTED STARTED 9");
		call_let_go(&call);
		pair_free(&p);
	}
}

static void a_reply_to_half_a_request(void)
{
	struct call_frame f = REPLY;

	fresh();
	f.flags |= CALL_CALLEE;
	f.slot = call.slot;
	f.gen = call.gen;
	CHECK_EQ(pair_forge(&p.a, &f), -EPROTO);
	CHECK_STR(pair_log(&p.a), "ENDED PROTOCOL PARTIAL; "
		  "FAULT a reply to a request that is not complete");
	call_let_go(&call);
	pair_free(&p);
}

/* A frame that is due has no session to go to. */
static void nothing_is_due_behind_the_end(void)
{
	struct call_frame f = { .kind = CALL_UNBIND, .binding = 9 };

	fresh();
	p.b.room = 0;
	CHECK_EQ(pair_forge(&p.b, &f), -EPROTO);
	calls_set_target(&p.b.c, 2);
	CHECK(calls_frame_waits(&p.b.c));
	calls_down(&p.b.c, 0);
	CHECK(!calls_frame_waits(&p.b.c));
	pair_log(&p.b);
	call_let_go(p.b.in);
	call_let_go(&call);
	pair_free(&p);
}

static void late_frames_break_no_rule(void)
{
	static const struct call_frame late[] = {
		{ .kind = CALL_PIECE, .gen = 7 }, { .kind = CALL_CREDIT, .gen = 7 },
		{ .kind = CALL_ABORT, .gen = 7 }, { .kind = CALL_ABORT, .slot = 2 },
		{ .kind = CALL_REPLY, .flags = CALL_CALLEE, .gen = 7 },
		{ .kind = CALL_PIECE, .flags = CALL_CALLEE, .gen = 7 },
		{ .kind = CALL_ACCEPT, .flags = CALL_CALLEE, .slot = 2 },
		{ .kind = CALL_END, .flags = CALL_CALLEE, .slot = 1, .gen = 1 },
	};

	fresh();
	for (unsigned i = 0; i < sizeof late / sizeof *late; i++)
		CHECK_EQ(pair_forge(&p.b, &late[i]), 0);
	CHECK_EQ(p.b.c.n.late, sizeof late / sizeof *late);
	CHECK_STR(pair_log(&p.b), "");
	call_let_go(&call);
	pair_run(&p);
	call_let_go(p.b.in);
	pair_run(&p);
	pair_free(&p);
}

/* Of the use before, of the next one, and of the farthest: none is an answer to this call. */
static void answers_to_other_uses_are_late(void)
{
	static const uint32_t others[] = { -1u, 1, 7, 1u << 31, INT32_MAX };
	static const uint8_t kinds[] = { CALL_REPLY, CALL_ACCEPT, CALL_END, CALL_CREDIT };
	unsigned n = 0;

	fresh();
	CHECK_EQ(call_send(&call, "!", 1, true), 0);
	pair_flush(&p.a);
	pair_log(&p.a);
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		for (unsigned k = 0; k < sizeof kinds; k++) {
			struct call_frame f = {
				.kind = kinds[k], .flags = CALL_CALLEE, .slot = call.slot,
				.gen = call.gen + others[i], .total = CALL_TOTAL_UNKNOWN,
				.reason = CALL_END_BUSY,
			};

			CHECK_EQ(pair_forge(&p.a, &f), 0);
			CHECK_EQ(p.a.c.n.late, ++n);
		}
	}
	CHECK_STR(pair_log(&p.a), "");
	call_let_go(&call);
	pair_run(&p);
	call_let_go(p.b.in);
	pair_run(&p);
	pair_free(&p);
}

int main(void)
{
	RUN(each_rule_is_kept);
	RUN(a_slot_in_use);
	RUN(a_call_after_one_that_has_not_left);
	RUN(data_beyond_the_window);
	RUN(data_behind_the_last);
	RUN(a_malformed_frame);
	RUN(answers_keep_the_rules);
	RUN(an_unknown_reason_is_an_abort);
	RUN(a_reply_to_half_a_request);
	RUN(nothing_is_due_behind_the_end);
	RUN(late_frames_break_no_rule);
	RUN(answers_to_other_uses_are_late);
	return check_done();
}
