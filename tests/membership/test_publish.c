/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what a membership by corosync publishes of a view: status, members in their
 * order, since when each is what it is, and whether a change is told. Knows nothing of corosync.
 */
#ifdef HAVE_COROSYNC
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/lib/view_fixture.h"

#include "membership/publish.h"

static const char text[] =
	"nodelist {\nnode {\nnodeid: 1\nname: one\nring0_addr: 10.0.0.1\n}\n"
	"node {\nnodeid: 2\nname: two\nring0_addr: 10.0.0.2\n}\n"
	"node {\nnodeid: 3\nring0_addr: 10.0.0.3\n}\n}\n";

static struct published p;
static struct sinew_config *config;

/* Whether that was told as a change. */
static bool is_told(bool is_connected, uint64_t wall_ms)
{
	struct pollfd fd;
	uint64_t count;

	publish(&p, &v, config, is_connected, wall_ms);
	fd = (struct pollfd){ .fd = p.change_fd, .events = POLLIN };
	if (poll(&fd, 1, 0) <= 0)
		return false;
	CHECK_EQ(read(p.change_fd, &count, sizeof(count)), sizeof(count));
	return true;
}

/* At 100 ms each node that is listed is known. */
static void begin_at_100(enum greeting_type type)
{
	char err[SINEW_CONFIG_ERROR_MAX];

	memset(&p, 0, sizeof(p));
	p.change_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK_EQ(sinew_config_parse("f", text, strlen(text), &config, err, sizeof(err)), 0);
	view_begin_as(type);
	said[0] = '\0';
	CHECK(is_told(true, 100));
	CHECK(!is_told(true, 101));
}

static void end(void)
{
	sinew_config_free(config);
	close(p.change_fd);
}

static const struct sinew_corosync_member *of(uint32_t nodeid)
{
	static const struct sinew_corosync_member none;

	for (unsigned i = 0; i < p.n_members; i++)
		if (p.members[i].nodeid == nodeid)
			return &p.members[i];
	return &none;
}

static unsigned addr_of(uint32_t nodeid)
{
	const struct sinew_corosync_member *m = of(nodeid);

	return m->n_addrs ? ntohl(((const struct sockaddr_in *)m->addrs)->sin_addr.s_addr) &
			    0xffff : 0;
}

static void each_state_has_its_time(void)
{
	static const unsigned four[] = { 1, 2, 3, 4 };

	begin_at_100(GREETING_HELLO);
	CHECK_EQ(of(1)->since_ms, 100);
	CHECK_EQ(of(3)->since_ms, 100);
	CHECK(of(1)->listed && !of(1)->in_group && !of(1)->joined);
	/* Of another node in the same state that is no time. */
	nodelist(four, 4);
	CHECK(is_told(true, 200));
	CHECK_EQ(of(4)->since_ms, 200);
	CHECK_EQ(of(3)->since_ms, 100);
	group((const unsigned[]){ 1, 2 }, 2);
	CHECK(is_told(true, 300));
	CHECK_EQ(of(1)->since_ms, 300);
	CHECK_EQ(of(2)->since_ms, 100);
	CHECK(of(1)->in_group && of(1)->joined);
	CHECK(of(2)->in_group && !of(2)->joined && !of(2)->silent);
	greet(2, GREETING_HELLO, 0xb1);
	CHECK(is_told(true, 400));
	CHECK_EQ(of(2)->since_ms, 400);
	CHECK_EQ(of(1)->since_ms, 300);
	greet(2, GREETING_HELLO, 0xb2);
	CHECK(is_told(true, 500));
	CHECK_EQ(of(2)->since_ms, 500);
	CHECK_EQ(of(2)->incarnation, 0xb2);
	CHECK(of(2)->joined && !of(2)->leaving);
	greet(2, GREETING_GOODBYE, 0xb2);
	CHECK(is_told(true, 600));
	CHECK_EQ(of(2)->since_ms, 600);
	CHECK(of(2)->joined && of(2)->leaving);
	view_closing(&v, now);
	CHECK(is_told(true, 700));
	CHECK_EQ(of(1)->since_ms, 700);
	CHECK(of(1)->leaving && of(1)->joined);
	end();
}

