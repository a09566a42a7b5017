/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of calls between two nodes: replies of all lengths, refusals, aborts, deadlines,
 * the order of ends. Knows the public headers only.
 */
#include "tests/lib/call_pair.h"

static struct call_pair pair;
static uint8_t request[PAIR_MAX], reply[PAIR_MAX];

static void fill(void)
{
	for (size_t i = 0; i < sizeof request; i++)
		request[i] = (uint8_t)(i * 7 + i / 251);
}

/* An echo of len bytes by that service. */
static void echo_of(unsigned service, size_t len)
{
	struct asked a = { .request = request, .len = len, .reply = reply, .size = sizeof reply };

	memset(reply, 0, len);
	CHECK_OR_RETURN(CHECK_EQ(ask(&pair.s[0], service, OP_ECHO, &a, NULL, 0), 0));
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_REPLIED);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, len);
	CHECK(a.last && !a.wrong);
	CHECK_MEM(reply, request, len);
}

static void replies_of_every_length_come_back(void)
{
	static const size_t lengths[] = { 0, 1, 64, 16383, 16384, 16385, 100000, 1024 * 1024 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		echo_of(PAIR_WHOLE, lengths[i]);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	CHECK_EQ(side_holds(&pair.s[1]), 0);
	call_pair_close(&pair);
}

static void requests_in_pieces_are_counted(void)
{
	struct asked a = { .request = request, .len = sizeof request, .reply = reply, .size = 8 };
	uint64_t n = sizeof request;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_COUNT, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, sizeof n);
	CHECK_MEM(reply, &n, sizeof n);
	CHECK(a.rooms > 0);
	call_pair_close(&pair);
}

#define MANY	1000u

static void many_calls_share_the_slots(void)
{
	static struct asked a[MANY];
	unsigned ended = 0;

	memset(a, 0, sizeof a);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < MANY; i++) {
		a[i] = (struct asked) {
			.request = request + i, .len = 64, .reply = reply + i * 64, .size = 64,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a[i], NULL, 0), 0);
	}
	CHECK_EQ(sinew_calls_open(pair.s[0].calls), MANY);
	DRIVE_CALLS(&pair, pair.s[1].answered == MANY && !sinew_calls_open(pair.s[0].calls));
	for (unsigned i = 0; i < MANY; i++) {
		ended += a[i].ended == 1 && a[i].outcome == SINEW_CALL_DONE && a[i].got == 64 &&
			!memcmp(reply + i * 64, request + i, 64);
	}
	CHECK_EQ(ended, MANY);
	call_pair_close(&pair);
}

/* 1024 wait, and so many are in slots of applications. */
static void more_than_may_wait_are_refused(void)
{
	static struct asked a[1200];
	struct asked more = { .request = request, .len = 8, .reply = reply, .size = 8 };
	unsigned n = 0;
	int err = 0;

	memset(a, 0, sizeof a);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	while (!err && n < 1200) {
		a[n] = (struct asked) { .request = request, .len = 8, .reply = reply, .size = 8 };
		err = ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a[n], NULL, 0);
		n += !err;
	}
	CHECK_EQ(err, -EAGAIN);
	CHECK(n > 1024 && n < 1024 + 128);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &more, NULL, SINEW_CALL_NOWAIT), -EAGAIN);
	CHECK_EQ(pair.s[0].rooms, 0);
	TURN_UNTIL((pair_answer(&pair.s[1], HELD_MAX), pair_turn(pair.t)),
		   !sinew_calls_open(pair.s[0].calls), time_limit(PATIENCE_MS));
	CHECK(pair.s[0].rooms > 0);
	for (unsigned i = 0; i < n; i++)
		CHECK(a[i].ended == 1 && a[i].outcome == SINEW_CALL_DONE);
	call_pair_close(&pair);
}

/* ---- refusals ---- */

static void refusal(unsigned service, uint32_t op, size_t len, enum sinew_call_reason reason)
{
	struct asked a = { .request = request, .len = len, .reply = reply, .size = 8 };

	CHECK_OR_RETURN(CHECK_EQ(ask(&pair.s[0], service, op, &a, NULL, 0), 0));
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, reason);
	CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK(!a.wrong && !a.datas);
}

