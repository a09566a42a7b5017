/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how much a call takes while its data cannot go, and of ROOM behind that.
 * Knows the public headers only.
 */
#include "tests/lib/call_pair.h"

#define SLOW		200u		/* a service that consumes when it is told to */
#define PIECE		16384u
#define GROWN		(4u * 1024 * 1024)	/* bytes after which a window is at its limit */
#define KEPT		(512u * 1024)	/* send_bytes */

static struct call_pair pair;

/* The service, and the call that is sent to it. */
static struct {
	struct sinew_call *call;
	uint64_t got, consumed;
	bool stops;			/* to consume */
	bool complete;
} slow;

static struct {
	struct sinew_binding *binding;
	struct sinew_call *call;
	uint64_t taken, wanted;
	unsigned rooms;
	bool ended;
} caller;

static void consume_all(void)
{
	CHECK_EQ(sinew_call_consumed(slow.call, slow.got - slow.consumed), 0);
	slow.consumed = slow.got;
}

static void serve(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	slow.call = call;
	if (msg->event == SINEW_CALL_DATA) {
		slow.got += msg->len;
		slow.complete = msg->last;
		if (!slow.stops)
			consume_all();
		if (msg->last)
			CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	}
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

/* Blocks of a piece, until one is not taken. */
static ssize_t send_blocks(void)
{
	static uint8_t block[PIECE];
	ssize_t n = 0;

	while (caller.taken < caller.wanted) {
		struct iovec iov = { block, sizeof block };

		n = sinew_call_send(caller.call, &iov, 1, SINEW_CALL_MORE);
		if (n < 0)
			break;
		caller.taken += (uint64_t)n;
	}
	return n;
}

static void event(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event == SINEW_CALL_ROOM) {
		caller.rooms++;
		send_blocks();
	}
	caller.ended |= msg->event == SINEW_CALL_ENDED;
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static uint64_t unsent(void)
{
	struct sinew_call_status st = { .size = sizeof st };

	CHECK_EQ(sinew_call_status(caller.call, &st), 0);
	return st.unsent;
}

/* A call of that service is there, whose window has grown. */
static bool begin_tuned(void (*tune)(struct sinew_options *o))
{
	const struct sinew_service service = {
		.size = sizeof service, .fn = serve, .delivery = SINEW_CALL_PACED,
	};
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = event };
	struct sinew_calls_options all;

	memset(&slow, 0, sizeof slow);
	memset(&caller, 0, sizeof caller);
	SINEW_CALLS_OPTIONS_INIT(&all);
	all.send_bytes = KEPT;
	if (!call_pair_open(&pair, tune, &all) ||
	    !CHECK_EQ(sinew_service_bind(pair.s[1].calls, SLOW, &service, NULL), 0) ||
	    !CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, SLOW, NULL,
					 &caller.binding), 0) ||
	    !CHECK_EQ(sinew_call_begin(caller.binding, 1, &opt, NULL, 0, SINEW_CALL_MORE, NULL,
				       &caller.call), 0))
		return false;
	caller.wanted = GROWN;
	send_blocks();
	DRIVE_CALLS(&pair, slow.got == GROWN);
	return CHECK_EQ(unsent(), 0);
}

static bool begin(void)
{
	return begin_tuned(NULL);
}

static void end(void)
{
	CHECK_EQ(sinew_call_send(caller.call, NULL, 0, 0), 0);
	DRIVE_CALLS(&pair, caller.ended);
	CHECK(slow.complete);
	CHECK_EQ(slow.got, caller.wanted);
	sinew_binding_close(caller.binding);
	call_pair_close(&pair);
}

/* Frames do not go while the application has a slot for a message of its own. */
static void an_open_window_keeps_a_piece_for_the_ring(void)
{
	struct sinew_slot slot;
	unsigned rooms;

	CHECK_OR_RETURN(begin());
	CHECK_EQ(sinew_reserve(pair.t[0].all.session, 1, &slot), 0);
	rooms = caller.rooms;
	caller.wanted += 10 * PIECE;
	CHECK_EQ(send_blocks(), -EAGAIN);
	CHECK_EQ(unsent(), PIECE);
	sinew_discard(&slot);
	DRIVE_CALLS(&pair, slow.got == caller.wanted);
	CHECK(caller.rooms > rooms);
	end();
}

static void a_closed_window_keeps_as_much_as_there_may_be(void)
{
	CHECK_OR_RETURN(begin());
	slow.stops = true;
	caller.wanted = UINT64_MAX;
	send_blocks();
	DRIVE_CALLS(&pair, unsent() == KEPT);
	caller.wanted = caller.taken + 10 * PIECE;
	/* The window takes more of it than the ring does: ROOM comes later, but it comes. */
	slow.stops = false;
	consume_all();
	DRIVE_CALLS(&pair, slow.got == caller.wanted);
	end();
}

/* ---- beside messages ---- */

static void smallest_queue(struct sinew_options *o)
{
	o->queue_bytes = 256 * 1024;
}

/* Messages as long as that queue takes, which the other side counts. */
static bool are_sent(unsigned n)
{
	static uint8_t message[128 * 1024];
	static unsigned sent;

	if (sent < n && !sinew_send(pair.t[0].all.session, message, sizeof message))
		sent++;
	return sent == n;
}

/* A call that always has more to send leaves room for them. */
static void long_messages_go_beside_a_long_call(void)
{
	CHECK_OR_RETURN(begin_tuned(smallest_queue));
	caller.wanted = UINT64_MAX;
	send_blocks();
	DRIVE_CALLS(&pair, slow.got > 2 * GROWN);
	DRIVE_CALLS(&pair, are_sent(20));
	caller.wanted = caller.taken + PIECE;
	send_blocks();
	DRIVE_CALLS(&pair, slow.got == caller.wanted);
	end();
}

int main(void)
{
	RUN(long_messages_go_beside_a_long_call);
	RUN(an_open_window_keeps_a_piece_for_the_ring);
	RUN(a_closed_window_keeps_as_much_as_there_may_be);
	return check_done();
}
