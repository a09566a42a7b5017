/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the status of a node, also while its loop is blocked, and of the last errors
 * of its log. Knows the public headers, and how a line comes to the latter.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "lowcomms/node.h"
#include "tests/lib/cluster.h"

#define BUSY_MS	50u	/* what counts as long */

static struct sinew_node_status of(const struct test_node *t)
{
	struct sinew_node_status st = { .size = sizeof st };

	CHECK_EQ(sinew_node_status(t->n, &st), 0);
	return st;
}

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void it_is_of_the_size_asked_for(void)
{
	struct sinew_node_status st = { .size = offsetof(struct sinew_node_status, quorate) };
	struct cluster *c = cluster_new(1, NULL);
	struct { struct sinew_node_status st; uint64_t more; } longer;

	CHECK_EQ(sinew_node_status(NULL, &st), -EINVAL);
	CHECK_EQ(sinew_node_status(c->t[1].n, NULL), -EINVAL);
	st.n_peers = 77;
	CHECK_EQ(sinew_node_status(c->t[1].n, &st), 0);
	CHECK_EQ(st.nodeid, 1);
	CHECK_EQ(st.incarnation, sinew_incarnation(c->t[1].n));
	CHECK_EQ(st.n_peers, 77);
	st.size = sizeof st.size;
	CHECK_EQ(sinew_node_status(c->t[1].n, &st), -EINVAL);
	memset(&longer, 0xff, sizeof longer);
	longer.st.size = sizeof longer;
	CHECK_EQ(sinew_node_status(c->t[1].n, &longer.st), 0);
	CHECK_EQ(longer.st.size, sizeof longer);
	CHECK_EQ(longer.more, 0);
	cluster_free(c);
}

static void it_counts_what_there_is(void)
{
	const unsigned before = n_descriptors();
	struct cluster *c = cluster_new(3, NULL);
	struct sinew_node_status st = of(&c->t[1]);

	CHECK_EQ(st.loop_turns, 0);
	CHECK_EQ(st.n_peers, 2);
	CHECK(!st.n_sessions && !st.n_links && !st.n_conns && st.quorate);
	CHECK_EQ(st.n_listeners, 1);
	CHECK_EQ(st.memory_limit, 512u << 20);
	DRIVE(c, cluster_all_up(c));
	DRIVE(c, of(&c->t[1]).n_conns == 2);
	st = of(&c->t[1]);
	CHECK(st.n_sessions == 2 && st.n_links == 2 && !st.n_handshakes && st.loop_turns);
	CHECK(st.memory_bytes && st.memory_bytes < st.memory_limit);
	DRIVE(c, of(&c->t[2]).n_conns == 2 && of(&c->t[3]).n_conns == 2);
	CHECK_EQ(before + of(&c->t[1]).n_fds + of(&c->t[2]).n_fds + of(&c->t[3]).n_fds,
		 n_descriptors());
	/* Unlike a peer that is not there. */
	node_free(&c->t[3]);
	DRIVE(c, of(&c->t[1]).n_links == 1);
	CHECK_EQ(of(&c->t[1]).n_sessions, 2);
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 3), 0);
	DRIVE(c, of(&c->t[1]).n_sessions == 1);
	CHECK_EQ(of(&c->t[1]).n_peers, 1);
	/* A link that carried a session takes its descriptor along. */
	DRIVE(c, of(&c->t[1]).n_conns == 1);
	st = of(&c->t[1]);
	CHECK_EQ(sinew_session_finish(c->t[1].seen[2].session), 0);
	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	DRIVE(c, !of(&c->t[1]).n_conns);
	CHECK_EQ(of(&c->t[1]).n_fds, st.n_fds - 1);
	CHECK_EQ(sinew_close(c->t[1].n, 0), 0);
	CHECK(of(&c->t[1]).closing);
	DRIVE(c, c->t[1].closed);
	st = of(&c->t[1]);
	CHECK(st.closing && st.closed && !st.n_conns && !st.n_listeners && !st.n_sessions);
	CHECK(!st.loop_busy_ms);
	cluster_free(c);
}

static void quorum_and_refusals_are_seen(void)
{
	struct cluster *c = cluster_new(2, external);

	CHECK(of(&c->t[1]).quorate);
	CHECK_EQ(sinew_quorum(c->t[1].n, false), 0);
	DRIVE(c, !of(&c->t[1]).quorate);
	CHECK_EQ(sinew_quorum(c->t[1].n, true), 0);
	DRIVE(c, of(&c->t[1]).quorate);
	CHECK_EQ(of(&c->t[1]).refused, 0);
	/* For node 1 that incarnation has failed; node 2 does not know that. */
	CHECK_EQ(sinew_peer_joined(c->t[1].n, 2, sinew_incarnation(c->t[2].n)), 0);
	CHECK_EQ(sinew_peer_failed(c->t[1].n, 2, sinew_incarnation(c->t[2].n)), 0);
	CHECK_EQ(sinew_peer_joined(c->t[2].n, 1, sinew_incarnation(c->t[1].n)), 0);
	DRIVE(c, of(&c->t[1]).refused);
	cluster_free(c);
}

/* ---- a loop that is blocked ---- */

static _Atomic bool held, go_on;

static void hold_up(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	(void)t;
	(void)p;
	(void)m;
	held = true;
	while (!go_on)
		usleep(1000);
}

static void with_a_thread(struct sinew_options *o)
{
	o->own_thread = o->nodeid == 1;
}

