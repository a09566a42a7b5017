/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of subscriptions of programs by their ids: which one is found, and how many are
 * looked at for that.
 */
#include "services/server_subs.h"

#include "services/server_client.h"
#include "tests/lib/check.h"

#define MANY		65536u
#define LOOKS		4u	/* of one find, on average, at most */

static struct server_client programs[2];
static struct server_sub all[MANY];
static struct server_subs subs;

static void begin(void)
{
	CHECK_EQ(subs_init(&subs), 0);
	CHECK(!subs_find(&subs, &programs[0], 1, NULL));
}

static void add(struct server_sub *sub, unsigned program, uint32_t id)
{
	*sub = (struct server_sub) {
		.taker = { .kind = TAKER_CLIENT }, .conn = &programs[program], .id = id,
	};
	subs_add(&subs, sub);
}

static void the_named_one_is_found(void)
{
	begin();
	add(&all[0], 0, 5);
	add(&all[1], 1, 5);
	add(&all[2], 0, 6);
	CHECK(subs_find(&subs, &programs[0], 5, NULL) == &all[0]);
	CHECK(subs_find(&subs, &programs[1], 5, NULL) == &all[1]);
	CHECK(subs_find(&subs, &programs[0], 6, NULL) == &all[2]);
	CHECK(!subs_find(&subs, &programs[1], 6, NULL));
	for (unsigned i = 0; i < 3; i++)
		subs_remove(&subs, &all[i]);
	CHECK(!subs_find(&subs, &programs[0], 5, NULL));
	subs_fini(&subs);
}

/* Cancelled in the order in which they came: the worst one for a list. */
static void many_are_cancelled_cheaply(void)
{
	uint64_t n_looks = 0;
	unsigned n = 0;

	begin();
	for (uint32_t i = 0; i < MANY; i++)
		add(&all[i], i % 2, i / 2);
	for (uint32_t i = 0; i < MANY; i++) {
		CHECK(subs_find(&subs, &programs[i % 2], i / 2, &n) == &all[i]);
		n_looks += n;
		subs_remove(&subs, &all[i]);
	}
	printf("# %u subscriptions were found by %llu looks\n", MANY, (unsigned long long)n_looks);
	CHECK(n_looks >= MANY && n_looks <= (uint64_t)MANY * LOOKS);
	subs_find(&subs, &programs[0], 0, &n);
	CHECK_EQ(n, 0);
	subs_fini(&subs);
}

int main(void)
{
	RUN(the_named_one_is_found);
	RUN(many_are_cancelled_cheaply);
	return check_done();
}
