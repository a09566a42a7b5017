/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of what membership by corosync makes of what corosync says, against one that is
 * part of the test: members and their times, the ways to go, a changed, broken or too long
 * configuration, names, loss, silence, and leaving. Uses the public API.
 * run.sh: waits timeout=120
 */
#ifdef HAVE_COROSYNC
#include "tests/lib/fake_user.h"

#include <poll.h>

#include "lowcomms/sinew-manage.h"
#include "tests/lib/cluster.h"

#define WITHOUT_GOODBYE_MS	900	/* a little less than what is waited for it */

/* ---- the node under test ---- */

static struct test_node seen;

static void attach(void)
{
	struct sinew_options o;

	SINEW_OPTIONS_INIT(&o);
	CHECK_EQ(sinew_corosync_options(cs, &o), 0);
	CHECK_EQ(o.nodeid, 1);
	CHECK_STR(o.cluster, "fake");
	o.own_thread = true;
	memset(&seen, 0, sizeof(seen));
	CHECK_EQ(sinew_node_new(&o, &cluster_callbacks, &seen, &node), 0);
	CHECK_EQ(sinew_corosync_attach(cs, node), 0);
}

/* Node 1 of n is in the group. */
static void begin(unsigned n)
{
	char err[256], port[16];
	struct sockaddr_storage addr = free_address("127.0.0.1");

	fake_begin(n);
	snprintf(port, sizeof(port), "%u", ntohs(((struct sockaddr_in *)&addr)->sin_port));
	fake_key("sinew.port", port);
	CHECK_EQ(user_open(false, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	attach();
}

static bool is_at(uint32_t nodeid, const char *ip)
{
	struct sinew_corosync_member m = member(nodeid);
	char text[INET_ADDRSTRLEN] = "";

	if (m.n_addrs)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&m.addrs[0])->sin_addr, text,
			  sizeof(text));
	return !strcmp(text, ip);
}

