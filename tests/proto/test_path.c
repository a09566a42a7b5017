/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice among a peer's addresses (proto/path.h). */
#include "proto/path.h"
#include "tests/lib/check.h"

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

/* ---- large packets ---- */

static const struct path_hold hold = { 5, 300 };

static void in_doubt_is_dialled_last(void)
{
	fresh(3);
	paths_up(&paths, 0, 100, &hold);
	paths_doubt(&paths, 0);
	CHECK_EQ(paths_choose(&paths), 1);
	paths_failed(&paths, 1);
	CHECK_EQ(paths_choose(&paths), 2);
	paths_failed(&paths, 2);
	/* Better than what is dead. */
	CHECK_EQ(paths_choose(&paths), 0);
	paths_full_ok(&paths, 0);
	paths_ok(&paths, 2, 110, 1);
	paths_up(&paths, 0, 120, &hold);
	CHECK_EQ(paths_choose(&paths), 0);
}

static void a_return_needs_proof(void)
{
	fresh(2);
	paths_up(&paths, 0, 100, &hold);
	paths_ok(&paths, 0, 100, 1);
	paths.p[0].takes_full = true;
	paths_up(&paths, 1, 200, &hold);
	CHECK_EQ(paths.p[0].state, PATH_UNKNOWN);
	paths_ok(&paths, 0, 201, 1);
	CHECK(!paths_may_return(&paths, 0, 1000));
	paths_full_ok(&paths, 0);
	/* Neither before its time, nor while the other side loses what it sends. */
	CHECK(!paths_may_return(&paths, 0, 204));
	CHECK(paths_may_return(&paths, 0, 205));
	paths.p[0].peer_lost = true;
	CHECK(!paths_may_return(&paths, 0, 205));
	paths.p[0].peer_lost = false;
	paths_failed(&paths, 0);
	paths_ok(&paths, 0, 206, 1);
	CHECK(!paths_may_return(&paths, 0, 206));
	/* Of who cannot be asked nothing is known. */
	paths.p[0].takes_full = false;
	CHECK(paths_may_return(&paths, 0, 206));
}

/* Left at now, and back. */
static uint64_t held_for(uint64_t now)
{
	paths_up(&paths, 1, now, &hold);
	paths_full_ok(&paths, 0);
	for (uint64_t t = now;; t++) {
		if (!paths_may_return(&paths, 0, t))
			continue;
		paths_up(&paths, 0, t, &hold);
		return t - now;
	}
}

static void holds_double(void)
{
	static const uint64_t want[] = { 5, 10, 20, 40, 80, 160, 300, 300 };
	uint64_t now = 1000;

	fresh(2);
	paths.p[0].takes_full = true;
	paths_up(&paths, 0, now, &hold);
	for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++) {
		now += 50;
		CHECK_EQ(held_for(now), want[i]);
		now += want[i];
		/* A break that leads to the same path again is none. */
		paths_up(&paths, 0, now + 10, &hold);
	}
	/* It held for long. */
	CHECK_EQ(held_for(now + 300), 5);
}

static void full_probes_are_rare(void)
{
	const uint64_t s = 1000000000;
	const struct path_hold long_hold = { 5 * s, 300 * s };
	uint64_t wait = 5 * s, now = s;

	fresh(2);
	CHECK(paths_full_due(&paths, 1, now));
	CHECK(!paths_full_due(&paths, 1, now + s - 1));
	CHECK(paths_full_due(&paths, 1, now + s));
	now += s;
	for (unsigned i = 0; i < 10; i++, wait = 2 * wait < 300 * s ? 2 * wait : 300 * s) {
		paths_full_lost(&paths, 1, now, &long_hold);
		CHECK(!paths_full_due(&paths, 1, now + wait - 1));
		CHECK(paths_full_due(&paths, 1, now + wait));
		now += wait;
	}
	paths_full_ok(&paths, 1);
	CHECK(!paths_full_due(&paths, 1, now + 1000 * s));
	paths_failed(&paths, 1);
	CHECK(paths_full_due(&paths, 1, now + 1000 * s));
}

/* A path that was left for another one is dialled last, until it has proved itself. */
static void what_was_left_is_in_doubt(void)
{
	fresh(4);
	paths_up(&paths, 0, 100, &hold);
	paths_up(&paths, 1, 200, &hold);
	paths_failed(&paths, 3);
	CHECK_EQ(paths_choose(&paths), 1);
	/* The first one is where all return to: to leave another one for it says nothing. */
	fresh(3);
	paths.p[1].takes_full = true;
	paths_up(&paths, 1, 100, &hold);
	paths_up(&paths, 0, 200, &hold);
	paths_full_ok(&paths, 1);
	CHECK(paths_may_return(&paths, 1, 200));
}

static void what_leads_elsewhere_is_skipped(void)
{
	fresh(2);
	paths_up(&paths, 1, 10, &hold);
	CHECK_EQ(paths_choose(&paths), 1);
	paths_skip(&paths, 1);
	CHECK_EQ(paths_choose(&paths), 0);
	paths_skip(&paths, 1);
	CHECK_EQ(paths_choose(&paths), 0);
}

/* The path in use goes by its address, not by its place in the list. */
static void new_addresses_keep_what_was_used(void)
{
	struct path_addr addrs[2] = { addr(9, 100), addr(2, 100) };

	fresh(2);
	paths_up(&paths, 1, 10, &hold);
	paths_set(&paths, addrs, 2);
	CHECK(paths.was_used && paths.used == 1);
	paths_set(&paths, addrs, 1);
	CHECK(!paths.was_used);
	paths_up(&paths, 0, 20, &hold);
	CHECK_EQ(paths.p[0].hold_ns, 0);
}

/* Addresses may have changed since a link was opened: its path index is out of range then. */
static void a_path_that_has_gone_changes_nothing(void)
{
	struct paths before;

	for (unsigned n = 0; n <= 2; n++) {
		fresh(n);
		before = paths;
		paths_ok(&paths, n, 10, 5);
		paths_failed(&paths, n);
		paths_up(&paths, n, 10, &hold);
		paths_doubt(&paths, n);
		CHECK(!paths_full_due(&paths, n, 10));
		paths_full_ok(&paths, n);
		paths_full_lost(&paths, n, 10, &hold);
		CHECK_MEM(&paths, &before, sizeof paths);
	}
}

int main(void)
{
	RUN(a_path_that_has_gone_changes_nothing);
	RUN(dials_in_turn);
	RUN(knows_since_when);
	RUN(another_that_lives);
	RUN(found_by_address);
	RUN(too_many_and_none);
	RUN(new_addresses_keep_what_is_known);
	RUN(in_doubt_is_dialled_last);
	RUN(a_return_needs_proof);
	RUN(holds_double);
	RUN(full_probes_are_rare);
	RUN(what_was_left_is_in_doubt);
	RUN(what_leads_elsewhere_is_skipped);
	RUN(new_addresses_keep_what_was_used);
	return check_done();
}
