/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All orders: every state that a small world of calls can be in, whatever is done in whatever
 * order, is visited once and judged, and from each of them everything comes to its end. Each plan
 * has its own kinds of calls and faults; together they visit a million states.
 * run.sh: timeout=120
 */
#include "tests/lib/calls_world.h"
#include "tests/lib/check.h"

#include <stdlib.h>

#define DEPTH_MAX 400u
#define STATES_LOG 23
#define STATES_MAX (1u << (STATES_LOG - 1))

/* One visit after the other, each with the action that is tried next. */
struct visit {
	struct world state;
	unsigned next;
	unsigned action;	/* that led here */
};

static struct visit *path;
static uint64_t *seen;
static unsigned n_seen, n_all;

static bool is_new(uint64_t hash)
{
	uint64_t i = hash >> (64 - STATES_LOG);

	if (!hash)
		hash = 1;
	while (seen[i]) {
		if (seen[i] == hash)
			return false;
		i = (i + 1) & ((1u << STATES_LOG) - 1);
	}
	seen[i] = hash;
	n_seen++;
	return true;
}

static void show(const char *name, unsigned depth, unsigned last)
{
	printf("# %s: %s, after", name, world_wrong);
	for (unsigned i = 1; i < depth; i++)
		printf(" %s,", world_action_name(path[i].action));
	printf(" %s\n", last == UINT32_MAX ? "the end" : world_action_name(last));
}

/* Everything must end from here; the state is lost. */
static void judge_end(const char *name, unsigned depth)
{
	world_finish();
	if (world_wrong)
		show(name, depth, UINT32_MAX);
}

static void search(const char *name)
{
	unsigned depth = 1;
	bool moved = false;	/* the world is not in the state of the last visit */

	memcpy(&path[0].state, &world, sizeof world);
	path[0].next = 0;
	while (depth && !world_wrong) {
		struct visit *v = &path[depth - 1];
		unsigned action = v->next++;

		if (moved)
			memcpy(&world, &v->state, sizeof world);
		moved = false;
		if (action == world_n_actions()) {
			judge_end(name, depth);
			depth--;
			moved = true;
			continue;
		}
		if (!world_act(action))
			continue;
		moved = true;
		if (world_wrong)
			show(name, depth, action);
		if (world_wrong || !is_new(world_hash()))
			continue;
		if (!CHECK(depth < DEPTH_MAX && n_seen < STATES_MAX))
			return;
		memcpy(&path[depth].state, &world, sizeof world);
		path[depth].next = 0;
		path[depth].action = action;
		depth++;
		moved = false;
	}
}

static void visit_all(const struct world_plan *plan)
{
	memset(seen, 0, sizeof *seen << STATES_LOG);
	n_seen = 0;
	world_init(plan);
	search(plan->name);
	CHECK(!world_wrong);
	printf("# %s: %u states\n", plan->name, n_seen);
	fflush(stdout);
	n_all += n_seen;
}

