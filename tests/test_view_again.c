/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what comes back in a view of the cluster: lives after a partition, nodes
 * after their removal, the service after its loss. Knows nothing of corosync.
 */
#include "tests/view_rig.h"

static const unsigned two[] = { 1, 2 };

/* Cut off twice without quorum: what failed first was never asked for, and counts. */
static void a_second_failure_is_fenced_if_the_first_was_not(void)
{
	together();
	ring(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb1);
	gone(2, VIEW_NODEDOWN);
	says("quorum 0;failed 2 b1;note 1;self lost;addrs 2 1 10.0.0.2;joined 2 b1;"
	     "failed 2 b1;");
	ring(9, 9, true);
	says("quorum 1;fence 2 b1;");
}

/* It was back in between: what is gone now has left in order. */
static void who_came_back_and_left_is_not_fenced(void)
{
	together();
	ring(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb2);
	greet(2, GREETING_GOODBYE, 0xb2);
	gone(2, VIEW_LEAVE);
	says("quorum 0;failed 2 b1;note 1;self lost;addrs 2 1 10.0.0.2;joined 2 b2;"
	     "leaving 2 b2;left 2 b2;");
	ring(9, 9, true);
	says("quorum 1;");
}

static void a_renewed_node_hears_again_who_leaves(void)
{
	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	says("leaving 2 b1;");
	view_renewed(&v, 0xa2, now);
	says("joined 2 b1;leaving 2 b1;");
}

/* Off the list and still there: no session begins with it any more. */
static void a_renewed_node_does_not_meet_who_is_to_go(void)
{
	static const unsigned less[] = { 1, 3 };

	together();
	nodelist(less, 2);
	view_renewed(&v, 0xa2, now);
	says("remove 2;");
	gone(2, VIEW_NODEDOWN);
	says("");
}

/* Its number may be the one that was known, and mean another ring. */
static void rings_of_a_lost_service_are_forgotten(void)
{
	const struct view_ring seven = { ME, 7 };

	together();
	view_lost(&v);
	says("quorum 0;self lost;");
	view_renewed(&v, 0xa2, now);
	view_quorum(&v, true, &seven);
	group(two, 2);
	says("");
	view_group_ring(&v, &seven);
	view_settle(&v);
	says("quorum 1;");
}

int main(void)
{
	RUN(a_second_failure_is_fenced_if_the_first_was_not);
	RUN(who_came_back_and_left_is_not_fenced);
	RUN(a_renewed_node_hears_again_who_leaves);
	RUN(a_renewed_node_does_not_meet_who_is_to_go);
	RUN(rings_of_a_lost_service_are_forgotten);
	return check_done();
}
