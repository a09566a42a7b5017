/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a caller has of a call behind its reply: its id, and the end of one whose
 * reply is not taken, or was consumed. Knows the public headers only.
 */
#include <errno.h>

#include "tests/lib/call_pair.h"

static struct call_pair pair;
static uint8_t request[100], reply[100];
static uint8_t long_one[200000], back[sizeof long_one];

/* Also when it is asked for the first time behind the end. */
static void a_call_keeps_its_id(void)
{
	struct asked a[3];

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	/* The first one leaves its memory to the second one. */
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct asked) {
			.request = request, .len = 64, .reply = reply, .size = 64, .keeps = i > 0,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a[i], NULL, 0), 0);
		DRIVE_CALLS(&pair, a[i].ended);
	}
	CHECK(sinew_call_id(a[1].call) && sinew_call_id(a[2].call));
	CHECK(sinew_call_id(a[1].call) != sinew_call_id(a[2].call));
	sinew_call_end(a[1].call);
	sinew_call_end(a[2].call);
	call_pair_close(&pair);
}

static void too_long_replies_are_given_up(void)
{
	struct sinew_call_options opt = {
		.size = sizeof opt, .delivery = SINEW_CALL_WHOLE, .max_reply = 99,
	};
	struct asked a = { .request = request, .len = 99, .reply = reply, .size = 100 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, &opt, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK(a.outcome == SINEW_CALL_DONE && a.got == 99);
	a = (struct asked) { .request = request, .len = 100, .reply = reply, .size = 100 };
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, &opt, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_GIVEN_UP);
	CHECK_EQ(a.code, SINEW_RXGEN_CC_UNMARSHAL);
	CHECK(!a.datas && !a.wrong);
	call_pair_close(&pair);
}

/* A call whose reply comes in many pieces, and is consumed by sinew_call_consumed(). */
static bool ask_paced(struct asked *a)
{
	struct sinew_call_options opt = { .size = sizeof opt, .delivery = SINEW_CALL_PACED };

	*a = (struct asked) {
		.request = long_one, .len = sizeof long_one, .reply = back, .size = sizeof back,
		.keeps = true,
	};
	return CHECK(call_pair_open(&pair, NULL, NULL)) &&
	       CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, a, &opt, 0), 0);
}

/* Its end does not matter. */
static void a_reply_is_consumed_once(void)
{
	struct asked a;

	CHECK_OR_RETURN(ask_paced(&a));
	DRIVE_CALLS(&pair, a.got > 0);
	CHECK_EQ(sinew_call_consumed(a.call, a.got + 1), -EINVAL);
	CHECK_EQ(sinew_call_consumed(a.call, a.got), 0);
	CHECK_EQ(sinew_call_consumed(a.call, 1), -EINVAL);
	CHECK_EQ(sinew_call_abort(a.call, 5), 0);
	CHECK_EQ(sinew_call_consumed(a.call, 1), -EINVAL);
	sinew_call_end(a.call);
	call_pair_close(&pair);
}

/* Nobody waits for that any more, before ENDED is shown and behind it. */
static void without_a_reply_nothing_is_consumed(void)
{
	struct asked a;

	CHECK_OR_RETURN(ask_paced(&a));
	DRIVE_CALLS(&pair, a.got > 2);
	CHECK_EQ(sinew_call_consumed(a.call, 1), 0);
	CHECK_EQ(sinew_call_abort(a.call, 5), 0);
	CHECK_EQ(sinew_call_consumed(a.call, 1), -ECONNABORTED);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(sinew_call_consumed(a.call, 1), -ECONNABORTED);
	CHECK_EQ(sinew_call_consumed(a.call, a.got), -EINVAL);
	sinew_call_end(a.call);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

/* ---- read by the caller ---- */

static int read_some(struct sinew_call *call, uint8_t *to, size_t n, bool more)
{
	size_t off = 0;
	int ret = sinew_call_read(call, to, n, &off, more);

	CHECK(ret < 0 || off == n);
	return ret;
}

static void pull(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	unsigned *ends = user;

	if (msg->event == SINEW_CALL_DATA) {
		CHECK(!msg->data && msg->len == 64 && msg->last);
		CHECK_EQ(read_some(call, reply, 30, true), 0);
		CHECK_EQ(read_some(call, reply + 30, 34, false), 1);
		CHECK_EQ(read_some(call, reply, 1, false), -EBADMSG);
	}
	*ends += msg->event == SINEW_CALL_ENDED;
}

static struct sinew_call *begin_pull(uint32_t op, unsigned *ends)
{
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = pull, .delivery = SINEW_CALL_PULL,
	};
	struct iovec iov = { request, 64 };
	struct sinew_call *call = NULL;

	*ends = 0;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], op, &opt, &iov, 1, 0, ends, &call), 0);
	CHECK_EQ(read_some(call, reply, 1, true), -EAGAIN);
	return call;
}

static void a_reply_is_read(void)
{
	struct sinew_call *call;
	unsigned ends;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	/* The second one takes the memory of the first. */
	for (unsigned i = 0; i < 2; i++) {
		call = begin_pull(OP_ECHO, &ends);
		DRIVE_CALLS(&pair, ends);
		CHECK_MEM(reply, request, 64);
		sinew_call_end(call);
	}
	call = begin_pull(OP_HOLD, &ends);
	CHECK_EQ(sinew_call_abort(call, 5), 0);
	DRIVE_CALLS(&pair, ends);
	CHECK_EQ(read_some(call, reply, 1, true), -ECONNABORTED);
	sinew_call_end(call);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

int main(void)
{
	for (size_t i = 0; i < sizeof request; i++)
		request[i] = (uint8_t)(i * 7 + 1);
	RUN(a_call_keeps_its_id);
	RUN(too_long_replies_are_given_up);
	RUN(a_reply_is_consumed_once);
	RUN(without_a_reply_nothing_is_consumed);
	RUN(a_reply_is_read);
	return check_done();
}