static void calls_are_refused(void)
{
	struct asked held = { .request = request, .len = 8, .reply = reply, .size = 8 };
	struct asked busy = held;
	struct sinew_binding *nobody;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, PAIR_NOBODY, NULL,
				    &nobody), 0);
	sinew_binding_close(pair.s[0].binding[4]);
	pair.s[0].binding[4] = nobody;
	refusal(PAIR_PULL, OP_ECHO, 8, SINEW_END_NO_SERVICE);
	refusal(PAIR_WHOLE, OP_NONE, 8, SINEW_END_NO_OP);
	refusal(PAIR_WHOLE, OP_NONE, 0, SINEW_END_NO_OP);
	CHECK_EQ(pair.s[1].shown, 0);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &held, NULL, 0), 0);
	DRIVE_CALLS(&pair, pair.s[1].shown == 1);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &busy, NULL, 0), 0);
	DRIVE_CALLS(&pair, busy.ended);
	CHECK_EQ(busy.reason, SINEW_END_BUSY);
	CHECK_EQ(busy.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(busy.retry_ms, 9);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, held.ended);
	CHECK_EQ(held.outcome, SINEW_CALL_DONE);
	busy = held = (struct asked) { .request = request, .len = 8, .reply = reply, .size = 8 };
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_COUNT, &busy, NULL, 0), 0);
	DRIVE_CALLS(&pair, busy.ended);
	CHECK_EQ(busy.outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

/* A call of that length begins again until the service takes it, or its time is over. */
static void busy_services_are_asked_again(void)
{
	struct asked held = { .request = request, .len = 8, .reply = reply, .size = 8 };
	struct asked a = { .request = request, .len = 50000, .reply = reply, .size = 8 };
	struct asked empty = { .request = request, .reply = reply + 8, .size = 8 }, late = empty;
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = 60 };
	uint64_t n = 50000, id;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &held, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_COUNT, &late, NULL,
		     SINEW_CALL_RETRY | SINEW_CALL_MORE), -EINVAL);
	a.keeps = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_COUNT, &a, NULL, SINEW_CALL_RETRY), 0);
	id = sinew_call_id(a.call);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_COUNT, &empty, NULL, SINEW_CALL_RETRY), 0);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_COUNT, &late, &opt, SINEW_CALL_RETRY), 0);
	DRIVE_CALLS(&pair, late.ended);
	CHECK_EQ(late.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK(!a.ended && !empty.ended);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, held.ended && a.ended && empty.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	/* It was begun again, in another use of a slot. */
	CHECK(id && sinew_call_id(a.call) && sinew_call_id(a.call) != id);
	sinew_call_end(a.call);
	CHECK_EQ(empty.outcome, SINEW_CALL_DONE);
	CHECK_MEM(reply, &n, sizeof n);
	CHECK_EQ(pair.s[1].shown, 3);
	call_pair_close(&pair);
}

static void too_long_requests_are_refused(void)
{
	struct asked a = { .request = request, .len = PAIR_MAX, .reply = reply, .size = 8 };
	struct sinew_call_options opt = { .size = sizeof opt, .total = PAIR_MAX + 1 };
	struct iovec iov = { request, 1000 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	opt.fn = asked_event;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_COUNT, &opt, &iov, 1, SINEW_CALL_MORE,
				  &a, &a.call), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_TOO_BIG);
	CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(pair.s[1].shown, 0);

	/* One that does not say its length is refused when it has become too long. */
	a = (struct asked) { .request = request, .len = PAIR_MAX, .reply = reply, .size = 8 };
	opt.total = 0;
	a.sent = iov.iov_len;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_COUNT, &opt, &iov, 1, SINEW_CALL_MORE,
				  &a, &a.call), 0);
	while (!a.ended) {
		if (a.call && sinew_call_send(a.call, &iov, 1, SINEW_CALL_MORE) < 0)
			pair_turn(pair.t);
	}
	CHECK_EQ(a.reason, SINEW_END_TOO_BIG);
	CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(pair.s[1].shown, 0);
	call_pair_close(&pair);
}

static void calls_wait_for_their_service(void)
{
	static struct asked a[20];
	unsigned done = 0;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < 20; i++) {
		a[i] = (struct asked) {
			.request = request, .len = i * 100, .reply = reply + 8 * i, .size = 8,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &a[i], NULL, 0), 0);
	}
	/* One that gives up while it waits was not executed. */
	DRIVE_CALLS(&pair, pair.s[1].shown == 1);
	CHECK_EQ(sinew_call_abort(a[7].call, 3), 0);
	while (done < 19) {
		unsigned shown = pair.s[1].shown;

		DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
		CHECK_OR_RETURN(side_holds(&pair.s[1]) == 1);
		pair_answer(&pair.s[1], 1);
		done++;
		if (done < 19)
			DRIVE_CALLS(&pair, pair.s[1].shown == shown + 1);
	}
	DRIVE_CALLS(&pair, !sinew_calls_open(pair.s[0].calls));
	for (unsigned i = 0; i < 20; i++) {
		uint64_t n = i * 100;

		if (i == 7)
			continue;
		CHECK_EQ(a[i].outcome, SINEW_CALL_DONE);
		CHECK_MEM(reply + 8 * i, &n, sizeof n);
	}
	CHECK_EQ(a[7].reason, SINEW_END_GIVEN_UP);
	CHECK_EQ(pair.s[1].shown, 19);
	call_pair_close(&pair);
}

