/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of calls that have to do with others, between two nodes: callbacks after a call,
 * the last word on a reply, the question how far a call is, and calls that could never be answered.
 * Knows the public headers only.
 */
#include <poll.h>

#include "tests/lib/call_pair.h"

static struct call_pair pair;
static uint8_t request[4096], reply[4096], back_reply[4096];

static struct asked a_request(size_t len)
{
	return (struct asked) { .request = request, .len = len, .reply = reply, .size = 4096 };
}

/* ---- after ---- */

/* Node 0 has a call that node 1 holds; the options make node 1 call back after it. */
static bool hold_one(struct asked *a, struct sinew_call_options *opt, unsigned service)
{
	*a = a_request(100);
	if (!call_pair_open(&pair, NULL, NULL) ||
	    !CHECK_EQ(ask(&pair.s[0], service, OP_HOLD, a, NULL, 0), 0))
		return false;
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	*opt = (struct sinew_call_options) {
		.size = sizeof *opt, .after = pair.s[1].held[0].call,
	};
	return CHECK_EQ(side_holds(&pair.s[1]), 1);
}

/* The callback has reached node 0, and its application has not. */
static void is_behind(struct asked *back, unsigned shown)
{
	CHECK_EQ(sinew_call_query(back->call), 0);
	DRIVE_CALLS(&pair, back->states == 1);
	CHECK_EQ(back->report.at, SINEW_CALL_AT_WAITING);
	CHECK_EQ(pair.s[0].shown, shown);
}

static void callbacks_come_after_the_call(void)
{
	static const unsigned services[] = { PAIR_WHOLE, PAIR_PIECES, PAIR_NARROW, PAIR_PATIENT };
	struct sinew_call_options opt;
	struct asked a, back;
	uint64_t n = 300;

	for (unsigned i = 0; i < 4; i++) {
		CHECK_OR_RETURN(hold_one(&a, &opt, PAIR_WHOLE));
		back = a_request(300);
		back.reply = back_reply;
		CHECK_EQ(ask(&pair.s[1], services[i], OP_COUNT, &back, &opt, 0), 0);
		is_behind(&back, 0);
		CHECK(!a.ended);
		pair_answer(&pair.s[1], 1);
		DRIVE_CALLS(&pair, pair.s[0].shown);
		CHECK_EQ(a.ended, 1);
		DRIVE_CALLS(&pair, back.ended);
		CHECK_EQ(back.outcome, SINEW_CALL_DONE);
		CHECK_MEM(back_reply, &n, sizeof n);
		DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
		call_pair_close(&pair);
	}
}

/* Where there is no room by then it is refused or waits, as any other. */
static void a_callback_finds_its_service_full(void)
{
	struct sinew_call_options opt;
	struct asked a, back, waits, held[2];

	CHECK_OR_RETURN(hold_one(&a, &opt, PAIR_WHOLE));
	back = waits = held[0] = held[1] = a_request(8);
	back.reply = waits.reply = back_reply;
	CHECK_EQ(ask(&pair.s[1], PAIR_NARROW, OP_HOLD, &held[0], NULL, 0), 0);
	CHECK_EQ(ask(&pair.s[1], PAIR_PATIENT, OP_HOLD, &held[1], NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[0]) == 2);
	CHECK_EQ(ask(&pair.s[1], PAIR_NARROW, OP_COUNT, &back, &opt, 0), 0);
	CHECK_EQ(ask(&pair.s[1], PAIR_PATIENT, OP_COUNT, &waits, &opt, 0), 0);
	is_behind(&back, 2);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, a.ended && back.ended);
	CHECK_EQ(back.reason, SINEW_END_BUSY);
	CHECK_EQ(back.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(back.retry_ms, 9);
	CHECK(!waits.ended);
	pair_answer(&pair.s[0], 2);
	DRIVE_CALLS(&pair, waits.ended && held[0].ended && held[1].ended);
	CHECK_EQ(waits.outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

static void a_callback_that_is_behind_is_given_up(void)
{
	struct sinew_call_options opt;
	struct asked a, back, late;

	CHECK_OR_RETURN(hold_one(&a, &opt, PAIR_WHOLE));
	back = late = a_request(300);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_COUNT, &back, &opt, SINEW_CALL_SETTLE), 0);
	opt.deadline_ms = 40;
	CHECK_EQ(ask(&pair.s[1], PAIR_PIECES, OP_COUNT, &late, &opt, 0), 0);
	is_behind(&back, 0);
	CHECK_EQ(sinew_call_abort(back.call, 5), 0);
	DRIVE_CALLS(&pair, back.ended && late.ended);
	CHECK_EQ(back.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(late.reason, SINEW_END_DEADLINE);
	DRIVE_CALLS(&pair, sinew_calls_open(pair.s[0].calls) == 1);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(pair.s[0].shown, 0);
	call_pair_close(&pair);
}

/* Node 0 frees its calls, or both nodes go, with a callback that nobody has seen. */
static void everything_ends_with_a_callback_behind(void)
{
	struct sinew_call_options opt;
	struct asked a, back;

	CHECK_OR_RETURN(hold_one(&a, &opt, PAIR_WHOLE));
	back = a_request(300);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_COUNT, &back, &opt, 0), 0);
	is_behind(&back, 0);
	call_pair_close(&pair);
	CHECK_EQ(a.ended + back.ended, 2);
	CHECK_EQ(pair.s[0].shown, 0);
}

