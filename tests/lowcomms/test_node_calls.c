/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of single calls and callbacks of a node: arguments that are refused, what a turn
 * reports, that each event calls one function only. Knows the public header only.
 */
#include <stdint.h>

#include "tests/lib/cluster.h"

#define IOV_MOST	1024

static struct cluster *two(void (*tune)(struct sinew_options *o))
{
	struct cluster *c = cluster_new(2, tune);

	CHECK(DRIVE(c, cluster_all_up(c)));
	return c;
}

/* ---- arguments ---- */

static void pieces_of_a_message(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *p = c->t[1].seen[2].session;
	struct iovec iov[IOV_MOST + 1];
	uint64_t number = 0;

	for (unsigned i = 0; i <= IOV_MOST; i++)
		iov[i] = (struct iovec) { "x", 1 };
	CHECK_EQ(sinew_sendv(NULL, iov, 1, NULL), -EINVAL);
	CHECK_EQ(sinew_sendv(p, iov, -1, NULL), -EINVAL);
	CHECK_EQ(sinew_sendv(p, NULL, 1, NULL), -EINVAL);
	CHECK_EQ(sinew_sendv(p, iov, IOV_MOST + 1, NULL), -EINVAL);
	iov[1].iov_len = SIZE_MAX;
	CHECK_EQ(sinew_sendv(p, iov, 2, NULL), -EMSGSIZE);
	iov[1] = (struct iovec) { NULL, 1 };
	CHECK_EQ(sinew_sendv(p, iov, 2, NULL), -EINVAL);
	iov[1] = (struct iovec) { NULL, 0 };
	CHECK_EQ(sinew_sendv(p, iov, IOV_MOST, &number), 0);
	CHECK_EQ(number, 1);
	CHECK_EQ(sinew_sendv(p, NULL, 0, &number), 0);
	CHECK_EQ(number, 2);
	CHECK_EQ(sinew_sendv(p, iov, 1, NULL), 0);
	DRIVE(c, c->t[2].seen[1].messages == 3);
	CHECK_EQ(c->t[2].seen[1].bytes, IOV_MOST - 1 + 0 + 1);
	cluster_free(c);
}

static void one_message_to_many(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *to[3] = { c->t[1].seen[2].session, NULL, c->t[1].seen[2].session };
	int results[3] = { 1, 1, 1 };

	CHECK_EQ(sinew_send_many(to, -1, "x", 1, results), -EINVAL);
	CHECK_EQ(sinew_send_many(NULL, 1, "x", 1, results), -EINVAL);
	CHECK_EQ(sinew_send_many(NULL, 0, "x", 1, results), 0);
	CHECK_EQ(results[0], 1);
	CHECK_EQ(sinew_send_many(to, 3, "x", 1, results), 2);
	CHECK_EQ(results[0], 0);
	CHECK_EQ(results[1], -EINVAL);
	CHECK_EQ(results[2], 0);
	CHECK_EQ(sinew_send_many(to, 3, NULL, 1, results), 0);
	CHECK_EQ(results[0], -EINVAL);
	CHECK_EQ(sinew_send_many(to, 3, NULL, 0, NULL), 2);
	DRIVE(c, c->t[2].seen[1].messages == 4);
	CHECK_EQ(c->t[2].seen[1].bytes, 2);
	cluster_free(c);
}

