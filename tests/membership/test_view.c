/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what is concluded from a membership service: what is told to the node,
 * for each way in which members come and go. Knows nothing of corosync.
 */
#include "tests/lib/view_fixture.h"

static void a_member_joins_when_it_has_greeted(void)
{
	view_begin();
	group((const unsigned[]){ 1, 2 }, 2);
	says("");
	greet(2, GREETING_HELLO, 0xb1);
	says("addrs 2 1 10.0.0.2;joined 2 b1;");
	greet(2, GREETING_HELLO, 0xb1);
	says("addrs 2 1 10.0.0.2;");
}

static void a_member_joins_when_it_is_listed(void)
{
	static const unsigned with_nine[] = { 1, 2, 3, 9 }, in[] = { 1, 9 };

	view_begin();
	group(in, 2);
	greet(9, GREETING_HELLO, 0xf1);
	says("");
	nodelist(with_nine, 4);
	says("add 9;addrs 9 1 10.0.0.9;joined 9 f1;");
}

static void its_own_word_about_addresses_counts(void)
{
	struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb1 };
	static const unsigned two[] = { 1, 2 };
	const struct view_process from = { 2, 20 };
	uint8_t bytes[GREETING_MAX];

	view_begin();
	group(two, 2);
	g.n_addrs = 2;
	g.addrs[0] = node_address(77);
	g.addrs[1] = node_address(78);
	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	conclude();
	says("addrs 2 2 10.0.0.77;joined 2 b1;");
}

static void one_hello_for_all_that_join(void)
{
	static const unsigned one[] = { 1 }, two[] = { 1, 2 }, three[] = { 1, 2, 3 };

	view_begin();
	group(one, 1);
	now += 10 * MS;
	group(two, 2);
	now += 10 * MS;
	group(three, 3);
	run_to(500);
	CHECK_EQ(n_sent, 1);
	CHECK_EQ(sent.type, GREETING_HELLO);
	CHECK_EQ(sent.incarnation, 0xa1);
}

static void a_hello_is_not_put_off_for_ever(void)
{
	unsigned ids[40] = { 1 };
	uint64_t began;

	view_begin();
	began = now;
	for (unsigned i = 1; i < 40 && !n_sent; i++) {
		ids[i] = 100 + i;
		group(ids, i + 1);
		run_to(10);
	}
	CHECK_EQ(n_sent, 1);
	CHECK(now - began <= 120 * MS);
}

static void what_cannot_be_sent_is_sent_later(void)
{
	static const unsigned one[] = { 1 };

	view_begin();
	group(one, 1);
	send_result = -EAGAIN;
	run_to(1000);
	CHECK_EQ(n_sent, 0);
	send_result = 0;
	run_to(20);
	CHECK_EQ(n_sent, 1);
}

static void who_says_goodbye_has_left(void)
{
	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	says("leaving 2 b1;");
	greet(2, GREETING_GOODBYE, 0xb1);
	says("");
	gone(2, VIEW_LEAVE);
	says("left 2 b1;");
}

static void who_goes_without_a_word_has_failed(void)
{
	static const enum view_cause causes[] = { VIEW_LEAVE, VIEW_PROCDOWN, VIEW_NODEDOWN };

	for (unsigned i = 0; i < 3; i++) {
		together();
		gone(2, causes[i]);
		says("failed 2 b1;fence 2 b1;");
	}
}

static void who_dies_behind_its_goodbye_has_failed(void)
{
	together();
	greet(2, GREETING_GOODBYE, 0xb1);
	gone(2, VIEW_PROCDOWN);
	says("leaving 2 b1;failed 2 b1;fence 2 b1;");
}

static void a_goodbye_without_a_hello(void)
{
	view_begin();
	group((const unsigned[]){ 1, 2 }, 2);
	greet(2, GREETING_GOODBYE, 0xb1);
	says("addrs 2 1 10.0.0.2;joined 2 b1;leaving 2 b1;");
}

static void a_quick_return_is_two_incarnations(void)
{
	static const unsigned two[] = { 1, 2 };

	together();
	gone(2, VIEW_NODEDOWN);
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb2);
	says("failed 2 b1;fence 2 b1;addrs 2 1 10.0.0.2;joined 2 b2;");
}

