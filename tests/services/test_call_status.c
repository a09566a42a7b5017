/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what a node tells about its calls beside their events: the loss and return of
 * links, counters, slots, the oldest call, and how far one call is; and that its loop sleeps while
 * they wait. Knows the public headers only.
 */
#include <poll.h>

#include "tests/lib/call_pair.h"

#define BREAKS	6u

static struct call_pair pair;
static uint8_t request[100000], reply[2][100000];

static struct asked echo_into(unsigned i, size_t len)
{
	return (struct asked) {
		.request = request, .len = len, .reply = reply[i], .size = sizeof reply[i],
	};
}

static struct sinew_calls_status status(unsigned i)
{
	struct sinew_calls_status st = { .size = sizeof st };

	CHECK_EQ(sinew_calls_status(pair.s[i].calls, pair.t[i].all.session, &st), 0);
	return st;
}

/* ---- paths ---- */

struct paths {
	unsigned downs, ups;
	bool wrong;
};
static struct paths paths[2];

static void on_path(struct sinew_calls *calls, struct sinew_session *session, bool up, void *user)
{
	struct paths *p = &paths[calls == pair.s[1].calls];

	(void)user;
	p->wrong |= session != pair.t[p - paths].all.session || up != (p->downs == p->ups + 1);
	p->downs += !up;
	p->ups += up;
}

static bool open_with_paths(void)
{
	struct sinew_calls_options opt;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.path = on_path;
	memset(paths, 0, sizeof paths);
	return CHECK(call_pair_open(&pair, NULL, &opt));
}

/* A call each way, over a link that breaks. */
static void calls_both_ways_over_a_break(unsigned by)
{
	struct asked a[2] = { echo_into(0, sizeof request), echo_into(1, sizeof request) };
	unsigned downs = paths[by].downs;

	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a[0], NULL, 0), 0);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_ECHO, &a[1], NULL, 0), 0);
	CHECK_EQ(sinew_break(pair.t[by].n, 0), 0);
	DRIVE_CALLS(&pair, a[0].ended && a[1].ended);
	/* The other side may have the new link before it misses the old one: no event there. */
	DRIVE_CALLS(&pair, paths[by].downs == downs + 1 && paths[0].ups == paths[0].downs &&
		    paths[1].ups == paths[1].downs);
	CHECK_EQ(a[0].outcome, SINEW_CALL_DONE);
	CHECK_EQ(a[1].outcome, SINEW_CALL_DONE);
}

static void both_sides_see_links_go_and_come(void)
{
	unsigned n;

	CHECK_OR_RETURN(open_with_paths());
	CHECK_EQ(paths[0].downs + paths[0].ups + paths[1].downs + paths[1].ups, 0);
	for (unsigned i = 0; i < BREAKS; i++)
		calls_both_ways_over_a_break(i % 2);
	n = paths[0].downs + paths[1].downs;
	CHECK(n >= BREAKS && n <= 2 * BREAKS);
	CHECK(!paths[0].wrong && !paths[1].wrong);
	call_pair_close(&pair);
	/* The end of the session is none of them. */
	CHECK_EQ(paths[0].downs + paths[1].downs, n);
}

/* Calls go both ways, as if it could dial, with the lower nodeid and with the higher one. */
static void callbacks_of_a_side_that_never_dials(void)
{
	for (unsigned server = 0; server < 2; server++) {
		struct test_node *t = pair.t;

		CHECK_OR_RETURN(open_with_paths());
		CHECK_EQ(sinew_peer_set_dial(t[server].n, 2 - server, SINEW_DIAL_NEVER), 0);
		for (unsigned i = 0; i < BREAKS; i++)
			calls_both_ways_over_a_break(i % 2);
		CHECK(status_of(&t[server], 2 - server).never_dialled);
		CHECK_EQ(t[0].all.downs + t[1].all.downs, 0);
		CHECK(!paths[0].wrong && !paths[1].wrong);
		call_pair_close(&pair);
	}
}

/* ---- status ---- */

