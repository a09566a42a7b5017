/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of a topology server: what each subscription is told, as exact traces; resumption, the
 * log that goes past a cursor. Knows no carriers.
 */
#include "services/topo.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#include <errno.h>

#define LOG	4u

static struct topo_pair pair;
static uint8_t buf[4 * TOPO_EVENT_MAX];

static struct topo_request range(uint32_t type, uint32_t lower, uint32_t upper)
{
	struct topo_request r = topo_pair_all();

	r.name = (struct topo_name){ type, lower, upper };
	return r;
}

static uint32_t publish(void)
{
	return topo_pair_publish(&pair, 64, 1, 2);
}

/* ---- snapshot and log ---- */

static void first_what_is_there(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	publish();
	publish();
	topo_pair_withdraw(&pair, 1);
	publish();
	sub = topo_pair_subscribe(&pair, topo_pair_all());
	CHECK(topo_has(sub) && topo_pull(&pair.topo.subs) == sub);
	CHECK(!topo_pull(&pair.topo.subs));
	CHECK_STR(topo_pair_events(&pair, sub), "snapshot@104 +2 +3 end/0@104");
	CHECK(!topo_has(sub));
	publish();
	topo_pair_withdraw(&pair, 2);
	CHECK(topo_pull(&pair.topo.subs) == sub && !topo_pull(&pair.topo.subs));
	CHECK_EQ(topo_lag(sub), 2);
	CHECK_STR(topo_pair_events(&pair, sub), "+4@105 -2@106");
	CHECK_EQ(topo_lag(sub), 0);
	CHECK_EQ(topo_overruns(sub), 0);
	topo_pair_fini(&pair);
}

/* Events of other types, ranges, scopes, nodes wake nobody, whatever the log does. */
static void others_are_nothing(void)
{
	struct topo_request node = topo_pair_all(), local = topo_pair_all();
	struct topo_sub *subs[4];

	topo_pair_init(&pair, LOG);
	node.node = TOPO_PAIR_NODE + 1;
	local.scope = TOPO_SCOPE_NODE;
	subs[0] = topo_pair_subscribe(&pair, range(65, 0, UINT32_MAX));
	subs[1] = topo_pair_subscribe(&pair, range(64, 3, 9));
	subs[2] = topo_pair_subscribe(&pair, node);
	subs[3] = topo_pair_subscribe(&pair, local);
	for (unsigned i = 0; i < 4; i++)
		CHECK_STR(topo_pair_events(&pair, subs[i]), "snapshot@100 end/0@100");
	CHECK(!topo_pull(&pair.topo.subs));
	for (unsigned i = 0; i < 3 * LOG; i++)
		publish();
	CHECK(!topo_pull(&pair.topo.subs));
	topo_pair_publish(&pair, 64, 0, 3);
	CHECK(topo_pull(&pair.topo.subs) == subs[1] && !topo_pull(&pair.topo.subs));
	CHECK_STR(topo_pair_events(&pair, subs[1]), "+13@113");
	topo_pair_fini(&pair);
}

/* Types with the same remainder share a list. */
static void lists_are_shared(void)
{
	struct topo_sub *sub, *far;

	topo_pair_init(&pair, LOG);
	sub = topo_pair_subscribe(&pair, range(64, 0, 9));
	far = topo_pair_subscribe(&pair, range(64 + TOPO_SUB_LISTS, 0, 9));
	topo_pair_events(&pair, sub);
	topo_pair_events(&pair, far);
	topo_pair_publish(&pair, 64 + TOPO_SUB_LISTS, 1, 1);
	CHECK(!topo_has(sub));
	CHECK_STR(topo_pair_events(&pair, far), "+1@101");
	topo_pair_fini(&pair);
}