static void a_renewed_process_needs_no_fence(void)
{
	together();
	greet(2, GREETING_HELLO, 0xb2);
	says("failed 2 b1;addrs 2 1 10.0.0.2;joined 2 b2;");
}

/* Both survive a partition, and the old incarnation fails again: no second fence is asked for. */
static void a_merge_is_told_once_to_the_fencer(void)
{
	static const unsigned two[] = { 1, 2 };

	together();
	gone(2, VIEW_NODEDOWN);
	says("failed 2 b1;fence 2 b1;");
	group(two, 2);
	greet(2, GREETING_HELLO, 0xb1);
	says("addrs 2 1 10.0.0.2;joined 2 b1;");
	gone(2, VIEW_NODEDOWN);
	says("failed 2 b1;");
}

static void without_quorum_nobody_is_fenced(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	says("quorum 0;failed 2 b1;");
	rings(9, 9, true);
	says("quorum 1;fence 2 b1;");

	/* It was us who were cut off: the other is back when quorum is, and we are another. */
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	group((const unsigned[]){ 1, 2 }, 2);
	rings(9, 9, true);
	says("quorum 0;failed 2 b1;note 1;self lost;quorum 1;");
}

static void quorum_counts_on_one_ring(void)
{
	static const unsigned one[] = { 1 };

	view_begin();
	rings(7, 7, true);
	says("");
	group(one, 1);
	says("quorum 1;");
	/* The group is late: what was known goes on. */
	rings(7, 8, true);
	says("");
	/* A loss counts at once. */
	rings(7, 9, false);
	says("quorum 0;");
	rings(8, 9, true);
	says("");
	rings(9, 9, true);
	says("quorum 1;");
}

/* Without a node the group stands on another ring, which is told behind. */
static void quorum_of_the_ring_before_is_not_gained(void)
{
	const struct view_ring seven = { ME, 7 };

	together();
	rings(7, 7, false);
	member_goes(2, VIEW_NODEDOWN);
	says("quorum 0;failed 2 b1;");
	view_quorum(&v, true, &seven);
	conclude();
	view_settle(&v);
	conclude();
	says("");
	rings(8, 8, true);
	says("quorum 1;fence 2 b1;");
}

/* The two halves of a partition have the same number, and another first node. */
static void both_halves_of_a_ring_id_count(void)
{
	static const unsigned one[] = { 1 };
	const struct view_ring mine = { 1, 7 }, theirs = { 3, 7 };

	view_begin();
	group(one, 1);
	view_group_ring(&v, &mine);
	conclude();
	view_quorum(&v, true, &theirs);
	conclude();
	view_settle(&v);
	conclude();
	says("");
}

static void a_node_off_the_list_is_expected_to_go(void)
{
	static const unsigned less[] = { 1, 3 };

	together();
	nodelist(less, 2);
	says("");
	gone(2, VIEW_NODEDOWN);
	says("left 2 b1;remove 2;");
	/* One that is not there goes at once. */
	nodelist(less, 1);
	says("remove 3;");
}

static void a_node_back_on_the_list_stays(void)
{
	static const unsigned all[] = { 1, 2, 3 };

	together();
	nodelist(all, 1);
	nodelist(all, 3);
	gone(2, VIEW_PROCDOWN);
	says("remove 3;add 3;failed 2 b1;fence 2 b1;");
}

static void changed_addresses_are_told(void)
{
	struct view_node nodes[2] = {
		{ .nodeid = 2, .n_addrs = 1 }, { .nodeid = 3, .n_addrs = 1 },
	};

	together();
	nodes[0].addrs[0] = node_address(99);
	nodes[1].addrs[0] = node_address(3);
	view_nodelist(&v, nodes, 2);
	conclude();
	says("addrs 2 1 10.0.0.99;");
}

