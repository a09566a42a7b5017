/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what comes back in a view of the cluster: incarnations after a partition, nodes
 * after their removal, the service after its loss. Knows nothing of corosync.
 */
#include "tests/lib/view_fixture.h"

static const unsigned two[] = { 1, 2 };

/* Cut off without quorum, and back with the same process: it was us who were away. */
static void cut_off(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	says("quorum 0;failed 2 b1;note 1;self lost;");
}

/* Cut off twice without quorum: what failed first was never asked for, and counts. */
static void a_second_failure_is_fenced_if_the_first_was_not(void)
{
	cut_off();
	view_renewed(&v, 0xa2, now);
	conclude();
	greet(2, GREETING_HELLO, 0xb1);
	gone(2, VIEW_NODEDOWN);
	says("addrs 2 1 10.0.0.2;joined 2 b1;failed 2 b1;");
	rings(9, 9, true);
	says("quorum 1;fence 2 b1;");
}

/* It was back in between: what is gone now has left in order. */
static void who_came_back_and_left_is_not_fenced(void)
{
	cut_off();
	view_renewed(&v, 0xa2, now);
	conclude();
	greet(2, GREETING_HELLO, 0xb2);
	greet(2, GREETING_GOODBYE, 0xb2);
	gone(2, VIEW_LEAVE);
	says("addrs 2 1 10.0.0.2;joined 2 b2;leaving 2 b2;left 2 b2;");
	rings(9, 9, true);
	says("quorum 1;");
}

/* Between two of ours those of others come and go untold; the next one meets all present. */
static void between_two_incarnations_nobody_is_told(void)
{
	static const unsigned three[] = { 1, 2, 3 };

	cut_off();
	group(three, 3);
	greet(2, GREETING_HELLO, 0xb1);
	greet(3, GREETING_HELLO, 0xc1);
	greet(3, GREETING_GOODBYE, 0xc1);
	greet(2, GREETING_HELLO, 0xb2);
	says("addrs 2 1 10.0.0.2;addrs 3 1 10.0.0.3;addrs 2 1 10.0.0.2;");
	view_renewed(&v, 0xa2, now);
	conclude();
	says("joined 2 b2;joined 3 c1;leaving 3 c1;");
}

/* A node that failed between them is fenced all the same, once an incarnation can ask. */
static void who_fails_between_two_incarnations_is_fenced(void)
{
	cut_off();
	greet(2, GREETING_HELLO, 0xb1);
	gone(2, VIEW_NODEDOWN);
	rings(9, 9, true);
	says("addrs 2 1 10.0.0.2;quorum 1;");
	view_renewed(&v, 0xa2, now);
	conclude();
	says("fence 2 b1;");
}

/* Joined and taken off the list between them: the new incarnation never heard of it. */
static void who_is_off_the_list_between_two_incarnations_is_not_met(void)
{
	static const unsigned less[] = { 1, 3 };

	cut_off();
	greet(2, GREETING_HELLO, 0xb1);
	nodelist(less, 2);
	says("addrs 2 1 10.0.0.2;");
	view_renewed(&v, 0xa2, now);
	conclude();
	says("remove 2;");
}

/* Its new incarnation is not expected at all, until it is on the list again. */
static void who_renews_off_the_list_is_not_met(void)
{
	static const unsigned less[] = { 1, 3 }, three[] = { 1, 2, 3 };

	together();
	nodelist(less, 2);
	greet(2, GREETING_HELLO, 0xb2);
	says("left 2 b1;");
	nodelist(three, 3);
	says("addrs 2 1 10.0.0.2;joined 2 b2;");
}

/* Listed late, it has a session with us already, and its FIN waits for ours. */
static void who_has_said_goodbye_is_met_and_leaves(void)
{
	static const unsigned less[] = { 1, 3 }, three[] = { 1, 2, 3 };

	view_begin();
	nodelist(less, 2);
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb1);
	greet(2, GREETING_GOODBYE, 0xb1);
	says("remove 2;");
	nodelist(three, 3);
	says("add 2;addrs 2 1 10.0.0.2;joined 2 b1;leaving 2 b1;");
}

/* The lesser part has not heard yet of quorum, and the node is back as another incarnation. */
static void another_incarnation_tells_of_the_end_of_the_last(void)
{
	const struct view_process it = { 2, 21 }, all[] = { { ME, MY_PID }, it };
	const struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb2 };
	static const unsigned three[] = { 1, 2, 3 };
	const struct view_gone lost[] = {
		{ { 2, 20 }, VIEW_NODEDOWN }, { { 3, 30 }, VIEW_NODEDOWN },
	};
	uint8_t bytes[GREETING_MAX];

	together();
	group(three, 3);
	greet(3, GREETING_HELLO, 0xc1);
	says("addrs 3 1 10.0.0.3;joined 3 c1;");
	view_group(&v, MY_PID, all, 1, lost, 2, now);
	conclude();
	view_group(&v, MY_PID, all, 2, NULL, 0, now);
	conclude();
	view_message(&v, &it, bytes, greeting_put(bytes, &g));
	conclude();
	says("failed 2 b1;addrs 2 1 10.0.0.2;joined 2 b2;");
	rings(8, 8, true);
	says("failed 3 c1;fence 3 c1;");
}

static void a_renewed_node_hears_again_who_leaves(void)
{
	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	says("leaving 2 b1;");
	view_renewed(&v, 0xa2, now);
	conclude();
	says("joined 2 b1;leaving 2 b1;");
}

/* Off the list and still there: no session begins with it any more. */
static void a_renewed_node_does_not_meet_who_is_to_go(void)
{
	static const unsigned less[] = { 1, 3 };

	together();
	nodelist(less, 2);
	view_renewed(&v, 0xa2, now);
	conclude();
	says("left 2 b1;remove 2;");
	gone(2, VIEW_NODEDOWN);
	says("");
}

/* Its number may be the one that was known, and mean another ring. */
static void rings_of_a_lost_service_are_forgotten(void)
{
	const struct view_ring seven = { ME, 7 };

	together();
	view_lost(&v);
	conclude();
	says("quorum 0;self lost;");
	view_renewed(&v, 0xa2, now);
	conclude();
	view_quorum(&v, true, &seven);
	conclude();
	group(two, 2);
	says("");
	view_group_ring(&v, &seven);
	conclude();
	view_settle(&v);
	conclude();
	says("quorum 1;");
}

int main(void)
{
	RUN(a_second_failure_is_fenced_if_the_first_was_not);
	RUN(who_came_back_and_left_is_not_fenced);
	RUN(between_two_incarnations_nobody_is_told);
	RUN(who_fails_between_two_incarnations_is_fenced);
	RUN(who_is_off_the_list_between_two_incarnations_is_not_met);
	RUN(who_renews_off_the_list_is_not_met);
	RUN(who_has_said_goodbye_is_met_and_leaves);
	RUN(another_incarnation_tells_of_the_end_of_the_last);
	RUN(a_renewed_node_hears_again_who_leaves);
	RUN(a_renewed_node_does_not_meet_who_is_to_go);
	RUN(rings_of_a_lost_service_are_forgotten);
	return check_done();
}