/* Each node flushes its own: none waits for the sends of another one. */
static void one_message_by_two_nodes(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *to[4] = {
		c->t[1].seen[2].session, c->t[2].seen[1].session,
		c->t[1].seen[2].session, c->t[2].seen[1].session,
	};
	int results[4] = { 1, 1, 1, 1 };

	CHECK_EQ(sinew_send_many(to, 4, "xy", 2, results), 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(results[i], 0);
	DRIVE(c, c->t[1].seen[2].messages == 2 && c->t[2].seen[1].messages == 2);
	cluster_free(c);
}

static void parts_of_a_slot(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *p = c->t[1].seen[2].session;
	struct sinew_slot slot = { .data = NULL }, copy;
	uint64_t number = 0;

	CHECK_EQ(sinew_reserve(NULL, 10, &slot), -EINVAL);
	CHECK_EQ(sinew_reserve(p, 10, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(NULL, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_commit(&slot, 0, NULL), -EINVAL);
	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(p, 10, &slot), 0));
	CHECK_EQ(slot.len, 10);
	CHECK_EQ(sinew_commit(&slot, 11, NULL), -EINVAL);
	copy = slot;
	copy.index = UINT32_MAX;
	CHECK_EQ(sinew_commit(&copy, 1, NULL), -EINVAL);
	copy = slot;
	memset(slot.data, 'x', 10);
	CHECK_EQ(sinew_commit(&slot, 10, &number), 0);
	CHECK_EQ(number, 1);
	CHECK(!slot.data && !slot.session);
	CHECK_EQ(sinew_commit(&copy, 1, NULL), -EINVAL);
	CHECK_OR_RETURN(CHECK_EQ(sinew_reserve(p, 10, &slot), 0));
	CHECK_EQ(sinew_discard(&slot), 0);
	CHECK_EQ(sinew_discard(&slot), -EINVAL);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	CHECK_EQ(c->t[2].seen[1].bytes, 10);
	cluster_free(c);
}

/* Two messages that nobody took, the second a long one. */
static void the_undelivered(void)
{
	enum { LONG = 100000 };
	struct cluster *c = two(NULL);
	struct sinew_session *p = sinew_session_ref(c->t[1].seen[2].session);
	struct sinew_unsent it = { .size = sizeof it }, other;
	static uint8_t text[LONG], got[LONG];

	memset(text, 'y', sizeof text);
	CHECK_EQ(sinew_send(p, "x", 1), 0);
	CHECK_EQ(sinew_send(p, text, LONG), 0);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, got), -EINVAL);
	CHECK_EQ(sinew_session_abort(NULL), -EINVAL);
	CHECK_EQ(sinew_session_finish(NULL), -EINVAL);
	CHECK_EQ(sinew_session_abort(p), 0);
	DRIVE(c, c->t[1].seen[2].downs == 1);
	CHECK_EQ(sinew_session_abort(p), -ESTALE);
	CHECK_EQ(sinew_session_unsent_next(NULL, &it), -EINVAL);
	CHECK_EQ(sinew_session_unsent_next(p, NULL), -EINVAL);
	other = it;
	other.size = offsetof(struct sinew_unsent, opaque);
	CHECK_EQ(sinew_session_unsent_next(p, &other), -EINVAL);
	other.size = sizeof other + 8;
	CHECK_EQ(sinew_session_unsent_next(p, &other), 1);
	CHECK_EQ(other.number, 1);
	CHECK_EQ(sinew_session_unsent_next(p, &it), 1);
	CHECK_EQ(it.number, 1);
	CHECK_EQ(it.len, 1);
	CHECK_EQ(sinew_session_unsent_copy(NULL, &it, got), -EINVAL);
	CHECK_EQ(sinew_session_unsent_copy(p, NULL, got), -EINVAL);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, NULL), -EINVAL);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, got), 0);
	CHECK_EQ(got[0], 'x');
	CHECK_EQ(sinew_session_unsent_next(p, &it), 1);
	CHECK_EQ(it.number, 2);
	CHECK_EQ(it.len, LONG);
	CHECK_EQ(sinew_session_unsent_copy(p, &it, got), 0);
	CHECK(!memcmp(got, text, LONG));
	CHECK_EQ(sinew_session_unsent_next(p, &it), 0);
	CHECK_EQ(sinew_session_unsent_next(p, &it), 0);
	sinew_session_unref(p);
	cluster_free(c);
}

