/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A subscriber's view of topology: exact events out of those of a server. Knows no carriers; events
 * that cannot come are for test_topo_hostile.c.
 */
#include "services/topo_view.h"
#include "tests/lib/check.h"
#include "tests/lib/topo_pair.h"

#include <errno.h>

#define LOG	4u

static struct topo_pair pair;
static struct topo_view view;

/* ---- exact events ---- */

static void first_then_changes(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 2);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1fg +2f currentf");
	topo_pair_publish_some(&pair, 1);
	topo_pair_withdraw(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+3 -1");
	CHECK_EQ(view.position.index, 104);
	CHECK_EQ(view.position.epoch, TOPO_PAIR_EPOCH);
	CHECK_EQ(view.n_told, 2);
	topo_pair_end(&pair, &view);
}

static void nothing_is_there(void)
{
	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	CHECK_STR(topo_pair_told(&pair, topo_pair_attach(&pair, &view), &view), "currentf");
	topo_pair_end(&pair, &view);
}

static void what_was_told_is_found(void)
{
	struct topo_id id = { .incarnation = TOPO_PAIR_LIFE, .node = TOPO_PAIR_NODE, .pub = 2 };
	struct topo_offer o = topo_pair_offer(64, 1, 2);
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told_some(&pair, sub, &view, 3);
	CHECK(!topo_view_find(&view, &id));	/* the snapshot goes on */
	topo_pair_told(&pair, sub, &view);
	CHECK(topo_view_find(&view, &id) && topo_row_says(topo_view_find(&view, &id), &o));
	topo_pair_withdraw(&pair, 2);
	topo_pair_told(&pair, sub, &view);
	CHECK(!topo_view_find(&view, &id));
	topo_pair_end(&pair, &view);
}

/* Those that have gone, NODE last; then those that are new; others are not told again. */
static void compared_with_what_was_told(void)
{
	struct topo_offer node = topo_pair_offer(TOPO_NODE, 3, 3);
	struct topo_owner o;
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_owner_init_peer(&o, 3, 5, 10);
	node.scope = TOPO_SCOPE_NODE;
	CHECK_EQ(topo_publish(&pair.topo, &o, &node, TOPO_PUB_NODE), 0);
	node = topo_pair_offer(64, 0, 0);
	CHECK_EQ(topo_publish(&pair.topo, &o, &node, 77), 0);
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+0fg +77fg +1fg +2fg +3f currentf");
	topo_pair_withdraw(&pair, 2);
	topo_pair_publish_some(&pair, 2);
	topo_pair_withdraw(&pair, 4);
	topo_leave(&pair.topo, &o);
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-77cg -2cg -0cg +5cg +6c current");
	CHECK_EQ(view.n_collapsed, 5);
	CHECK_EQ(view.n_unseen, 1);
	CHECK_EQ(view.n_told, 4);
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+7");
	topo_pair_end(&pair, &view);
}

static void nothing_has_changed(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 1);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, 3);
	for (unsigned i = 2; i <= 4; i++)
		topo_pair_withdraw(&pair, i);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "current");
	CHECK_EQ(view.n_collapsed, 0);
	CHECK_EQ(view.n_unseen, 3);
	topo_pair_end(&pair, &view);
}

/* A first snapshot that is not whole, and one behind it. */
static void twice_until_it_is_current(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told_some(&pair, sub, &view, 2), "");
	topo_pair_withdraw(&pair, 1);
	topo_pair_withdraw(&pair, 2);
	topo_pair_publish_some(&pair, 4);
	CHECK_STR(topo_pair_told(&pair, sub, &view),
		  "+1fg +3f -1fcg +4fcg +5fcg +6fcg +7fc currentf");
	CHECK_EQ(view.n_collapsed, 5);
	CHECK_EQ(view.n_unseen, 0);
	topo_pair_end(&pair, &view);
}

