/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the limits of a view and of its times: how many nodes, processes, notes and
 * fencings it takes, what a note says, when it wants to be called. Knows nothing of corosync.
 */
#include "tests/lib/view_fixture.h"

#define MANY	(VIEW_PROCESSES_MAX + VIEW_NOTES_MAX + 40)

static unsigned n_notes;
static struct view_action note;		/* the last one */
static struct view_action addrs_of;	/* the last of VIEW_ADD and VIEW_SET_ADDRS */
static unsigned last_addr;		/* its first address, below 10.0.0.0 */

/* In place of conclude(): for what that does not say. */
static void look(void)
{
	struct view_action a;

	n_notes = 0;
	last_addr = 0;
	while (view_poll(&v, &a)) {
		if (a.what == VIEW_NOTE) {
			n_notes++;
			note = a;
		}
		if (a.what == VIEW_SEND)
			view_sent(&v, true, now);
		if (a.what != VIEW_ADD && a.what != VIEW_SET_ADDRS)
			continue;
		addrs_of = a;
		last_addr = a.n_addrs ?
			ntohl(((const struct sockaddr_in *)a.addrs)->sin_addr.s_addr) & 0xffff : 0;
	}
}

static void notes(unsigned n, enum sinew_level level, uint32_t nodeid, const char *text)
{
	look();
	CHECK_EQ(n_notes, n);
	CHECK_OR_RETURN(n_notes);
	CHECK_EQ(note.level, level);
	CHECK_EQ(note.nodeid, nodeid);
	CHECK(strstr(note.text, text));
}

static void processes(unsigned n)
{
	static struct view_process all[MANY + 1];

	all[0] = (struct view_process){ ME, MY_PID };
	for (unsigned i = 1; i <= n; i++)
		all[i] = (struct view_process){ 100 + i, 7 };
	view_group(&v, MY_PID, all, n + 1, NULL, 0, now);
}

static void a_group_has_its_limit(void)
{
	view_begin();
	processes(VIEW_PROCESSES_MAX);
	look();
	CHECK_EQ(n_notes, 0);
	CHECK_EQ(v.n_members, VIEW_PROCESSES_MAX);
	processes(VIEW_PROCESSES_MAX + 1);
	notes(1, SINEW_ERROR, 100 + VIEW_PROCESSES_MAX + 1, "too many group members");
	/* Of one event no more are told. */
	processes(MANY);
	notes(VIEW_NOTES_MAX, SINEW_ERROR, 100 + VIEW_PROCESSES_MAX + VIEW_NOTES_MAX,
	      "too many group members");
}

static void a_nodelist_has_its_limit(void)
{
	static struct view_node nodes[VIEW_NODES_MAX + 2];

	view_begin();
	for (unsigned i = 0; i < VIEW_NODES_MAX + 2; i++)
		nodes[i].nodeid = i + 1;
	/* Ours is no entry. */
	view_nodelist(&v, nodes, VIEW_NODES_MAX + 1);
	look();
	CHECK_EQ(n_notes, 0);
	CHECK_EQ(v.n_entries, VIEW_NODES_MAX);
	view_nodelist(&v, nodes, VIEW_NODES_MAX + 2);
	notes(1, SINEW_ERROR, VIEW_NODES_MAX + 2, "nodelist too long");
	CHECK_EQ(v.n_entries, VIEW_NODES_MAX);
}

static void fencings_to_be_told_have_their_limit(void)
{
	view_begin();
	for (unsigned i = 0; i < VIEW_FENCED_MAX; i++)
		view_fenced(&v, 2, 0xb0 + i, now);
	look();
	CHECK_EQ(n_notes, 0);
	view_fenced(&v, 3, 0xc1, now);
	notes(1, SINEW_ERROR, 3, "notification queue full");
	CHECK_EQ(v.outbox.n_fenced, VIEW_FENCED_MAX);
}

/* There is nobody to hear it before. */
static void fencings_wait_for_the_group(void)
{
	view_begin();
	view_fenced(&v, 2, 0xb1, now);
	view_fenced(&v, 3, 0xc1, now);
	CHECK(view_deadline(&v) == VIEW_NEVER);
	view_tick(&v, now);
	conclude();
	CHECK_EQ(n_sent, 0);
	group((const unsigned[]){ 1 }, 1);
	/* At once, and the HELLO in its time; each is sent once. */
	CHECK(view_deadline(&v) == now);
	view_tick(&v, now);
	conclude();
	CHECK_EQ(n_sent, 2);
	CHECK_EQ(sent.type, GREETING_FENCED);
	CHECK(sent.nodeid == 3 && sent.incarnation == 0xc1);
	CHECK_EQ(v.outbox.n_fenced, 0);
	CHECK(view_deadline(&v) == now + 20 * MS);
	run_to(20);
	CHECK_EQ(n_sent, 3);
	CHECK_EQ(sent.type, GREETING_HELLO);
	CHECK(view_deadline(&v) == VIEW_NEVER);
	/* A HELLO at once, and a fencing later: the earlier one counts. */
	view_fenced(&v, 3, 0xc2, now + 5 * MS);
	view_closing(&v, now);
	CHECK(view_deadline(&v) == now);
}