static void impossible_references_are_refused(void)
{
	struct sinew_call_options opt;
	struct asked a, back = a_request(10);

	CHECK_OR_RETURN(hold_one(&a, &opt, PAIR_WHOLE));
	opt.parent = opt.after;
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_COUNT, &back, &opt, 0), -EINVAL);
	/* An own call, and one of another session. */
	opt.parent = NULL;
	opt.after = a.call;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_COUNT, &back, &opt, 0), -EINVAL);
	opt.after = pair.s[1].held[0].call;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_COUNT, &back, &opt, 0), -EINVAL);
	opt.after = pair.s[1].held[0].call;
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_COUNT, &back, &opt, SINEW_CALL_UPGRADE), -EINVAL);
	/* One that is over is none to wait for. */
	CHECK_EQ(sinew_call_abort(a.call, 1), 0);
	DRIVE_CALLS(&pair, a.ended && pair.s[1].told == 1);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_COUNT, &back, &opt, 0), 0);
	DRIVE_CALLS(&pair, back.ended);
	CHECK_EQ(back.outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

/* ---- the last word ---- */

struct answerer {
	struct sinew_call *call;
	unsigned finals, ends;
	bool wrong;
	enum sinew_call_reason reason;
};

static void answer_with_final(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	static uint8_t bytes[3000];
	struct iovec iov = { bytes, sizeof bytes };
	struct answerer *w = user;

	w->wrong |= w->ends > 0;
	w->call = call;
	if (msg->event == SINEW_CALL_DATA && sinew_call_op(call) == 2)
		w->wrong |= sinew_call_send(call, &iov, 1, 0) != (ssize_t)sizeof bytes;
	else if (msg->event == SINEW_CALL_DATA)
		w->wrong |= sinew_call_send(call, &iov, 1, SINEW_CALL_WANT_FINAL) !=
			(ssize_t)sizeof bytes;
	if (msg->event == SINEW_CALL_FINAL_ACK)
		w->finals++;
	if (msg->event == SINEW_CALL_ENDED) {
		w->reason = msg->reason;
		w->ends++;
		sinew_call_end(call);
	}
}

/* By the flag of a send, and by that of the service. */
static void the_caller_says_that_it_is_done(unsigned flags, uint32_t op)
{
	struct sinew_call_options opt = { .size = sizeof opt, .delivery = SINEW_CALL_PACED };
	struct answerer w = { .ends = 0 };
	struct sinew_service is = {
		.size = sizeof is, .fn = answer_with_final, .delivery = SINEW_CALL_WHOLE,
		.flags = flags,
	};
	struct iovec none = { NULL, 0 };
	struct asked a = a_request(10);

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, PAIR_NOBODY, &is, &w), 0);
	sinew_binding_close(pair.s[0].binding[0]);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, PAIR_NOBODY, NULL,
				    &pair.s[0].binding[0]), 0);
	a.keeps = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, op, &a, &opt, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(sinew_call_send(a.call, &none, 1, SINEW_CALL_WANT_FINAL), -EINVAL);
	CHECK_EQ(sinew_call_consumed(a.call, 2999), 0);
	/* A call beside it comes and goes: frames have passed both ways since. */
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	DRIVE_PAIR(pair.t, pair.t[1].all.messages == 1);
	CHECK_EQ(w.finals + w.ends, 0);
	CHECK_EQ(sinew_call_send(w.call, &none, 1, SINEW_CALL_WANT_FINAL), -EPIPE);
	CHECK_EQ(sinew_call_consumed(a.call, 1), 0);
	DRIVE_CALLS(&pair, w.ends);
	CHECK_EQ(w.finals, 1);
	CHECK_EQ(w.reason, SINEW_END_REPLIED);
	CHECK(!w.wrong && !a.wrong);
	sinew_call_end(a.call);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

