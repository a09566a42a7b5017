/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory of ended lives (proto/tombs.h), at its limit and beyond. */
#include "proto/tombs.h"
#include "tests/check.h"

static struct tombs tombs;

static void none_at_first(void)
{
	tombs_init(&tombs);
	CHECK(tombs_find(&tombs, 1) == NULL);
	CHECK(tombs_find(&tombs, 0) == NULL);
	CHECK_EQ(tombs_count(&tombs, TOMB_FAILED), 0);
	CHECK_EQ(tombs_count(&tombs, TOMB_NONE), 0);
}

static void says_how_a_life_ended(void)
{
	const struct tomb *t;

	tombs_init(&tombs);
	tombs_bury(&tombs, 11, TOMB_CLOSED, 0xfffffff0);
	tombs_bury(&tombs, UINT64_MAX, TOMB_FAILED, 0);
	t = tombs_find(&tombs, 11);
	CHECK_OR_RETURN(t != NULL);
	CHECK_EQ(t->kind, TOMB_CLOSED);
	CHECK_EQ(t->next, 0xfffffff0);
	t = tombs_find(&tombs, UINT64_MAX);
	CHECK_OR_RETURN(t != NULL);
	CHECK_EQ(t->kind, TOMB_FAILED);
	CHECK(tombs_find(&tombs, 12) == NULL);
	CHECK_EQ(tombs_count(&tombs, TOMB_CLOSED), 1);
	CHECK_EQ(tombs_count(&tombs, TOMB_FAILED), 1);
}

static void one_tomb_a_life(void)
{
	tombs_init(&tombs);
	for (int i = 0; i < 3 * TOMBS_MAX; i++)
		tombs_bury(&tombs, 5, TOMB_CLOSED, 1);
	tombs_bury(&tombs, 5, TOMB_FAILED, 2);
	CHECK_EQ(tombs_count(&tombs, TOMB_CLOSED), 0);
	CHECK_EQ(tombs_count(&tombs, TOMB_FAILED), 1);
	CHECK_EQ(tombs_find(&tombs, 5)->next, 2);
}

static void the_oldest_makes_room(void)
{
	tombs_init(&tombs);
	for (uint64_t i = 1; i <= TOMBS_MAX; i++)
		tombs_bury(&tombs, i, TOMB_FAILED, 0);
	CHECK_EQ(tombs_count(&tombs, TOMB_FAILED), TOMBS_MAX);
	CHECK(tombs_find(&tombs, 1) != NULL);
	tombs_bury(&tombs, TOMBS_MAX + 1, TOMB_CLOSED, 0);
	CHECK(tombs_find(&tombs, 1) == NULL);
	CHECK(tombs_find(&tombs, 2) != NULL);
	CHECK(tombs_find(&tombs, TOMBS_MAX + 1) != NULL);
	for (uint64_t i = 2; i < 5 * TOMBS_MAX; i++)
		tombs_bury(&tombs, 1000 + i, TOMB_FAILED, 0);
	CHECK_EQ(tombs_count(&tombs, TOMB_FAILED), TOMBS_MAX);
	CHECK(tombs_find(&tombs, 1000 + 5 * TOMBS_MAX - 1) != NULL);
	CHECK(tombs_find(&tombs, 1000 + 4 * TOMBS_MAX) != NULL);
	CHECK(tombs_find(&tombs, 1000 + 4 * TOMBS_MAX - 1) == NULL);
}

static void forgotten_by_a_new_life_of_ours(void)
{
	tombs_init(&tombs);
	tombs_bury(&tombs, 5, TOMB_FAILED, 0);
	tombs_init(&tombs);
	CHECK(tombs_find(&tombs, 5) == NULL);
}

int main(void)
{
	RUN(none_at_first);
	RUN(says_how_a_life_ended);
	RUN(one_tomb_a_life);
	RUN(the_oldest_makes_room);
	RUN(forgotten_by_a_new_life_of_ours);
	return check_done();
}
