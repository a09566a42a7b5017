/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice among a peer's addresses (proto/path.h). */
#include "proto/path.h"
#include "tests/check.h"

static struct paths paths;

static struct path_addr addr(uint8_t last, uint16_t port)
{
	struct path_addr a = { .ip = { 0 }, .port = port };

	a.ip[15] = last;
	return a;
}

static void fresh(unsigned n)
{
	struct path_addr addrs[PATHS_MAX + 1];

	for (unsigned i = 0; i < PATHS_MAX + 1; i++)
		addrs[i] = addr((uint8_t)(i + 1), 100);
	memset(&paths, 0, sizeof paths);
	paths_set(&paths, addrs, n);
}

static void dials_in_turn(void)
{
	fresh(3);
	CHECK_EQ(paths_choose(&paths), 0);
	CHECK_EQ(paths_choose(&paths), 0);
	paths_failed(&paths, 0);
	CHECK_EQ(paths_choose(&paths), 1);
	paths_failed(&paths, 1);
	CHECK_EQ(paths_choose(&paths), 2);
	paths_failed(&paths, 2);
	/* All dead: the turn goes on. */
	CHECK_EQ(paths_choose(&paths), 0);
	paths_failed(&paths, 0);
	CHECK_EQ(paths_choose(&paths), 1);
	/* One is back: it goes first. */
	paths_ok(&paths, 0, 50, 7);
	CHECK_EQ(paths_choose(&paths), 0);
}

static void knows_since_when(void)
{
	fresh(2);
	CHECK_EQ(paths.p[1].state, PATH_UNKNOWN);
	paths_ok(&paths, 1, 10, 5);
	paths_ok(&paths, 1, 20, 0);
	CHECK_EQ(paths.p[1].state, PATH_ALIVE);
	CHECK_EQ(paths.p[1].alive_since_ns, 10);
	CHECK_EQ(paths.p[1].last_ok_ns, 20);
	CHECK_EQ(paths.p[1].rtt_ns, 5);
	paths_failed(&paths, 1);
	paths_failed(&paths, 1);
	CHECK_EQ(paths.p[1].fails, 2);
	paths_ok(&paths, 1, 30, 6);
	CHECK_EQ(paths.p[1].fails, 0);
	CHECK_EQ(paths.p[1].alive_since_ns, 30);
}

static void another_that_lives(void)
{
	fresh(3);
	CHECK(!paths_other_alive(&paths, 0, 0));
	paths_ok(&paths, 0, 100, 1);
	CHECK(!paths_other_alive(&paths, 0, 0));
	CHECK(paths_other_alive(&paths, 1, 99));
	CHECK(!paths_other_alive(&paths, 1, 100));
	paths_failed(&paths, 0);
	CHECK(!paths_other_alive(&paths, 1, 0));
}

static void found_by_address(void)
{
	struct path_addr a = addr(2, 999), unknown = addr(77, 100);

	fresh(3);
	CHECK_EQ(paths_find(&paths, &a), 1);
	CHECK_EQ(paths_find(&paths, &unknown), -1);
	a.scope = 7;
	CHECK_EQ(paths_find(&paths, &a), -1);
	a.scope = 0;
	a.ip[0] = 1;
	CHECK_EQ(paths_find(&paths, &a), -1);
}

static void too_many_and_none(void)
{
	fresh(PATHS_MAX + 1);
	CHECK_EQ(paths.n, PATHS_MAX);
	paths_failed(&paths, PATHS_MAX);
	paths_ok(&paths, PATHS_MAX, 1, 1);
	CHECK_EQ(paths_choose(&paths), 0);
	fresh(0);
	CHECK_EQ(paths_choose(&paths), 0);
	CHECK(!paths_other_alive(&paths, 0, 0));
}

static void new_addresses_keep_what_is_known(void)
{
	struct path_addr addrs[2] = { addr(3, 100), addr(9, 100) };

	fresh(3);
	paths_ok(&paths, 2, 10, 5);
	paths_set(&paths, addrs, 2);
	CHECK_EQ(paths.n, 2);
	CHECK_EQ(paths.p[0].state, PATH_ALIVE);
	CHECK_EQ(paths.p[0].rtt_ns, 5);
	CHECK_EQ(paths.p[1].state, PATH_UNKNOWN);
	CHECK_EQ(paths_find(&paths, &addrs[1]), 1);
	/* The same digits on another interface are another machine. */
	addrs[0].scope = 7;
	paths_set(&paths, addrs, 2);
	CHECK_EQ(paths.p[0].state, PATH_UNKNOWN);
}

int main(void)
{
	RUN(dials_in_turn);
	RUN(knows_since_when);
	RUN(another_that_lives);
	RUN(found_by_address);
	RUN(too_many_and_none);
	RUN(new_addresses_keep_what_is_known);
	return check_done();
}