static void not_taken_is_told_again(void)
{
	struct topo_sub *sub;
	size_t n;

	topo_pair_init(&pair, LOG);
	sub = topo_pair_subscribe(&pair, topo_pair_all());
	n = topo_fill(&pair.topo.subs, sub, buf, sizeof buf);
	CHECK_EQ(n, 2 * TOPO_EVENT_HEAD);
	CHECK_EQ(topo_fill(&pair.topo.subs, sub, buf, sizeof buf), n);
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "snapshot@101 +1 end/0@101");
	publish();
	publish();
	n = topo_fill(&pair.topo.subs, sub, buf, sizeof buf);
	CHECK_EQ(n, 2 * TOPO_EVENT_MAX);
	CHECK_EQ(topo_lag(sub), 2);
	CHECK_STR(topo_pair_some(&pair, sub, 1), "+2@102");
	CHECK_EQ(topo_fill(&pair.topo.subs, sub, buf, sizeof buf), TOPO_EVENT_MAX);
	CHECK_STR(topo_pair_events(&pair, sub), "+3@103");
	/* One that has nothing fills nothing. */
	CHECK_EQ(topo_fill(&pair.topo.subs, sub, buf, sizeof buf), 0);
	topo_taken(&pair.topo.subs, sub);
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+4@104");
	topo_pair_fini(&pair);
}

/* Each one as often as the room takes it whole. */
static void room_is_kept(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = topo_pair_subscribe(&pair, topo_pair_all());
	topo_pair_events(&pair, sub);
	for (unsigned i = 0; i < LOG; i++)
		publish();
	for (size_t room = TOPO_EVENT_MAX; room <= sizeof buf; room += 8)
		CHECK_EQ(topo_fill(&pair.topo.subs, sub, buf, room),
			 room / TOPO_EVENT_MAX * TOPO_EVENT_MAX);
	topo_pair_fini(&pair);
}

/* ---- the log goes past ---- */

static struct topo_sub *caught_up(struct topo_request r)
{
	struct topo_sub *sub = topo_pair_subscribe(&pair, r);

	topo_pair_events(&pair, sub);
	while (topo_pull(&pair.topo.subs))
		;
	return sub;
}

static void state_in_place_of_events(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = caught_up(topo_pair_all());
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101");
	for (unsigned i = 2; i <= 5; i++)
		publish();
	CHECK_STR(topo_pair_some(&pair, sub, 1), "+2@102");
	publish();
	topo_pair_withdraw(&pair, 1);
	topo_pair_withdraw(&pair, 4);
	/* 3 to 6, and two withdrawals: one more than the log has. */
	CHECK_EQ(topo_lag(sub), 6);
	CHECK_STR(topo_pair_events(&pair, sub), "snapshot@108 +2 +3 +5 +6 end/6@108");
	CHECK_EQ(topo_overruns(sub), 1);
	CHECK(!topo_has(sub));
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+7@109");
	topo_pair_fini(&pair);
}

