/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames of a service between two nodes: in one order with messages, each once, whatever happens to
 * the connection; what is known of them when a session ends; a FIN that waits for them. Each of the
 * functions by itself is tested in test_service_calls.c.
 */
#include "tests/lib/toy.h"

#include <string.h>

#define THINGS	4000u		/* frames and messages each way */
#define APART	100u		/* of them between two resets */

static struct test_node t[2];
static struct toy toys[2];

static bool open_and_up(void (*tune)(struct sinew_options *o))
{
	if (!toys_open(t, toys, tune))
		return false;
	DRIVE_PAIR(t, toys[0].h && toys[1].h && t[0].seen[2].session && t[1].seen[1].session);
	return toys[0].h && toys[1].h;
}

static void check_clean(void)
{
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(toys[i].bad, 0);
		CHECK_EQ(toys[i].refusal, 0);
		CHECK_EQ(toys[i].freeds, 1);
		CHECK_EQ(toys[i].released, toys[i].ups);
		CHECK_EQ(toys[i].downs, toys[i].ups);
	}
}

/* Frames and messages by turns, lengths of all sizes, until the queue is full. */
static void send_things(struct toy *toy, uint64_t most)
{
	while (toy->h && toy->next_out < most) {
		size_t len = 16 + toy->next_out * 37 % (toy->next_out % 50 ? 300 : 20000);
		bool frame = toy->next_out % 3;

		if (frame ? toy_put(toy, len, false) : toy_send(toy, len))
			return;
	}
}

static bool all_came(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (toys[i].next_in < THINGS || toys[i].echoes_in < toys[i].n_frames)
			return false;
	return true;
}

static void small_queue(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
}

/* While connections are destroyed all the time. */
static void in_order_and_once(void)
{
	uint64_t last = 0;

	CHECK_OR_RETURN(open_and_up(small_queue));
	CHECK(toys[0].theirs.slots == toy_grant.slots && toys[0].theirs.piece == toy_grant.piece);
	for (unsigned i = 0; i < 2; i++)
		send_things(&toys[i], THINGS);
	TURN_UNTIL(({
		pair_turn(t);
		for (unsigned i = 0; i < 2; i++)
			send_things(&toys[i], THINGS);
		if (toys[0].next_in >= last + APART && toys[0].next_in < THINGS) {
			last = toys[0].next_in;
			CHECK_EQ(sinew_break(t[0].n, 2), 0);
		}
	}), all_came(), 4 * PATIENCE_MS);
	CHECK(toys[0].losses > 5 && toys[0].returns > 5 && toys[1].returns > 5);
	CHECK(node_status(&t[0]).reconnects > 5);
	CHECK(toys[0].batches && toys[0].batches <= toys[0].n_came + toys[0].echoes_in);
	for (unsigned i = 0; i < 2; i++) {
		struct sinew_status st = node_status(&t[i]);

		/* No count of messages has a frame among them. */
		CHECK_EQ(t[i].seen[2 - i].messages, THINGS - toys[!i].n_frames);
		CHECK_EQ(st.delivered, THINGS - toys[!i].n_frames);
		CHECK_EQ(st.sent, THINGS - toys[i].n_frames);
	}
	toys_free(t);
	CHECK(toys[0].rooms > 0);
	check_clean();
}

/* ---- positions ---- */

/* The word of the positions of each frame, beside those that the peer has. */
static void check_positions(const struct toy *from, const struct toy *to)
{
	CHECK_EQ(from->downs, 1);
	for (uint64_t i = 0; i < from->n_frames; i++) {
		if (from->end[i] <= from->acked)
			CHECK(i < to->n_came);
		if (from->end[i] > from->high)
			CHECK(i >= to->n_came);
	}
}

/* The session ends in the middle, at another place each time. */
static void positions_are_true(void)
{
	unsigned doubtful = 0, unsent = 0;

	for (unsigned round = 0; round < 25; round++) {
		CHECK_OR_RETURN(open_and_up(small_queue));
		toys[0].silent = toys[1].silent = true;
		TURN_UNTIL(({
			for (unsigned i = 0; i < 2; i++)
				send_things(&toys[i], UINT64_MAX);
			if (round % 5 == 4 && toys[0].h)
				sinew_break(t[0].n, 2);
			pair_turn(t);
		}), toys[1].n_came > round * 20, PATIENCE_MS);
		send_things(&toys[0], UINT64_MAX);
		if (toys[0].h)
			CHECK_EQ(sinew_session_abort(toys[0].h), 0);
		DRIVE_PAIR(t, toys[0].downs && toys[1].downs);
		check_positions(&toys[0], &toys[1]);
		check_positions(&toys[1], &toys[0]);
		doubtful += toys[0].high > toys[0].acked;
		unsent += toys[0].n_frames && toys[0].end[toys[0].n_frames - 1] > toys[0].high;
		toys_free(t);
		CHECK_EQ(toys[0].bad + toys[1].bad, 0);
	}
	CHECK(doubtful && unsent);
}

