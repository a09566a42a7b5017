/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The view of a node that was away from the others: it takes a new incarnation instead of refusing
 * those who go on. Knows nothing of corosync.
 */
#include "membership/view_poll.h"

#include "tests/lib/check.h"

#define ME	3
#define MS	UINT64_C(1000000)

static struct view v;
static unsigned n_failed, n_lost, n_fences;

static void conclude(void)
{
	struct view_action a;

	while (view_poll(&v, &a)) {
		n_failed += a.what == VIEW_FAILED;
		n_fences += a.what == VIEW_FENCE;
		n_lost += a.what == VIEW_SELF_LOST;
		if (a.what == VIEW_SEND)
			view_sent(&v, true, MS);
	}
}

/* The group is now nodes first .. last, and these have gone; each node has one process. */
static void group(unsigned first, unsigned last, const unsigned *gone, unsigned n_gone)
{
	struct view_process all[8];
	struct view_gone went[8];
	unsigned n = 0, i;

	for (i = first; i <= last; i++)
		all[n++] = (struct view_process){ i, i * 10 };
	for (i = 0; i < n_gone; i++)
		went[i] = (struct view_gone){ { gone[i], gone[i] * 10 }, VIEW_NODEDOWN };
	view_group(&v, ME * 10, all, n, went, n_gone, MS);
	conclude();
}

static void greet(unsigned id)
{
	const struct greeting g = {
		.type = GREETING_HELLO, .nodeid = id, .incarnation = 0xb0 + id,
	};
	const struct view_process from = { id, id * 10 };
	uint8_t bytes[GREETING_MAX];

	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	conclude();
}

static void ring(uint64_t seq, bool is_quorate)
{
	const struct view_ring r = { 1, seq };

	view_group_ring(&v, &r);
	conclude();
	view_quorum(&v, is_quorate, &r);
	conclude();
	view_settle(&v);
	conclude();
}

/* Nodes 1 .. n, all joined, with quorum. */
static void together(unsigned n)
{
	const struct greeting own = { .nodeid = ME, .incarnation = 0xa1 };
	struct view_node nodes[8] = { { .nodeid = 0 } };
	unsigned i;

	n_failed = n_lost = n_fences = 0;
	view_init(&v, &own);
	for (i = 0; i < n; i++)
		nodes[i].nodeid = i + 1;
	view_nodelist(&v, nodes, n);
	conclude();
	group(1, n, NULL, 0);
	ring(7, true);
	for (i = 1; i <= n; i++)
		if (i != ME)
			greet(i);
}

static void the_lesser_part_renews(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	view_settle(&v);
	conclude();
	CHECK_EQ(n_lost, 0);
	ring(8, false);
	CHECK_EQ(n_failed, 0);
	CHECK_EQ(n_lost, 1);
	view_renewed(&v, 0xa2, MS);
	conclude();
	group(1, 3, NULL, 0);
	ring(9, true);
	CHECK_EQ(n_lost, 1);
	CHECK_EQ(n_failed, 0);
	CHECK_EQ(n_fences, 0);
}

/* Votes are not counted by heads. */
static void the_lesser_part_with_quorum_goes_on(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	view_settle(&v);
	conclude();
	CHECK_EQ(n_failed, 0);
	ring(8, true);
	CHECK_EQ(n_failed, 2);
	CHECK_EQ(n_fences, 2);
	CHECK_EQ(n_lost, 0);
}

/* A daemon that hung may say all at once, and nothing of quorum. */
static void who_missed_it_all_renews(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	group(1, 3, NULL, 0);
	CHECK_EQ(n_lost, 1);
	ring(9, true);
	CHECK_EQ(n_failed, 0);
	CHECK_EQ(n_fences, 0);
	CHECK_EQ(n_lost, 1);
}

