/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time limits of topology subscriptions: what they are told before, and what not any more. Knows no
 * clock.
 */
#include "services/topo.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#define LOG	4u

static struct topo_pair pair;

static uint32_t publish(void)
{
	return topo_pair_publish(&pair, 64, 1, 2);
}

static struct topo_sub *limited(uint32_t ms, uint64_t now_ns)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub = NULL;

	r.timeout_ms = ms;
	CHECK(topo_subscribe(&pair.topo.subs, &r, now_ns, NULL, &sub) == 0);
	return sub;
}

static void no_time_is_what_is_there(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	publish();
	sub = limited(0, 5);
	CHECK_EQ(topo_deadline(&pair.topo.subs), TOPO_NEVER);
	CHECK_STR(topo_pair_some(&pair, sub, 1), "snapshot@101");
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+1 end/0@101 timeout");
	CHECK(topo_ended(sub));
	topo_pair_fini(&pair);
}

static void time_is_over(void)
{
	struct topo_sub *sub, *later;

	topo_pair_init(&pair, LOG);
	sub = limited(7, 1000000);
	later = limited(9, 1000000);
	topo_pair_events(&pair, sub);
	topo_pair_events(&pair, later);
	while (topo_pull(&pair.topo.subs))
		;
	CHECK_EQ(topo_deadline(&pair.topo.subs), 8000000);
	topo_tick(&pair.topo.subs, 7999999);
	CHECK(!topo_pull(&pair.topo.subs));
	topo_tick(&pair.topo.subs, 8000000);
	CHECK(topo_pull(&pair.topo.subs) == sub && !topo_pull(&pair.topo.subs));
	CHECK_EQ(topo_deadline(&pair.topo.subs), 10000000);
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "timeout");
	CHECK_STR(topo_pair_events(&pair, later), "+1@101");
	topo_tick(&pair.topo.subs, UINT64_MAX - 1);
	CHECK_STR(topo_pair_events(&pair, later), "timeout");
	CHECK_EQ(topo_deadline(&pair.topo.subs), TOPO_NEVER);
	topo_pair_fini(&pair);
}

/* All that was there when its time was over, and nothing that came behind. */
static void late_ones_get_what_was(void)
{
	struct topo_sub *sub, *done;

	topo_pair_init(&pair, LOG);
	sub = limited(7, 0);
	done = limited(7, 0);
	topo_pair_events(&pair, sub);
	topo_pair_events(&pair, done);
	publish();
	publish();
	topo_pair_events(&pair, done);
	topo_tick(&pair.topo.subs, 7000000);
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101 +2@102 timeout");
	CHECK_STR(topo_pair_events(&pair, done), "timeout");
	topo_pair_fini(&pair);
}

/* ... though there was something else between. */
static void late_ones_get_no_more(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub = NULL;

	topo_pair_init(&pair, LOG);
	r.name = (struct topo_name){ 64, 0, 9 };
	r.timeout_ms = 7;
	CHECK(topo_subscribe(&pair.topo.subs, &r, 0, NULL, &sub) == 0);
	topo_pair_events(&pair, sub);
	publish();
	topo_pair_publish(&pair, 65, 1, 1);
	topo_tick(&pair.topo.subs, 7000000);
	publish();
	CHECK_EQ(topo_lag(sub), 2);
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101 timeout");
	topo_pair_fini(&pair);
}

/* Its end comes before that of its time. */
static void overrun_ends_time(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub = NULL;

	topo_pair_init(&pair, LOG);
	r.timeout_ms = 7;
	r.flags = TOPO_REQ_STRICT;
	CHECK(topo_subscribe(&pair.topo.subs, &r, 0, NULL, &sub) == 0);
	topo_pair_events(&pair, sub);
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub), "overrun");
	topo_tick(&pair.topo.subs, 7000000);
	CHECK(!topo_has(sub) && !topo_pull(&pair.topo.subs));
	CHECK_EQ(topo_deadline(&pair.topo.subs), TOPO_NEVER);
	topo_pair_fini(&pair);
}

/* The state that they are given then may be younger. */
static void late_ones_get_the_state(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = limited(7, 0);
	topo_pair_events(&pair, sub);
	publish();
	topo_tick(&pair.topo.subs, 7000000);
	for (unsigned i = 0; i < LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub),
		  "snapshot@105 +1 +2 +3 +4 +5 end/5@105 timeout");
	topo_pair_fini(&pair);
}

static void cancelled_ones_have_no_time(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = limited(7, 0);
	topo_cancel(&pair.topo.subs, sub);
	topo_tick(&pair.topo.subs, 7000000);
	CHECK(!topo_pull(&pair.topo.subs));
	CHECK_EQ(topo_deadline(&pair.topo.subs), TOPO_NEVER);
	topo_pair_fini(&pair);
}

int main(void)
{
	RUN(no_time_is_what_is_there);
	RUN(time_is_over);
	RUN(late_ones_get_what_was);
	RUN(late_ones_get_no_more);
	RUN(overrun_ends_time);
	RUN(late_ones_get_the_state);
	RUN(cancelled_ones_have_no_time);
	return check_done();
}