static void what_is_not_taken_is_tried_again_soon(void)
{
	view_begin();
	group((const unsigned[]){ 1 }, 1);
	run_to(50);
	view_fenced(&v, 2, 0xb1, now);
	send_result = -EAGAIN;
	view_tick(&v, now);
	conclude();
	CHECK(view_deadline(&v) == now + 10 * MS);
	/* Not before, whoever else calls. */
	send_result = 0;
	view_tick(&v, now + 9 * MS);
	conclude();
	CHECK_EQ(n_sent, 1);
	send_result = -EAGAIN;
	view_closing(&v, now);
	view_tick(&v, now);
	conclude();
	CHECK(view_deadline(&v) == now + 10 * MS);
	CHECK_EQ(n_sent, 1);
}

static void who_is_in_the_group_already_is_greeted_no_more(void)
{
	together();
	CHECK(view_deadline(&v) == VIEW_NEVER);
	group((const unsigned[]){ 1, 2 }, 2);
	CHECK(view_deadline(&v) == VIEW_NEVER);
	/* A HELLO that was to be sent is not, behind the loss of the group. */
	group((const unsigned[]){ 1, 2, 3 }, 3);
	CHECK(view_deadline(&v) == now + 20 * MS);
	view_lost(&v);
	conclude();
	CHECK(view_deadline(&v) == VIEW_NEVER);
}

static void silence_is_noted_in_its_time(void)
{
	view_begin();
	group((const unsigned[]){ 1, 2 }, 2);
	run_to(30);
	CHECK(view_deadline(&v) == now + 4970 * MS);
	now += 4970 * MS;
	view_tick(&v, now - 1);
	look();
	CHECK_EQ(n_notes, 0);
	view_tick(&v, now);
	notes(1, SINEW_WARNING, 2, "sent no HELLO for 5 s");
	CHECK(view_deadline(&v) == VIEW_NEVER);
}

static void a_wrong_message_is_named(void)
{
	const struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb1 };
	const struct view_process from = { 2, 20 };
	uint8_t bytes[GREETING_MAX];
	size_t len = greeting_put(bytes, &g);

	together();
	view_message(&v, &from, bytes, len - 1);
	notes(1, SINEW_WARNING, 2, "invalid message in the group");
	bytes[4]++;
	view_message(&v, &from, bytes, len);
	notes(1, SINEW_WARNING, 2, "unsupported protocol version");
}

static void addresses(const struct view_node *node)
{
	view_nodelist(&v, node, 1);
	look();
}

/* To add a node the list counts; then its own word, where there is one. */
static void addresses_are_given_as_known(void)
{
	struct view_node nine = { .nodeid = 9, .n_addrs = 1, .addrs = { node_address(9) } };
	struct greeting g = { .type = GREETING_HELLO, .nodeid = 9, .incarnation = 0xf1,
			      .n_addrs = 1, .addrs = { node_address(77) } };
	const struct view_process from = { 9, 90 };
	uint8_t bytes[GREETING_MAX];
	struct view_action a;

	view_begin();
	addresses(&nine);
	CHECK(addrs_of.what == VIEW_ADD && addrs_of.n_addrs == 1 && last_addr == 9);
	/* One more, behind those that stay. */
	nine.n_addrs = 2;
	nine.addrs[1] = node_address(10);
	addresses(&nine);
	CHECK(addrs_of.what == VIEW_SET_ADDRS && addrs_of.n_addrs == 2 && last_addr == 9);
	addresses(&nine);
	CHECK_EQ(last_addr, 0);
	nine.nodeid = 3;
	addresses(&nine);
	nine.nodeid = 9;
	group((const unsigned[]){ 1, 9 }, 2);
	view_message(&v, &from, bytes, greeting_put(bytes, &g));
	look();
	CHECK_EQ(v.members[0].has_greeted, true);
	view_nodelist(&v, &nine, 1);
	CHECK(view_poll(&v, &a));
	while (a.what != VIEW_ADD)
		CHECK_OR_RETURN(view_poll(&v, &a));
	CHECK(a.n_addrs == 2);
	look();
	CHECK(addrs_of.what == VIEW_SET_ADDRS && addrs_of.n_addrs == 1 && last_addr == 77);
}

int main(void)
{
	RUN(a_group_has_its_limit);
	RUN(a_nodelist_has_its_limit);
	RUN(fencings_to_be_told_have_their_limit);
	RUN(fencings_wait_for_the_group);
	RUN(what_is_not_taken_is_tried_again_soon);
	RUN(who_is_in_the_group_already_is_greeted_no_more);
	RUN(silence_is_noted_in_its_time);
	RUN(a_wrong_message_is_named);
	RUN(addresses_are_given_as_known);
	return check_done();
}