/* A node that goes without a word says as much. */
static void freed_while_up(void)
{
	struct sinew_session *kept;

	CHECK_OR_RETURN(open_and_up(NULL));
	kept = sinew_session_ref(toys[0].h);
	CHECK_EQ(toy_put(&toys[0], 100, false), 0);
	DRIVE_PAIR(t, toys[0].echoes_in == 1);
	node_free(&t[0]);
	CHECK(toys[0].downs == 1 && toys[0].freeds == 1 && !toys[0].released);
	CHECK_EQ(toys[0].end[0], toys[0].acked);
	CHECK(service_data(kept) == &toys[0]);
	sinew_session_unref(kept);
	CHECK_EQ(toys[0].released, 1);
	node_free(&t[1]);
	check_clean();
}

/* ---- the end ---- */

static void answers(struct sinew_options *o)
{
	o->auto_close = true;
}

/* The application says no more; the service does until it lets go. */
static void fin_waits(void)
{
	CHECK_OR_RETURN(open_and_up(answers));
	toys[0].holds = toys[1].holds = true;
	CHECK_EQ(sinew_session_finish(toys[0].h), 0);
	DRIVE_PAIR(t, toys[0].finishings == 1);
	CHECK_EQ(toy_send(&toys[0], 16), -ESHUTDOWN);
	for (unsigned i = 0; i < 50; i++) {
		CHECK_EQ(toy_put(&toys[0], 1000, false), 0);
		CHECK_EQ(toy_send(&toys[0], 16), -ESHUTDOWN);
		CHECK_EQ(toy_put(&toys[1], 1000, false), 0);
	}
	DRIVE_PAIR(t, toys[0].echoes_in == 50 && toys[1].echoes_in == 50);
	CHECK(!toys[1].finisheds && !t[1].seen[1].finishes);
	service_let_go(toys[0].h);
	service_let_go(toys[0].h);
	DRIVE_PAIR(t, toys[1].finisheds == 1 && toys[1].finishings == 1);
	CHECK_EQ(t[1].seen[1].finishes, 1);
	CHECK_EQ(toy_put(&toys[0], 100, false), -ESHUTDOWN);
	/* The other half is held by the other end. */
	CHECK_EQ(toy_put(&toys[1], 100, false), 0);
	DRIVE_PAIR(t, toys[0].n_came == 51);
	CHECK(!toys[0].downs && !toys[1].downs);
	service_let_go(toys[1].h);
	DRIVE_PAIR(t, toys[0].downs == 1 && toys[1].downs == 1);
	CHECK_EQ(t[0].seen[2].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(t[1].seen[1].reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(toys[0].finishings, 1);
	CHECK_EQ(toys[0].refusal, -ESHUTDOWN);
	toys[0].refusal = 0;
	toys_free(t);
	check_clean();
}

static void close_waits(void)
{
	CHECK_OR_RETURN(open_and_up(answers));
	toys[0].holds = true;
	CHECK_EQ(sinew_close(t[0].n, 60000), 0);
	DRIVE_PAIR(t, toys[0].finishings == 1);
	CHECK_EQ(toy_put(&toys[0], 1000, false), 0);
	CHECK_EQ(toy_send(&toys[0], 16), -ESHUTDOWN);
	DRIVE_PAIR(t, toys[0].echoes_in == 1);
	CHECK(!t[0].closed && !toys[0].downs);
	service_let_go(toys[0].h);
	DRIVE_PAIR(t, t[0].closed == 1 && toys[1].downs == 1);
	CHECK_EQ(t[0].seen[2].reason, SINEW_DOWN_CLOSED);
	CHECK(toys[0].downs == 1);
	toys_free(t);
	check_clean();
}

/* A service that never lets go delays a close until the linger time ends. */
static void linger_ends(void)
{
	CHECK_OR_RETURN(open_and_up(NULL));
	toys[0].holds = true;
	CHECK_EQ(sinew_close(t[0].n, 50), 0);
	DRIVE_PAIR(t, t[0].closed == 1);
	CHECK_EQ(t[0].seen[2].reason, SINEW_DOWN_LINGER);
	CHECK_EQ(toys[0].downs, 1);
	toys_free(t);
	CHECK_EQ(toys[0].bad, 0);
}

int main(void)
{
	RUN(in_order_and_once);
	RUN(positions_are_true);
	RUN(freed_while_up);
	RUN(fin_waits);
	RUN(close_waits);
	RUN(linger_ends);
	return check_done();
}