static void groups_are_told(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_leave(&pair.topo, &pair.a);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1g -2g -3");
	topo_pair_end(&pair, &view);
}

static void time_is_told(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_event e = { .what = TOPO_TIMEOUT };

	r.timeout_ms = 0;
	topo_pair_begin(&pair, &view, LOG, r);
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, topo_pair_attach(&pair, &view), &view),
		  "+1f currentf timeout");
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_view_lost(&view);
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_pair_end(&pair, &view);
}

/* ---- lost and found ---- */

static void resumes(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 1);
	sub = topo_pair_attach(&pair, &view);
	CHECK(!(sub->request.flags & TOPO_REQ_RESUME));
	topo_pair_told(&pair, sub, &view);
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_EQ(sub->request.flags, TOPO_REQ_RESUME);
	CHECK_EQ(sub->request.from.index, 101);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "");
	CHECK_EQ(view.phase, TOPO_VIEW_FRESH);
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+2");
	CHECK_EQ(view.phase, TOPO_VIEW_TAIL);
	topo_pair_publish_some(&pair, 2);
	topo_pair_withdraw(&pair, 1);
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+3 +4 -1");
	topo_pair_publish_some(&pair, LOG + 1);
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+5cg +6cg +7cg +8cg +9c current");
	CHECK_EQ(view.n_unseen, 0);
	topo_pair_end(&pair, &view);
}

static void resumes_at_another_life(void)
{
	struct topo_config cfg;
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 2);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_fini(&pair.topo);
	topo_view_lost(&view);
	cfg = topo_pair_config(&pair, LOG);
	cfg.epoch++;
	cfg.own_incarnation++;
	CHECK(topo_init(&pair.topo, &cfg) == 0);
	topo_owner_init(&pair.a, &pair.topo, TOPO_LOCAL, UINT32_MAX);
	topo_pair_publish_some(&pair, 2);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1cg -2cg +1cg +2c current");
	topo_pair_end(&pair, &view);
}

/* Where another view was, of which it knows nothing. */
static struct topo_sub *begin_elsewhere(uint64_t epoch, uint64_t index, uint8_t flags)
{
	struct topo_request r = topo_pair_all();

	topo_pair_init(&pair, LOG);
	topo_pair_publish_some(&pair, 3);
	r.flags = TOPO_REQ_RESUME | flags;
	r.from = (struct topo_position){ .epoch = epoch, .index = index };
	topo_pair_view(&pair, &view, r);
	return topo_pair_attach(&pair, &view);
}

static void resumes_for_another(void)
{
	struct topo_sub *sub = begin_elsewhere(TOPO_PAIR_EPOCH, 102, 0);

	CHECK_STR(topo_pair_told(&pair, sub, &view), "+3");
	topo_pair_withdraw(&pair, 1);
	topo_pair_withdraw(&pair, 3);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1 -3");
	CHECK_EQ(view.n_told, 0);
	/* Its own position is as good as any. */
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_EQ(sub->request.from.index, 105);
	topo_pair_withdraw(&pair, 2);
	pair.fail_at = pair.n_asked + 1;
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-12");
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-2");
	topo_pair_end(&pair, &view);
}

static void resumes_for_another_too_late(void)
{
	struct topo_event e = { .what = TOPO_WITHDRAWN, .name = { 64, 1, 1 },
		.scope = TOPO_SCOPE_CLUSTER, .node = 3, .pub = 4, .position = 104 };
	struct topo_sub *sub = begin_elsewhere(TOPO_PAIR_EPOCH + 1, 102, 0);

	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1fcg +2fcg +3fc currentf");
	/* Now it does know. */
	CHECK_EQ(topo_view_event(&view, &e), -EPROTO);
	topo_pair_end(&pair, &view);
	sub = begin_elsewhere(TOPO_PAIR_EPOCH, 104, TOPO_REQ_STRICT);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "overrun");
	topo_pair_end(&pair, &view);
}

