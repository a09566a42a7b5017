/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader that keeps all it gets and gives nothing back, and one that does nothing at all: slow
 * is not broken. The sender sees a full queue and a paused peer, no connection is given up, and
 * when the reader goes on, all arrives. Knows only the public API.
 * run.sh: timeout=100
 *
 * The reader is slow for three times the time in which silence counts as a stall;
 * LIVE_FULL=1: for 15 s and longer.
 */
#include <stdatomic.h>

#include "tests/lib/live.h"

#define QUEUE		(256u << 10)
#define RECEIVE		(64u << 10)
#define LENGTH		1500u
#define KEPT_MAX	65536u

static struct live nodes[2];
static struct sinew_kept *kept[KEPT_MAX];
static unsigned n_kept;
static uint64_t n_sent, n_wanted, n_wrong;
static bool keeps;
static int64_t slow_ms, stall_ms;

static void fill_queue(struct live *l)
{
	uint8_t text[LENGTH];
	int err = 0;

	while (!err && n_sent < n_wanted) {
		live_fill(text, LENGTH, l->id, n_sent + 1);
		err = sinew_send(l->session, text, LENGTH);
		if (!err)
			n_sent++;
	}
	if (err && err != -EAGAIN)
		CHECK_EQ(err, 0);
}

static void take_message(struct live *l, const struct sinew_message *msg)
{
	if (msg->number != l->n_received || msg->len != LENGTH ||
	    !live_is(msg->data, msg->len, 3 - l->id, l->n_received))
		n_wrong++;
	if (!keeps)
		return;
	if (n_kept < KEPT_MAX)
		CHECK_EQ(sinew_keep(l->session, msg, &kept[n_kept++]), 0);
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
	struct sinew_status st = live_status(&nodes[0]);

	return sinew_send(nodes[0].session, text, LENGTH) == -EAGAIN &&
	       live_status(&nodes[0]).sent == st.sent;
}

static bool all_came(void *arg)
{
	(void)arg;
	return nodes[1].n_received == n_wanted && live_status(&nodes[0]).acked == n_wanted;
}

static bool both_up(void *arg)
{
	(void)arg;
	return nodes[0].session && nodes[1].session;
}

static bool sender_full(void *arg)
{
	struct sinew_status st = live_status(&nodes[0]);

	(void)arg;
	return st.flow_blocked && st.queue_bytes > QUEUE * 3 / 4 && n_sent < n_wanted;
}

static bool sender_told(void *arg)
{
	return sender_full(arg) && live_status(&nodes[0]).peer_paused &&
	       live_status(&nodes[1]).paused;
}

static bool time_over(void *arg)
{
	return live_ms() >= *(int64_t *)arg;
}

static void nothing_broke(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_status st = live_status(&nodes[i]);

		CHECK_EQ(st.reconnects, 0);
		CHECK_EQ(st.stalls, 0);
		CHECK_EQ(st.duplicates, 0);
		CHECK_EQ(st.resent, 0);
		CHECK(st.link_up);
		CHECK_EQ(nodes[i].n_down, 0);
		CHECK_EQ(nodes[i].n_fence, 0);
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
	return live_pair(nodes, small_queues) && CHECK(live_run(nodes, both_up, NULL, 20000));
}

static void go_on(void)
{
	for (unsigned i = 0; i < n_kept; i++)
		sinew_release(kept[i]);
	n_kept = 0;
	keeps = false;
	CHECK(live_run(nodes, all_came, NULL, 20000));
	CHECK_EQ(nodes[1].n_received, n_wanted);
	CHECK_EQ(n_wrong, 0);
	CHECK(nodes[0].n_writable > 0);
	nothing_broke();
}

static void tidy_up(void)
{
	if (check_state.failures)
		live_show_log();
	for (unsigned i = 0; i < 2; i++)
		live_free(&nodes[i]);
}

/* The reader's loop runs, its application holds on to all. */
static void kept_and_not_released(void)
{
	bool full = live_env("LIVE_FULL");
	int64_t end;
	struct sinew_status st;

	if (set_up(true, full ? 5000 : 2000, full ? 15000 : 6000)) {
		CHECK(live_run(nodes, sender_told, NULL, 20000));
		end = live_ms() + slow_ms;
		live_run(nodes, time_over, &end, slow_ms + 1000);
		CHECK(sender_told(NULL));
		st = live_status(&nodes[0]);
		CHECK(is_full());
		CHECK_EQ(st.unacked, st.sent - st.acked);
		/* Messages that the reader's application has are acknowledged, kept or not. */
		CHECK_EQ(st.acked, nodes[1].n_received);
		CHECK((int64_t)st.oldest_unacked_ms >= slow_ms - 1000);
		st = live_status(&nodes[1]);
		CHECK(st.kept_bytes > RECEIVE && st.kept_bytes < RECEIVE + 2 * LENGTH + 256);
		nothing_broke();
		go_on();
	}
	tidy_up();
}

/* The reader's loop does not run at all, for less than counts as a stall. */
static void not_dispatched(void)
{
	struct live *const sender[1] = { &nodes[0] };
	bool full = live_env("LIVE_FULL");
	int64_t end;

	if (set_up(false, full ? 20000 : 8000, full ? 15000 : 3000)) {
		/* Until now nothing was lost, from now on nobody reads. */
		end = live_ms() + slow_ms;
		while (live_ms() < end)
			live_turn(sender, 1, NULL, 0, 50);
		CHECK(sender_full(NULL));
		go_on();
	}
	tidy_up();
}

/* And the other way: silence is told from slowness. A reader that does not even keep its link
 * alive is given up, and nothing is lost by that. */
static void a_stall_is_noticed(void)
{
	struct live *const sender[1] = { &nodes[0] };
	int64_t end = live_ms() + live_limit(30000);

	if (set_up(false, 500, 0)) {
		while (live_status(&nodes[0]).stalls == 0 && live_ms() < end)
			live_turn(sender, 1, NULL, 0, 50);
		CHECK(live_status(&nodes[0]).stalls > 0);
		CHECK(live_run(nodes, all_came, NULL, 20000));
		CHECK_EQ(n_wrong, 0);
		CHECK(live_status(&nodes[0]).reconnects > 0);
		CHECK_EQ(nodes[0].n_down, 0);
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