static void final_acks_are_told(void)
{
	the_caller_says_that_it_is_done(0, 1);
	the_caller_says_that_it_is_done(SINEW_SERVICE_WANT_FINAL, 2);
}

/* ---- questions ---- */

static void a_call_is_asked_about(void)
{
	struct asked a = a_request(100), patient[2] = { a, a };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &a, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, a.accepted);
	CHECK_EQ(sinew_call_query(a.call), 0);
	CHECK_EQ(sinew_call_query(a.call), -EALREADY);
	DRIVE_CALLS(&pair, a.states == 1);
	CHECK_EQ(a.report.at, SINEW_CALL_AT_ACCEPTED);
	CHECK_EQ(a.report.received, 100);
	CHECK_EQ(a.report.consumed, 100);
	CHECK(a.report.age_ms < PATIENCE_MS);

	/* One waits for that service. */
	CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &patient[0], NULL, 0), 0);
	CHECK_EQ(sinew_call_query(patient[0].call), 0);
	DRIVE_CALLS(&pair, patient[0].states == 1);
	CHECK_EQ(patient[0].report.at, SINEW_CALL_AT_WAITING);
	CHECK_EQ(sinew_call_query(pair.s[1].held[0].call), -EINVAL);
	CHECK_EQ(sinew_call_query(NULL), -EINVAL);

	patient[0].keeps = true;
	CHECK_EQ(sinew_call_abort(patient[0].call, 1), 0);
	DRIVE_CALLS(&pair, patient[0].ended);
	CHECK_EQ(sinew_call_query(patient[0].call), -ECONNABORTED);
	sinew_call_end(patient[0].call);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, a.ended);
	CHECK(!a.wrong && !patient[0].wrong);
	call_pair_close(&pair);
}

static void states_have_names(void)
{
	CHECK_STR(sinew_call_at_name(SINEW_CALL_AT_UNKNOWN), "UNKNOWN");
	CHECK_STR(sinew_call_at_name(SINEW_CALL_AT_STOPPING), "STOPPING");
	CHECK_STR(sinew_call_at_name((enum sinew_call_at)77), "unknown");
	CHECK_STR(sinew_call_event_name(SINEW_CALL_FINAL_ACK), "FINAL_ACK");
	CHECK_STR(sinew_call_event_name(SINEW_CALL_STATE), "STATE");
}

/* ---- calls that could not be answered ---- */

#define BUDGET	16384u
#define KEPT	64u

static struct sinew_kept *kept[KEPT];
static unsigned n_kept, n_begun;
static int begun;	/* what begin gave in the callback that kept the last one */

static void small_budget(struct sinew_options *o)
{
	o->receive_bytes = BUDGET;
}

static bool is_paused(void)
{
	struct sinew_status st = { .size = sizeof st };

	return !sinew_peer_status(pair.t[0].n, 2, &st) && st.paused;
}