static void two_processes_of_a_node_take_turns(void)
{
	const struct view_process both[] = { { ME, MY_PID }, { 2, 20 }, { 2, 21 } };
	const struct view_process second = { 2, 21 };
	const struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xc1 };
	uint8_t bytes[GREETING_MAX];

	together();
	view_group(&v, MY_PID, both, 3, NULL, 0, now);
	conclude();
	view_message(&v, &second, bytes, greeting_put(bytes, &g));
	conclude();
	says("note 2;");
	gone(2, VIEW_PROCDOWN);
	/* gone() takes both away. */
	CHECK(strstr(said, "failed 2 b1;") == said);
	said[0] = '\0';
}

static void when_corosync_is_lost_all_begins_anew(void)
{
	static const unsigned two[] = { 1, 2 };
	unsigned before;

	together();
	view_lost(&v);
	conclude();
	says("quorum 0;self lost;");
	before = n_sent;
	/* Back in the group before the new incarnation is known: nothing is said. */
	group(two, 2);
	run_to(300);
	CHECK_EQ(n_sent, before);
	view_renewed(&v, 0xa2, now);
	conclude();
	run_to(1);
	CHECK_EQ(n_sent, before + 1);
	CHECK_EQ(sent.incarnation, 0xa2);
	greet(2, GREETING_HELLO, 0xb1);
	says("addrs 2 1 10.0.0.2;joined 2 b1;");
}

/* The node was told that its incarnation had failed; the group knows nothing of it. */
static void a_renewed_node_meets_all_again(void)
{
	together();
	view_renewed(&v, 0xa2, now);
	conclude();
	says("joined 2 b1;");
	run_to(1);
	CHECK_EQ(sent.incarnation, 0xa2);
}

static void a_closing_node_says_goodbye(void)
{
	const struct view_process me = { ME, MY_PID };
	uint8_t bytes[GREETING_MAX];

	together();
	view_closing(&v, now);
	conclude();
	run_to(1);
	CHECK_EQ(sent.type, GREETING_GOODBYE);
	CHECK(!v.is_goodbye_out);
	view_message(&v, &me, bytes, greeting_put(bytes, &sent));
	conclude();
	CHECK(v.is_goodbye_out);
	says("");
}

static void what_is_no_greeting_is_noted(void)
{
	const struct view_process from = { 2, 20 };
	struct greeting g = { .type = GREETING_HELLO, .nodeid = 3, .incarnation = 0xc1 };
	uint8_t bytes[GREETING_MAX];

	together();
	view_message(&v, &from, (const uint8_t *)"hello", 5);
	conclude();
	says("note 2;");
	/* In the name of another node. */
	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	conclude();
	says("note 2;");
}

static void who_says_nothing_is_noted_once(void)
{
	view_begin();
	group((const unsigned[]){ 1, 2 }, 2);
	run_to(4900);
	says("");
	run_to(20000);
	says("note 2;");
}

int main(void)
{
	RUN(a_member_joins_when_it_has_greeted);
	RUN(a_member_joins_when_it_is_listed);
	RUN(its_own_word_about_addresses_counts);
	RUN(one_hello_for_all_that_join);
	RUN(a_hello_is_not_put_off_for_ever);
	RUN(what_cannot_be_sent_is_sent_later);
	RUN(who_says_goodbye_has_left);
	RUN(who_goes_without_a_word_has_failed);
	RUN(who_dies_behind_its_goodbye_has_failed);
	RUN(a_goodbye_without_a_hello);
	RUN(a_quick_return_is_two_incarnations);
	RUN(a_renewed_process_needs_no_fence);
	RUN(a_merge_is_told_once_to_the_fencer);
	RUN(without_quorum_nobody_is_fenced);
	RUN(quorum_counts_on_one_ring);
	RUN(quorum_of_the_ring_before_is_not_gained);
	RUN(both_halves_of_a_ring_id_count);
	RUN(a_node_off_the_list_is_expected_to_go);
	RUN(a_node_back_on_the_list_stays);
	RUN(changed_addresses_are_told);
	RUN(two_processes_of_a_node_take_turns);
	RUN(when_corosync_is_lost_all_begins_anew);
	RUN(a_renewed_node_meets_all_again);
	RUN(a_closing_node_says_goodbye);
	RUN(what_is_no_greeting_is_noted);
	RUN(who_says_nothing_is_noted_once);
	return check_done();
}