/* At the last entry that it has. */
static void log_just_reaches(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = caught_up(topo_pair_all());
	for (unsigned i = 0; i < LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+1@101 +2@102 +3@103 +4@104");
	CHECK_EQ(topo_overruns(sub), 0);
	topo_pair_fini(&pair);
}

/* Nothing is lost while only others' entries leave the log. */
static void others_leave_the_log(void)
{
	struct topo_request r = range(65, 0, 9);
	struct topo_sub *sub;

	r.flags = TOPO_REQ_STRICT;
	topo_pair_init(&pair, LOG);
	sub = caught_up(r);
	topo_pair_publish(&pair, 65, 0, 0);
	publish();
	publish();
	topo_pair_publish(&pair, 65, 0, 0);
	CHECK_STR(topo_pair_some(&pair, sub, 1), "+1@101");
	publish();
	publish();
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+4@104");
	CHECK_EQ(topo_overruns(sub), 0);
	topo_pair_fini(&pair);
}

static void strict_ones_end(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_STRICT;
	topo_pair_init(&pair, LOG);
	sub = caught_up(r);
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK(!topo_ended(sub));
	CHECK_STR(topo_pair_events(&pair, sub), "overrun");
	CHECK(topo_ended(sub) && !topo_has(sub));
	CHECK_EQ(topo_overruns(sub), 1);
	publish();
	CHECK(!topo_has(sub) && !topo_pull(&pair.topo.subs));
	topo_cancel(&pair.topo.subs, sub);
	topo_pair_fini(&pair);
}

/* ---- a snapshot while the table changes ---- */

static struct topo_sub *in_snapshot(struct topo_request r, unsigned rows)
{
	struct topo_sub *sub;

	for (unsigned i = 0; i < rows; i++)
		publish();
	sub = topo_pair_subscribe(&pair, r);
	CHECK_STR(topo_pair_some(&pair, sub, 1), rows ? "snapshot@103" : "snapshot@100");
	return sub;
}

static void snapshot_is_of_one_moment(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = in_snapshot(topo_pair_all(), 3);
	CHECK_STR(topo_pair_some(&pair, sub, 1), "+1");
	topo_pair_withdraw(&pair, 1);
	topo_pair_withdraw(&pair, 3);
	publish();
	CHECK_EQ(topo_lag(sub), 3);
	CHECK_STR(topo_pair_events(&pair, sub), "+2 +3 end/0@103 -1@104 -3@105 +4@106");
	topo_pair_fini(&pair);
}

/* The rows that are missing have left the log, too: another snapshot follows. */
static void snapshot_is_not_whole(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = in_snapshot(topo_pair_all(), 3);
	/* The cursor stands at 2. */
	CHECK_STR(topo_pair_some(&pair, sub, 1), "+1");
	topo_pair_withdraw(&pair, 2);
	topo_pair_withdraw(&pair, 3);
	for (unsigned i = 0; i < LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub),
		  "end/?@103 snapshot@109 +1 +4 +5 +6 +7 end/0@109");
	CHECK_EQ(topo_overruns(sub), 1);
	topo_pair_fini(&pair);
}

/* ... of one that was whole before: all that was skipped is counted at the end of the next. */
static void skipped_add_up(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = caught_up(topo_pair_all());
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_STR(topo_pair_some(&pair, sub, 2), "snapshot@105 +1");
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_STR(topo_pair_some(&pair, sub, 4), "+2 +3 +4 +5");
	publish();
	CHECK_STR(topo_pair_events(&pair, sub),
		  "end/?@105 snapshot@111 +1 +2 +3 +4 +5 +6 +7 +8 +9 +10 +11 end/11@111");
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_EQ(topo_overruns(sub), 2);
	topo_pair_events(&pair, sub);
	CHECK(strstr(pair.text, "end/5@116") != NULL);
	topo_pair_fini(&pair);
}

/* Others' entries take nothing from it. */
static void snapshot_is_whole_without_others(void)
{
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	sub = in_snapshot(range(64, 0, 9), 3);
	for (unsigned i = 0; i <= LOG; i++)
		topo_pair_publish(&pair, 65, 0, 0);
	CHECK_STR(topo_pair_events(&pair, sub), "+1 +2 +3 end/0@104");
	CHECK_EQ(topo_overruns(sub), 0);
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+9@109");
	topo_pair_fini(&pair);
}

static void strict_ones_end_in_a_snapshot(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_STRICT;
	topo_pair_init(&pair, LOG);
	sub = in_snapshot(r, 3);
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+1 +2 +3 end/?@103 overrun");
	topo_pair_fini(&pair);
}

/* ---- resumption ---- */

static const char *resume(uint64_t epoch, uint64_t index, uint8_t flags)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = TOPO_REQ_RESUME | flags;
	r.from = (struct topo_position){ .epoch = epoch, .index = index };
	sub = topo_pair_subscribe(&pair, r);
	topo_pair_events(&pair, sub);
	topo_cancel(&pair.topo.subs, sub);
	return pair.text;
}

/* Entries 102 to 105 are there. */
static void resumes_where_it_was(void)
{
	topo_pair_init(&pair, LOG);
	for (unsigned i = 0; i < 6; i++)
		publish();
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 106, 0), "");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 105, 0), "+6@106");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 102, 0), "+3@103 +4@104 +5@105 +6@106");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 101, 0),
		  "snapshot@106 +1 +2 +3 +4 +5 +6 end/0@106");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 101, TOPO_REQ_STRICT), "overrun");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 102, TOPO_REQ_STRICT), "+3@103 +4@104 +5@105 +6@106");
	topo_pair_fini(&pair);
}