static void lost_in_a_snapshot(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 1);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, LOG + 1);
	topo_pair_told_some(&pair, sub, &view, 4);
	CHECK_EQ(view.phase, TOPO_VIEW_SHOWN);
	/* It is still at the old position; the same rows come again. */
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_EQ(sub->request.from.index, 101);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+2cg +3cg +4cg +5cg +6c current");
	topo_pair_end(&pair, &view);
}

/* Behind one that was not whole there is no position. */
static struct topo_sub *lost_behind_half(uint8_t flags)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;

	r.flags = flags;
	topo_pair_begin(&pair, &view, LOG, r);
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, LOG + 1);
	topo_pair_told_some(&pair, sub, &view, 2);
	topo_pair_withdraw(&pair, 7);
	topo_pair_publish_some(&pair, LOG);
	return sub;
}

static void lost_behind_half_a_snapshot(void)
{
	struct topo_sub *sub = lost_behind_half(0);
	struct topo_event e = { .what = TOPO_SNAPSHOT_END, .incarnation = TOPO_PAIR_EPOCH,
		.position = 108, .n_skipped = TOPO_SKIPPED_UNKNOWN };
	struct topo_told t;

	CHECK_EQ(topo_view_event(&view, &e), 0);
	while (topo_view_next(&view, &t))
		CHECK(t.what == TOPO_TOLD_WITHDRAWN && t.collapsed);
	CHECK_EQ(view.phase, TOPO_VIEW_AGAIN);
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_EQ(sub->request.flags, 0);
	CHECK_STR(topo_pair_told(&pair, sub, &view),
		  "+2cg +3cg +4cg +5cg +6cg +8cg +9cg +10cg +11cg +12c current");
	CHECK_EQ(view.n_unseen, 0);
	topo_pair_end(&pair, &view);
}

/* A strict one is told that events are lost, even then. */
static void strict_ones_hear_of_it(void)
{
	struct topo_request r = topo_pair_all();
	struct topo_event snapshot = { .what = TOPO_SNAPSHOT, .incarnation = TOPO_PAIR_EPOCH,
		.position = 104 };
	struct topo_event half = { .what = TOPO_SNAPSHOT_END, .incarnation = TOPO_PAIR_EPOCH,
		.position = 104, .n_skipped = TOPO_SKIPPED_UNKNOWN };
	struct topo_told t;
	struct topo_sub *sub;

	r.flags = TOPO_REQ_STRICT;
	topo_pair_begin(&pair, &view, LOG, r);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, LOG + 1);
	CHECK_EQ(topo_view_event(&view, &snapshot), 0);
	CHECK_EQ(topo_view_event(&view, &half), 0);
	CHECK(!topo_view_next(&view, &t));
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_EQ(sub->request.flags, TOPO_REQ_STRICT | TOPO_REQ_RESUME);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "overrun");
	CHECK_EQ(view.phase, TOPO_VIEW_OVER);
	topo_pair_end(&pair, &view);
}

/* Changes that were found on a connection that is lost are not counted with the next one. */
static void counts_begin_anew(void)
{
	struct topo_sub *sub = lost_behind_half(0);

	topo_pair_told_some(&pair, sub, &view, 4);
	sub = topo_pair_again(&pair, &view, sub);
	topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, 1);
	topo_pair_told(&pair, sub, &view);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t pub = topo_pair_publish(&pair, 64, 1, 1);

		topo_pair_withdraw(&pair, pub);
	}
	CHECK_STR(topo_pair_told(&pair, sub, &view), "current");
	CHECK_EQ(view.n_unseen, 3);
	topo_pair_end(&pair, &view);
}

/* ---- limits ---- */