/* ---- aborts, deadlines ---- */

static void each_side_aborts(void)
{
	struct asked a = { .request = request, .len = 100, .reply = reply, .size = 8 };
	struct asked b = a;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_FAIL, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_ABORTED);
	CHECK_EQ(a.code, 77);
	CHECK_EQ(a.outcome, SINEW_CALL_STARTED);

	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &b, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	b.keeps = true;
	DRIVE_CALLS(&pair, b.accepted);
	CHECK_EQ(sinew_call_abort(b.call, -1234), 0);
	CHECK_EQ(sinew_call_abort(b.call, 1), -EALREADY);
	CHECK_EQ(sinew_call_send(b.call, NULL, 0, 0), -ECONNABORTED);
	DRIVE_CALLS(&pair, b.ended && pair.s[1].told);
	CHECK_EQ(b.reason, SINEW_END_GIVEN_UP);
	CHECK_EQ(b.code, -1234);
	CHECK_EQ(b.outcome, SINEW_CALL_STARTED);
	CHECK_EQ(sinew_call_abort(b.call, 1), -EALREADY);
	CHECK_EQ(side_holds(&pair.s[1]), 1);
	CHECK_EQ(pair.s[1].held[0].reason, SINEW_END_ABORTED);
	sinew_call_end(b.call);
	call_pair_close(&pair);
}

static void an_end_without_a_reply_aborts(void)
{
	struct asked a = { .request = request, .len = 100, .reply = reply, .size = 8 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	sinew_call_end(pair.s[1].held[0].call);
	pair.s[1].held[0].call = NULL;
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_ABORTED);
	CHECK_EQ(a.code, SINEW_RX_CALL_DEAD);
	call_pair_close(&pair);
}

/* So long that calls are accepted before it, as fast as this machine is now. */
static uint32_t deadline(void)
{
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = 30 };
	struct asked a = { .accepted = 0 };

	for (; !a.accepted && opt.deadline_ms < PATIENCE_MS; opt.deadline_ms *= 2) {
		a = (struct asked) { .request = request, .len = 9, .reply = reply, .size = 8 };
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, &opt, 0), 0);
		DRIVE_CALLS(&pair, a.ended);
	}
	TURN_UNTIL((pair_answer(&pair.s[1], HELD_MAX), pair_turn(pair.t)),
		   !call_pair_open_calls(&pair) && !side_holds(&pair.s[1]), PATIENCE_MS);
	pair.s[1].told = 0;
	return opt.deadline_ms;
}

static void a_deadline_ends_a_call(void)
{
	struct asked a = { .request = request, .len = 100, .reply = reply, .size = 8 };
	struct sinew_call_options opt = { .size = sizeof opt };
	struct asked b = a, c = a;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	opt.deadline_ms = deadline();
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, &opt, 0), 0);
	DRIVE_CALLS(&pair, a.ended && pair.s[1].told);
	CHECK_EQ(a.reason, SINEW_END_DEADLINE);
	CHECK_EQ(a.outcome, SINEW_CALL_STARTED);
	CHECK(a.accepted == 1);

	/* With SETTLE the end waits for the other side's. */
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &b, &opt, SINEW_CALL_SETTLE), 0);
	DRIVE_CALLS(&pair, pair.s[1].told == 2);
	CHECK(!b.ended);
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, b.ended);
	CHECK_EQ(b.reason, SINEW_END_DEADLINE);

	/* A call for another one has no more time than that. */
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &c, &opt, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	for (unsigned i = 0; i < HELD_MAX && !a.call; i++)
		if (pair.s[1].held[i].call) {
			opt = (struct sinew_call_options) {
				.size = sizeof opt, .parent = pair.s[1].held[i].call,
			};
			a = (struct asked) {
				.request = request, .len = 10, .reply = reply, .size = 8,
			};
			CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_HOLD, &a, &opt, 0), 0);
			break;
		}
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_DEADLINE);
	DRIVE_CALLS(&pair, c.ended && pair.s[1].told == 3);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_HOLD, &a, &opt, 0), -ECONNABORTED);
	call_pair_close(&pair);
}