/* A node that closes cannot begin anew: the others have failed. */
static void a_closing_node_does_not_renew(void)
{
	together(3);
	view_closing(&v, MS);
	conclude();
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	CHECK_EQ(n_failed, 2);
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	view_closing(&v, MS);
	conclude();
	ring(8, false);
	CHECK_EQ(n_failed, 2);
	CHECK_EQ(n_lost, 0);
}

static void the_greater_part_goes_on(void)
{
	together(5);
	group(3, 5, (const unsigned[]){ 1, 2 }, 2);
	CHECK_EQ(n_failed, 2);
	/* They are back, with the same processes, before anything was settled. */
	group(1, 5, NULL, 0);
	ring(8, true);
	CHECK_EQ(n_lost, 0);
	CHECK_EQ(n_fences, 0);
}

/* Quorum's word on the ring before the change is none on those who went. */
static void no_fence_is_asked_for_by_the_quorum_before(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	group(2, 3, NULL, 0);
	CHECK_EQ(n_lost, 1);
	view_renewed(&v, 0xa2, MS);
	conclude();
	CHECK_EQ(n_fences, 0);
	group(1, 3, NULL, 0);
	ring(9, true);
	CHECK_EQ(n_fences, 0);
}

/* Nor of half of them: the other half might ask for our fence by the same word. */
static void halves_wait_for_quorum_of_their_ring(void)
{
	together(4);
	group(3, 4, (const unsigned[]){ 1, 2 }, 2);
	view_settle(&v);
	conclude();
	CHECK_EQ(n_failed, 2);
	CHECK_EQ(n_fences, 0);
	ring(8, false);
	CHECK_EQ(n_fences, 0);
	ring(8, true);
	CHECK_EQ(n_fences, 2);
	CHECK_EQ(n_lost, 0);
}

/* If the others really are dead, they have to be fenced as soon as there is quorum. */
static void what_the_lesser_part_lost_is_fenced(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	ring(8, false);
	view_renewed(&v, 0xa2, MS);
	conclude();
	CHECK_EQ(n_fences, 0);
	group(2, 3, NULL, 0);
	ring(9, true);
	CHECK_EQ(n_fences, 1);
}

static void corosync_is_lost_only_once(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	view_lost(&v);
	conclude();
	CHECK_EQ(n_lost, 1);
	CHECK_EQ(n_failed, 0);
}

/* Programs that end do not make their nodes unheard. */
static void processes_that_end_are_not_counted(void)
{
	together(3);
	view_group(&v, ME * 10, (const struct view_process[]){ { 3, 30 } }, 1,
		   (const struct view_gone[]){ { { 1, 10 }, VIEW_PROCDOWN },
					       { { 2, 20 }, VIEW_PROCDOWN } }, 2, MS);
	conclude();
	CHECK_EQ(n_lost, 0);
	CHECK_EQ(n_failed, 2);
}

/* A second failure of the same incarnation is another one, if it was welcome in between. */
static void who_came_back_is_fenced_again(void)
{
	together(3);
	group(ME, ME, (const unsigned[]){ 1, 2 }, 2);
	ring(8, false);
	view_renewed(&v, 0xa2, MS);
	conclude();
	group(1, 3, NULL, 0);
	ring(9, true);
	greet(1);
	greet(2);
	group(2, 3, (const unsigned[]){ 1 }, 1);
	ring(10, true);
	CHECK_EQ(n_failed, 1);
	CHECK_EQ(n_fences, 1);
}

int main(void)
{
	RUN(the_lesser_part_renews);
	RUN(the_lesser_part_with_quorum_goes_on);
	RUN(who_missed_it_all_renews);
	RUN(a_closing_node_does_not_renew);
	RUN(the_greater_part_goes_on);
	RUN(what_the_lesser_part_lost_is_fenced);
	RUN(no_fence_is_asked_for_by_the_quorum_before);
	RUN(halves_wait_for_quorum_of_their_ring);
	RUN(corosync_is_lost_only_once);
	RUN(processes_that_end_are_not_counted);
	RUN(who_came_back_is_fenced_again);
	return check_done();
}
