/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast paths of plain calls lead to the same state as the functions that they stand for, to the
 * last bit, wherever they are open: tried in each step of long walks through small worlds, with
 * everything that may happen to calls before, between and behind.
 */
#include "services/calls_plain.h"
#include "tests/lib/calls_pair.h"
#include "tests/lib/calls_twin.h"
#include "tests/lib/check.h"

#define WALKS 20000u
#define STEPS 60u
#define SEEN_LEAST 1000u	/* of each step */

static const struct world_plan plans[] = {
	{ .name = "plain", .n = 3, .slots = 2, .faults = WORLD_BATCH_ENDS,
	  .calls = { { .n_request = 1, .n_reply = 1 }, { .n_request = 0, .n_reply = 0 },
		     { .from = 1, .n_request = 1, .n_reply = 1 } } },
	{ .name = "faults", .n = 3, .slots = 2,
	  .faults = WORLD_ABORT | WORLD_LET_GO | WORLD_BUSY | WORLD_REJECT | WORLD_TIME |
		WORLD_CLOSE | WORLD_ASK | WORLD_BATCH_ENDS,
	  .calls = { { .n_request = 1, .n_reply = 1, .timed = true },
		     { .n_request = 1, .n_reply = 0, .settle = true },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "slow", .n = 3, .slots = 3, .depth_max = 1, .faults = WORLD_SLOW | WORLD_DEATH,
	  .calls = { { .n_request = 1, .n_reply = 2 },
		     { .n_request = 1, .n_reply = 1, .want_accept = true },
		     { .n_request = 2, .n_reply = 1, .depth = 1 } } },
	{ .name = "neighbours", .n = 3, .slots = 2, .faults = WORLD_ABORT | WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 1, .retry = true },
		     { .n_request = 1, .n_reply = 1 },
		     { .from = 1, .n_request = 1, .n_reply = 1, .after = true } } },
	{ .name = "finals", .n = 3, .slots = 2, .faults = WORLD_ABORT | WORLD_LET_GO,
	  .calls = { { .n_request = 1, .n_reply = 1, .final = true },
		     { .n_request = 1, .n_reply = 1, .endless = true },
		     { .n_request = 1, .n_reply = 1 } } },
};

#define PLANS (sizeof plans / sizeof *plans)

static uint32_t draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(*state >> 8) * below >> 24);
}

/* False: two ways differ. */
static bool walk(const struct world_plan *plan, uint32_t seed)
{
	uint32_t state = seed;

	world_init(plan);
	for (unsigned i = 0; i < STEPS && !world_wrong; i++)
		world_act(draw(&state, world_n_actions()));
	if (!world_wrong)
		world_finish();
	if (world_wrong)
		printf("# %s, seed %u: %s\n", plan->name, seed, world_wrong);
	return !world_wrong;
}

static void both_ways_lead_to_the_same(void)
{
	bool good = true;

	twins_on = true;
	for (uint32_t seed = 1; seed <= WALKS && good; seed++)
		good = walk(&plans[seed % PLANS], seed * 2654435761u);
	CHECK(good);
	for (unsigned i = 0; i < TWINS; i++)
		if (!CHECK(twins_made[i] >= SEEN_LEAST))
			printf("# step %u: %lu\n", i, twins_made[i]);
}

/* ---- frames that break a rule ---- */

static struct calls_pair pair;
static struct call call;
static uint8_t body[200];

static size_t put(const struct call_frame *f)
{
	size_t n = call_put(body, f);

	memset(body + n, 'x', f->n_data);
	return n + f->n_data;
}

static bool begins(struct call_frame f)
{
	return plain_begin_came(&pair.b.c, body, put(&f));
}

static bool answers(struct call_frame f)
{
	struct span data;

	return plain_answered(&pair.a.c, body, put(&f), &data);
}

/* Slot 0 has had no call; b has the binding 0. */
static const struct call_frame begin = {
	.kind = CALL_BEGIN, .gen = 1, .total = CALL_TOTAL_UNKNOWN, .n_data = 10,
	.deadline_ms = CALL_DEADLINE_NONE, .after_slot = CALL_SLOT_NONE,
};