static const struct world_plan plans[] = {
	{ .name = "pieces", .n = 2, .slots = 2, .faults = WORLD_ABORT | WORLD_SLOW,
	  .calls = { { .n_request = 2, .n_reply = 2 },
		     { .from = 1, .n_request = 0, .n_reply = 1 } } },
	{ .name = "finals", .n = 2, .slots = 1, .faults = WORLD_ABORT | WORLD_LET_GO | WORLD_SLOW,
	  .calls = { { .n_request = 1, .n_reply = 2, .final = true },
		     { .n_request = 1, .n_reply = 0, .final = true } } },
	{ .name = "retries", .n = 2, .slots = 1, .faults = WORLD_ABORT | WORLD_BUSY | WORLD_TIME,
	  .calls = { { .n_request = 1, .n_reply = 1, .retry = true, .timed = true },
		     { .n_request = 1, .n_reply = 1, .retry = true } } },
	{ .name = "aborts", .n = 2, .slots = 1,
	  .faults = WORLD_ABORT | WORLD_BUSY | WORLD_REJECT | WORLD_LET_GO | WORLD_BATCH_ENDS,
	  .calls = { { .n_request = 1, .n_reply = 1 }, { .n_request = 1, .n_reply = 1 } } },
	{ .name = "deaths", .n = 2, .slots = 2, .faults = WORLD_ABORT | WORLD_DEATH | WORLD_BUSY,
	  .calls = { { .n_request = 2, .n_reply = 1 },
		     { .n_request = 1, .n_reply = 1, .settle = true } } },
	{ .name = "after", .n = 2, .slots = 1,
	  .faults = WORLD_ABORT | WORLD_SLOW | WORLD_BATCH_ENDS | WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 2, .settle = true },
		     { .from = 1, .n_request = 1, .n_reply = 0, .after = true } } },
	{ .name = "questions", .n = 2, .slots = 1,
	  .faults = WORLD_ABORT | WORLD_ASK | WORLD_BUSY | WORLD_DEATH,
	  .calls = { { .n_request = 1, .n_reply = 1, .settle = true },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "nested", .n = 3, .slots = 2, .depth_max = 1, .faults = WORLD_ABORT,
	  .calls = { { .n_request = 1, .n_reply = 1 },
		     { .n_request = 1, .n_reply = 1, .depth = 1 },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "deadlines", .n = 2, .slots = 1,
	  .faults = WORLD_TIME | WORLD_LET_GO | WORLD_ABORT,
	  .calls = { { .n_request = 1, .n_reply = 1, .timed = true, .settle = true },
		     { .n_request = 1, .n_reply = 1, .timed = true, .want_accept = true } } },
	{ .name = "refusals", .n = 3, .slots = 2, .faults = WORLD_ABORT | WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 1 },
		     { .n_request = 1, .n_reply = 1, .settle = true },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "upgrades", .n = 3, .slots = 2, .newer = 110,
	  .faults = WORLD_BUSY | WORLD_DEATH,
	  .calls = { { .n_request = 1, .n_reply = 1 },
		     { .n_request = 1, .n_reply = 1, .upgrade = true },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "probes", .n = 2, .slots = 2, .newer = 110,
	  .faults = WORLD_BUSY | WORLD_TIME,
	  .calls = { { .n_request = 1, .n_reply = 1, .upgrade = true, .retry = true,
		       .timed = true },
		     { .n_request = 1, .n_reply = 1, .upgrade = true } } },
	{ .name = "lost probes", .n = 2, .slots = 2, .newer = 110,
	  .faults = WORLD_ABORT | WORLD_REJECT | WORLD_LET_GO,
	  .calls = { { .n_request = 1, .n_reply = 1, .upgrade = true, .settle = true },
		     { .n_request = 1, .n_reply = 1 } } },
	{ .name = "credentials", .n = 3, .slots = 2, .n_creds = 1,
	  .faults = WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 1, .who = 1 },
		     { .n_request = 0, .n_reply = 0, .who = 2 },
		     { .n_request = 1, .n_reply = 1, .who = 1 } } },
	{ .name = "dropped credentials", .n = 2, .slots = 2, .n_creds = 1,
	  .faults = WORLD_ABORT | WORLD_LET_GO | WORLD_REJECT | WORLD_SLOW,
	  .calls = { { .n_request = 1, .n_reply = 1, .who = 1 },
		     { .n_request = 1, .n_reply = 1, .who = 2 } } },
	{ .name = "lost credentials", .n = 2, .slots = 1, .n_creds = 2,
	  .faults = WORLD_ABORT | WORLD_DEATH | WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 1, .who = 1, .retry = true },
		     { .n_request = 1, .n_reply = 1, .who = 2 } } },
	{ .name = "credentials at the end", .n = 2, .slots = 1, .n_creds = 1,
	  .faults = WORLD_CLOSE | WORLD_SLOW | WORLD_REJECT,
	  .calls = { { .n_request = 1, .n_reply = 1, .who = 1 },
		     { .from = 1, .n_request = 1, .n_reply = 1, .who = 2 } } },
	{ .name = "deadlocks", .n = 2, .slots = 1, .faults = WORLD_STUCK | WORLD_BUSY,
	  .calls = { { .n_request = 1, .n_reply = 1, .settle = true },
		     { .n_request = 1, .n_reply = 1, .retry = true } } },
	{ .name = "closing", .n = 2, .slots = 2, .faults = WORLD_CLOSE | WORLD_DEATH | WORLD_ABORT,
	  .calls = { { .n_request = 1, .n_reply = 1, .endless = true },
		     { .from = 1, .n_request = 1, .n_reply = 1, .final = true } } },
};

static void every_order_of_everything(void)
{
	path = calloc(DEPTH_MAX + 1, sizeof *path);
	seen = calloc(1u << STATES_LOG, sizeof *seen);
	CHECK_OR_RETURN(path && seen);
	for (unsigned i = 0; i < sizeof plans / sizeof *plans && !world_wrong; i++)
		visit_all(&plans[i]);
	CHECK(n_all >= 1000000);
	free(path);
	free(seen);
}

int main(void)
{
	RUN(every_order_of_everything);
	return check_done();
}
