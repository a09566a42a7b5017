/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of a peer that is removed and added again, while it still lives in what has
 * ended here. Knows the public interface only.
 */
#include "tests/lib/cluster.h"

static void external(struct sinew_options *o)
{
	o->membership = SINEW_MEMBERSHIP_EXTERNAL;
}

static void join(struct cluster *c, unsigned at, unsigned of)
{
	CHECK_EQ(sinew_peer_joined(c->t[at].n, of, sinew_incarnation(c->t[of].n)), 0);
}

/* It did not hear of its end, as its connection broke at the same time. */
static void an_ended_incarnation_is_told_when_it_is_back(void)
{
	struct cluster *c = cluster_new(2, external);
	const uint64_t incarnation = sinew_incarnation(c->t[2].n);

	join(c, 1, 2);
	join(c, 2, 1);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_send(c->t[2].seen[1].session, "x", 1), 0);
	DRIVE(c, c->t[1].seen[2].messages == 1);
	CHECK_EQ(sinew_break(c->t[1].n, 2), 0);
	CHECK_EQ(sinew_peer_left(c->t[1].n, 2, incarnation), 0);
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 2), 0);
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &c->t[2].addr, 1), 0);
	CHECK_EQ(sinew_peer_joined(c->t[1].n, 2, incarnation), 0);
	DRIVE(c, c->t[2].self_losts == 1);
	CHECK(sinew_incarnation(c->t[2].n) != incarnation);
	CHECK_EQ(c->t[1].seen[2].messages, 1);
	cluster_free(c);
}

/* Of a node that has itself a new incarnation nobody knows anything. */
static void a_new_incarnation_of_ours_knows_no_ended_ones(void)
{
	struct cluster *c = cluster_new(2, external);

	join(c, 1, 2);
	join(c, 2, 1);
	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_peer_remove(c->t[1].n, 2), 0);
	CHECK_EQ(sinew_self_lost(c->t[1].n), 0);
	DRIVE(c, c->t[1].self_losts == 1 && c->t[2].self_losts == 1);
	CHECK_EQ(sinew_peer_add(c->t[1].n, 2, &c->t[2].addr, 1), 0);
	join(c, 1, 2);
	join(c, 2, 1);
	DRIVE(c, cluster_all_up(c));
	CHECK_EQ(c->t[2].self_losts, 1);
	cluster_free(c);
}

int main(void)
{
	RUN(an_ended_incarnation_is_told_when_it_is_back);
	RUN(a_new_incarnation_of_ours_knows_no_ended_ones);
	return check_done();
}
