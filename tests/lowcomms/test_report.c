/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the report of a close: which step each session was waiting for when the
 * linger time was over. Node 2 falls silent where it hurts. Knows the public header only.
 */
#include "tests/lib/cluster.h"

#define LINGER_MS	300

/* Node 2 is not driven any more. */
static void alone(struct cluster *c)
{
	const int64_t until = now_ms() + PATIENCE_MS;

	CHECK_EQ(sinew_close(c->t[1].n, LINGER_MS), 0);
	while (!c->t[1].closed && now_ms() < until)
		sinew_dispatch(c->t[1].n, 20);
	CHECK(c->t[1].closed);
}

static struct sinew_report_session report_of(struct cluster *c)
{
	struct sinew_report_session r[2];

	memset(r, 0, sizeof r);
	CHECK_EQ(sinew_report(c->t[1].n, NULL, 0), 1);
	CHECK_EQ(sinew_report(c->t[1].n, r, 2), 1);
	CHECK_EQ(r[0].nodeid, 2);
	CHECK_EQ(r[1].nodeid, 0);
	CHECK_EQ(r[0].incarnation, sinew_incarnation(c->t[2].n));
	return r[0];
}

static struct cluster *both_up(void)
{
	struct cluster *c = cluster_new(2, NULL);

	CHECK(DRIVE(c, cluster_all_up(c)));
	return c;
}

/* Node 1 has read the FIN of node 2. */
static struct cluster *after_its_fin(void)
{
	struct cluster *c = both_up();

	CHECK_EQ(sinew_session_finish(c->t[2].seen[1].session), 0);
	CHECK(DRIVE(c, c->t[1].seen[2].finishes == 1));
	return c;
}

static void nothing_is_missing(void)
{
	struct cluster *c = both_up();
	struct sinew_report_session r;

	CHECK_EQ(sinew_close(c->t[1].n, PATIENCE_MS), 0);
	CHECK_EQ(sinew_close(c->t[2].n, PATIENCE_MS), 0);
	DRIVE(c, c->t[1].closed && c->t[2].closed);
	r = report_of(c);
	CHECK(r.reason == SINEW_DOWN_CLOSED && r.state == SINEW_CLOSED && !r.last_ack_missing);
	CHECK_STR(r.missing, "");
	cluster_free(c);
}

/* Node 1 closes alone until its linger time is over, and reports that it waits for this. */
static struct sinew_report_session missing(struct cluster *c, enum sinew_state state,
					   bool last_ack, const char *step)
{
	struct sinew_report_session r;

	alone(c);
	r = report_of(c);
	CHECK_EQ(r.reason, SINEW_DOWN_LINGER);
	CHECK_EQ(r.state, state);
	CHECK_EQ(r.last_ack_missing, last_ack);
	CHECK_STR(r.missing, step);
	cluster_free(c);
	return r;
}

static void the_fin_is_not_acknowledged(void)
{
	missing(both_up(), SINEW_FIN_WAIT1, false, "the ACK of our FIN");
}

static void a_message_is_not_acknowledged(void)
{
	struct cluster *c = both_up();
	struct sinew_report_session r;

	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	r = missing(c, SINEW_FIN_WAIT1, false, "the ACK of messages");
	CHECK(r.delivery.unsent == 1 && r.delivery.acked == 0);
}

static void the_last_ack_alone_is_missing(void)
{
	missing(after_its_fin(), SINEW_LAST_ACK, true, "the ACK of our FIN");
}

static void more_than_the_last_ack_is_missing(void)
{
	struct cluster *c = after_its_fin();

	CHECK_EQ(sinew_send(c->t[1].seen[2].session, "x", 1), 0);
	missing(c, SINEW_LAST_ACK, false, "the ACK of messages");
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