static void counters_say_what_became_of_calls(void)
{
	struct asked done = echo_into(0, 8), held = echo_into(1, 8), busy = echo_into(0, 8),
		nobody = echo_into(0, 8), failed = echo_into(0, 8);
	struct sinew_calls_status st;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	st = status(0);
	CHECK(!st.begun && !st.open && !st.has_oldest && !st.slots_used && !st.peers_begun);
	CHECK_EQ(st.slots_granted, 128);
	CHECK_EQ(st.peers_granted, 128);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &done, NULL, 0), 0);
	DRIVE_CALLS(&pair, done.ended && !call_pair_open_calls(&pair));
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &held, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, held.accepted);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_ECHO, &busy, NULL, 0), 0);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_NONE, &nobody, NULL, 0), 0);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_FAIL, &failed, NULL, 0), 0);
	DRIVE_CALLS(&pair, busy.ended && nobody.ended && failed.ended);
	DRIVE_CALLS(&pair, sinew_calls_open(pair.s[1].calls) == 1);
	st = status(0);
	CHECK_EQ(st.begun, 5);
	CHECK_EQ(st.done, 1);
	CHECK_EQ(st.busy, 1);
	CHECK_EQ(st.not_executed, 2);
	CHECK_EQ(st.started, 1);
	CHECK_EQ(st.aborted, 1);
	CHECK_EQ(st.open, 1);
	CHECK_EQ(st.slots_used, 1);
	CHECK(!st.waiting && !st.in_doubt && !st.partial && !st.broken);
	CHECK(st.has_oldest && !st.oldest_incoming && !st.oldest_ended && !st.oldest_waiting);
	CHECK(st.oldest_service == PAIR_NARROW && st.oldest_op == OP_HOLD);
	CHECK_EQ(st.oldest_id, sinew_call_id(held.call));
	st = status(1);
	CHECK_EQ(st.peers_begun, 5);
	CHECK_EQ(st.peers_refused, 2);
	CHECK_EQ(st.peers_open, 1);
	CHECK_EQ(st.peers_used, 1);
	CHECK(!st.begun && !st.peers_held && st.has_oldest && st.oldest_incoming);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, held.ended && !call_pair_open_calls(&pair));
	CHECK(!status(0).has_oldest && !status(1).has_oldest);
	CHECK_EQ(status(0).done, 2);
	call_pair_close(&pair);
}

/* Its call has ended, its slot is held: the status says whose it is. */
static void a_handler_that_never_lets_go_is_shown(void)
{
	struct asked a = echo_into(0, 8), b = echo_into(1, 8);
	struct sinew_calls_status st;
	uint64_t id;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_HOLD, &a, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, a.accepted);
	id = sinew_call_id(a.call);
	CHECK_EQ(sinew_call_abort(a.call, 5), 0);
	DRIVE_CALLS(&pair, a.ended && pair.s[1].told == 1);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &b, NULL, 0), 0);
	DRIVE_CALLS(&pair, b.ended && !call_pair_open_calls(&pair));
	st = status(1);
	CHECK(st.peers_held == 1 && st.peers_used == 1 && !st.peers_open);
	CHECK(st.has_oldest && st.oldest_incoming && st.oldest_ended && !st.oldest_waiting);
	CHECK(st.oldest_service == PAIR_PIECES && st.oldest_op == OP_HOLD);
	CHECK_EQ(st.oldest_id, id);
	st = status(0);
	CHECK(st.slots_used == 1 && !st.open && st.aborted == 1);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, !status(0).slots_used);
	CHECK(!status(1).peers_held && !status(1).has_oldest);
	call_pair_close(&pair);
}

