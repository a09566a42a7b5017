/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of sessions under membership by corosync: two nodes of this process, of which one
 * follows the corosync of fake_corosync.h; how the session ends when the other one leaves, fails,
 * is fenced or renews itself.
 */
#ifdef HAVE_COROSYNC
#include "tests/lib/fake_user.h"

#include <poll.h>
#include <stdatomic.h>

#include "tests/lib/cluster.h"

#include "membership/corosync.h"

static struct sinew_node *other;
static _Atomic unsigned fences, ups, downs;
static _Atomic int why_down;

static void count_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
			enum sinew_fence_reason reason, void *user)
{
	(void)n, (void)user;
	CHECK(nodeid == 2 && incarnation && reason == SINEW_FENCE_FAILED);
	atomic_fetch_add(&fences, 1);
}

static void count_up(struct sinew_node *n, struct sinew_session *session, void *user)
{
	(void)n, (void)session, (void)user;
	atomic_fetch_add(&ups, 1);
}

/* Of the node that follows corosync. */
static void count_down(struct sinew_node *n, struct sinew_session *session, enum sinew_down reason,
		       const struct sinew_delivery *delivery, void *user)
{
	(void)n, (void)session, (void)delivery;
	if (user != &downs)
		return;
	atomic_store(&why_down, (int)reason);
	atomic_fetch_add(&downs, 1);
}

static const struct sinew_callbacks callbacks = {
	.size = sizeof(callbacks), .session_up = count_up, .session_down = count_down,
	.fence_asked = count_fence,
};

static unsigned of(_Atomic unsigned *counter)
{
	return atomic_load(counter);
}

static void open_node(struct sinew_options *o, struct sinew_node **ret)
{
	o->own_thread = true;
	CHECK_EQ(sinew_node_new(o, &callbacks, ret == &node ? &downs : NULL, ret), 0);
}

/* Nodes 1 and 2 have a session; the second one hears of nothing but the first. */
static void meet(bool hold)
{
	struct sockaddr_storage addr = free_address("127.0.0.2");
	struct sockaddr_storage first = addr;
	struct sinew_options o;
	char port[16];

	fake_begin(1);
	snprintf(port, sizeof(port), "%u", ntohs(((struct sockaddr_in *)&addr)->sin_port));
	fake_key("sinew.port", port);
	fake_node(2, "127.0.0.2");
	((struct sockaddr_in *)&first)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	atomic_store(&ups, 0);
	atomic_store(&downs, 0);
	atomic_store(&fences, 0);
	CHECK_EQ(sinew_corosync_open(NULL, &cs, NULL, 0), 0);
	SINEW_OPTIONS_INIT(&o);
	CHECK_EQ(sinew_corosync_options(cs, &o), 0);
	open_node(&o, &node);
	if (hold)
		sinew_corosync_hold(cs);
	CHECK_EQ(sinew_corosync_attach(cs, node), 0);
	AWAIT(status().quorate && status().whole);
	o.nodeid = 2;
	o.addrs[0] = addr;
	open_node(&o, &other);
	CHECK_EQ(sinew_quorum(other, true), 0);
	CHECK_EQ(sinew_peer_add(other, 1, &first, 1), 0);
	CHECK_EQ(sinew_peer_joined(other, 1, sinew_incarnation(node)), 0);
	fake_join(2);
	fake_say(GREETING_HELLO, 2, sinew_incarnation(other), 0);
	AWAIT(of(&ups) == 2);
}

static void part(void)
{
	user_end();
	sinew_node_free(other);
}

static void who_leaves_has_left(void)
{
	meet(false);
	fake_say(GREETING_GOODBYE, 2, sinew_incarnation(other), 0);
	fake_leave(2, CPG_REASON_LEAVE);
	AWAIT(of(&downs) == 1);
	CHECK_EQ(atomic_load(&why_down), SINEW_DOWN_LEFT);
	CHECK_EQ(of(&fences), 0);
	part();
}

static void who_fails_has_failed(void)
{
	meet(false);
	fake_leave(2, CPG_REASON_PROCDOWN);
	AWAIT(of(&downs) == 1 && of(&fences) == 1);
	CHECK_EQ(atomic_load(&why_down), SINEW_DOWN_FAILED);
	part();
}

/* Until it has been fenced its session stays. */
static void who_fails_is_held_until_it_is_fenced(void)
{
	meet(true);
	fake_leave(2, CPG_REASON_PROCDOWN);
	AWAIT(of(&fences) == 1);
	fake_tell(FAKE_QUORUM);
	settle();
	CHECK_EQ(of(&downs), 0);
	CHECK_EQ(sinew_corosync_fenced(cs, 2, sinew_incarnation(other)), 0);
	AWAIT(of(&downs) == 1);
	CHECK_EQ(atomic_load(&why_down), SINEW_DOWN_FAILED);
	part();
}

/* Nobody has to fence an incarnation that its own process gave up. */
static void who_renews_is_not_held(void)
{
	meet(true);
	fake_say(GREETING_HELLO, 2, sinew_incarnation(other) + 2, 0);
	AWAIT(of(&downs) >= 1);
	CHECK_EQ(of(&fences), 0);
	part();
}

static void without_corosync_no_session_stays(void)
{
	uint64_t before;

	meet(false);
	before = sinew_incarnation(node);
	fake_die();
	AWAIT(of(&downs) >= 1 && sinew_incarnation(node) != before);
	fake_set(&fake.is_dead, false);
	AWAIT(status().quorate && status().whole);
	part();
}

int main(void)
{
	RUN(who_leaves_has_left);
	RUN(who_fails_has_failed);
	RUN(who_fails_is_held_until_it_is_fenced);
	RUN(who_renews_is_not_held);
	RUN(without_corosync_no_session_stays);
	return check_done();
}

#else
#include "tests/lib/check.h"

int main(void)
{
	printf("ok - sessions with a fake corosync # SKIP built without corosync's libraries\n");
	return 0;
}

#endif
