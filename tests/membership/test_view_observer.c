/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of those who look on, of other processes of a node, and of what members tell
 * each other of fencing. Knows nothing of corosync.
 */
#include "tests/lib/view_fixture.h"

static void from_process(unsigned nodeid, unsigned pid, enum greeting_type type,
			 uint64_t incarnation)
{
	const struct greeting g = { .type = type, .nodeid = nodeid, .incarnation = incarnation };
	const struct view_process from = { nodeid, pid };
	uint8_t bytes[GREETING_MAX];

	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	conclude();
}

/* Of our own node or of another: it is answered, and means nothing. */
static void an_observer_is_no_member(void)
{
	static const struct view_process all[] = {
		{ ME, MY_PID }, { 2, 20 }, { ME, 11 }, { 2, 21 },
	};
	static const struct view_gone died[] = {
		{ { ME, 11 }, VIEW_PROCDOWN }, { { 2, 21 }, VIEW_PROCDOWN },
	};
	unsigned before;

	together();
	before = n_sent;
	view_group(&v, MY_PID, all, 4, NULL, 0, now);
	conclude();
	CHECK(!view_is_whole(&v));
	from_process(ME, 11, GREETING_OBSERVER, 0xe1);
	from_process(2, 21, GREETING_OBSERVER, 0xe2);
	CHECK(view_is_whole(&v));
	run_to(20000);
	CHECK_EQ(n_sent, before + 1);
	CHECK_EQ(sent.type, GREETING_HELLO);
	view_group(&v, MY_PID, all, 2, died, 2, now);
	conclude();
	view_settle(&v);
	conclude();
	says("");
}

static void an_observer_hides_no_death(void)
{
	static const struct view_process all[] = { { ME, MY_PID }, { 2, 21 }, { 2, 20 } };
	static const struct view_gone died = { { 2, 20 }, VIEW_PROCDOWN };

	together();
	view_group(&v, MY_PID, all, 3, NULL, 0, now);
	conclude();
	from_process(2, 21, GREETING_OBSERVER, 0xe2);
	view_group(&v, MY_PID, all, 2, &died, 1, now);
	conclude();
	view_settle(&v);
	conclude();
	says("failed 2 b1;fence 2 b1;");
}

static void an_observer_sees_its_own_node(void)
{
	static const struct view_process all[] = { { ME, MY_PID }, { ME, 11 }, { 2, 20 } };
	static const struct view_gone died = { { ME, 11 }, VIEW_PROCDOWN };

	view_begin_as(GREETING_OBSERVER);
	says("add 1;add 2;add 3;");
	view_group(&v, MY_PID, all, 3, NULL, 0, now);
	conclude();
	from_process(ME, 11, GREETING_HELLO, 0xd1);
	from_process(2, 20, GREETING_HELLO, 0xb1);
	says("addrs 1 1 10.0.0.1;joined 1 d1;addrs 2 1 10.0.0.2;joined 2 b1;");
	run_to(200);
	CHECK_EQ(sent.type, GREETING_OBSERVER);
	view_group(&v, MY_PID, all, 1, &died, 1, now);
	conclude();
	says("failed 1 d1;");
}

static void another_process_of_our_node_is_noted(void)
{
	static const struct view_process all[] = { { ME, MY_PID }, { ME, 11 } };

	view_begin();
	view_group(&v, MY_PID, all, 2, NULL, 0, now);
	conclude();
	says("");
	from_process(ME, 11, GREETING_HELLO, 0xd1);
	from_process(ME, 11, GREETING_HELLO, 0xd1);
	says("note 1;");
}

static void the_whole_is_known_by_ring_and_greetings(void)
{
	view_begin();
	CHECK(!view_is_whole(&v));
	group((const unsigned[]){ 1, 2 }, 2);
	greet(2, GREETING_HELLO, 0xb1);
	CHECK(!view_is_whole(&v));
	rings(7, 6, false);
	CHECK(!view_is_whole(&v));
	rings(7, 7, false);
	CHECK(view_is_whole(&v));
}

static void who_was_fenced_is_told_to_all(void)
{
	together();
	send_result = -EAGAIN;
	view_fenced(&v, 3, 0xc1, now);
	conclude();
	run_to(100);
	send_result = 0;
	run_to(20);
	CHECK_EQ(sent.type, GREETING_FENCED);
	CHECK_EQ(sent.nodeid, 3);
	CHECK_EQ(sent.incarnation, 0xc1);
	CHECK_EQ(v.outbox.n_fenced, 0);
	from_process(ME, MY_PID, GREETING_FENCED, 0xc1);
	says("fenced 1 c1;");
}

static void who_was_fenced_is_not_fenced_again(void)
{
	together();
	rings(8, 8, false);
	gone(2, VIEW_NODEDOWN);
	says("quorum 0;failed 2 b1;");
	from_process(2, 20, GREETING_FENCED, 0xb1);
	rings(9, 9, true);
	says("fenced 2 b1;quorum 1;");
}

int main(void)
{
	RUN(an_observer_is_no_member);
	RUN(an_observer_hides_no_death);
	RUN(an_observer_sees_its_own_node);
	RUN(another_process_of_our_node_is_noted);
	RUN(the_whole_is_known_by_ring_and_greetings);
	RUN(who_was_fenced_is_told_to_all);
	RUN(who_was_fenced_is_not_fenced_again);
	return check_done();
}