static void resumes_not_elsewhere(void)
{
	topo_pair_init(&pair, LOG);
	publish();
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 102, 0), "snapshot@101 +1 end/0@101");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, UINT64_MAX, 0), "snapshot@101 +1 end/0@101");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 0, 0), "snapshot@101 +1 end/0@101");
	CHECK_STR(resume(TOPO_PAIR_EPOCH + 1, 101, 0), "snapshot@101 +1 end/0@101");
	CHECK_STR(resume(TOPO_PAIR_EPOCH + 1, 101, TOPO_REQ_STRICT), "overrun");
	CHECK_STR(resume(TOPO_PAIR_EPOCH, 101, 0), "");
	topo_pair_fini(&pair);
}

/* One that resumed is as one that was never away. */
static void resumed_ones_go_on(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	topo_pair_init(&pair, LOG);
	publish();
	r.flags = TOPO_REQ_RESUME;
	r.from = (struct topo_position){ .epoch = TOPO_PAIR_EPOCH, .index = 101 };
	sub = topo_pair_subscribe(&pair, r);
	CHECK(!topo_has(sub) && !topo_pull(&pair.topo.subs));
	publish();
	CHECK_STR(topo_pair_events(&pair, sub), "+2@102");
	for (unsigned i = 0; i <= LOG; i++)
		publish();
	CHECK_STR(topo_pair_events(&pair, sub), "snapshot@107 +1 +2 +3 +4 +5 +6 +7 end/5@107");
	topo_pair_fini(&pair);
}

/* ---- cancel ---- */

/* Of several that are alike, it is the one that was meant. */
static void cancel_is_of_one(void)
{
	struct topo_sub *subs[3];

	for (unsigned i = 0; i < 3; i++) {
		topo_pair_init(&pair, LOG);
		for (unsigned k = 0; k < 3; k++)
			subs[k] = topo_pair_subscribe(&pair, topo_pair_all());
		topo_cancel(&pair.topo.subs, subs[i]);
		publish();
		for (unsigned k = 0; k < 3; k++)
			if (k != i)
				CHECK_STR(topo_pair_events(&pair, subs[k]),
					  "snapshot@101 +1 end/0@101");
		topo_pair_fini(&pair);
	}
}

static void subscriptions_are_bounded(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub = NULL;
	uint64_t before;

	topo_pair_init(&pair, LOG);
	before = pair.n_bytes;
	for (unsigned i = 0; i < 100; i++)
		sub = topo_pair_subscribe(&pair, r);
	/* The bound is 100. */
	CHECK(pair.n_bytes - before <= 100 * 512);
	before = pair.n_bytes;
	for (unsigned i = 0; i < 65536; i++) {
		struct topo_sub *more = NULL;

		if (topo_subscribe(&pair.topo.subs, &r, 0, NULL, &more) != -ENOSPC || more)
			CHECK(!"one more is refused");
	}
	CHECK_EQ(pair.n_bytes, before);
	topo_cancel(&pair.topo.subs, sub);
	topo_pair_subscribe(&pair, r);
	topo_pair_fini(&pair);
}

int main(void)
{
	RUN(first_what_is_there);
	RUN(others_are_nothing);
	RUN(lists_are_shared);
	RUN(not_taken_is_told_again);
	RUN(room_is_kept);
	RUN(state_in_place_of_events);
	RUN(log_just_reaches);
	RUN(others_leave_the_log);
	RUN(strict_ones_end);
	RUN(snapshot_is_of_one_moment);
	RUN(snapshot_is_not_whole);
	RUN(skipped_add_up);
	RUN(snapshot_is_whole_without_others);
	RUN(strict_ones_end_in_a_snapshot);
	RUN(resumes_where_it_was);
	RUN(resumes_not_elsewhere);
	RUN(resumed_ones_go_on);
	RUN(cancel_is_of_one);
	RUN(subscriptions_are_bounded);
	return check_done();
}
