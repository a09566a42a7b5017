/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of sinew_watch(): who is told, of what, in which order. Knows the public headers,
 * and how a write of a stream fails.
 */
#include "lowcomms/node.h"
#include "tests/lib/cluster.h"

#define FOREIGN	77u	/* a nodeid at which nobody listens */

/* One observer: what it was told. */
struct watched {
	unsigned renewed, closing, closed, ups, downs, links_up, links_down, peers, quorums;
	unsigned bad;			/* not in an order that is possible */
	uint32_t nodeid, peer;		/* the last ones */
	uint64_t incarnation;		/* of the session that is up; 0: none */
	bool has_link, quorate;
	enum sinew_down reason;
};

static void saw_renewed(void *arg, uint64_t incarnation)
{
	struct watched *w = arg;

	w->renewed += incarnation != 0;
}

static void saw_closing(void *arg)
{
	struct watched *w = arg;

	w->closing++;
	w->bad += w->closed;
}

static void saw_closed(void *arg)
{
	struct watched *w = arg;

	w->closed++;
}

static void saw_up(void *arg, uint32_t nodeid, uint64_t incarnation)
{
	struct watched *w = arg;

	w->bad += w->incarnation || !incarnation;
	w->ups++;
	w->nodeid = nodeid;
	w->incarnation = incarnation;
	w->has_link = true;
}

static void saw_down(void *arg, uint32_t nodeid, uint64_t incarnation, enum sinew_down reason)
{
	struct watched *w = arg;

	w->bad += incarnation != w->incarnation || nodeid != w->nodeid;
	w->downs++;
	w->incarnation = 0;
	w->reason = reason;
}

static void saw_link(void *arg, uint32_t nodeid, uint64_t incarnation, bool up)
{
	struct watched *w = arg;

	w->bad += incarnation != w->incarnation || nodeid != w->nodeid || up == w->has_link;
	w->has_link = up;
	w->links_up += up;
	w->links_down += !up;
}

static void saw_peer(void *arg, uint32_t nodeid)
{
	struct watched *w = arg;

	w->peers++;
	w->peer = nodeid;
}

static void saw_quorum(void *arg, bool quorate)
{
	struct watched *w = arg;

	w->quorums++;
	w->quorate = quorate;
}

static const struct sinew_watch watch = {
	.size = sizeof watch, .renewed = saw_renewed, .closing = saw_closing,
	.closed = saw_closed, .session_up = saw_up, .session_down = saw_down, .link = saw_link,
	.peer = saw_peer, .quorum = saw_quorum,
};

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void several_observe_and_each_goes_by_itself(void)
{
	struct watched w[SINEW_WATCHES_MAX + 1] = { 0 };
	struct cluster *c = cluster_new(1, external);
	struct sinew_node *n = c->t[1].n;
	struct sinew_watch old = watch;

	CHECK_EQ(sinew_watch(NULL, NULL, NULL), -EINVAL);
	old.size = 1;
	CHECK_EQ(sinew_watch(n, &old, w), -EINVAL);
	old.size = sizeof old + 1;
	CHECK_EQ(sinew_watch(n, &old, w), -EINVAL);
	/* As an older program knows it: of what it does not know nothing is told. */
	old.size = offsetof(struct sinew_watch, closing);
	for (unsigned i = 0; i < SINEW_WATCHES_MAX; i++) {
		CHECK_EQ(sinew_watch(n, i ? &watch : &old, &w[i]), 0);
		CHECK_EQ(sinew_watch(n, &watch, &w[i]), -EBUSY);
	}
	CHECK_EQ(sinew_watch(n, &watch, &w[SINEW_WATCHES_MAX]), -ENOSPC);
	CHECK_EQ(sinew_watch(n, NULL, &w[SINEW_WATCHES_MAX]), 0);
	CHECK_EQ(sinew_self_lost(n), 0);
	DRIVE(c, c->t[1].self_losts == 1);
	CHECK_EQ(sinew_watch(n, NULL, &w[3]), 0);
	CHECK_EQ(sinew_watch(n, &watch, &w[SINEW_WATCHES_MAX]), 0);
	CHECK_EQ(sinew_self_lost(n), 0);
	DRIVE(c, c->t[1].self_losts == 2);
	CHECK_EQ(sinew_close(n, 0), 0);
	DRIVE(c, c->t[1].closed == 1);
	for (unsigned i = 0; i <= SINEW_WATCHES_MAX; i++) {
		CHECK_EQ(w[i].renewed, i == 3 || i == SINEW_WATCHES_MAX ? 1 : 2);
		CHECK_EQ(w[i].closing, i == 0 || i == 3 ? 0 : 1);
		CHECK_EQ(w[i].closed, i == 0 || i == 3 ? 0 : 1);
		CHECK_EQ(w[i].bad, 0);
	}
	cluster_free(c);
}

static struct watched *seen_first;

/* An observer knows it before the application. */
static void on_up(struct test_node *t, struct sinew_session *p)
{
	CHECK_EQ(seen_first->incarnation, sinew_session_incarnation(p));
	CHECK_EQ(seen_first->nodeid, sinew_session_nodeid(p));
	t->on_up = NULL;
}