/* ---- one slow service, nine fast ones ---- */

#define FAST		9u
#define FAST_FIRST	200u	/* their ids */
#define FAST_CALLS	500u	/* of each */

static struct asked slow[MANY], fast[FAST][FAST_CALLS];

static void answer_nothing(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event == SINEW_CALL_DATA && msg->last)
		CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static void call_fast(unsigned service)
{
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 8 };
	struct sinew_binding *b;

	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session,
				    (uint16_t)(FAST_FIRST + service), NULL, &b), 0);
	for (unsigned i = 0; i < FAST_CALLS; i++) {
		struct asked *a = &fast[service][i];

		while (sinew_call_begin(b, 1, &opt, &iov, 1, 0, a, &a->call) == -EAGAIN)
			pair_turn(pair.t);
	}
	sinew_binding_close(b);
}

/* It holds as many calls as it can get, and lets none go. */
static void a_slow_service_harms_no_other(void)
{
	struct sinew_service is = { .size = sizeof is, .fn = answer_nothing };
	unsigned done = 0;

	memset(slow, 0, sizeof slow);
	memset(fast, 0, sizeof fast);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < FAST; i++)
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, (uint16_t)(FAST_FIRST + i), &is,
					    NULL), 0);
	for (unsigned i = 0; i < 400; i++) {
		slow[i] = (struct asked){ .request = request, .len = 8, .reply = reply,
					  .size = 8 };
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &slow[i], NULL, 0), 0);
	}
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 90);	/* 3/4 of 128 less 8 */
	for (unsigned i = 0; i < FAST; i++)
		call_fast(i);
	DRIVE_CALLS(&pair, sinew_calls_open(pair.s[0].calls) == 400);
	for (unsigned i = 0; i < FAST * FAST_CALLS; i++)
		done += fast[i / FAST_CALLS][i % FAST_CALLS].outcome == SINEW_CALL_DONE;
	CHECK_EQ(done, FAST * FAST_CALLS);
	CHECK_EQ(side_holds(&pair.s[1]), 90);
	TURN_UNTIL((pair_answer(&pair.s[1], HELD_MAX), pair_turn(pair.t)),
		   !sinew_calls_open(pair.s[0].calls), time_limit(PATIENCE_MS));
	call_pair_close(&pair);
}

/* ---- messages that are kept ---- */

/* Twice, and the first one is put inside of the event: data are valid until it ends. */
static void keep_twice(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct sinew_call_msg *first, **second = user;

	if (msg->event == SINEW_CALL_DATA && msg->len) {
		CHECK_EQ(sinew_call_msg_ref(msg, &first), 0);
		CHECK_EQ(sinew_call_msg_ref(msg, second), 0);
		CHECK_MEM(first->data, request, msg->len);
		sinew_call_msg_put(first);
		CHECK_MEM(msg->data, request, msg->len);
		CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	}
	if (msg->event == SINEW_CALL_ENDED)
		sinew_call_end(call);
}

static void messages_are_kept_twice(void)
{
	static const size_t lengths[] = { 100, 100000 };
	struct sinew_service is = {
		.size = sizeof is, .fn = keep_twice, .delivery = SINEW_CALL_WHOLE,
	};
	struct sinew_call_msg *kept = NULL;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, FAST_FIRST, &is, &kept), 0);
	sinew_binding_close(pair.s[0].binding[0]);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, FAST_FIRST, NULL,
				    &pair.s[0].binding[0]), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct asked a = { .request = request, .len = lengths[i], .reply = reply };

		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 1, &a, NULL, 0), 0);
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.outcome, SINEW_CALL_DONE);
		CHECK_OR_RETURN(CHECK(kept != NULL));
		CHECK_EQ(kept->len, lengths[i]);
		CHECK_MEM(kept->data, request, kept->len);
		sinew_call_msg_put(kept);
		kept = NULL;
	}
	call_pair_close(&pair);
}

/* ---- both ways ---- */

static void both_sides_call_each_other(void)
{
	static struct asked a[2][200];
	unsigned good = 0;

	memset(a, 0, sizeof a);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < 400; i++) {
		struct asked *k = &a[i % 2][i / 2];

		*k = (struct asked) {
			.request = request, .len = i * 13, .reply = reply, .size = sizeof reply,
		};
		CHECK_EQ(ask(&pair.s[i % 2], PAIR_WHOLE, OP_ECHO, k, NULL, 0), 0);
	}
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	for (unsigned i = 0; i < 400; i++)
		good += a[i % 2][i / 2].outcome == SINEW_CALL_DONE && a[i % 2][i / 2].got == i * 13;
	CHECK_EQ(good, 400);
	call_pair_close(&pair);
}