/* A member says when it began, unless it is leaving. */
static void a_beginning_counts(void)
{
	const struct view_process it = { 2, 20 };
	struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb1,
			      .began_ms = 42 };
	uint8_t bytes[GREETING_MAX];

	begin_at_100(GREETING_HELLO);
	v.own.began_ms = 41;
	CHECK(!is_told(true, 101));
	group((const unsigned[]){ 1, 2 }, 2);
	view_message(&v, &it, bytes, greeting_put(bytes, &g));
	conclude();
	CHECK(is_told(true, 200));
	CHECK_EQ(of(1)->since_ms, 41);
	CHECK_EQ(of(2)->since_ms, 42);
	g.type = GREETING_GOODBYE;
	view_message(&v, &it, bytes, greeting_put(bytes, &g));
	conclude();
	CHECK(is_told(true, 300));
	CHECK_EQ(of(2)->since_ms, 300);
	end();
}

/* Each change alone, of the status alone. */
static void the_status_is_told(void)
{
	const struct view_ring seven = { 1, 7 }, eight = { 1, 8 }, other = { 2, 8 };

	begin_at_100(GREETING_HELLO);
	CHECK(p.status.connected && !p.status.in_group && !p.status.quorate && !p.status.whole);
	CHECK(is_told(false, 101) && !p.status.connected);
	CHECK(!is_told(false, 101));
	view_group_ring(&v, &seven);
	CHECK(is_told(false, 102) && p.status.ring_nodeid == 1 && p.status.ring_seq == 7);
	view_group_ring(&v, &eight);
	CHECK(is_told(false, 102) && p.status.ring_nodeid == 1 && p.status.ring_seq == 8);
	view_group_ring(&v, &other);
	CHECK(is_told(false, 102) && p.status.ring_nodeid == 2);
	group((const unsigned[]){ 1 }, 1);
	CHECK(is_told(false, 103) && p.status.in_group && !p.status.whole);
	view_quorum(&v, true, &other);
	CHECK(is_told(false, 104) && p.status.whole && !p.status.quorate);
	view_settle(&v);
	conclude();
	CHECK(is_told(false, 104) && p.status.quorate);
	CHECK(!is_told(false, 104));
	end();
}

static void nothing_is_told_of_nobody(void)
{
	begin_at_100(GREETING_HELLO);
	end();
	memset(&v, 0, sizeof(v));
	memset(&p, 0, sizeof(p));
	p.change_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(!is_told(false, 100));
	CHECK(is_told(true, 100));
	CHECK_EQ(p.n_members, 0);
	close(p.change_fd);
}

/* By their numbers, whatever the order of the list, with their names. */
static void members_have_their_order(void)
{
	static const unsigned mixed[] = { 9, 3, 1, 2 }, one_less[] = { 3, 1, 2 };

	begin_at_100(GREETING_HELLO);
	/* The view knows them as 3, 9, 2. */
	nodelist(mixed, 2);
	nodelist(mixed, 4);
	CHECK(v.entries[1].node.nodeid == 9 && v.entries[2].node.nodeid == 2);
	CHECK(is_told(true, 200));
	CHECK_EQ(p.n_members, 4);
	CHECK(p.members[0].nodeid == 1 && p.members[1].nodeid == 2 && p.members[2].nodeid == 3 &&
	      p.members[3].nodeid == 9);
	CHECK_STR(of(1)->name, "one");
	CHECK_STR(of(2)->name, "two");
	CHECK_STR(of(3)->name, "");
	CHECK(of(2)->listed && addr_of(2) == 2 && of(2)->n_addrs == 1);
	/* The last one goes: those before it stay as they are. */
	nodelist(one_less, 3);
	CHECK(is_told(true, 300));
	CHECK_EQ(p.n_members, 3);
	CHECK_EQ(of(9)->nodeid, 0);
	CHECK_EQ(of(3)->since_ms, 100);
	nodelist(mixed, 4);
	CHECK(is_told(true, 400));
	CHECK_EQ(of(9)->since_ms, 400);
	end();
}

static void who_looks_on_is_no_member(void)
{
	const struct greeting g = { .type = GREETING_OBSERVER, .nodeid = 2, .incarnation = 0xe2 };
	const struct view_process looks = { 2, 20 };
	uint8_t bytes[GREETING_MAX];

	begin_at_100(GREETING_OBSERVER);
	CHECK_EQ(p.n_members, 3);
	group((const unsigned[]){ 1, 2 }, 2);
	CHECK(is_told(true, 200));
	CHECK(of(1)->listed && !of(1)->in_group && !of(1)->joined && !of(1)->incarnation);
	CHECK(of(2)->in_group);
	view_message(&v, &looks, bytes, greeting_put(bytes, &g));
	conclude();
	CHECK(is_told(true, 300));
	CHECK(!of(2)->in_group && !of(2)->silent && p.status.in_group);
	end();
}