/* Keeps it, and begins a call: the last one finds the link paused. */
static void keep_and_call(struct test_node *t, struct sinew_session *h,
			  const struct sinew_message *m)
{
	struct sinew_call *call = NULL;

	(void)t;
	if (n_kept == KEPT || sinew_keep(h, m, &kept[n_kept]))
		return;
	n_kept++;
	begun = sinew_call_begin(pair.s[0].binding[0], OP_COUNT, NULL, NULL, 0, 0, NULL, &call);
	n_begun += !begun;
	sinew_call_end(call);
}

static void release_all(void)
{
	while (n_kept)
		sinew_release(kept[--n_kept]);
}

/* Node 0 keeps messages until its link is paused. */
static void pause_link(void)
{
	begun = 0;
	for (unsigned i = 0; i < KEPT && !is_paused(); i++) {
		CHECK_EQ(sinew_send(pair.t[1].all.session, request, 2048), 0);
		DRIVE_PAIR(pair.t, n_kept == i + 1 || is_paused());
	}
	CHECK(is_paused());
}

static void a_call_without_hope_is_refused(void)
{
	struct sinew_call_status st = { .size = sizeof st };
	struct asked a = a_request(10);

	CHECK_OR_RETURN(call_pair_open(&pair, small_budget, NULL));
	pair.t[0].on_message = keep_and_call;
	pause_link();
	CHECK_EQ(begun, -EDEADLK);
	CHECK(n_begun > 0);

	/* Outside of a callback messages can still be released: it waits, and says for what. */
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, NULL, 0), 0);
	CHECK_EQ(sinew_call_status(a.call, &st), 0);
	CHECK(st.paused && !st.ended);
	DRIVE_CALLS(&pair, pair.s[1].executed[0]);
	CHECK(!a.ended && is_paused());
	release_all();
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);

	/* From now on it is known that others release them. */
	pause_link();
	CHECK_EQ(begun, 0);
	release_all();
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

static struct asked first;
static uint32_t first_ms;	/* its deadline */

/* The first one begins a call that nobody answers. */
static void call_and_keep(struct test_node *t, struct sinew_session *h,
			  const struct sinew_message *m)
{
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = first_ms };

	(void)t;
	if (!n_kept)
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &first, &opt, 0), 0);
	if (n_kept < KEPT && !sinew_keep(h, m, &kept[n_kept]))
		n_kept++;
}

/* Nothing woke it for a while, once. */
static bool has_slept(bool *ret_slept)
{
	struct pollfd fd = { sinew_get_fd(pair.t[0].n), POLLIN, 0 };

	if (!*ret_slept)
		*ret_slept = poll(&fd, 1, 50) == 0;
	return *ret_slept;
}

/* Only callbacks could release what its reply waits for. */
static void a_call_that_lost_hope_ends(void)
{
	struct asked a = a_request(10);
	bool slept = false;

	CHECK_OR_RETURN(call_pair_open(&pair, small_budget, NULL));
	pair.t[0].on_message = call_and_keep;
	first = a_request(10);
	first_ms = SINEW_FOREVER;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, a.accepted);
	pause_link();
	DRIVE_CALLS(&pair, first.ended);
	CHECK(is_paused());
	CHECK_EQ(first.reason, SINEW_END_DEADLOCK);
	CHECK_EQ(first.error, -EDEADLK);
	CHECK_EQ(first.outcome, SINEW_CALL_IN_DOUBT);
	/* No callback began that one. */
	CHECK(!a.ended);
	DRIVE_CALLS(&pair, has_slept(&slept));
	release_all();
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, a.ended && !call_pair_open_calls(&pair));
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);

	/* From now on it is known that others release them. */
	first = a_request(10);
	first_ms = 200;
	pause_link();
	DRIVE_CALLS(&pair, first.ended);
	CHECK_EQ(first.reason, SINEW_END_DEADLINE);
	release_all();
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

int main(void)
{
	RUN(callbacks_come_after_the_call);
	RUN(a_callback_finds_its_service_full);
	RUN(a_callback_that_is_behind_is_given_up);
	RUN(everything_ends_with_a_callback_behind);
	RUN(impossible_references_are_refused);
	RUN(final_acks_are_told);
	RUN(a_call_is_asked_about);
	RUN(states_have_names);
	RUN(a_call_without_hope_is_refused);
	RUN(a_call_that_lost_hope_ends);
	return check_done();
}