static void rows_are_bounded(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	view.cfg.max_rows = 3;
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "+1fg +2fg +3f currentf");
	topo_pair_publish_some(&pair, 1);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-28");
	topo_pair_withdraw(&pair, 2);
	/* It goes on where it was, and cannot, until there is a snapshot. */
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-28");
	for (unsigned i = 0; i < LOG; i++) {
		topo_pair_withdraw(&pair, 4 + i);
		topo_pair_publish_some(&pair, 1);
	}
	sub = topo_pair_again(&pair, &view, sub);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-2cg +8c current");
	topo_pair_end(&pair, &view);
}

/* All of them are new, and as many as there may be. */
static void rows_are_bounded_by_state(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	view.cfg.max_rows = 3;
	topo_pair_publish_some(&pair, 3);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_leave(&pair.topo, &pair.a);
	topo_pair_publish_some(&pair, 3);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1cg -2cg -3cg +4cg +5cg +6c current");
	topo_leave(&pair.topo, &pair.a);
	topo_pair_publish_some(&pair, 4);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-28");
	topo_pair_end(&pair, &view);
}

/* The k-th allocation of the view fails: another connection ends with the same. */
static bool without_memory(uint64_t k, bool in_tail)
{
	struct topo_request r = topo_pair_all();
	struct topo_sub *sub;
	bool failed;

	r.flags = TOPO_REQ_EDGE;
	topo_pair_begin(&pair, &view, LOG, r);
	sub = topo_pair_attach(&pair, &view);
	if (in_tail)
		topo_pair_told(&pair, sub, &view);
	topo_pair_publish_some(&pair, 2);
	topo_pair_publish(&pair, 65, 1, 2);
	pair.fail_at = pair.n_asked + k;
	topo_pair_told(&pair, sub, &view);
	failed = view.phase == TOPO_VIEW_BROKEN;
	CHECK(!failed || strstr(pair.text, "-12") != NULL);
	if (failed)
		topo_pair_told(&pair, topo_pair_again(&pair, &view, sub), &view);
	CHECK_EQ(view.n_told, 3);
	CHECK_EQ(view.edges.found.n, 2);
	topo_pair_end(&pair, &view);
	return failed;
}

static void goes_on_after_no_memory(void)
{
	for (unsigned in_tail = 0; in_tail < 2; in_tail++) {
		uint64_t k = 1;

		while (k < 100 && without_memory(k, in_tail))
			k++;
		CHECK_EQ(k, 6);		/* three rows, two names */
	}
}

/* Numbers that have wrapped: the same identity says something else. */
static void identity_that_was_used_again(void)
{
	struct topo_sub *sub;

	topo_pair_begin(&pair, &view, LOG, topo_pair_all());
	topo_pair_publish_some(&pair, 2);
	sub = topo_pair_attach(&pair, &view);
	topo_pair_told(&pair, sub, &view);
	topo_pair_withdraw(&pair, 1);
	pair.topo.next_pub = 1;
	topo_pair_publish(&pair, 64, 5, 5);
	topo_pair_publish_some(&pair, 3);
	CHECK_STR(topo_pair_told(&pair, sub, &view), "-1cg +1cg +3cg +4cg +5c current");
	CHECK_EQ(view.n_told, 5);
	topo_pair_end(&pair, &view);
}

int main(void)
{
	RUN(first_then_changes);
	RUN(nothing_is_there);
	RUN(what_was_told_is_found);
	RUN(compared_with_what_was_told);
	RUN(nothing_has_changed);
	RUN(twice_until_it_is_current);
	RUN(groups_are_told);
	RUN(time_is_told);
	RUN(resumes);
	RUN(resumes_at_another_life);
	RUN(resumes_for_another);
	RUN(resumes_for_another_too_late);
	RUN(lost_in_a_snapshot);
	RUN(lost_behind_half_a_snapshot);
	RUN(strict_ones_hear_of_it);
	RUN(counts_begin_anew);
	RUN(rows_are_bounded);
	RUN(rows_are_bounded_by_state);
	RUN(goes_on_after_no_memory);
	RUN(identity_that_was_used_again);
	return check_done();
}
