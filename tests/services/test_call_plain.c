/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The short ways of plain calls lead to the same state as the functions that they stand for, to the
 * last bit, wherever they are open: tried in each step of long walks through small worlds, with
 * everything that may happen to calls before, between and behind.
 */
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

int main(void)
{
	RUN(both_ways_lead_to_the_same);
	return check_done();
}
