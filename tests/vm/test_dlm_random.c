/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a lockspace that do anything, while packets of different pairs overtake each other and
 * a member goes and comes back: modes exclude each other at all times, and in the end nobody waits.
 */
#include <string.h>

#include "tests/lib/check.h"
#include "tests/vm/world.h"

#define SEEDS		300
#define OPERATIONS	300

/* The modes that two locks may have at the same time, as the manual of any lock manager has it. */
static const bool goes_with[6][6] = {
	[DLM_NL] = { 1, 1, 1, 1, 1, 1 },
	[DLM_CR] = { 1, 1, 1, 1, 1, 0 },
	[DLM_CW] = { 1, 1, 1, 0, 0, 0 },
	[DLM_PR] = { 1, 1, 0, 1, 0, 0 },
	[DLM_PW] = { 1, 1, 0, 0, 0, 0 },
	[DLM_EX] = { 1, 0, 0, 0, 0, 0 },
};

static uint32_t draw(uint32_t below)
{
	world.seed = world.seed * 1664525u + 1013904223u;
	return (world.seed >> 8) % below;
}

/* The first packet of any pair of nodes: those of a pair stay in order. */
static void deliver_any(void)
{
	struct packet *chosen = world.first, *p, **at = &world.first;
	uint32_t n = world.n_packets ? draw(world.n_packets) : 0;

	if (!chosen)
		return;
	while (n--)
		chosen = chosen->next;
	while ((*at)->from != chosen->from || (*at)->to != chosen->to)
		at = &(*at)->next;
	p = *at;
	*at = p->next;
	if (!p->next)
		world.end = at;
	world_deliver(p);
}

static bool is_over(const struct seen *s)
{
	return s->result == -DLM_EUNLOCK || (s->n_asts && s->mode == DLM_IV);
}

static void request_any(struct node *n)
{
	uint8_t name = (uint8_t)('a' + draw(3));

	if (n->n_seen == LOCKS)
		return;
	CHECK_EQ(dlm_space_lock(n->space, &name, 1, (enum dlm_mode)draw(DLM_EX + 1),
				draw(4) ? 0 : DLM_NOQUEUE, NULL, world.now_ms), 0);
	n->seen[n->n_seen - 1].name = name;
}

static void operate_any(struct node *n)
{
	struct seen *s;

	if (!n->n_seen || !draw(4)) {
		request_any(n);
		return;
	}
	s = &n->seen[draw(n->n_seen)];
	if (draw(3))
		dlm_space_convert(n->space, s->id, (enum dlm_mode)draw(DLM_EX + 1),
				  draw(4) ? 0 : DLM_NOQUEUE, NULL, world.now_ms);
	else if (draw(2))
		dlm_space_cancel(n->space, s->id, world.now_ms);
	else
		dlm_space_unlock(n->space, s->id, 0, NULL, world.now_ms);
}

static enum dlm_mode held(const struct seen *s)
{
	return is_over(s) ? DLM_IV : s->mode;
}

/* No two locks of a name have modes that exclude each other, as far as their owners know. */
static bool modes_go_together(void)
{
	const struct seen *all[NODES * LOCKS];
	unsigned i, k, n = 0;

	for (i = 1; i < NODES; i++)
		for (k = 0; world.nodes[i].space && k < world.nodes[i].n_seen; k++)
			if (held(&world.nodes[i].seen[k]) > DLM_NL)
				all[n++] = &world.nodes[i].seen[k];
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (all[i]->name == all[k]->name &&
			    !goes_with[held(all[i])][held(all[k])])
				return false;
	return true;
}

static bool all_run(void)
{
	struct dlm_space_status status;
	unsigned i;

	for (i = 1; i < NODES; i++) {
		if (!world.nodes[i].space)
			continue;
		dlm_space_status(world.nodes[i].space, &status);
		if (strcmp(status.step, "running"))
			return false;
	}
	return true;
}

static void member_goes_or_comes(void)
{
	if (world.nodes[3].space) {
		world_shut(3);
		world_start(ALL & ~(1u << 3));
	} else {
		world_boot(3);
		world_start(ALL);
	}
}

/* Everything is given back: nobody waits for ever. */
static void give_back(void)
{
	struct dlm_space_status status;
	unsigned i, k, turn;

	for (turn = 0; turn < 10; turn++) {
		world_run_ms(RECOVER_MS);
		for (i = 1; i < NODES; i++)
			for (k = 0; world.nodes[i].space && k < world.nodes[i].n_seen; k++) {
				dlm_space_cancel(world.nodes[i].space, world.nodes[i].seen[k].id,
						 world.now_ms);
				world_settle();
				dlm_space_unlock(world.nodes[i].space, world.nodes[i].seen[k].id, 0,
						 NULL, world.now_ms);
			}
	}
	world_run_ms(TOSS_MS * 2);
	for (i = 1; i < NODES; i++) {
		if (!world.nodes[i].space)
			continue;
		dlm_space_status(world.nodes[i].space, &status);
		CHECK_STR(status.step, "running");
		CHECK_EQ(status.n_locks, 0);
		CHECK_EQ(status.n_copies, 0);
		CHECK_EQ(status.n_mastered, 0);
		CHECK_EQ(status.n_directory, 0);
	}
}

static bool play(uint32_t seed, bool members_change)
{
	unsigned i, failures = check_state.failures;

	world_begin(ALL);
	world.seed = seed;
	for (i = 0; i < OPERATIONS && check_state.failures == failures; i++) {
		struct node *n = &world.nodes[1 + draw(NODES - 1)];

		if (members_change && !draw(60))
			member_goes_or_comes();
		else if (n->space && draw(2))
			operate_any(n);
		else
			deliver_any();
		if (draw(10))
			continue;
		world_run_ms(draw(1000));
		/* Else the reply to an UNLOCK or a CONVERT from PR to CW may be kept. */
		if (all_run())
			CHECK(modes_go_together());
	}
	give_back();
	world_end();
	if (check_state.failures != failures)
		printf("# seed %u\n", seed);
	return check_state.failures == failures;
}

static void any_operations(void)
{
	uint32_t seed;

	for (seed = 1; seed <= SEEDS && play(seed, false); seed++)
		continue;
}

static void any_operations_while_members_change(void)
{
	uint32_t seed;

	for (seed = 1; seed <= SEEDS && play(seed, true); seed++)
		continue;
}

int main(void)
{
	RUN(any_operations);
	RUN(any_operations_while_members_change);
	return check_done();
}
