/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the report of a close: which step each session was waiting for when the
 * linger time was over. Node 2 falls silent where it hurts. Knows the public header only.
 */
#include "tests/cluster.h"

#define LINGER_MS	300

/* Node 2 is not driven any more. */
static void alone(struct cluster *c)
{
	const uint64_t until = now_ms() + PATIENCE_MS;

	CHECK_EQ(sinew_close(c->t[1].n, LINGER_MS), 0);
	while (!c->t[1].closed && now_ms() < until)
		sinew_dispatch(c->t[1].n, 20);
	CHECK(c->t[1].closed);
}

static struct sinew_report_peer report_of(struct cluster *c)
{
	struct sinew_report_peer r[2];

	memset(r, 0, sizeof r);
	CHECK_EQ(sinew_report(c->t[1].n, NULL, 0), 1);
	CHECK_EQ(sinew_report(c->t[1].n, r, 2), 1);
	CHECK_EQ(r[0].nodeid, 2);
	CHECK_EQ(r[1].nodeid, 0);
	CHECK_EQ(r[0].incarnation, sinew_incarnation(c->t[2].n));
	return r[0];
}

/* Node 2 has finished, and has heard that node 1 knows it. */
static struct cluster *after_its_fin(void)
{
	struct cluster *c = cluster_open(2, NULL);

	CHECK(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_finish(c->t[2].seen[1].peer), 0);
	CHECK(DRIVE(c, c->t[1].seen[2].finishes == 1));
	return c;
}

static void nothing_is_missing(void)
{
	struct cluster *c = cluster_open(2, NULL);
	struct sinew_report_peer r;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_close(c->t[1].n, PATIENCE_MS), 0);
	CHECK_EQ(sinew_close(c->t[2].n, PATIENCE_MS), 0);
	DRIVE(c, c->t[1].closed && c->t[2].closed);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_CLOSED && r.state == SINEW_CLOSED && !r.last_ack_missing);
	CHECK_STR(r.missing, "");
	cluster_free(c);
}

static void the_fin_is_not_acknowledged(void)
{
	struct cluster *c = cluster_open(2, NULL);
	struct sinew_report_peer r;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	alone(c);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_LINGER && r.state == SINEW_FIN_WAIT1 && !r.last_ack_missing);
	CHECK_STR(r.missing, "the acknowledgement of our FIN");
	cluster_free(c);
}

static void a_message_is_not_acknowledged(void)
{
	struct cluster *c = cluster_open(2, NULL);
	struct sinew_report_peer r;

	CHECK_OR_RETURN(DRIVE(c, cluster_all_up(c)));
	CHECK_EQ(sinew_send(c->t[1].seen[2].peer, "x", 1), 0);
	alone(c);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_LINGER && r.state == SINEW_FIN_WAIT1 && !r.last_ack_missing);
	CHECK(r.fates.queued == 1 && r.fates.acked == 0);
	CHECK_STR(r.missing, "the acknowledgement of messages");
	cluster_free(c);
}

static void the_last_ack_alone_is_missing(void)
{
	struct cluster *c = after_its_fin();
	struct sinew_report_peer r;

	alone(c);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_LINGER && r.state == SINEW_LAST_ACK && r.last_ack_missing);
	CHECK_STR(r.missing, "the acknowledgement of our FIN");
	cluster_free(c);
}

static void more_than_the_last_ack_is_missing(void)
{
	struct cluster *c = after_its_fin();
	struct sinew_report_peer r;

	CHECK_EQ(sinew_send(c->t[1].seen[2].peer, "x", 1), 0);
	alone(c);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_LINGER && r.state == SINEW_LAST_ACK && !r.last_ack_missing);
	CHECK_STR(r.missing, "the acknowledgement of messages");
	cluster_free(c);
}

int main(void)
{
	RUN(nothing_is_missing);
	RUN(the_fin_is_not_acknowledged);
	RUN(a_message_is_not_acknowledged);
	RUN(the_last_ack_alone_is_missing);
	RUN(more_than_the_last_ack_is_missing);
	return check_done();
}