static void on_down(struct test_node *t, struct sinew_session *p)
{
	(void)p;
	CHECK_EQ(seen_first->incarnation, 0);
	t->on_down = NULL;
}

static void sessions_and_links_are_told(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_node *n = c->t[1].n;
	struct watched w = { 0 };

	seen_first = &w;
	c->t[1].on_up = on_up;
	c->t[1].on_down = on_down;
	CHECK_EQ(sinew_watch(n, &watch, &w), 0);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(w.ups, 1);
	CHECK_EQ(w.incarnation, sinew_incarnation(c->t[2].n));
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(sinew_break(n, 2), 0);
		DRIVE(c, w.links_down == i);
		DRIVE(c, w.links_up == i);
	}
	CHECK_EQ(w.ups, 1);
	CHECK_EQ(w.downs, 0);
	/* The other node is another one now: no link of the old session is told any more. */
	CHECK_EQ(sinew_self_lost(c->t[2].n), 0);
	DRIVE(c, w.ups == 2);
	CHECK_EQ(w.downs, 1);
	CHECK_EQ(w.reason, SINEW_DOWN_SUPERSEDED);
	CHECK_EQ(sinew_peer_remove(n, 2), 0);
	DRIVE(c, w.downs == 2);
	CHECK_EQ(w.reason, SINEW_DOWN_REMOVED);
	CHECK(!c->t[1].on_up && !c->t[1].on_down);
	CHECK_EQ(w.bad, 0);
	cluster_free(c);
}

static void peers_are_told(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sockaddr_storage addr = c->t[1].addr;
	struct sinew_node *n = c->t[1].n;
	struct watched w = { 0 };

	CHECK_EQ(sinew_watch(n, &watch, &w), 0);
	CHECK_EQ(sinew_peer_add(n, FOREIGN, NULL, 0), 0);
	DRIVE(c, w.peers == 1);
	CHECK_EQ(w.peer, FOREIGN);
	addr.ss_family = AF_INET;
	CHECK_EQ(sinew_peer_set_addrs(n, FOREIGN, &addr, 1), 0);
	DRIVE(c, w.peers == 2);
	CHECK_EQ(sinew_peer_set_name(n, FOREIGN, "far"), 0);
	CHECK_EQ(sinew_peer_set_name(n, FOREIGN, "far"), 0);
	CHECK_EQ(sinew_peer_set_name(n, 1, "near"), 0);
	DRIVE(c, w.peer == 1);
	CHECK_EQ(w.peers, 4);
	CHECK_EQ(sinew_peer_remove(n, FOREIGN), 0);
	DRIVE(c, w.peers == 5);
	CHECK_EQ(sinew_peer_add(n, FOREIGN - 1, NULL, 0), 0);
	CHECK_EQ(sinew_peer_close(n, FOREIGN - 1, 0), 0);
	DRIVE(c, w.peers == 7);
	CHECK_EQ(w.peer, FOREIGN - 1);
	cluster_free(c);
}

static void quorum_is_told_when_it_changes(void)
{
	struct cluster *c = cluster_new(1, external);
	struct sinew_node *n = c->t[1].n;
	struct watched w = { 0 };

	CHECK_EQ(sinew_watch(n, &watch, &w), 0);
	CHECK_EQ(sinew_quorum(n, true), 0);
	CHECK_EQ(sinew_quorum(n, false), 0);
	CHECK_EQ(sinew_quorum(n, false), 0);
	CHECK_EQ(sinew_quorum(n, true), 0);
	CHECK_EQ(sinew_quorum(n, false), 0);
	CHECK_EQ(sinew_peer_add(n, FOREIGN, NULL, 0), 0);
	DRIVE(c, w.peers == 1);
	CHECK_EQ(w.quorums, 3);
	CHECK(!w.quorate);
	cluster_free(c);
}

static ssize_t unreachable(struct stream *s, const struct iovec *iov, int n)
{
	(void)s, (void)iov, (void)n;
	return -EHOSTUNREACH;
}

/* The caller of a send may hold locks that an observer takes. */
static void a_send_that_fails_tells_nobody_by_itself(void)
{
	struct watched w = { 0 };
	struct cluster *c = cluster_new(2, NULL);
	struct sinew_node *n = c->t[1].n;
	struct stream_ops broken;
	struct conn *conn;

	CHECK_EQ(sinew_watch(n, &watch, &w), 0);
	DRIVE(c, cluster_all_up(c) && n->conns.n_all == 1);
	conn = list_first(&n->conns.all, struct conn, all);
	broken = *conn->stream->ops;
	broken.writev = unreachable;
	conn->stream->ops = &broken;
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	CHECK(!w.links_down && w.has_link);
	DRIVE(c, w.links_down == 1 && w.links_up == 1);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	CHECK_EQ(w.bad, 0);
	cluster_free(c);
}

int main(void)
{
	RUN(several_observe_and_each_goes_by_itself);
	RUN(sessions_and_links_are_told);
	RUN(peers_are_told);
	RUN(quorum_is_told_when_it_changes);
	RUN(a_send_that_fails_tells_nobody_by_itself);
	return check_done();
}