static void statuses_and_refusals(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_status st = { .size = 1 };
	struct sinew_node *n = c->t[1].n;
	char text[100] = "?";

	CHECK_EQ(sinew_session_status(NULL, &st), -EINVAL);
	CHECK_EQ(sinew_peer_status(NULL, 2, &st), -EINVAL);
	CHECK_EQ(sinew_peer_status(n, 2, NULL), -EINVAL);
	CHECK_EQ(sinew_peer_status(n, 2, &st), -EINVAL);
	st.size = sizeof st;
	CHECK_EQ(sinew_peer_status(n, 2, &st), -ENOENT);
	CHECK_EQ(sinew_last_refusal(NULL, 2, text, sizeof text), -EINVAL);
	CHECK_EQ(sinew_last_refusal(n, 2, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_last_refusal(n, 2, text, sizeof text), -ENOENT);
	CHECK_EQ(sinew_peer_add(n, 2, NULL, 0), 0);
	CHECK_EQ(sinew_last_refusal(n, 2, NULL, 0), 0);
	CHECK_EQ(sinew_last_refusal(n, 2, text, sizeof text), 0);
	CHECK_STR(text, "");
	cluster_free(c);
}

static void peers(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sockaddr_storage addrs[9];
	struct sinew_node *n = c->t[1].n;

	for (unsigned i = 0; i < 9; i++) {
		char ip[32];

		snprintf(ip, sizeof ip, "127.0.1.%u", i + 1);
		CHECK_EQ(sinew_parse_address(ip, 0, &addrs[i]), 0);
	}
	CHECK_EQ(sinew_peer_add(NULL, 2, addrs, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 0, addrs, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 1, addrs, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, (uint32_t)INT32_MAX + 1, addrs, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 2, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 2, addrs, 9), -EINVAL);
	CHECK_EQ(sinew_peer_add(n, 2, addrs, 8), 0);
	CHECK_EQ(sinew_peer_add(n, 2, addrs, 8), -EEXIST);
	CHECK_EQ(sinew_peer_add(n, INT32_MAX, addrs, 1), 0);
	CHECK_EQ(sinew_peer_set_addrs(n, 2, addrs, 0), -EINVAL);
	CHECK_EQ(sinew_peer_set_addrs(n, 3, addrs, 1), -ENOENT);
	CHECK_EQ(sinew_peer_set_addrs(n, 2, addrs, 9), -EINVAL);
	CHECK_EQ(sinew_peer_set_dial(NULL, 2, SINEW_DIAL_NEVER), -EINVAL);
	CHECK_EQ(sinew_peer_set_dial(n, 2, (enum sinew_dial)2), -EINVAL);
	CHECK_EQ(sinew_peer_set_dial(n, 3, SINEW_DIAL_NEVER), -ENOENT);
	CHECK_EQ(sinew_peer_set_dial(n, 2, SINEW_DIAL_NEVER), 0);
	CHECK_EQ(sinew_peer_close(n, 2, -1), -EINVAL);
	CHECK_EQ(sinew_peer_close(n, 3, 0), -ENOENT);
	CHECK_EQ(sinew_peer_remove(n, 3), -ENOENT);
	CHECK_EQ(sinew_peer_failed(n, 0, 1), -ENOENT);
	CHECK_EQ(sinew_peer_failed(n, 3, 1), -ENOENT);
	CHECK_EQ(sinew_peer_joined(n, 2, 1), -EINVAL);	/* members are static */
	CHECK_EQ(sinew_ask_fence(n, 2, 0, SINEW_FENCE_PROTOCOL), -EINVAL);
	CHECK_EQ(sinew_ask_fence(n, 0, 1, SINEW_FENCE_PROTOCOL), -ENOENT);
	CHECK_EQ(sinew_break(n, 3), -ENOENT);
	CHECK_EQ(sinew_break(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_self_lost(NULL), -EINVAL);
	cluster_free(c);
}

static void dispatch_inside(struct test_node *t, struct sinew_session *p)
{
	t->seen[sinew_session_nodeid(p)].bad += sinew_dispatch(t->n, 0) != -EINVAL;
}

static void a_node(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sinew_node *n = c->t[1].n, *other = NULL;
	struct sinew_report_session r;
	struct sinew_options o;

	cluster_options(&o, 2, &c->t[1].addr);
	CHECK_EQ(sinew_node_new(NULL, NULL, NULL, &other), -EINVAL);
	CHECK_EQ(sinew_node_new(&o, NULL, NULL, NULL), -EINVAL);
	CHECK_EQ(sinew_node_id(n), 1);
	CHECK_STR(sinew_node_group(n), o.group);
	CHECK(sinew_incarnation(n) != 0);
	CHECK_EQ(sinew_get_fd(NULL), -EINVAL);
	CHECK_EQ(sinew_dispatch(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_node_join(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_node_join(n, 0), -EINVAL);	/* no thread of its own */
	CHECK_EQ(sinew_report(NULL, &r, 1), -EINVAL);
	CHECK_EQ(sinew_report(n, &r, -1), -EINVAL);
	CHECK_EQ(sinew_report(n, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_report(n, &r, 1), 0);
	CHECK_EQ(sinew_close(NULL, 0), -EINVAL);
	CHECK_EQ(sinew_close(n, -1), -EINVAL);
	CHECK_EQ(sinew_dispatch(n, 1), 0);
	CHECK_EQ(sinew_close(n, 0), 0);
	DRIVE(c, c->t[1].closed == 1);
	CHECK_EQ(sinew_close(n, 0), -EALREADY);
	CHECK_EQ(sinew_dispatch(n, -1), -ESHUTDOWN);
	CHECK_EQ(sinew_peer_add(n, 2, NULL, 0), -ESHUTDOWN);
	sinew_node_free(NULL);
	cluster_free(c);
}

static void no_turn_inside_of_a_turn(void)
{
	struct cluster *c = cluster_new(2, NULL);

	c->t[1].on_up = dispatch_inside;
	DRIVE(c, cluster_all_up(c));
	cluster_free(c);
}

static void sends(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *p = c->t[1].seen[2].session;
	uint64_t number = 0;

	CHECK_EQ(sinew_send(NULL, "x", 1), -EINVAL);
	CHECK_EQ(sinew_send(p, NULL, 1), -EINVAL);
	CHECK_EQ(sinew_send_numbered(NULL, "x", 1, &number), -EINVAL);
	CHECK_EQ(sinew_send_wait(NULL, "x", 1, 0, &number), -EINVAL);
	CHECK_EQ(sinew_send_wait(p, "x", 1, 1, &number), -EDEADLK);	/* the loop's thread */
	CHECK_EQ(number, 0);
	CHECK_EQ(sinew_send(p, NULL, 0), 0);
	CHECK_EQ(sinew_send_wait(p, "x", 1, 0, &number), 0);
	CHECK_EQ(number, 2);
	CHECK_EQ(sinew_send_numbered(p, "x", 1, &number), 0);
	CHECK_EQ(number, 3);
	DRIVE(c, c->t[2].seen[1].messages == 3);
	CHECK_EQ(c->t[2].seen[1].bytes, 2);
	cluster_free(c);
}

static void few_peers(struct sinew_options *o)
{
	o->max_peers = 2;
}

/* Their numbers share a place in the table. */
static void peers_up_to_a_limit(void)
{
	struct cluster *c = cluster_new(1, few_peers);
	struct sinew_status st = { .size = sizeof st };
	struct sinew_node *n = c->t[1].n;
	const uint32_t first = 7, second = first + (1u << 20);

	CHECK_EQ(sinew_peer_add(n, first, NULL, 0), 0);
	CHECK_EQ(sinew_peer_status(n, second, &st), -ENOENT);
	CHECK_EQ(sinew_peer_add(n, second, NULL, 0), 0);
	CHECK_EQ(sinew_peer_add(n, 9, NULL, 0), -ENOSPC);
	CHECK_EQ(sinew_peer_add(n, first, NULL, 0), -EEXIST);
	CHECK_EQ(sinew_peer_status(n, first, &st), 0);
	CHECK_EQ(st.nodeid, first);
	CHECK_EQ(sinew_peer_status(n, second, &st), 0);
	CHECK_EQ(st.nodeid, second);
	CHECK_EQ(sinew_peer_remove(n, first), 0);
	CHECK_EQ(sinew_peer_status(n, first, &st), -ENOENT);
	CHECK_EQ(sinew_peer_status(n, second, &st), 0);
	CHECK_EQ(sinew_peer_add(n, 9, NULL, 0), 0);
	CHECK_EQ(sinew_peer_add(n, 10, NULL, 0), -ENOSPC);
	cluster_free(c);
}

/* ---- callbacks ---- */

/* Of a node without peers: its turns do nothing else. */
static int until_it_did(struct sinew_node *n)
{
	const int64_t until = now_ms() + PATIENCE_MS;
	int did = 0;

	while (!did && now_ms() < until)
		did = sinew_dispatch(n, 20);
	return did;
}

static void a_turn_counts_callbacks(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct test_node *t = &c->t[1];

	CHECK_EQ(sinew_dispatch(t->n, 0), 0);
	CHECK_EQ(sinew_self_lost(t->n), 0);
	CHECK_EQ(until_it_did(t->n), 1);
	CHECK_EQ(t->self_losts, 1);
	CHECK_EQ(sinew_ask_fence(t->n, 2, 1, SINEW_FENCE_PROTOCOL), 0);
	CHECK_EQ(until_it_did(t->n), 1);
	CHECK_EQ(t->fences, 1);
	CHECK_EQ(sinew_dispatch(t->n, 0), 0);
	CHECK_EQ(sinew_close(t->n, 1000), 0);
	CHECK_EQ(until_it_did(t->n), 1);
	CHECK_EQ(t->closed, 1);
	CHECK_EQ(t->self_losts, 1);
	CHECK_EQ(t->fences, 1);
	cluster_free(c);
}

/* No event is told by the function of another one. */
static void each_event_is_told_by_its_own(void)
{
	struct cluster *c = two(NULL);
	const struct seen *one = &c->t[1].seen[2], *other = &c->t[2].seen[1];
	struct sinew_session *p = sinew_session_ref(one->session);

	CHECK_EQ(sinew_quorum(c->t[1].n, false), 0);
	CHECK_EQ(sinew_quorum(c->t[1].n, true), 0);
	CHECK_EQ(sinew_session_finish(p), 0);
	DRIVE(c, other->finishes == 1);
	CHECK_EQ(other->writables, 0);
	CHECK_EQ(other->downs, 0);
	CHECK_EQ(sinew_session_finish(other->session), 0);
	DRIVE(c, one->downs == 1 && other->downs == 1);
	CHECK_EQ(one->reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(other->reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(one->writables + other->writables, 0);
	CHECK_EQ(one->finishes + other->finishes, 2);
	CHECK_EQ(c->t[1].self_losts + c->t[2].self_losts, 0);
	CHECK_EQ(c->t[1].fences + c->t[2].fences, 0);
	CHECK_EQ(c->t[1].closed + c->t[2].closed, 0);
	sinew_session_unref(p);
	cluster_free(c);
}

static void is_up_again_after(struct cluster *c, uint32_t broken)
{
	struct sinew_status st = { .size = sizeof st };
	uint64_t before;

	CHECK_EQ(sinew_peer_status(c->t[1].n, 2, &st), 0);
	before = st.reconnects;
	CHECK_EQ(sinew_break(c->t[1].n, broken), 0);
	DRIVE(c, sinew_peer_status(c->t[1].n, 2, &st) == 0 && st.reconnects > before &&
	      st.link_up);
}

static void a_break_is_nothing_else(void)
{
	struct cluster *c = two(NULL);

	is_up_again_after(c, 2);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == 1);
	is_up_again_after(c, 0);
	CHECK_EQ(c->t[1].seen[2].downs + c->t[2].seen[1].downs, 0);
	cluster_free(c);
}

/* Node 2 is not driven: the session has no link that could carry the FIN. */
static void a_close_is_seen_without_a_link(void)
{
	struct cluster *c = two(NULL);
	struct sinew_status st = { .size = sizeof st };
	const int64_t until = now_ms() + PATIENCE_MS;
	struct sinew_node *n = c->t[1].n;

	CHECK_EQ(sinew_break(n, 2), 0);
	do {
		sinew_dispatch(n, 20);
		CHECK_EQ(sinew_peer_status(n, 2, &st), 0);
	} while (st.link_up && now_ms() < until);
	CHECK(!st.link_up);
	CHECK_EQ(st.state, SINEW_ESTABLISHED);
	CHECK_EQ(sinew_close(n, 600000), 0);
	CHECK(sinew_dispatch(n, 0) >= 0);
	CHECK_EQ(sinew_peer_status(n, 2, &st), 0);
	CHECK_EQ(st.state, SINEW_FIN_WAIT1);
	cluster_free(c);
}

/* ---- sends of the loop's thread ---- */

static bool is_readable(struct sinew_node *n)
{
	struct pollfd fd = { sinew_get_fd(n), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static void drive_alone(struct test_node *t, uint64_t messages)
{
	const int64_t until = now_ms() + PATIENCE_MS;

	while (t->seen[1].messages < messages && now_ms() < until)
		sinew_dispatch(t->n, 20);
	CHECK_EQ(t->seen[1].messages, messages);
}

static void until_rest(struct cluster *c)
{
	DRIVE(c, !is_readable(c->t[1].n) && !is_readable(c->t[2].n));
}

/* In each turn the first one is written at once; the next ones wait, and show it. */
static void the_first_of_each_turn_goes_at_once(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *p = c->t[1].seen[2].session;

	until_rest(c);
	CHECK_EQ(sinew_send(p, "x", 1), 0);
	drive_alone(&c->t[2], 1);
	for (unsigned i = 2; i < 6; i++) {
		CHECK(sinew_dispatch(c->t[1].n, 0) >= 0);
		CHECK_EQ(sinew_send(p, "x", 1), 0);
		drive_alone(&c->t[2], i);
	}
	cluster_free(c);
}

static void a_send_that_waits_wakes_who_polls(void)
{
	struct cluster *c = two(NULL);
	struct sinew_session *p = c->t[1].seen[2].session;

	until_rest(c);
	CHECK_EQ(sinew_send(p, "x", 1), 0);
	CHECK(!is_readable(c->t[1].n));
	CHECK_EQ(sinew_send(p, "x", 1), 0);
	CHECK(is_readable(c->t[1].n));
	DRIVE(c, c->t[2].seen[1].messages == 2);
	cluster_free(c);
}

int main(void)
{
	RUN(pieces_of_a_message);
	RUN(one_message_to_many);
	RUN(one_message_by_two_nodes);
	RUN(parts_of_a_slot);
	RUN(the_undelivered);
	RUN(statuses_and_refusals);
	RUN(peers);
	RUN(a_node);
	RUN(no_turn_inside_of_a_turn);
	RUN(sends);
	RUN(peers_up_to_a_limit);
	RUN(a_turn_counts_callbacks);
	RUN(each_event_is_told_by_its_own);
	RUN(a_break_is_nothing_else);
	RUN(a_close_is_seen_without_a_link);
	RUN(the_first_of_each_turn_goes_at_once);
	RUN(a_send_that_waits_wakes_who_polls);
	return check_done();
}