static bool is_changed(void)
{
	struct pollfd p = { sinew_corosync_get_fd(cs), POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

/* ---- members ---- */

static void members_come_and_go(void)
{
	struct sinew_corosync_member m;
	uint64_t since;

	begin(3);
	AWAIT(status().in_group && status().whole && status().quorate);
	AWAIT(member(1).joined);
	m = member(1);
	CHECK(m.listed && m.in_group && m.since_ms && m.incarnation == sinew_incarnation(node));
	m = member(2);
	CHECK(m.listed && !m.in_group && !m.joined && is_at(2, "10.0.0.2"));
	since = m.since_ms;
	CHECK(since);

	fake_join(2);
	AWAIT(member(2).in_group);
	CHECK(!member(2).joined && !member(2).incarnation);
	CHECK_EQ(member(2).since_ms, since);
	CHECK(!status().whole);
	fake_say(GREETING_HELLO, 2, 77, 12345);
	AWAIT(member(2).joined);
	m = member(2);
	CHECK(m.incarnation == 77 && m.since_ms == 12345 && !m.leaving);
	CHECK(is_at(2, "10.0.0.2"));
	AWAIT(status().whole);

	fake_say(GREETING_GOODBYE, 2, 77, 12345);
	AWAIT(member(2).leaving);
	CHECK(member(2).since_ms > since - 1 && member(2).since_ms != 12345);
	fake_leave(2, CPG_REASON_LEAVE);
	AWAIT(said("peer=2 left"));
	AWAIT(!member(2).in_group && !member(2).joined);
	CHECK(!member(2).failed);
	CHECK_EQ(said("failed"), 0);
	user_end();
}

/* Only a change is told by the descriptor, and until it is taken. */
static void a_change_can_be_seen(void)
{
	begin(3);
	AWAIT(status().whole && member(1).joined);
	settle();
	member(1);
	CHECK(!is_changed());
	fake_tell(FAKE_QUORUM);
	settle();
	CHECK(!is_changed());
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 77, 0);
	AWAIT(member(2).joined && status().whole);
	settle();
	member(1);
	CHECK(!is_changed());
	/* Of the members alone: the status stays as it is. */
	fake_say(GREETING_HELLO, 2, 78, 0);
	AWAIT(is_changed());
	AWAIT(member(2).incarnation == 78);
	settle();
	member(1);
	CHECK(!is_changed());
	user_end();
}

static void each_way_to_go_has_its_words(void)
{
	begin(6);
	for (uint32_t i = 2; i <= 4; i++) {
		fake_join(i);
		fake_say(GREETING_HELLO, i, i, 0);
	}
	for (uint32_t i = 2; i <= 4; i++)
		AWAIT(member(i).joined);
	fake_leave(2, CPG_REASON_LEAVE);
	AWAIT(said("peer=2 failed: left without announcing it"));
	fake_leave(3, CPG_REASON_PROCDOWN);
	AWAIT(said("peer=3 failed: its program or corosync ended"));
	fake_leave(4, CPG_REASON_NODEDOWN);
	AWAIT(said("peer=4 failed: its node is unreachable"));
	AWAIT(member(2).failed && member(3).failed && member(4).failed);
	CHECK(!member(5).failed);
	CHECK_EQ(sinew_corosync_fenced(cs, 4, 4), 0);
	AWAIT(member(4).fenced == 4);
	user_end();
}

/* However many nodes come and go over time, each has a time of its own. */
static void times_do_not_run_out(void)
{
	uint64_t began;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	began = (uint64_t)ts.tv_sec * 1000;
	begin(2);
	AWAIT(member(2).listed);
	for (uint32_t i = 100; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%u", i);
		fake_key("nodelist.node.2.nodeid", id);
		fake_tell(FAKE_CONFIG);
		AWAIT(member(i).listed);
		if (!CHECK(member(i).since_ms >= began))
			break;
	}
	user_end();
}

/* ---- the configuration ---- */

static void a_change_that_is_wrong_is_said(void)
{
	begin(2);
	AWAIT(status().whole);
	fake_node(3, "10.0.0.3");
	fake_key("sinew.max_peers", "many");
	fake_tell(FAKE_CONFIG);
	AWAIT(said("changed configuration rejected"));
	CHECK_EQ(said("changed configuration rejected"), 1);
	CHECK(!member(3).nodeid);
	fake_key("sinew.max_peers", NULL);
	fake_tell(FAKE_CONFIG);
	AWAIT(member(3).listed);
	fake_key("nodelist.node.3.nodeid", NULL);
	fake_key("nodelist.node.3.ring0_addr", NULL);
	fake_tell(FAKE_CONFIG);
	AWAIT(!member(3).nodeid);
	user_end();
}

static void one_that_is_too_long_is_refused(void)
{
	char err[256] = "";

	fake_begin(2);
	fake.n_more = 10000;
	CHECK_EQ(user_open(false, 300, SINEW_DEBUG, err, sizeof(err)), -EFBIG);
	CHECK(strstr(err, "cannot read corosync's configuration: File too large"));
	fake_begin(2);
	fake_key("sinew.port", "1\n2");
	CHECK_EQ(user_open(false, 300, SINEW_DEBUG, err, sizeof(err)), -EINVAL);
}

/* ---- names ---- */

static void a_name_gets_its_address_later(void)
{
	char err[256];

	fake_begin(2);
	fake_key("nodelist.node.2.ring0_addr", "2.test");
	fake.resolver_fails = true;
	CHECK_EQ(user_open(true, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	CHECK_EQ(said("peer=2"), 1);
	CHECK_EQ(said("retrying"), 1);
	CHECK_EQ(sinew_corosync_attach(cs, NULL), 0);
	AWAIT(member(2).listed);
	CHECK_EQ(member(2).n_addrs, 0);
	fake_set(&fake.resolver_fails, false);
	AWAIT(is_at(2, "10.1.0.2"));

	/* Then it fails for a while: the address stays. */
	fake_set(&fake.resolver_fails, true);
	fake_node(3, "10.0.0.3");
	fake_tell(FAKE_CONFIG);
	AWAIT(is_at(3, "10.0.0.3"));
	CHECK(is_at(2, "10.1.0.2"));
	AWAIT(said("keeping its old address until then"));
	user_end();
}

static bool is_named(uint32_t nodeid, const char *name)
{
	char buf[SINEW_PEER_NAME_MAX] = "";

	return !sinew_peer_name(node, nodeid, buf, sizeof(buf)) && !strcmp(buf, name);
}

static void nodes_have_the_names_of_the_nodelist(void)
{
	begin(2);
	AWAIT(status().whole);
	fake_key("nodelist.node.1.name", "one");
	fake_key("nodelist.node.2.name", "two");
	fake_tell(FAKE_CONFIG);
	AWAIT(is_named(1, "one") && is_named(2, "two"));
	fake_key("nodelist.node.2.name", "another");
	fake_node(3, "10.0.0.3");
	fake_key("nodelist.node.3.name", "three");
	fake_tell(FAKE_CONFIG);
	AWAIT(is_named(2, "another") && is_named(3, "three"));
	user_end();
}

/* A look-up made meanwhile is not forgotten. */
static void names_are_looked_up_while_corosync_is_lost(void)
{
	begin(2);
	AWAIT(status().whole);
	fake_set(&fake.resolver_hangs, true);
	fake_key("nodelist.node.2.ring0_addr", "9.test");
	fake_tell(FAKE_CONFIG);
	AWAIT(said("resolving host names"));
	fake_die();
	AWAIT(said("corosync connection lost"));
	AWAIT(!status().connected);
	fake_set(&fake.resolver_hangs, false);
	AWAIT(is_at(2, "10.1.0.9"));
	CHECK_EQ(status().losses, 1);
	user_end();
}

/* ---- loss, silence, leaving ---- */

static void an_observer_draws_its_incarnations(void)
{
	char err[256];

	fake_begin(2);
	fake.interrupts = 1;
	CHECK_EQ(user_open(true, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	CHECK_EQ(sinew_corosync_attach(cs, NULL), 0);
	CHECK_EQ(sinew_corosync_attach(cs, NULL), -EALREADY);
	AWAIT(status().in_group);
	CHECK_EQ(fake_count(&fake.interrupts), 0);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 77, 0);
	AWAIT(member(2).joined);
	CHECK(!member(1).in_group);
	fake_die();
	AWAIT(said("corosync connection lost"));
	AWAIT(!status().in_group);
	pthread_mutex_lock(&fake.lock);
	fake.interrupts = 1;
	pthread_mutex_unlock(&fake.lock);
	fake_set(&fake.is_dead, false);
	AWAIT(said("reconnected to corosync"));
	AWAIT(status().in_group);
	CHECK_EQ(said("no random number"), 0);
	user_end();
}

static void a_node_is_its_own(void)
{
	char err[256];

	fake_begin(2);
	CHECK_EQ(user_open(false, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	CHECK_EQ(sinew_corosync_attach(cs, NULL), -EINVAL);
	user_end();
}

static void after_a_loss_it_is_another(void)
{
	uint64_t before;

	begin(2);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 77, 0);
	AWAIT(member(2).joined && member(1).joined);
	before = sinew_incarnation(node);
	fake_die();
	AWAIT(said("corosync connection lost"));
	AWAIT(sinew_incarnation(node) != before);
	AWAIT(!member(2).in_group);
	fake_set(&fake.is_dead, false);
	AWAIT(status().in_group && member(1).joined);
	AWAIT(member(1).incarnation == sinew_incarnation(node));
	user_end();
}

/* Its thread is left alone with corosync, and ends when that answers: the last test, for nothing
 * says to the sanitizer that it has ended. */
static void an_open_that_hangs_is_given_up(void)
{
	long threads = status_kb("Threads:");
	char err[256] = "";

	fake_begin(2);
	fake.hangs = true;
	CHECK_EQ(user_open(false, 1, SINEW_DEBUG, err, sizeof(err)), -ETIMEDOUT);
	CHECK(strstr(err, "(hung?)"));
	fake_set(&fake.hangs, false);
	AWAIT(status_kb("Threads:") == threads);
}

static void silence_is_counted(void)
{
	begin(2);
	AWAIT(status().whole);
	fake_set(&fake.hangs, true);
	fake_tell(FAKE_CONFIG);
	AWAIT(status().silent_ms > 0);
	fake_set(&fake.hangs, false);
	AWAIT(status().silent_ms == 0);
	user_end();
}

/* The others hear the goodbye before the leave: it waits for its goodbye, for a second. */
static void the_goodbye_goes_first(void)
{
	int64_t said_ms;

	begin(2);
	AWAIT(status().whole && member(1).joined);
	fake_set(&fake.holds_goodbye, true);
	CHECK_EQ(sinew_close(node, 0), 0);
	AWAIT(fake_count(&fake.n_goodbyes));
	said_ms = now_ms();
	CHECK_EQ(fake_count(&fake.n_leaves), 0);
	AWAIT(fake_count(&fake.n_leaves));
	CHECK(now_ms() - said_ms >= WITHOUT_GOODBYE_MS);
	user_end();
	CHECK_EQ(fake_count(&fake.n_leaves), 1);
}

int main(void)
{
	RUN(members_come_and_go);
	RUN(a_change_can_be_seen);
	RUN(each_way_to_go_has_its_words);
	RUN(times_do_not_run_out);
	RUN(a_change_that_is_wrong_is_said);
	RUN(one_that_is_too_long_is_refused);
	RUN(a_name_gets_its_address_later);
	RUN(nodes_have_the_names_of_the_nodelist);
	RUN(names_are_looked_up_while_corosync_is_lost);
	RUN(an_observer_draws_its_incarnations);
	RUN(a_node_is_its_own);
	RUN(after_a_loss_it_is_another);
	RUN(silence_is_counted);
	RUN(the_goodbye_goes_first);
	RUN(an_open_that_hangs_is_given_up);
	return check_done();
}

#else
#include "tests/lib/check.h"

int main(void)
{
	printf("ok - a fake corosync # SKIP built without corosync's libraries\n");
	return 0;
}

#endif