/* A member's own word counts before that of the list; the own node knows its own. */
static void addresses_are_as_known(void)
{
	struct greeting g = { .type = GREETING_HELLO, .nodeid = 2, .incarnation = 0xb1,
			      .n_addrs = 2, .addrs = { node_address(77), node_address(78) } };
	const struct view_node listed = { .nodeid = 2, .n_addrs = 2,
					  .addrs = { node_address(2), node_address(22) } };
	const struct view_process it = { 2, 20 };
	uint8_t bytes[GREETING_MAX];

	begin_at_100(GREETING_HELLO);
	v.own.n_addrs = 1;
	v.own.addrs[0] = node_address(66);
	group((const unsigned[]){ 1, 2 }, 2);
	view_message(&v, &it, bytes, greeting_put(bytes, &g));
	conclude();
	CHECK(is_told(true, 200));
	CHECK(addr_of(1) == 66 && of(1)->n_addrs == 1 && of(1)->incarnation == 0xa1);
	CHECK(addr_of(2) == 77 && of(2)->n_addrs == 2);
	CHECK(addr_of(3) == 3 && !of(3)->in_group);
	gone(2, VIEW_PROCDOWN);
	CHECK(is_told(true, 300));
	CHECK(addr_of(2) == 2 && of(2)->n_addrs == 1 && !of(2)->addrs[1].ss_family);
	/* Fewer than the list has: none of the list's is left behind. */
	view_nodelist(&v, &listed, 1);
	conclude();
	group((const unsigned[]){ 1, 2 }, 2);
	g.n_addrs = 1;
	view_message(&v, &it, bytes, greeting_put(bytes, &g));
	conclude();
	CHECK(is_told(true, 400));
	CHECK(addr_of(2) == 77 && of(2)->n_addrs == 1 && !of(2)->addrs[1].ss_family);
	end();
}

static void ends_and_silence_are_shown(void)
{
	static const unsigned less[] = { 1, 3 };
	const struct view_process all[] = { { ME, MY_PID }, { 2, 20 }, { 2, 21 }, { 3, 30 } };

	begin_at_100(GREETING_HELLO);
	group((const unsigned[]){ 1, 2 }, 2);
	greet(2, GREETING_HELLO, 0xb1);
	view_group(&v, MY_PID, all, 4, NULL, 0, now);
	conclude();
	run_to(6000);
	is_told(true, 200);
	/* Of two processes the silent one shows; the one that joined says the rest. */
	CHECK(of(2)->silent && of(2)->joined && of(3)->silent && !of(3)->joined);
	CHECK(!of(1)->silent && !of(2)->failed && of(2)->listed);
	greet(3, GREETING_HELLO, 0xc1);
	CHECK(is_told(true, 300) && !of(3)->silent);
	nodelist(less, 2);
	CHECK(is_told(true, 400) && !of(2)->listed && of(2)->joined && of(3)->listed);
	nodelist((const unsigned[]){ 1, 2, 3 }, 3);
	gone(3, VIEW_PROCDOWN);
	CHECK(is_told(true, 500) && of(3)->failed && !of(3)->fenced && !of(2)->failed);
	view_message(&v, &all[0], v.bytes, greeting_put(v.bytes, &(const struct greeting){
		     .type = GREETING_FENCED, .nodeid = 3, .incarnation = 0xc1 }));
	conclude();
	CHECK(is_told(true, 600) && of(3)->fenced == 0xc1 && !of(2)->fenced);
	end();
}

int main(void)
{
	RUN(each_state_has_its_time);
	RUN(a_beginning_counts);
	RUN(the_status_is_told);
	RUN(nothing_is_told_of_nobody);
	RUN(members_have_their_order);
	RUN(who_looks_on_is_no_member);
	RUN(addresses_are_as_known);
	RUN(ends_and_silence_are_shown);
	return check_done();
}

#else
#include "tests/lib/check.h"

int main(void)
{
	printf("ok - what is published # SKIP built without corosync's libraries\n");
	return 0;
}

#endif
