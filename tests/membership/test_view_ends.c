/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the ends of incarnations in a view, where more than one thing happens: behind
 * goodbyes, with a second process of the node, off the nodelist, while we have no incarnation.
 * Knows nothing of corosync.
 */
#include "tests/lib/view_fixture.h"

static const unsigned two[] = { 1, 2 }, off[] = { 1, 3 };
static const struct view_process mine = { ME, MY_PID }, second = { 2, 21 };

static void from_process(const struct view_process *from, enum greeting_type type,
			 uint64_t incarnation)
{
	const struct greeting g = { .type = type, .nodeid = from->nodeid,
				    .incarnation = incarnation };
	uint8_t bytes[GREETING_MAX];

	view_message(&v, from, bytes, greeting_put(bytes, &g));
	conclude();
}

/* Both processes of node 2 are in the group; the second one is silent so far. */
static void both_together(void)
{
	const struct view_process all[] = { mine, { 2, 20 }, second };

	together();
	view_group(&v, MY_PID, all, 3, NULL, 0, now);
	conclude();
}

static void the_first_goes(enum view_cause cause)
{
	const struct view_process left[] = { mine, second };
	const struct view_gone first = { { 2, 20 }, cause };

	view_group(&v, MY_PID, left, 2, &first, 1, now);
	conclude();
	view_settle(&v);
	conclude();
}

static void the_second_process_takes_over(void)
{
	both_together();
	from_process(&second, GREETING_HELLO, 0xc1);
	says("note 2;");
	the_first_goes(VIEW_PROCDOWN);
	says("failed 2 b1;addrs 2 1 10.0.0.2;joined 2 c1;");
}

/* It was there all the time: its node runs, and need not be fenced, then or later. */
static void the_second_process_prevents_the_fence(void)
{
	both_together();
	the_first_goes(VIEW_PROCDOWN);
	says("failed 2 b1;");
	view_group(&v, MY_PID, &mine, 1, (const struct view_gone[]){ { second, VIEW_PROCDOWN } },
		   1, now);
	conclude();
	view_settle(&v);
	conclude();
	says("");
}

static void an_entry_off_the_list_waits_for_its_member(void)
{
	const struct view_process left[] = { mine, { 2, 20 } };
	const struct view_gone gone_second = { second, VIEW_PROCDOWN };

	both_together();
	nodelist(off, 2);
	view_group(&v, MY_PID, left, 2, &gone_second, 1, now);
	conclude();
	says("");
	gone(2, VIEW_PROCDOWN);
	says("left 2 b1;remove 2;");
}

static void a_goodbye_is_of_one_incarnation(void)
{
	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	greet(2, GREETING_HELLO, 0xb2);
	says("leaving 2 b1;failed 2 b1;addrs 2 1 10.0.0.2;joined 2 b2;");
	gone(2, VIEW_LEAVE);
	says("failed 2 b2;fence 2 b2;");

	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	greet(2, GREETING_GOODBYE, 0xb2);
	says("leaving 2 b1;failed 2 b1;addrs 2 1 10.0.0.2;joined 2 b2;leaving 2 b2;");
}

static void who_was_fenced_before_it_fails_needs_no_fence(void)
{
	together();
	from_process(&(const struct view_process){ 2, 20 }, GREETING_FENCED, 0xb1);
	gone(2, VIEW_PROCDOWN);
	says("fenced 2 b1;failed 2 b1;");
}

static void the_fence_of_another_incarnation_is_none(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	from_process(&(const struct view_process){ 2, 20 }, GREETING_FENCED, 0xb0);
	rings(9, 9, true);
	says("quorum 0;failed 2 b1;fenced 2 b0;quorum 1;fence 2 b1;");
}

static void each_failure_has_its_cause(void)
{
	static const enum view_cause causes[] = {
		VIEW_LEAVE, VIEW_PROCDOWN, VIEW_NODEDOWN, VIEW_RENEWED,
	};
	const struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb2 };
	const struct view_process it = { 2, 20 };
	uint8_t bytes[GREETING_MAX];
	struct view_action a;

	for (unsigned i = 0; i < 4; i++) {
		const struct view_gone last = { it, causes[i] };

		together();
		if (causes[i] == VIEW_RENEWED)
			view_message(&v, &it, bytes, greeting_put(bytes, &g));
		else
			view_group(&v, MY_PID, &mine, 1, &last, 1, now);
		CHECK(view_poll(&v, &a));
		CHECK_EQ(a.what, VIEW_FAILED);
		CHECK_EQ(a.cause, causes[i]);
		conclude();
	}
}

/* Of processes that are not in the group, or not any more. */
static void strangers_mean_nothing(void)
{
	together();
	greet(3, GREETING_HELLO, 0xc1);
	member_goes(3, VIEW_NODEDOWN);
	CHECK(v.quorum.is_over);
	rings(8, 8, true);
	says("");
	/* Another node's process may have the number of ours. */
	view_group(&v, MY_PID, (const struct view_process[]){ mine, { 2, 20 }, { 3, MY_PID } }, 3,
		   NULL, 0, now);
	conclude();
	from_process(&(const struct view_process){ 3, MY_PID }, GREETING_HELLO, 0xc1);
	says("addrs 3 1 10.0.0.3;joined 3 c1;");
}