static const struct call_frame reply = {
	.kind = CALL_REPLY, .flags = CALL_CALLEE, .gen = 1, .total = CALL_TOTAL_UNKNOWN,
	.n_data = 10,
};

static void open_pair(const char *request, bool last)
{
	struct calls_config cfg = pair_config();
	struct calls_begin b = pair_begins(0, request);
	uint16_t binding;

	pair_init(&pair, &cfg, &cfg);
	CHECK_EQ(calls_bind(&pair.a.c, 100, NULL, &binding), 0);
	pair_run(&pair);
	b.binding = binding;
	b.last = last;
	if (*request)
		CHECK_EQ(call_begin(&pair.a.c, &call, &b), 0);
	pair_flush(&pair.a);
}

static void a_begin_that_breaks_a_rule_is_not_plain(void)
{
	struct call_frame f[12];
	uint16_t binding;

	open_pair("", true);
	binding = (uint16_t)(pair.b.c.in_bindings[0].state == CALL_BOUND ? 0 : 1);
	for (unsigned i = 0; i < 12; i++) {
		f[i] = begin;
		f[i].binding = binding;
	}
	f[0].slot = 4;
	f[1].gen = 2;
	f[2].gen = 0;
	f[3].binding = !binding;
	f[4].binding = 9;
	f[5].depth = 2;
	f[6].total = 11;
	f[7].n_data = 41;
	f[8].after_slot = 0;
	f[9].flags = CALL_MORE;
	for (unsigned i = 0; i < 10; i++)
		if (!CHECK(!begins(f[i])))
			printf("# begin %u\n", i);
	CHECK_EQ(pair.b.c.n_in, 0);
	CHECK(begins(f[10]));
	f[11].gen = 2;
	CHECK(!begins(f[11]));		/* its slot is in use */
	CHECK_EQ(pair.b.c.n_in, 1);
	pair_free(&pair);
}

static void a_reply_that_breaks_a_rule_is_not_plain(void)
{
	struct call_frame f[7];

	open_pair("0123456789", true);
	for (unsigned i = 0; i < 7; i++) {
		f[i] = reply;
		f[i].gen = call.gen;
		f[i].slot = call.slot;
	}
	f[0].slot = 4;
	f[1].gen++;
	f[2].total = 11;
	f[3].n_data = 41;
	f[4].flags |= CALL_MORE;
	f[5].flags |= CALL_WANT_FINAL;
	for (unsigned i = 0; i < 6; i++)
		if (!CHECK(!answers(f[i])))
			printf("# reply %u\n", i);
	CHECK(answers(f[6]));
	f[6].total = f[6].total == CALL_TOTAL_UNKNOWN ? f[6].n_data : CALL_TOTAL_UNKNOWN;
	CHECK(answers(f[6]));
	pair_forge(&pair.a, &f[4]);	/* the first piece of a reply */
	CHECK(!answers(f[6]));
	pair_free(&pair);
	open_pair("0123456789", false);
	CHECK(!answers(f[6]));		/* the request is not complete */
	pair_free(&pair);
}

/* A reply longer than the window: what was granted for it is not for the next call. */
static void grants_do_not_outlast_their_call(void)
{
	static const char long_reply[150];

	open_pair("0123456789", true);
	call.plain = PLAIN_BEGUN;
	pair_deliver(&pair.b);
	CHECK_OR_RETURN(pair.b.in);
	CHECK_EQ(call_accept(pair.b.in), 0);
	CHECK_EQ(call_send(pair.b.in, long_reply, sizeof long_reply, true), 0);
	pair_run(&pair);
	CHECK_EQ(call.state, CALL_OVER);
	CHECK_EQ(call.rx.consumed, sizeof long_reply);
	CHECK_EQ(call.slot, CALL_SLOT_NONE);
	CHECK(!plain_let_go(&call));
	call_let_go(&call);
	CHECK(calls_empty(&pair.a.c));
	pair_free(&pair);
}

int main(void)
{
	RUN(a_begin_that_breaks_a_rule_is_not_plain);
	RUN(a_reply_that_breaks_a_rule_is_not_plain);
	RUN(grants_do_not_outlast_their_call);
	RUN(both_ways_lead_to_the_same);
	return check_done();
}