static void a_service_reads_what_it_needs(void)
{
	struct asked a = { .request = request, .len = 3004, .reply = reply, .size = 4096 };
	struct asked b = a, c = a;
	uint32_t n = 3000;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	memcpy(request, &n, sizeof n);
	CHECK_EQ(ask(&pair.s[0], PAIR_PULL, OP_ECHO, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, 3000);
	CHECK_MEM(reply, request + 4, 3000);

	/* One byte is missing, and one is too many. */
	b.len--;
	c.len++;
	CHECK_EQ(ask(&pair.s[0], PAIR_PULL, OP_ECHO, &b, NULL, 0), 0);
	CHECK_EQ(ask(&pair.s[0], PAIR_PULL, OP_ECHO, &c, NULL, 0), 0);
	DRIVE_CALLS(&pair, b.ended && c.ended);
	CHECK_EQ(b.reason, SINEW_END_ABORTED);
	CHECK_EQ(b.code, SINEW_RXGEN_SS_UNMARSHAL);
	CHECK_EQ(c.code, SINEW_RXGEN_SS_UNMARSHAL);
	fill();
	call_pair_close(&pair);
}

static void a_paced_reply_waits_for_its_consumer(void)
{
	struct asked a = { .request = request, .len = 200000, .reply = reply, .size = PAIR_MAX };
	struct sinew_call_options opt = { .size = sizeof opt, .delivery = SINEW_CALL_PACED };
	struct sinew_call_status st = { .size = sizeof st };
	size_t before = 0;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	a.keeps = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, &opt, 0), 0);
	DRIVE_CALLS(&pair, a.got > 0);
	while (!a.last) {
		CHECK_OR_RETURN(a.got - before <= 1024 * 1024);
		CHECK_EQ(sinew_call_consumed(a.call, a.got - before + 1), -EINVAL);
		CHECK_EQ(sinew_call_consumed(a.call, a.got - before), 0);
		before = a.got;
		DRIVE_CALLS(&pair, a.got > before || a.last);
	}
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.got, 200000);
	CHECK_MEM(reply, request, 200000);
	CHECK_EQ(sinew_call_status(a.call, &st), 0);
	CHECK(st.ended && st.outcome == SINEW_CALL_DONE && !st.incoming && !st.unsent);
	CHECK_EQ(st.sent, 200000);
	CHECK_EQ(st.received, 200000);
	CHECK_EQ(sinew_call_consumed(a.call, a.got - before), 0);
	sinew_call_end(a.call);
	call_pair_close(&pair);
}

/* ---- peers without calls ---- */

static void a_peer_without_calls_is_told_apart(void)
{
	struct sinew_binding *b;

	memset(&pair, 0, sizeof pair);
	CHECK_OR_RETURN(pair_open(pair.t, NULL) && side_open(&pair.s[0], &pair.t[0], NULL));
	DRIVE_PAIR(pair.t, pair.t[0].all.session && pair.t[1].all.session);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, 100, NULL, &b),
		 -EOPNOTSUPP);
	CHECK_EQ(sinew_calls_new(pair.t[1].n, NULL, &pair.s[1].calls), -EBUSY);
	CHECK_EQ(sinew_calls_new(pair.t[0].n, NULL, &pair.s[1].calls), -EBUSY);
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	DRIVE_PAIR(pair.t, pair.t[1].all.messages == 1);
	node_free(&pair.t[0]);
	node_free(&pair.t[1]);
	sinew_calls_free(pair.s[0].calls);
}

int main(void)
{
	fill();
	RUN(replies_of_every_length_come_back);
	RUN(requests_in_pieces_are_counted);
	RUN(many_calls_share_the_slots);
	RUN(more_than_may_wait_are_refused);
	RUN(calls_are_refused);
	RUN(busy_services_are_asked_again);
	RUN(too_long_requests_are_refused);
	RUN(calls_wait_for_their_service);
	RUN(each_side_aborts);
	RUN(an_end_without_a_reply_aborts);
	RUN(a_deadline_ends_a_call);
	RUN(a_slow_service_harms_no_other);
	RUN(messages_are_kept_twice);
	RUN(both_sides_call_each_other);
	RUN(a_service_reads_what_it_needs);
	RUN(a_paced_reply_waits_for_its_consumer);
	RUN(a_peer_without_calls_is_told_apart);
	return check_done();
}