/* Only incarnations that are lost count against those that stay. */
static void silent_processes_are_no_part_of_the_cluster(void)
{
	const struct view_process all[] = { mine, { 2, 20 }, { 3, 30 }, { 3, 31 }, { 3, 32 } };
	const struct view_gone lost[] = {
		{ { 3, 31 }, VIEW_NODEDOWN }, { { 3, 30 }, VIEW_NODEDOWN },
		{ { 3, 32 }, VIEW_NODEDOWN },
	};

	together();
	view_group(&v, MY_PID, all, 5, NULL, 0, now);
	conclude();
	greet(3, GREETING_HELLO, 0xc1);
	said[0] = '\0';
	view_group(&v, MY_PID, all, 2, lost, 3, now);
	conclude();
	says("failed 3 c1;");
}

static void quorum_is_of_a_group_that_is_known(void)
{
	const struct view_ring none = { 0, 0 };

	view_begin();
	rings(7, 7, true);
	CHECK(!view_is_whole(&v));
	view_begin();
	view_quorum(&v, true, &none);
	conclude();
	group((const unsigned[]){ 1 }, 1);
	says("");
	CHECK(!view_is_whole(&v));
}

static void only_our_goodbye_is_out(void)
{
	together();
	from_process(&mine, GREETING_HELLO, 0xa1);
	view_message(&v, &mine, (const uint8_t *)"hello", 5);
	conclude();
	CHECK(!v.is_goodbye_out);
	from_process(&mine, GREETING_GOODBYE, 0xa1);
	CHECK(v.is_goodbye_out);
	/* It stays out. */
	from_process(&mine, GREETING_HELLO, 0xa1);
	CHECK(v.is_goodbye_out);
	says("");
}

static void an_observer_has_no_goodbye(void)
{
	view_begin_as(GREETING_OBSERVER);
	group((const unsigned[]){ 1 }, 1);
	view_closing(&v, now);
	run_to(1);
	CHECK_EQ(n_sent, 1);
	CHECK_EQ(sent.type, GREETING_OBSERVER);
	/* All others are no observers. */
	view_begin_as((enum greeting_type)0);
	group((const unsigned[]){ 1 }, 1);
	run_to(50);
	CHECK_EQ(sent.type, GREETING_HELLO);
}

static void a_loss_is_one_however_often_it_is_said(void)
{
	together();
	view_lost(&v);
	conclude();
	view_lost(&v);
	conclude();
	says("quorum 0;self lost;");
}

/* A failure before the loss of the service is not fenced behind it. */
static void a_loss_forgets_what_was_to_be_fenced(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	view_lost(&v);
	conclude();
	says("quorum 0;failed 2 b1;self lost;");
	view_renewed(&v, 0xa2, now);
	conclude();
	group((const unsigned[]){ 1 }, 1);
	rings(9, 9, true);
	says("quorum 1;");
}

static void a_loss_removes_what_is_off_the_list(void)
{
	together();
	nodelist(off, 2);
	view_lost(&v);
	conclude();
	says("quorum 0;self lost;remove 2;");
	CHECK_EQ(v.n_entries, 1);
}

/* Failed towards the last incarnation, which the node itself gave up. */
static void who_is_back_after_our_renewal_is_welcome(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	says("quorum 0;failed 2 b1;");
	view_renewed(&v, 0xa2, now);
	conclude();
	group(two, 2);
	says("");
}

/* It failed with quorum, and its fence was asked for: nobody says that we were away. */
static void who_is_back_behind_its_fence_is_no_reason(void)
{
	together();
	gone(2, VIEW_PROCDOWN);
	rings(8, 8, false);
	says("failed 2 b1;fence 2 b1;quorum 0;");
	group(two, 2);
	says("");
}

/* A node that closes, or renews already, does not begin anew. */
static void we_are_away_only_once(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	view_closing(&v, now);
	group(two, 2);
	says("quorum 0;failed 2 b1;");

	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	says("quorum 0;failed 2 b1;note 1;self lost;");
	greet(2, GREETING_HELLO, 0xb1);
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	says("addrs 2 1 10.0.0.2;");
}

/* Met and gone, without an incarnation of ours that could have a session with it. */
static void who_leaves_between_two_incarnations_is_not_told(void)
{
	together();
	view_lost(&v);
	conclude();
	said[0] = '\0';
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb1);
	greet(2, GREETING_GOODBYE, 0xb1);
	gone(2, VIEW_LEAVE);
	says("addrs 2 1 10.0.0.2;");
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb2);
	gone(2, VIEW_PROCDOWN);
	says("addrs 2 1 10.0.0.2;");
}

int main(void)
{
	RUN(the_second_process_takes_over);
	RUN(the_second_process_prevents_the_fence);
	RUN(an_entry_off_the_list_waits_for_its_member);
	RUN(a_goodbye_is_of_one_incarnation);
	RUN(who_was_fenced_before_it_fails_needs_no_fence);
	RUN(the_fence_of_another_incarnation_is_none);
	RUN(each_failure_has_its_cause);
	RUN(strangers_mean_nothing);
	RUN(silent_processes_are_no_part_of_the_cluster);
	RUN(quorum_is_of_a_group_that_is_known);
	RUN(only_our_goodbye_is_out);
	RUN(an_observer_has_no_goodbye);
	RUN(a_loss_is_one_however_often_it_is_said);
	RUN(a_loss_forgets_what_was_to_be_fenced);
	RUN(a_loss_removes_what_is_off_the_list);
	RUN(who_is_back_after_our_renewal_is_welcome);
	RUN(who_is_back_behind_its_fence_is_no_reason);
	RUN(we_are_away_only_once);
	RUN(who_leaves_between_two_incarnations_is_not_told);
	return check_done();
}