static void a_callback_that_blocks_is_seen(void)
{
	struct cluster *c = cluster_new(2, with_a_thread);
	struct sinew_session *to;

	c->t[1].on_message = hold_up;
	held = go_on = false;
	DRIVE(c, c->t[2].seen[1].session && of(&c->t[1]).n_links == 1);
	to = c->t[2].seen[1].session;
	CHECK_EQ(sinew_send(to, "x", 1), 0);
	DRIVE(c, held);
	DRIVE(c, of(&c->t[1]).loop_busy_ms >= BUSY_MS);
	CHECK_EQ(of(&c->t[1]).n_sessions, 1);
	go_on = true;
	DRIVE(c, !of(&c->t[1]).loop_busy_ms);
	/* A long wait is none. */
	usleep(2 * BUSY_MS * 1000);
	CHECK(of(&c->t[1]).loop_busy_ms < BUSY_MS);
	cluster_free(c);
}

/* One that never shows its descriptor has nowhere to be but inside. */
static void an_application_that_stays_away_is_seen(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;
	const int64_t until = now_ms() + PATIENCE_MS;

	CHECK_EQ(of(&c->t[1]).loop_busy_ms, 0);
	CHECK(sinew_dispatch(n, 0) >= 0);
	while (of(&c->t[1]).loop_busy_ms < BUSY_MS && now_ms() < until)
		usleep(1000);
	CHECK(of(&c->t[1]).loop_busy_ms >= BUSY_MS);
	cluster_free(c);
}

static bool is_late(struct cluster *c)
{
	return of(&c->t[1]).loop_busy_ms >= BUSY_MS;
}

static void an_application_that_does_not_come_when_asked_is_seen(void)
{
	struct cluster *c = cluster_new(2, NULL);
	const int64_t until = now_ms() + PATIENCE_MS;

	DRIVE(c, cluster_all_up(c));
	/* A poller may wait for long: there is nothing to do. */
	CHECK(sinew_get_fd(c->t[1].n) >= 0);
	DRIVE(c, !of(&c->t[1]).loop_busy_ms);
	CHECK_EQ(sinew_peer_set_name(c->t[1].n, 2, "two"), 0);
	while (!is_late(c) && now_ms() < until)
		usleep(1000);
	CHECK(is_late(c));
	DRIVE(c, !of(&c->t[1]).loop_busy_ms);
	/* From outside. */
	CHECK_EQ(sinew_send(c->t[2].seen[1].session, "x", 1), 0);
	while (!is_late(c) && now_ms() < until) {
		sinew_dispatch(c->t[2].n, 0);
		usleep(1000);
	}
	CHECK(is_late(c));
	DRIVE(c, c->t[1].seen[2].messages == 1 && !of(&c->t[1]).loop_busy_ms);
	cluster_free(c);
}

/* ---- the last errors ---- */

static void silent(struct sinew_options *o)
{
	o->log = NULL;
	o->log_level = SINEW_ERROR;
}

static void a_warning_is_remembered_that_nobody_heard(void)
{
	struct sinew_error_entry one = { .nodeid = 77 };
	struct cluster *c = cluster_new(1, silent);
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(sinew_node_errors(NULL, &one, 1), -EINVAL);
	CHECK_EQ(sinew_node_errors(n, &one, -1), -EINVAL);
	CHECK_EQ(sinew_node_errors(n, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_node_errors(n, NULL, 0), 0);
	CHECK_EQ(sinew_self_lost(n), 0);
	DRIVE(c, c->t[1].self_losts == 1);
	CHECK_EQ(sinew_node_errors(n, &one, 1), 1);
	CHECK_STR(one.text, "own incarnation ended, continuing as a new one");
	CHECK_EQ(one.level, SINEW_WARNING);
	CHECK_EQ(one.nodeid, 0);
	CHECK(one.at_ms > 1500000000000u);
	cluster_free(c);
}

static void the_last_ones_are_kept(void)
{
	struct sinew_error_entry all[SINEW_ERRORS_MAX + 1];
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n;
	const unsigned last = SINEW_ERRORS_MAX + 3;
	char line[2 * sizeof all[0].text];

	for (unsigned i = 1; i <= last; i++) {
		snprintf(line, sizeof line, "peer=%u %*c", i, (int)sizeof line - 20, 'x');
		lately_add(&n->managed.lately, SINEW_ERROR, line);
		CHECK_EQ(sinew_node_errors(n, NULL, 0),
			 i < SINEW_ERRORS_MAX ? i : SINEW_ERRORS_MAX);
	}
	CHECK_EQ(sinew_node_errors(n, all, SINEW_ERRORS_MAX + 1), SINEW_ERRORS_MAX);
	for (unsigned i = 0; i < SINEW_ERRORS_MAX; i++) {
		CHECK_EQ(all[i].nodeid, last - i);
		CHECK_EQ(strlen(all[i].text), sizeof all[i].text - 1);
	}
	all[1].nodeid = 0;
	CHECK_EQ(sinew_node_errors(n, all, 1), SINEW_ERRORS_MAX);
	CHECK_EQ(all[1].nodeid, 0);
	n->managed.lately.n = UINT_MAX - UINT_MAX % SINEW_ERRORS_MAX + SINEW_ERRORS_MAX - 1;
	lately_add(&n->managed.lately, SINEW_WARNING, "the counter has wrapped");
	CHECK_EQ(sinew_node_errors(n, all, 1), SINEW_ERRORS_MAX);
	CHECK_STR(all[0].text, "the counter has wrapped");
	cluster_free(c);
}

int main(void)
{
	RUN(it_is_of_the_size_asked_for);
	RUN(it_counts_what_there_is);
	RUN(quorum_and_refusals_are_seen);
	RUN(a_callback_that_blocks_is_seen);
	RUN(an_application_that_stays_away_is_seen);
	RUN(an_application_that_does_not_come_when_asked_is_seen);
	RUN(a_warning_is_remembered_that_nobody_heard);
	RUN(the_last_ones_are_kept);
	return check_done();
}
