/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the rules of membership by corosync, one by one: arguments and their limits, why
 * it does not open, what is logged at which level, which rings count, what a node is told. Against
 * the corosync of fake_corosync.h.
 * run.sh: timeout=60
 */
#ifdef HAVE_COROSYNC
#include "tests/lib/fake_user.h"

#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>

#include "tests/lib/await.h"

#include "lowcomms/sinew-manage.h"
#include "membership/corosync.h"
#include "membership/names.h"

static _Atomic unsigned fences;
static char err[300];

/* Looks on at n nodes. */
static void look_on(unsigned n)
{
	fake_begin(n);
	CHECK_EQ(user_open(true, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	CHECK_STR(err, "");
	CHECK_EQ(sinew_corosync_attach(cs, NULL), 0);
}

static void count_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
			enum sinew_fence_reason reason, void *user)
{
	(void)n, (void)user;
	CHECK(nodeid == 2 && incarnation && reason == SINEW_FENCE_FAILED);
	atomic_fetch_add(&fences, 1);
}

static const struct sinew_callbacks callbacks = {
	.size = sizeof(callbacks), .fence_asked = count_fence,
};

static void new_node(uint32_t nodeid, enum sinew_membership membership,
		     enum sinew_profile profile)
{
	struct sinew_options o;

	SINEW_OPTIONS_INIT(&o);
	CHECK_EQ(sinew_corosync_options(cs, &o), 0);
	CHECK_EQ(o.membership, SINEW_MEMBERSHIP_EXTERNAL);
	o.nodeid = nodeid;
	o.membership = membership;
	o.profile = profile;
	o.own_thread = true;
	o.n_addrs = 0;
	CHECK_EQ(sinew_node_new(&o, &callbacks, NULL, &node), 0);
}

/* ---- arguments ---- */

static void a_setup_may_be_of_another_size(void)
{
	struct { struct sinew_corosync_setup setup; char more[16]; } to;
	const size_t part = offsetof(struct sinew_corosync_setup, connect_ms);

	memset(&to, 0x55, sizeof(to));
	sinew_corosync_setup_init(&to.setup, part);
	CHECK_EQ(to.setup.size, part);
	for (size_t i = part; i < sizeof(to); i++)
		CHECK_EQ(((char *)&to)[i], 0x55);
	memset(&to, 0x55, sizeof(to));
	sinew_corosync_setup_init(&to.setup, sizeof(to));
	CHECK(to.setup.size == sizeof(to) && to.setup.connect_ms == 10000 && !to.setup.observe);
	CHECK_EQ(to.setup.log_level, SINEW_INFO);
	for (size_t i = 0; i < sizeof(to.more); i++)
		CHECK_EQ(to.more[i], 0);
	/* Of a newer program, or none at all. */
	fake_begin(1);
	CHECK_EQ(sinew_corosync_open(&to.setup, &cs, err, sizeof(err)), 0);
	sinew_corosync_free(cs);
	fake_begin(1);
	CHECK_EQ(sinew_corosync_open(NULL, &cs, NULL, 0), 0);
	sinew_corosync_free(cs);
	cs = NULL;
	to.setup.size = sizeof(to.setup.size);
	CHECK_EQ(sinew_corosync_open(&to.setup, &cs, err, sizeof(err)), -EINVAL);
	CHECK_STR(err, "setup not initialized by sinew_corosync_setup_init()");
	CHECK(!cs);
	sinew_corosync_free(NULL);
}

static void results_are_of_the_size_asked_for(void)
{
	struct sinew_corosync_status s = { .size = offsetof(struct sinew_corosync_status, quorate),
					   .quorate = true, .losses = 77 };
	struct sinew_corosync_member some[4] = { { .nodeid = 90 }, { .nodeid = 91 } };

	look_on(3);
	CHECK_EQ(sinew_corosync_nodeid(cs), 1);
	CHECK_EQ(sinew_config_nodes(sinew_corosync_config(cs), NULL, 0), 3);
	AWAIT(status().in_group && status().whole && member(3).listed);
	fake_set(&fake.is_quorate, false);
	fake_tell(FAKE_QUORUM);
	AWAIT(!status().quorate);
	CHECK_EQ(sinew_corosync_status(cs, &s), 0);
	CHECK(s.connected && s.in_group && s.quorate && s.losses == 77);
	CHECK_EQ(sinew_corosync_status(cs, NULL), -EINVAL);
	s.size = sizeof(s) + 1;
	CHECK_EQ(sinew_corosync_status(cs, &s), -EINVAL);
	s.size = sizeof(s.size) - 1;
	CHECK_EQ(sinew_corosync_status(cs, &s), -EINVAL);
	s.size++;
	CHECK_EQ(sinew_corosync_status(cs, &s), 0);
	CHECK_EQ(sinew_corosync_members(cs, NULL, 0), 3);
	CHECK_EQ(sinew_corosync_members(cs, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_corosync_members(cs, some, -1), -EINVAL);
	CHECK_EQ(sinew_corosync_members(cs, some, 1), 3);
	CHECK(some[0].nodeid == 1 && some[1].nodeid == 91);
	CHECK_EQ(sinew_corosync_members(cs, some, 4), 3);
	CHECK(some[2].nodeid == 3 && some[3].nodeid == 0);
	user_end();
}

/* While corosync hangs nobody takes them. */
static void fencings_have_their_limit(void)
{
	look_on(2);
	AWAIT(status().in_group);
	CHECK_EQ(sinew_corosync_fenced(cs, 0, 1), -EINVAL);
	CHECK_EQ(sinew_corosync_fenced(cs, 2, 0), -EINVAL);
	fake_set(&fake.hangs, true);
	fake_tell(FAKE_CONFIG);
	AWAIT(status().silent_ms > 0);
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(sinew_corosync_fenced(cs, 2, 100 + i), 0);
	CHECK_EQ(sinew_corosync_fenced(cs, 2, 200), -ENOSPC);
	fake_set(&fake.hangs, false);
	AWAIT(said("info peer=2 fenced incarnation=000000000000006") == 12);
	AWAIT(member(2).fenced == 115);
	CHECK_EQ(said("fenced incarnation="), 16);
	user_end();
}

static void only_its_own_node_is_attached(void)
{
	static const struct sinew_watch nothing = { .size = sizeof(nothing) };
	static char observers[SINEW_WATCHES_MAX];

	fake_begin(2);
	CHECK_EQ(user_open(false, 0, SINEW_INFO, err, sizeof(err)), 0);
	new_node(2, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_NATIVE);
	CHECK_EQ(sinew_corosync_attach(cs, node), -EINVAL);
	sinew_node_free(node);
	new_node(1, SINEW_MEMBERSHIP_STATIC, SINEW_PROFILE_NATIVE);
	CHECK_EQ(sinew_corosync_attach(cs, node), -EINVAL);
	sinew_node_free(node);
	new_node(1, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_DLM);
	CHECK_EQ(sinew_corosync_attach(cs, node), -EINVAL);
	CHECK_EQ(said("error node 1 has the dlm profile"), 1);
	sinew_node_free(node);
	/* A failed call can be repeated. */
	new_node(1, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_NATIVE);
	for (unsigned i = 0; i < SINEW_WATCHES_MAX; i++)
		CHECK_EQ(sinew_watch(node, &nothing, &observers[i]), 0);
	CHECK_EQ(sinew_corosync_attach(cs, node), -ENOSPC);
	CHECK_EQ(sinew_watch(node, NULL, &observers[1]), 0);
	CHECK_EQ(sinew_corosync_attach(cs, node), 0);
	CHECK_EQ(sinew_corosync_attach(cs, node), -EALREADY);
	AWAIT(status().in_group && member(1).joined);
	/* Nothing below the level is said. */
	CHECK_EQ(said("debug "), 0);
	AWAIT(said("info quorum gained"));
	user_end();
	look_on(2);
	new_node(1, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_NATIVE);
	CHECK_EQ(sinew_corosync_attach(cs, node), -EINVAL);
	user_end();
}

/* ---- opening ---- */

static void why_it_does_not_open_is_said(void)
{
	fake_begin(2);
	fake.is_dead = true;
	CHECK_EQ(user_open(false, 700, SINEW_INFO, err, sizeof(err)), -ENOTCONN);
	CHECK_STR(err, "corosync's cmap service: corosync is not running");
	/* Tried more than once, and said once. */
	CHECK_EQ(said("warning corosync's cmap service: corosync is not running; retrying"), 1);
	CHECK(!cs);

	fake_begin(2);
	fake_key("sinew.quorum_policy", "refuse");
	fake.is_quorate = false;
	CHECK_EQ(user_open(false, 300, SINEW_INFO, err, sizeof(err)), -EHOSTDOWN);
	CHECK_STR(err, "no quorum, and quorum_policy in \"sinew {\" is refuse");
	CHECK_EQ(user_open(true, 300, SINEW_INFO, err, sizeof(err)), 0);
	user_end();
	fake.is_quorate = true;
	CHECK_EQ(user_open(false, 300, SINEW_INFO, err, sizeof(err)), 0);
	user_end();
	fake_key("sinew.quorum_policy", "stop");
	fake.is_quorate = false;
	CHECK_EQ(user_open(false, 300, SINEW_INFO, err, sizeof(err)), 0);
	user_end();

	fake_begin(2);
	fake_key("nodelist.node.1.nodeid", "3");
	CHECK_EQ(user_open(false, 300, SINEW_INFO, err, sizeof(err)), -EINVAL);
	CHECK_STR(err, "corosync: found no node with nodeid 1, expected the own node in nodelist");
}

/* An own name has to have an address by now; whoever looks on needs none. */
static void an_own_name_is_needed(void)
{
	fake_begin(2);
	fake_key("nodelist.node.1.ring0_addr", "1.test");
	fake.resolver_fails = true;
	CHECK_EQ(user_open(false, 300, SINEW_DEBUG, err, sizeof(err)), -EADDRNOTAVAIL);
	CHECK(strstr(err, "the own node needs an address"));
	CHECK_EQ(user_open(true, 300, SINEW_DEBUG, err, sizeof(err)), 0);
	user_end();
}

/* Answers that are there are not waited for, and are asked for once. */
static void names_are_taken_at_once(void)
{
	uint64_t began = now_ms();

	fake_begin(2);
	fake_key("nodelist.node.2.ring0_addr", "2.test");
	CHECK_EQ(user_open(true, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	CHECK(now_ms() - began < NAMES_MS);
	CHECK_EQ(sinew_corosync_attach(cs, NULL), 0);
	AWAIT(member(2).n_addrs == 1);
	CHECK_EQ(said("debug resolving host names"), 1);
	fake_node(3, "10.0.0.3");
	fake_tell(FAKE_CONFIG);
	AWAIT(member(3).listed);
	settle();
	settle();
	CHECK_EQ(said("debug resolving host names"), 2);
	CHECK_EQ(said("peer=2"), 0);
	user_end();
}

/* The same error is told again for another change, and not without one. */
static void each_wrong_change_is_said(void)
{
	look_on(2);
	AWAIT(member(2).listed);
	fake_key("sinew.max_peers", "many");
	for (unsigned i = 1; i <= 2; i++) {
		fake_tell(FAKE_CONFIG);
		AWAIT(said("error changed configuration rejected: corosync:") == i);
		settle();
		CHECK_EQ(said("rejected"), i);
	}
	/* The configuration before stays, and the connection too. */
	CHECK(member(2).listed && status().connected && !status().losses);
	user_end();
}

/* ---- what is told ---- */

/* Each loss is counted, and said once; so is the way back. */
static void each_loss_is_counted(void)
{
	look_on(2);
	AWAIT(status().in_group && status().connected);
	for (unsigned i = 1; i <= 2; i++) {
		fake_die();
		AWAIT(status().losses == i && !status().in_group && !status().connected);
		fake_set(&fake.is_dead, false);
		AWAIT(status().in_group && status().connected && status().quorate);
		CHECK_EQ(said("error corosync connection lost"), i);
		CHECK_EQ(said("info reconnected to corosync"), i);
	}
	user_end();
}

/* Each of the two may come first; quorum counts when both speak of one ring. */
static void rings_are_told_one_by_one(void)
{
	struct sinew_corosync_status s;

	look_on(2);
	AWAIT(status().quorate && status().whole);
	CHECK(said("debug corosync reports quorum=yes for ring=1."));
	pthread_mutex_lock(&fake.lock);
	fake.is_quorate = false;
	pthread_mutex_unlock(&fake.lock);
	fake_tell(FAKE_QUORUM);
	AWAIT(!status().quorate);
	AWAIT(said("warning quorum lost"));
	AWAIT(said("debug corosync reports quorum=no for ring=1."));
	pthread_mutex_lock(&fake.lock);
	fake.is_quorate = true;
	fake.ring++;
	pthread_mutex_unlock(&fake.lock);
	fake_tell(FAKE_QUORUM);
	settle();
	CHECK(!status().quorate && !status().whole);
	fake_tell(FAKE_RING);
	AWAIT(status().quorate && status().whole);
	AWAIT(said("info quorum gained") == 2);
	s = status();
	CHECK_EQ(s.ring_nodeid, 1);
	CHECK_EQ(s.ring_seq, fake.ring);
	user_end();
}

static void the_fate_of_a_peer_is_logged(void)
{
	look_on(3);
	AWAIT(status().whole);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 0x77, 0);
	AWAIT(said("info peer=2 joined incarnation=0000000000000077") == 1);
	fake_say(GREETING_GOODBYE, 2, 0x77, 0);
	AWAIT(said("info peer=2 leaving incarnation=0000000000000077") == 1);
	fake_leave(2, CPG_REASON_LEAVE);
	AWAIT(said("info peer=2 left incarnation=0000000000000077") == 1);
	AWAIT(said("debug peer=2 left the process group") == 1);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 0x78, 0);
	AWAIT(member(2).joined);
	fake_say(GREETING_HELLO, 2, 0x79, 0);
	AWAIT(said("warning peer=2 failed: started a new incarnation incarnation=") == 1);
	fake_leave(2, CPG_REASON_PROCDOWN);
	AWAIT(said("warning peer=2 failed: its program or corosync ended incarnation=") == 1);
	/* It is for a node to have it fenced. */
	settle();
	CHECK_EQ(said("needs fencing"), 0);
	CHECK_EQ(sinew_corosync_fenced(cs, 2, 0x79), 0);
	AWAIT(said("info peer=2 fenced incarnation=0000000000000079") == 1);
	fake_key("nodelist.node.3.nodeid", NULL);
	fake_key("nodelist.node.3.ring0_addr", NULL);
	fake_tell(FAKE_CONFIG);
	AWAIT(said("info peer=3 removed from the nodelist") == 1);
	fake_join(4);
	fake_say((enum greeting_type)9, 4, 1, 0);
	AWAIT(said("warning peer=4 invalid message in the group") == 1);
	user_end();
}

static unsigned paths(uint32_t nodeid)
{
	struct sinew_status st = { .size = sizeof(st) };

	return sinew_peer_status(node, nodeid, &st) ? 99 : st.n_paths;
}

/* The node knows its peers with their addresses, and asks for a fence. */
static void a_node_is_told(void)
{
	fake_begin(3);
	CHECK_EQ(user_open(false, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	new_node(1, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_NATIVE);
	CHECK_EQ(sinew_corosync_attach(cs, node), 0);
	AWAIT(status().quorate && member(1).joined);
	CHECK_EQ(member(1).n_addrs, 1);
	AWAIT(paths(2) == 1 && paths(3) == 1);
	CHECK_EQ(paths(1), 99);
	fake_key("nodelist.node.2.ring1_addr", "10.0.1.2");
	fake_tell(FAKE_CONFIG);
	AWAIT(paths(2) == 2);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, 0x77, 0);
	AWAIT(said("info peer=2 joined"));
	fake_leave(2, CPG_REASON_PROCDOWN);
	AWAIT(said("warning peer=2 needs fencing incarnation=0000000000000077") == 1);
	AWAIT(atomic_load(&fences) == 1);
	fake_key("nodelist.node.3.nodeid", NULL);
	fake_key("nodelist.node.3.ring0_addr", NULL);
	fake_tell(FAKE_CONFIG);
	AWAIT(paths(3) == 99);
	CHECK_EQ(paths(2), 2);
	user_end();
}

static bool is_dialled(uint32_t nodeid)
{
	struct sinew_status st = { .size = sizeof(st) };

	return !sinew_peer_status(node, nodeid, &st) && st.n_paths && !st.never_dialled;
}

/* As the nodelist says it at first, for one that is added later, and when it is changed. */
static void whom_it_dials_is_told(void)
{
	fake_begin(2);
	fake_key("nodelist.node.2.dial", "never");
	CHECK_EQ(user_open(false, 0, SINEW_DEBUG, err, sizeof(err)), 0);
	new_node(1, SINEW_MEMBERSHIP_EXTERNAL, SINEW_PROFILE_NATIVE);
	CHECK_EQ(sinew_corosync_attach(cs, node), 0);
	AWAIT(paths(2) == 1);
	CHECK(!is_dialled(2));
	fake_key("nodelist.node.3.nodeid", "3");
	fake_key("nodelist.node.3.ring0_addr", "10.0.0.3");
	fake_key("nodelist.node.3.dial", "never");
	fake_key("nodelist.node.2.dial", "always");
	fake_tell(FAKE_CONFIG);
	AWAIT(is_dialled(2) && paths(3) == 1);
	CHECK(!is_dialled(3));
	/* Neither would dial the other: what was, holds. */
	fake_key("nodelist.node.1.dial", "never");
	fake_key("nodelist.node.2.dial", "never");
	fake_tell(FAKE_CONFIG);
	AWAIT(said("changed configuration rejected: corosync:") == 1);
	CHECK_EQ(said("neither would dial the other"), 1);
	CHECK(is_dialled(2));
	user_end();
	CHECK_EQ(user_open(false, 300, SINEW_INFO, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "neither would dial the other"));
}

int main(void)
{
	RUN(a_setup_may_be_of_another_size);
	RUN(results_are_of_the_size_asked_for);
	RUN(fencings_have_their_limit);
	RUN(only_its_own_node_is_attached);
	RUN(why_it_does_not_open_is_said);
	RUN(an_own_name_is_needed);
	RUN(names_are_taken_at_once);
	RUN(each_wrong_change_is_said);
	RUN(each_loss_is_counted);
	RUN(rings_are_told_one_by_one);
	RUN(the_fate_of_a_peer_is_logged);
	RUN(a_node_is_told);
	RUN(whom_it_dials_is_told);
	return check_done();
}

#else
#include "tests/lib/check.h"

int main(void)
{
	printf("ok - rules of a fake corosync # SKIP built without corosync's libraries\n");
	return 0;
}

#endif
