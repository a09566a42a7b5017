/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of ended incarnations (proto/tombstones.h), at its limit and beyond. */
#include "proto/tombstones.h"
#include "tests/lib/check.h"

static struct tombstones tombstones;

static void none_at_first(void)
{
	tombstones_init(&tombstones);
	CHECK(tombstones_find(&tombstones, 1) == NULL);
	CHECK(tombstones_find(&tombstones, 0) == NULL);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_FAILED), 0);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_NONE), 0);
}

static void says_how_an_incarnation_ended(void)
{
	const struct tombstone *t;

	tombstones_init(&tombstones);
	tombstones_bury(&tombstones, 11, TOMB_CLOSED, 0xfffffff0);
	tombstones_bury(&tombstones, UINT64_MAX, TOMB_FAILED, 0);
	t = tombstones_find(&tombstones, 11);
	CHECK_OR_RETURN(t != NULL);
	CHECK_EQ(t->kind, TOMB_CLOSED);
	CHECK_EQ(t->next, 0xfffffff0);
	t = tombstones_find(&tombstones, UINT64_MAX);
	CHECK_OR_RETURN(t != NULL);
	CHECK_EQ(t->kind, TOMB_FAILED);
	CHECK(tombstones_find(&tombstones, 12) == NULL);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_CLOSED), 1);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_FAILED), 1);
}

static void one_tomb_an_incarnation(void)
{
	tombstones_init(&tombstones);
	for (int i = 0; i < 3 * TOMBSTONES_MAX; i++)
		tombstones_bury(&tombstones, 5, TOMB_CLOSED, 1);
	tombstones_bury(&tombstones, 5, TOMB_FAILED, 2);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_CLOSED), 0);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_FAILED), 1);
	CHECK_EQ(tombstones_find(&tombstones, 5)->next, 2);
}

static void the_oldest_makes_room(void)
{
	tombstones_init(&tombstones);
	for (uint64_t i = 1; i <= TOMBSTONES_MAX; i++)
		tombstones_bury(&tombstones, i, TOMB_FAILED, 0);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_FAILED), TOMBSTONES_MAX);
	CHECK(tombstones_find(&tombstones, 1) != NULL);
	tombstones_bury(&tombstones, TOMBSTONES_MAX + 1, TOMB_CLOSED, 0);
	CHECK(tombstones_find(&tombstones, 1) == NULL);
	CHECK(tombstones_find(&tombstones, 2) != NULL);
	CHECK(tombstones_find(&tombstones, TOMBSTONES_MAX + 1) != NULL);
	for (uint64_t i = 2; i < 5 * TOMBSTONES_MAX; i++)
		tombstones_bury(&tombstones, 1000 + i, TOMB_FAILED, 0);
	CHECK_EQ(tombstones_count(&tombstones, TOMB_FAILED), TOMBSTONES_MAX);
	CHECK(tombstones_find(&tombstones, 1000 + 5 * TOMBSTONES_MAX - 1) != NULL);
	CHECK(tombstones_find(&tombstones, 1000 + 4 * TOMBSTONES_MAX) != NULL);
	CHECK(tombstones_find(&tombstones, 1000 + 4 * TOMBSTONES_MAX - 1) == NULL);
}

static void forgotten_by_a_new_incarnation_of_ours(void)
{
	tombstones_init(&tombstones);
	tombstones_bury(&tombstones, 5, TOMB_FAILED, 0);
	tombstones_init(&tombstones);
	CHECK(tombstones_find(&tombstones, 5) == NULL);
}

int main(void)
{
	RUN(none_at_first);
	RUN(says_how_an_incarnation_ended);
	RUN(one_tomb_an_incarnation);
	RUN(the_oldest_makes_room);
	RUN(forgotten_by_a_new_incarnation_of_ours);
	return check_done();
}