static void one_that_waits_for_its_slot_is_the_oldest(void)
{
	static struct asked a[200];
	struct sinew_calls_status st;

	memset(a, 0, sizeof a);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < 200; i++) {
		a[i] = echo_into(0, 8);
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a[i], NULL, 0), 0);
	}
	st = status(0);
	CHECK(st.open == 200 && st.waiting + st.slots_used == 200 && st.waiting > 70);
	CHECK(!st.oldest_waiting && st.oldest_id);
	TURN_UNTIL((pair_answer(&pair.s[1], HELD_MAX), pair_turn(pair.t)),
		   !call_pair_open_calls(&pair), time_limit(PATIENCE_MS));
	CHECK_EQ(status(0).done, 200);
	call_pair_close(&pair);
}

/* Behind what this library knows. */
static void newer_programs_are_told_zeros(void)
{
	struct {
		struct sinew_call_status st;
		uint64_t more;
	} call;
	struct {
		struct sinew_calls_status st;
		uint64_t more;
	} calls;
	struct asked a = echo_into(0, 8);

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	memset(&call, 0x5a, sizeof call);
	memset(&calls, 0x5a, sizeof calls);
	call.st.size = sizeof call;
	calls.st.size = sizeof calls;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, NULL, 0), 0);
	CHECK_EQ(sinew_call_status(a.call, &call.st), 0);
	CHECK_EQ(call.more, 0);
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, pair.t[0].all.session, &calls.st), 0);
	CHECK_EQ(calls.more, 0);
	DRIVE_CALLS(&pair, a.ended && !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

static void what_it_does_not_tell(void)
{
	struct sinew_calls_status st = { .size = sizeof st }, part;
	struct sinew_session *h;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_calls_status(NULL, pair.t[0].all.session, &st), -EINVAL);
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, NULL, &st), -EINVAL);
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, pair.t[0].all.session, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_status(pair.s[1].calls, pair.t[0].all.session, &st), -EINVAL);
	st.size = sizeof st.size - 1;
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, pair.t[0].all.session, &st), -EINVAL);
	/* An older program's struct. */
	memset(&part, 0x5a, sizeof part);
	part.size = offsetof(struct sinew_calls_status, open);
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, pair.t[0].all.session, &part), 0);
	CHECK(!part.begun && !part.aborted && part.open == 0x5a5a5a5a);
	/* Behind the end. */
	h = sinew_session_ref(pair.t[0].all.session);
	CHECK_EQ(sinew_session_abort(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, pair.t[0].all.downs == 1);
	st.size = sizeof st;
	CHECK_EQ(sinew_calls_status(pair.s[0].calls, h, &st), 0);
	CHECK(!st.begun && !st.open && !st.has_oldest);
	sinew_session_unref(h);
	call_pair_close(&pair);
}

/* ---- one call ---- */

#define DEEPEST	7u

static struct sinew_call_status status_of_call(struct sinew_call *call)
{
	struct sinew_call_status st = { .size = sizeof st };

	CHECK_EQ(sinew_call_status(call, &st), 0);
	return st;
}

/* Each one is begun for the one before it, and held. */
static void a_chain_of_calls_is_as_deep_as_allowed(void)
{
	struct sinew_call_options opt = { .size = sizeof opt };
	static struct asked a[DEEPEST + 1];
	struct asked more = echo_into(1, 8);
	struct sinew_call_status st;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i <= DEEPEST; i++) {
		struct side *caller = &pair.s[i % 2], *called = &pair.s[(i + 1) % 2];

		a[i] = echo_into(0, 8);
		CHECK_EQ(ask(caller, PAIR_WHOLE, OP_HOLD, &a[i], &opt, 0), 0);
		DRIVE_CALLS(&pair, side_holds(called) == i / 2 + 1);
		st = status_of_call(a[i].call);
		CHECK(!st.incoming && st.depth == i);
		opt.parent = called->held[i / 2].call;
		st = status_of_call(opt.parent);
		CHECK(st.incoming && st.depth == i);
	}
	CHECK_EQ(ask(&pair.s[(DEEPEST + 1) % 2], PAIR_WHOLE, OP_HOLD, &more, &opt, 0), -ELOOP);
	pair_answer(&pair.s[0], HELD_MAX);
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	for (unsigned i = 0; i <= DEEPEST; i++)
		CHECK_EQ(a[i].outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

static void the_time_that_is_left_is_told(void)
{
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = SINEW_FOREVER };
	struct asked endless = echo_into(0, 8), bounded = echo_into(1, 8);
	struct sinew_call_status st;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &endless, &opt, 0), 0);
	opt.deadline_ms = 1000000;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &bounded, &opt, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 2);
	for (unsigned i = 0; i < 2; i++) {
		st = status_of_call(i ? pair.s[1].held[0].call : endless.call);
		CHECK_EQ(st.left_ms, UINT64_MAX);
		st = status_of_call(i ? pair.s[1].held[1].call : bounded.call);
		CHECK(st.left_ms > 900000 && st.left_ms <= 1000000);
	}
	DRIVE_CALLS(&pair, status_of_call(bounded.call).age_ms > 0);
	CHECK(status_of_call(bounded.call).age_ms < 900000);
	pair_answer(&pair.s[1], HELD_MAX);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

