/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader that keeps all it gets and gives nothing back, and one that does nothing at all: slow
 * is not broken. The sender sees a full queue and a paused peer, no connection is given up, and
 * when the reader goes on, all arrives. Knows only the public API.
 * run.sh: waits timeout=100
 *
 * The reader is slow for three times the time in which silence counts as a stall;
 * LIVE_FULL=1: for 15 s and longer.
 */
#include <stdatomic.h>

#include "tests/lib/cluster.h"

#define QUEUE		(256u << 10)
#define RECEIVE		(64u << 10)
#define LENGTH		1500u
#define KEPT_MAX	65536u

static struct test_node nodes[2];
static struct sinew_kept *kept[KEPT_MAX];
static unsigned n_kept;
static uint64_t n_sent, n_wanted, n_wrong;
static bool keeps;
static int64_t slow_ms, stall_ms;

static void fill_queue(struct test_node *l, struct sinew_session *p)
{
	uint8_t text[LENGTH];
	int err = 0;

	while (!err && n_sent < n_wanted) {
		fill_content(text, LENGTH, l->id, n_sent + 1);
		err = sinew_send(p, text, LENGTH);
		if (!err)
			n_sent++;
	}
	if (err && err != -EAGAIN)
		CHECK_EQ(err, 0);
}

static void take_message(struct test_node *l, struct sinew_session *p,
			 const struct sinew_message *msg)
{
	if (msg->number != l->all.messages || msg->len != LENGTH ||
	    !is_content(msg->data, msg->len, 3 - l->id, l->all.messages))
		n_wrong++;
	if (!keeps)
		return;
	if (n_kept < KEPT_MAX)
		CHECK_EQ(sinew_keep(p, msg, &kept[n_kept++]), 0);
}

static void small_queues(struct sinew_options *opt)
{
	opt->queue_bytes = QUEUE;
	opt->receive_bytes = RECEIVE;
	opt->max_message = 64u << 10;
	opt->stall_ms = (uint32_t)stall_ms;
	opt->keepalive_ms = (uint32_t)stall_ms / 4;
}

/* Sends nothing that is not wanted, and takes what room there is. */
static bool is_full(void)
{
	uint8_t text[LENGTH] = "";
	struct sinew_status st = node_status(&nodes[0]);

	return sinew_send(nodes[0].all.session, text, LENGTH) == -EAGAIN &&
	       node_status(&nodes[0]).sent == st.sent;
}

static bool all_came(void)
{
	return nodes[1].all.messages == n_wanted && node_status(&nodes[0]).acked == n_wanted;
}

static bool sender_full(void)
{
	struct sinew_status st = node_status(&nodes[0]);

	return st.flow_blocked && st.queue_bytes > QUEUE * 3 / 4 && n_sent < n_wanted;
}

static bool sender_told(void)
{
	return sender_full() && node_status(&nodes[0]).peer_paused &&
	       node_status(&nodes[1]).paused;
}

static void nothing_broke(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_status st = node_status(&nodes[i]);

		CHECK_EQ(st.reconnects, 0);
		CHECK_EQ(st.stalls, 0);
		CHECK_EQ(st.duplicates, 0);
		CHECK_EQ(st.resent, 0);
		CHECK(st.link_up);
		CHECK_EQ(nodes[i].all.downs, 0);
		CHECK_EQ(nodes[i].fences, 0);
	}
}

static bool set_up(bool reader_keeps, int64_t stall, int64_t slow)
{
	memset(nodes, 0, sizeof nodes);
	keeps = reader_keeps;
	stall_ms = stall;
	slow_ms = slow;
	n_kept = 0;
	n_sent = n_wrong = 0;
	n_wanted = 3000;
	nodes[0].on_up = nodes[0].on_writable = fill_queue;
	nodes[1].on_message = take_message;
	return pair_open(nodes, small_queues) &&
		DRIVE_PAIR(nodes, nodes[0].all.session && nodes[1].all.session);
}

static void go_on(void)
{
	for (unsigned i = 0; i < n_kept; i++)
		sinew_release(kept[i]);
	n_kept = 0;
	keeps = false;
	DRIVE_PAIR(nodes, all_came());
	CHECK_EQ(nodes[1].all.messages, n_wanted);
	CHECK_EQ(n_wrong, 0);
	CHECK(nodes[0].all.writables > 0);
	nothing_broke();
}

static void tidy_up(void)
{
	if (check_state.failures)
		cluster_show_log();
	for (unsigned i = 0; i < 2; i++)
		node_free(&nodes[i]);
}

/* The reader's loop runs, its application holds on to all. */
static void kept_and_not_released(void)
{
	bool full = env_is_set("LIVE_FULL");
	int64_t end;
	struct sinew_status st;

	if (set_up(true, full ? 5000 : 2000, full ? 15000 : 6000)) {
		DRIVE_PAIR(nodes, sender_told());
		end = now_ms() + slow_ms;
		while (now_ms() < end)
			pair_turn(nodes);
		CHECK(sender_told());
		st = node_status(&nodes[0]);
		CHECK(is_full());
		CHECK_EQ(st.unacked, st.sent - st.acked);
		/* Messages that the reader's application has are acknowledged, kept or not. */
		CHECK_EQ(st.acked, nodes[1].all.messages);
		CHECK((int64_t)st.oldest_unacked_ms >= slow_ms - 1000);
		st = node_status(&nodes[1]);
		CHECK(st.kept_bytes > RECEIVE && st.kept_bytes < RECEIVE + 2 * LENGTH + 256);
		nothing_broke();
		go_on();
	}
	tidy_up();
}

/* The reader's loop does not run at all, for less than counts as a stall. */
static void not_dispatched(void)
{
	struct test_node *const sender[1] = { &nodes[0] };
	bool full = env_is_set("LIVE_FULL");
	int64_t end;

	if (set_up(false, full ? 20000 : 8000, full ? 15000 : 3000)) {
		/* Until now nothing was lost, from now on nobody reads. */
		end = now_ms() + slow_ms;
		while (now_ms() < end)
			nodes_turn(sender, 1, NULL, 0, 50);
		CHECK(sender_full());
		go_on();
	}
	tidy_up();
}

/* And the other way: silence is told from slowness. A reader that does not even keep its link
 * alive is given up, and nothing is lost by that. */
static void a_stall_is_noticed(void)
{
	struct test_node *const sender[1] = { &nodes[0] };
	int64_t end = now_ms() + time_limit(30000);

	if (set_up(false, 500, 0)) {
		while (node_status(&nodes[0]).stalls == 0 && now_ms() < end)
			nodes_turn(sender, 1, NULL, 0, 50);
		CHECK(node_status(&nodes[0]).stalls > 0);
		DRIVE_PAIR(nodes, all_came());
		CHECK_EQ(n_wrong, 0);
		CHECK(node_status(&nodes[0]).reconnects > 0);
		CHECK_EQ(nodes[0].all.downs, 0);
	}
	tidy_up();
}

int main(void)
{
	RUN(kept_and_not_released);
	RUN(not_dispatched);
	RUN(a_stall_is_noticed);
	return check_done();
}
