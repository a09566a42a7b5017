/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of nodes in a main loop of libqb: sinew-qb.h. Knows the public headers only.
 */
#include "tests/lib/cluster.h"

#ifdef HAVE_LIBQB
#include "lowcomms/sinew-qb.h"

static qb_loop_t *loop;

struct in_loop {
	struct sinew_qb qb;
	unsigned ended;
	int err;
};

static void give_up(void *data)
{
	*(bool *)data = true;
	qb_loop_stop(loop);
}

/* Until somebody stops the loop; false: nobody did in time. */
static bool run(void)
{
	qb_loop_timer_handle timer;
	bool late = false;

	CHECK_EQ(qb_loop_timer_add(loop, QB_LOOP_HIGH, PATIENCE_MS * 1000000ull, &late, give_up,
				   &timer), 0);
	qb_loop_run(loop);
	if (!late)
		qb_loop_timer_del(loop, timer);
	return !late;
}

static void node_ended(struct sinew_qb *qb, struct sinew_node *node, int err, void *user)
{
	struct in_loop *l = user;

	CHECK(qb == &l->qb && node);
	l->err = err;
	if (++l->ended == 1)
		qb_loop_stop(loop);
}

static void stop_at_ten(struct test_node *t, struct sinew_session *p,
			const struct sinew_message *m)
{
	(void)p, (void)m;
	if (t->seen[1].messages == 10)
		qb_loop_stop(loop);
}

static void send_ten(struct test_node *t, struct sinew_session *p)
{
	for (unsigned i = 0; i < 10; i++)
		t->seen[2].bad += sinew_send(p, "x", 1) != 0;
}

static void two_nodes_live_in_one_loop(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct in_loop l[2] = { { .ended = 0 } };

	loop = qb_loop_create();
	c->t[1].on_up = send_ten;
	c->t[2].on_message = stop_at_ten;
	CHECK_EQ(sinew_qb_attach(&l[0].qb, NULL, loop, NULL, NULL), -EINVAL);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_qb_attach(&l[i].qb, c->t[i + 1].n, loop, node_ended, &l[i]), 0);
	CHECK_EQ(sinew_qb_attach(&l[0].qb, c->t[1].n, loop, NULL, NULL), -EALREADY);
	CHECK(run());
	CHECK_EQ(c->t[2].seen[1].messages, 10);
	/* The end of closing is the end in the loop. */
	CHECK_EQ(sinew_close(c->t[1].n, 5000), 0);
	CHECK(run());
	CHECK_EQ(l[0].ended, 1);
	CHECK_EQ(l[0].err, -ESHUTDOWN);
	CHECK_EQ(c->t[1].closed, 1);
	CHECK_EQ(l[1].ended, 0);
	sinew_qb_detach(&l[0].qb);
	sinew_qb_detach(&l[1].qb);
	sinew_qb_detach(NULL);
	qb_loop_destroy(loop);
	cluster_free(c);
}

static struct sinew_qb *leaver;

static void leave(struct test_node *t, struct sinew_session *p, const struct sinew_message *m)
{
	(void)t, (void)p, (void)m;
	sinew_qb_detach(leaver);
	qb_loop_stop(loop);
}

/* Others go on, and it may come back. */
static void a_callback_may_detach(void)
{
	struct cluster *c = cluster_new(2, NULL);
	struct in_loop l[2] = { { .ended = 0 } };

	loop = qb_loop_create();
	c->t[1].on_up = send_ten;
	c->t[2].on_message = leave;
	leaver = &l[1].qb;
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_qb_attach(&l[i].qb, c->t[i + 1].n, loop, node_ended, &l[i]), 0);
	CHECK(run());
	CHECK(!l[1].qb.node);
	CHECK(c->t[2].seen[1].messages >= 1);
	CHECK_EQ(sinew_qb_attach(&l[1].qb, c->t[2].n, loop, node_ended, &l[1]), 0);
	c->t[2].on_message = stop_at_ten;
	if (c->t[2].seen[1].messages < 10)
		CHECK(run());
	CHECK_EQ(c->t[2].seen[1].messages, 10);
	CHECK_EQ(l[0].ended + l[1].ended, 0);
	sinew_qb_detach(&l[0].qb);
	sinew_qb_detach(&l[1].qb);
	qb_loop_destroy(loop);
	cluster_free(c);
}

static void one_with_a_thread_has_a_loop(void)
{
	struct sinew_options o;
	struct sinew_qb qb = { .node = NULL };
	struct sinew_node *n;

	SINEW_OPTIONS_INIT(&o);
	o.nodeid = 1;
	o.own_thread = true;
	CHECK_OR_RETURN(CHECK_EQ(sinew_node_new(&o, NULL, NULL, &n), 0));
	loop = qb_loop_create();
	CHECK_EQ(sinew_qb_attach(&qb, n, loop, NULL, NULL), -EINVAL);
	CHECK(!qb.node);
	qb_loop_destroy(loop);
	sinew_node_free(n);
}
#else
static void two_nodes_live_in_one_loop(void) { SKIP("built without libqb"); }
static void a_callback_may_detach(void) { SKIP("built without libqb"); }
static void one_with_a_thread_has_a_loop(void) { SKIP("built without libqb"); }
#endif

int main(void)
{
	RUN(two_nodes_live_in_one_loop);
	RUN(a_callback_may_detach);
	RUN(one_with_a_thread_has_a_loop);
	return check_done();
}