/* Before it has ended, and behind that; whoever aborts it. */
static void an_abort_is_told_at_both_sides(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned by = 0; by < 2; by++) {
		struct asked a = echo_into(0, 8);
		struct sinew_call *call[2];

		a.keeps = true;
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, NULL, 0), 0);
		DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
		call[0] = a.call;
		call[1] = pair.s[1].held[0].call;
		CHECK(!status_of_call(call[0]).aborted && !status_of_call(call[1]).aborted);
		CHECK_EQ(sinew_call_abort(call[by], 5), 0);
		CHECK(status_of_call(call[by]).aborted && !status_of_call(call[by]).ended);
		DRIVE_CALLS(&pair, a.ended && pair.s[1].told == by + 1);
		CHECK(status_of_call(call[0]).aborted && status_of_call(call[0]).ended);
		CHECK(status_of_call(call[1]).aborted && status_of_call(call[1]).ended);
		sinew_call_end(a.call);
		pair_answer(&pair.s[1], 1);
	}
	call_pair_close(&pair);
}

/* Nothing woke it for a while, once: later its own times may. */
static bool has_slept(unsigned i, bool *ret_slept)
{
	struct pollfd fd = { sinew_get_fd(pair.t[i].n), POLLIN, 0 };

	if (!*ret_slept) {
		pair_turn(pair.t);
		*ret_slept = poll(&fd, 1, 50) == 0;
	}
	return *ret_slept;
}

static void a_node_sleeps_while_its_calls_wait(void)
{
	struct pollfd fd = { .events = POLLIN };
	struct iovec iov = { request, 8 };
	struct asked a = echo_into(0, 8);
	bool slept[2] = { false, false };
	struct sinew_call *call;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	DRIVE_CALLS(&pair, has_slept(0, &slept[0]));
	DRIVE_CALLS(&pair, has_slept(1, &slept[1]));
	/* A reply from outside wakes it. */
	call = pair.s[1].held[0].call;
	CHECK_EQ(status_of_call(call).sent, 0);
	CHECK_EQ(sinew_call_send(call, &iov, 1, 0), 8);
	CHECK_EQ(status_of_call(call).sent, 8);
	fd.fd = sinew_get_fd(pair.t[1].n);
	CHECK_EQ(poll(&fd, 1, 0), 1);
	DRIVE_CALLS(&pair, a.ended);
	call_pair_close(&pair);
}

int main(void)
{
	RUN(both_sides_see_links_go_and_come);
	RUN(callbacks_of_a_side_that_never_dials);
	RUN(counters_say_what_became_of_calls);
	RUN(a_handler_that_never_lets_go_is_shown);
	RUN(one_that_waits_for_its_slot_is_the_oldest);
	RUN(newer_programs_are_told_zeros);
	RUN(what_it_does_not_tell);
	RUN(a_chain_of_calls_is_as_deep_as_allowed);
	RUN(the_time_that_is_left_is_told);
	RUN(an_abort_is_told_at_both_sides);
	RUN(a_node_sleeps_while_its_calls_wait);
	return check_done();
}
