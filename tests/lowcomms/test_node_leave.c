/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of sinew_peer_close(): what is finished, what the peer sees, and when it is
 * forgotten. Knows the public header only.
 */
#include "tests/lib/cluster.h"

#define QUEUED	100u
#define LONG_MS	600000	/* longer than any test */

static void answers(struct sinew_options *o)
{
	o->auto_close = true;
}

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
	o->auto_close = true;
}

static bool knows(struct cluster *c, unsigned id, unsigned of)
{
	struct sinew_status st = { .size = sizeof st };

	return sinew_peer_status(c->t[id].n, of, &st) == 0;
}

static void send_some(struct cluster *c, unsigned from, unsigned to)
{
	for (unsigned i = 0; i < QUEUED; i++)
		CHECK_EQ(sinew_send(c->t[from].seen[to].session, &i, sizeof i), 0);
}

/* Node 1 has said it, and no send passes any more. */
static struct cluster *closing(void (*tune)(struct sinew_options *o), int linger_ms)
{
	struct cluster *c = cluster_new(2, tune);

	DRIVE(c, cluster_all_up(c));
	send_some(c, 1, 2);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, linger_ms), 0);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), -ESHUTDOWN);
	return c;
}

static void ended_in_order(struct cluster *c)
{
	DRIVE(c, c->t[1].seen[2].downs == 1 && c->t[2].seen[1].downs == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(c->t[2].seen[1].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(c->t[1].seen[2].delivery.acked, QUEUED);
	CHECK_EQ(c->t[2].seen[1].messages, QUEUED);
	DRIVE(c, !knows(c, 1, 2));
	CHECK_EQ(c->t[1].self_losts + c->t[2].self_losts, 0);
}

static void all_that_is_queued_goes_before_the_end(void)
{
	struct cluster *c = closing(answers, LONG_MS);

	ended_in_order(c);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, 0), -ENOENT);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, -1), -EINVAL);
	CHECK_EQ(sinew_peer_close(NULL, 2, 0), -EINVAL);
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &c->t[2].addr, 1), 0);
	/* The incarnation with which it ended is over; its next one is welcome. */
	CHECK_EQ(sinew_self_lost(c->t[2].n), 0);
	DRIVE(c, c->t[1].seen[2].ups == 2 && c->t[2].seen[1].ups == 2);
	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	DRIVE(c, c->t[2].seen[1].messages == QUEUED + 1);
	cluster_free(c);
}

static void members_are_closed_likewise(void)
{
	struct cluster *c = cluster_new(2, external);

	CHECK_EQ(sinew_peer_joined(c->t[1].n, 2, sinew_incarnation(c->t[2].n)), 0);
	CHECK_EQ(sinew_peer_joined(c->t[2].n, 1, sinew_incarnation(c->t[1].n)), 0);
	DRIVE(c, cluster_all_up(c));
	send_some(c, 1, 2);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, LONG_MS), 0);
	ended_in_order(c);
	cluster_free(c);
}

static void the_peer_may_go_on_until_it_finishes(void)
{
	struct cluster *c = closing(NULL, LONG_MS);

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	send_some(c, 2, 1);
	DRIVE(c, c->t[1].seen[2].messages == QUEUED);
	CHECK_EQ(c->t[1].seen[2].downs, 0);
	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	ended_in_order(c);
	cluster_free(c);
}

/* Until then it would ask in vain for the acknowledgement of its FIN. */
static void it_is_known_until_it_has_seen_the_last_ack(void)
{
	struct cluster *c = closing(NULL, LONG_MS);
	int64_t until = now_ms() + PATIENCE_MS;

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	sinew_dispatch(c->t[2].n, 0);
	while (!c->t[1].seen[2].downs && now_ms() < until)
		sinew_dispatch(c->t[1].n, 10);
	CHECK_EQ(c->t[1].seen[2].downs, 1);
	for (unsigned i = 0; i < 5; i++)
		sinew_dispatch(c->t[1].n, 10);
	CHECK(knows(c, 1, 2));
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &c->t[2].addr, 1), -EEXIST);
	ended_in_order(c);
	cluster_free(c);
}

static void removed(struct cluster *c)
{
	DRIVE(c, c->t[1].seen[2].downs == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_REMOVED);
	DRIVE(c, !knows(c, 1, 2) && c->t[2].self_losts == 1);
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	cluster_free(c);
}

static void one_that_does_not_finish_is_removed(void)
{
	removed(closing(NULL, 100));
}

static void a_second_call_shortens_the_time(void)
{
	struct cluster *c = closing(NULL, LONG_MS);

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, 2 * LONG_MS), 0);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, 0), 0);
	removed(c);
}

static void it_can_be_removed_meanwhile(void)
{
	struct cluster *c = closing(NULL, LONG_MS);

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 2), 0);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 2, 0), -ENOENT);
	removed(c);
}

/* Nothing holds one that has no session. */
static void one_without_a_session_goes_at_once(void)
{
	struct cluster *c = cluster_new(1, NULL);
	struct sockaddr_storage nobody = free_address("127.0.0.3");
	const int64_t began = now_ms();

	CHECK_EQ(sinew_peer_add(c->t[1].n, 3, &nobody, 1), 0);
	CHECK_EQ(sinew_peer_close(c->t[1].n, 3, LONG_MS), 0);
	DRIVE(c, !knows(c, 1, 3));
	CHECK(now_ms() - began < PATIENCE_MS / 2);
	cluster_free(c);
}

/* Another end of its session lets no new one begin. */
static void its_next_incarnation_has_no_session(void)
{
	struct cluster *c = closing(NULL, LONG_MS);

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	CHECK_EQ(sinew_self_lost(c->t[2].n), 0);
	DRIVE(c, c->t[1].seen[2].downs == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_SUPERSEDED);
	DRIVE(c, !knows(c, 1, 2));
	CHECK_EQ(c->t[1].seen[2].ups, 1);
	cluster_free(c);
}

static void the_node_may_go_first(void)
{
	struct cluster *c = closing(NULL, LONG_MS);

	DRIVE(c, c->t[2].seen[1].finishes == 1);
	CHECK_EQ(sinew_close(c->t[1].n, LONG_MS), 0);
	/* The node says that it leaves: so the peer finishes. */
	DRIVE(c, c->t[1].closed == 1 && c->t[2].seen[1].downs == 1);
	CHECK_EQ(c->t[1].seen[2].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(c->t[2].seen[1].reason, SINEW_DOWN_CLOSED);
	cluster_free(c);
	cluster_free(closing(NULL, LONG_MS));
}

int main(void)
{
	RUN(all_that_is_queued_goes_before_the_end);
	RUN(members_are_closed_likewise);
	RUN(the_peer_may_go_on_until_it_finishes);
	RUN(it_is_known_until_it_has_seen_the_last_ack);
	RUN(one_that_does_not_finish_is_removed);
	RUN(a_second_call_shortens_the_time);
	RUN(it_can_be_removed_meanwhile);
	RUN(one_without_a_session_goes_at_once);
	RUN(its_next_incarnation_has_no_session);
	RUN(the_node_may_go_first);
	return check_done();
}
