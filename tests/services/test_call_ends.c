/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of how calls end with what is under them: the session finishes or dies, calls are
 * drained or freed, the node goes; and of wrong use. Knows the public headers only.
 */
#include <poll.h>
#include <sys/wait.h>

#include "tests/lib/call_pair.h"

#define SOME	50u

static struct call_pair pair;
static struct asked asked[SOME];
static uint8_t request[PAIR_MAX], reply[PAIR_MAX];

static void begin_some(unsigned n, uint32_t op, unsigned flags)
{
	memset(asked, 0, sizeof asked);
	for (unsigned i = 0; i < n; i++) {
		asked[i] = (struct asked) {
			.request = request, .len = 64, .reply = reply, .size = sizeof reply,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, op, &asked[i], NULL, flags), 0);
	}
}

static unsigned n_ended(unsigned n, enum sinew_call_reason reason, enum sinew_call_outcome outcome)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += asked[i].ended == 1 && asked[i].reason == reason &&
			asked[i].outcome == outcome && !asked[i].wrong;
	return found;
}

/* ---- in order ---- */

/* FIN waits for calls of both directions. */
static void a_session_finishes_behind_its_calls(void)
{
	struct asked own = { .request = request, .len = 500000, .reply = reply, .size = PAIR_MAX };
	struct asked late = { .request = request, .len = 10, .reply = reply, .size = PAIR_MAX };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(10, OP_HOLD, 0);
	CHECK_EQ(ask(&pair.s[1], PAIR_PIECES, OP_COUNT, &own, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 10 && pair.s[0].shown == 1);
	CHECK_EQ(sinew_session_finish(pair.t[0].all.session), 0);
	CHECK_EQ(sinew_session_finish(pair.t[1].all.session), 0);
	DRIVE_CALLS(&pair, own.ended);
	CHECK_EQ(own.outcome, SINEW_CALL_DONE);
	CHECK_EQ(own.got, 8);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &late, NULL, 0), -ESHUTDOWN);
	CHECK(!pair.t[0].all.downs && !pair.t[1].all.finishes);
	pair_answer(&pair.s[1], 10);
	DRIVE_CALLS(&pair, pair.t[0].all.downs && pair.t[1].all.downs);
	CHECK_EQ(pair.t[0].all.reason, SINEW_DOWN_CLOSED);
	CHECK_EQ(n_ended(10, SINEW_END_REPLIED, SINEW_CALL_DONE), 10);
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &late, NULL, 0), -ESTALE);
	call_pair_close(&pair);
}

static void an_endless_call_does_not_hold_the_end(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(3, OP_HOLD, SINEW_CALL_ENDLESS);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 3);
	CHECK_EQ(sinew_close(pair.t[0].n, 20000), 0);
	CHECK_EQ(sinew_close(pair.t[1].n, 20000), 0);
	DRIVE_CALLS(&pair, pair.s[1].told == 3);
	CHECK_EQ(asked[0].reason, SINEW_END_CLOSING);
	pair_answer(&pair.s[1], 3);
	DRIVE_CALLS(&pair, pair.t[0].closed && pair.t[1].closed);
	CHECK_EQ(pair.t[0].all.reason, SINEW_DOWN_CLOSED);
	call_pair_close(&pair);
}

static void calls_are_drained(void)
{
	struct asked late = { .request = request, .len = 10, .reply = reply, .size = PAIR_MAX };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(10, OP_HOLD, 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 10);
	CHECK_EQ(sinew_calls_drain(pair.s[1].calls, -1), 0);
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_ECHO, &late, NULL, 0), -ESHUTDOWN);
	/* The peer's new ones are refused, those that are there go on. */
	do {
		late = (struct asked) { .request = request, .reply = reply, .size = PAIR_MAX };
		CHECK_OR_RETURN(ask(&pair.s[0], PAIR_WHOLE, OP_COUNT, &late, NULL, 0) == 0);
		DRIVE_CALLS(&pair, late.ended);
	} while (late.reason == SINEW_END_REPLIED);
	CHECK_EQ(late.reason, SINEW_END_CLOSING);
	CHECK_EQ(late.outcome, SINEW_CALL_NOT_EXECUTED);
	pair_answer(&pair.s[1], 4);
	DRIVE_CALLS(&pair, sinew_calls_open(pair.s[1].calls) == 6);
	CHECK_EQ(sinew_calls_drain(pair.s[1].calls, 0), 0);
	DRIVE_CALLS(&pair, !sinew_calls_open(pair.s[1].calls) &&
		    n_ended(10, SINEW_END_REPLIED, SINEW_CALL_DONE) == 4);
	pair_answer(&pair.s[1], 10);
	DRIVE_CALLS(&pair, !sinew_calls_open(pair.s[0].calls));
	CHECK_EQ(n_ended(10, SINEW_END_CLOSING, SINEW_CALL_STARTED), 6);
	CHECK_EQ(pair.t[0].all.downs, 0);
	call_pair_close(&pair);
}

/* Sessions that begin later take no calls either. */
static void calls_are_drained_before_a_session(void)
{
	struct asked late = { .request = request, .len = 10, .reply = reply, .size = PAIR_MAX };

	memset(&pair, 0, sizeof pair);
	CHECK_OR_RETURN(pair_open(pair.t, NULL) && side_open(&pair.s[0], &pair.t[0], NULL) &&
			side_open(&pair.s[1], &pair.t[1], NULL));
	CHECK_EQ(sinew_calls_drain(pair.s[1].calls, -1), 0);
	DRIVE_CALLS(&pair, pair.t[0].all.session && pair.t[1].all.session);
	CHECK_OR_RETURN(side_binds(&pair.s[0], pair.t[0].all.session));
	if (!ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &late, NULL, 0)) {
		DRIVE_CALLS(&pair, late.ended);
		CHECK_EQ(late.reason, SINEW_END_CLOSING);
		CHECK_EQ(late.outcome, SINEW_CALL_NOT_EXECUTED);
	}
	CHECK_EQ(pair.s[1].shown, 0);
	call_pair_close(&pair);
}

/* ---- hard ---- */

static void a_session_that_dies_ends_its_calls(void)
{
	unsigned done;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(SOME, OP_HOLD, SINEW_CALL_WANT_ACCEPT);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == SOME && asked[SOME - 1].accepted);
	pair_answer(&pair.s[1], 10);
	DRIVE_CALLS(&pair, n_ended(SOME, SINEW_END_REPLIED, SINEW_CALL_DONE) == 10);
	CHECK_EQ(sinew_session_abort(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	done = n_ended(SOME, SINEW_END_REPLIED, SINEW_CALL_DONE);
	CHECK_EQ(done, 10);
	CHECK_EQ(n_ended(SOME, SINEW_END_SESSION, SINEW_CALL_STARTED), SOME - 10);
	CHECK_EQ(pair.s[1].told, SOME - 10);
	CHECK_EQ(pair.s[1].held[SOME - 1].reason, SINEW_END_SESSION);
	/* A handler that goes on does no harm. */
	pair_answer(&pair.s[1], SOME);
	DRIVE_CALLS(&pair, pair.t[0].all.ups == 2 && pair.t[1].all.ups == 2);
	side_unbinds(&pair.s[0]);
	CHECK(side_binds(&pair.s[0], pair.t[0].all.session));
	begin_some(1, OP_COUNT, 0);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

/* Nothing leaves: the other node does not run. */
static void calls_that_never_left_were_not_executed(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_peer_remove(pair.t[0].n, 2), 0);
	begin_some(SOME, OP_COUNT, 0);
	TURN_UNTIL(sinew_dispatch(pair.t[0].n, 10), pair.t[0].all.downs, time_limit(PATIENCE_MS));
	CHECK_EQ(n_ended(SOME, SINEW_END_SESSION, SINEW_CALL_NOT_EXECUTED) +
		 n_ended(SOME, SINEW_END_SESSION, SINEW_CALL_IN_DOUBT), SOME);
	call_pair_close(&pair);
}

static void a_node_that_goes_ends_its_calls(void)
{
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(SOME, OP_HOLD, 0);
	for (unsigned i = 0; i < SOME; i++)
		asked[i].keeps = true;
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == SOME);
	node_free(&pair.t[0]);
	for (unsigned i = 0; i < SOME; i++) {
		CHECK_EQ(asked[i].ended, 1);
		CHECK_EQ(asked[i].reason, SINEW_END_SESSION);
		CHECK_EQ(sinew_call_abort(asked[i].call, 1), -EALREADY);
		sinew_call_end(asked[i].call);
	}
	CHECK_EQ(sinew_calls_drain(pair.s[0].calls, 0), -ESTALE);
	call_pair_close(&pair);
}

static void freed_calls_are_silent(void)
{
	struct iovec iov = { request, 8 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(SOME, OP_HOLD, 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == SOME);
	sinew_calls_free(pair.s[0].calls);
	DRIVE_CALLS(&pair, pair.s[1].told == SOME);
	for (unsigned i = 0; i < SOME; i++) {
		CHECK_EQ(asked[i].ended, 0);
		CHECK_EQ(sinew_call_send(asked[i].call, &iov, 1, 0), -ESTALE);
		sinew_call_end(asked[i].call);
	}
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &asked[0], NULL, 0), -ESTALE);
	/* The other one answers nobody, and calls nobody. */
	CHECK_EQ(ask(&pair.s[1], PAIR_WHOLE, OP_ECHO, &asked[0], NULL, 0), 0);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].reason, SINEW_END_CLOSING);
	CHECK_EQ(asked[0].outcome, SINEW_CALL_NOT_EXECUTED);
	pair_answer(&pair.s[1], SOME);
	side_unbinds(&pair.s[0]);
	node_free(&pair.t[0]);
	node_free(&pair.t[1]);
	side_unbinds(&pair.s[1]);
	sinew_calls_free(pair.s[1].calls);
}

/* ---- wrong use ---- */

static void options_are_checked(void)
{
	struct sinew_calls_options opt;
	struct sinew_calls *calls;
	struct sockaddr_storage addr = host_address(1);
	struct test_node t = { .n = NULL };
	struct sinew_options o;

	fast_options(&o, 1, &addr);
	CHECK_OR_RETURN(node_open(&t, &o));
	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = 15;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), -EINVAL);
	opt.slots = 1025;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), -EINVAL);
	opt.slots = 0;
	opt.window = 16383;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), -EINVAL);
	opt.window = 0;
	opt.alloc = (void *(*)(size_t, void *))(uintptr_t)1;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), -EINVAL);
	opt.alloc = NULL;
	opt.size = 0;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), -EINVAL);
	CHECK_EQ(sinew_calls_new(NULL, NULL, &calls), -EINVAL);
	opt.size = sizeof opt;
	CHECK_EQ(sinew_calls_new(t.n, &opt, &calls), 0);
	CHECK_EQ(sinew_calls_open(calls), 0);
	node_free(&t);
	sinew_calls_free(calls);
	sinew_calls_free(NULL);
}

/* The first bytes of a struct, or more than it has, in memory that ends with them. */
static void *sized(const void *from, size_t known, size_t size)
{
	uint8_t *mem = malloc(size);

	memcpy(mem, from, size < known ? size : known);
	if (size > known)
		memset(mem + known, 0xff, size - known);
	memcpy(mem, &size, sizeof size);
	return mem;
}

/* Whether a call with options of that size, and a service of that one, do their work. */
static void sizes(size_t options, size_t service, uint16_t id, int expected)
{
	struct sinew_service is = {
		.size = sizeof is, .fn = asked_event, .retry_ms = 3, .max_alloc = 5,
	};
	struct asked a = { .request = request, .len = 100, .reply = reply, .size = PAIR_MAX };
	struct sinew_call_options opt = {
		.size = sizeof opt, .fn = asked_event, .total = 100, .deadline_ms = 20000,
	};
	struct iovec iov = { request, 100 };
	void *older = sized(&opt, sizeof opt, options);
	void *served = sized(&is, sizeof is, service);

	CHECK_EQ(sinew_service_bind(pair.s[0].calls, id, served, NULL), expected);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_ECHO, older, &iov, 1, 0, &a, &a.call),
		 expected);
	if (!expected) {
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.outcome, SINEW_CALL_DONE);
		CHECK_EQ(a.got, 100);
	}
	free(older);
	free(served);
}

static void programs_of_other_versions_are_served(void)
{
	const size_t options = offsetof(struct sinew_call_options, after);
	const size_t service = offsetof(struct sinew_service, probe_ops);

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	sizes(options, service, 500, 0);
	sizes(options - 1, service - 1, 501, -EINVAL);
	sizes(sizeof(struct sinew_call_options) + 24, sizeof(struct sinew_service) + 24, 502, 0);
	call_pair_close(&pair);
}

static void wrong_bindings_are_refused(void)
{
	struct sinew_session *h;
	struct sinew_binding *b;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	h = pair.t[0].all.session;
	CHECK_EQ(sinew_binding_open(NULL, h, PAIR_WHOLE, NULL, &b), -EINVAL);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, NULL, PAIR_WHOLE, NULL, &b), -EINVAL);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, h, PAIR_WHOLE, NULL, NULL), -EINVAL);
	/* Of another node. */
	CHECK_EQ(sinew_binding_open(pair.s[1].calls, h, PAIR_WHOLE, NULL, &b), -EINVAL);
	call_pair_close(&pair);
}

static void wrong_arguments_are_refused(void)
{
	struct sinew_service is = { .size = sizeof is, .fn = asked_event };
	struct sinew_call_options opt = { .size = sizeof opt, .total = 5 };
	struct iovec iov = { request, 8 };
	struct sinew_call_msg *msg;
	struct sinew_call *call;
	uint8_t byte;
	size_t off = 0;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 63, &is, NULL), -EINVAL);
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 100, &is, NULL), -EEXIST);
	is.fn = NULL;
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 200, &is, NULL), -EINVAL);
	is = (struct sinew_service) { .size = sizeof is, .fn = asked_event, .flags = 1u << 31 };
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 200, &is, NULL), -EINVAL);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, &opt, &iov, 1, 0, NULL, &call),
		 -EINVAL);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, NULL, &iov, 1, 1024, NULL, &call),
		 -EINVAL);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, NULL, &iov, -1, 0, NULL, &call),
		 -EINVAL);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, NULL, NULL, 2, 0, NULL, &call), -EINVAL);
	iov.iov_len = 65537;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, NULL, &iov, 1, 0, NULL, &call),
		 -EMSGSIZE);
	iov.iov_len = 8;
	opt.total = 0;
	opt.delivery = 4;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 1, &opt, &iov, 1, 0, NULL, &call),
		 -EINVAL);
	begin_some(1, OP_HOLD, 0);
	call = asked[0].call;
	CHECK_EQ(sinew_call_send(call, &iov, 1, 0), -EPIPE);
	CHECK_EQ(sinew_call_send(call, &iov, 1, 2), -EINVAL);
	CHECK_EQ(sinew_call_accept(call), -EINVAL);
	CHECK_EQ(sinew_call_consumed(call, 0), -EINVAL);
	CHECK_EQ(sinew_call_read(call, &byte, 1, &off, false), -EINVAL);
	CHECK_EQ(sinew_call_msg_ref(NULL, &msg), -EINVAL);
	sinew_call_msg_put(NULL);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	call = pair.s[1].held[0].call;
	CHECK_EQ(sinew_call_accept(call), 0);
	CHECK_EQ(sinew_call_accept(call), -EALREADY);
	CHECK_EQ(sinew_call_id(call), sinew_call_id(asked[0].call));
	CHECK(sinew_call_session(call) == pair.t[1].all.session);
	CHECK_EQ(sinew_call_service(call), PAIR_WHOLE);
	DRIVE_CALLS(&pair, asked[0].accepted);
	call_pair_close(&pair);
}

/* A reply is no answer to a request that is not complete. */
static void replies_wait_for_the_request(void)
{
	struct asked a = { .request = request, .len = 1, .reply = reply, .size = 8, .sent = 8 };
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 8 }, two[] = { iov, iov };
	struct sinew_call *theirs;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[1], OP_HOLD, &opt, &iov, 1, SINEW_CALL_MORE,
				  &a, &a.call), 0);
	DRIVE_CALLS(&pair, pair.s[1].shown == 1);
	theirs = pair.s[1].held[0].call;
	CHECK_EQ(sinew_call_send(theirs, &iov, 1, 0), -EBUSY);
	CHECK_EQ(sinew_call_send(theirs, two, 2, 0), -EBUSY);
	CHECK_EQ(sinew_call_send(a.call, two, 2, SINEW_CALL_MORE), 16);
	CHECK_EQ(sinew_call_send(a.call, NULL, 0, 0), 0);
	DRIVE_CALLS(&pair, pair.s[1].held[0].complete);
	CHECK_EQ(pair.s[1].held[0].got, 24);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

/* Data that waited when it was aborted stay behind, and nothing is added to them. */
static void nothing_is_sent_behind_an_abort(void)
{
	struct asked a = { .request = request, .len = 200000, .reply = reply, .size = 8 };
	struct sinew_call_status st = { .size = sizeof st };
	struct iovec iov = { request, 8 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_HOLD, &a, NULL, 0), 0);
	CHECK_EQ(sinew_call_status(a.call, &st), 0);
	CHECK(st.unsent > 0);
	CHECK_EQ(sinew_call_abort(a.call, 5), 0);
	CHECK_EQ(sinew_call_send(a.call, &iov, 1, SINEW_CALL_MORE), -ECONNABORTED);
	DRIVE_CALLS(&pair, a.ended);
	call_pair_close(&pair);
}

/* The limit of a service is one of what has come. */
static void requests_of_unknown_length_are_taken(void)
{
	struct asked a = { .request = request, .len = 8, .reply = reply, .size = 8, .sent = 8 };
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 8 };

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_COUNT, &opt, &iov, 1, SINEW_CALL_MORE,
				  &a, &a.call), 0);
	CHECK_EQ(sinew_call_send(a.call, &iov, 1, 0), 8);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK(a.got == 8 && reply[0] + reply[7] == 16);
	call_pair_close(&pair);
}

/* Nothing of it works in a child, and nothing is destroyed. */
static void a_child_is_refused(void)
{
	struct iovec iov = { request, 8 };
	struct sinew_call *call;
	int status = 0;
	pid_t pid;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	begin_some(1, OP_HOLD, 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	pid = fork();
	if (!pid)
		_exit(sinew_call_begin(pair.s[0].binding[0], 1, NULL, &iov, 1, 0, NULL, &call) !=
		      -ECHILD || sinew_call_abort(asked[0].call, 1) != -ECHILD ||
		      sinew_call_query(asked[0].call) != -ECHILD ||
		      sinew_calls_drain(pair.s[0].calls, 0) != -ECHILD);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

static void all_names_are_known(void)
{
	CHECK_STR(sinew_call_event_name(SINEW_CALL_NEW), "NEW");
	CHECK_STR(sinew_call_event_name(SINEW_CALL_ENDED), "ENDED");
	CHECK_STR(sinew_call_event_name((enum sinew_call_event)99), "unknown");
	CHECK_STR(sinew_call_outcome_name(SINEW_CALL_NOT_EXECUTED), "NOT_EXECUTED");
	CHECK_STR(sinew_call_outcome_name(SINEW_CALL_IN_DOUBT), "IN_DOUBT");
	CHECK_STR(sinew_call_outcome_name((enum sinew_call_outcome)99), "unknown");
	CHECK_STR(sinew_call_reason_name(SINEW_END_REPLIED), "REPLIED");
	CHECK_STR(sinew_call_reason_name(SINEW_END_PROTOCOL), "PROTOCOL");
	CHECK_STR(sinew_call_reason_name((enum sinew_call_reason)99), "unknown");
}

/* The queue drops its waiting events; the application keeps the call until it gives it back. */
static void a_queue_goes_with_what_nobody_took(void)
{
	static uint8_t byte[8];
	struct pollfd fd = { .events = POLLIN };
	struct iovec iov = { byte, sizeof byte };
	struct sinew_call *call;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_calls_queue(pair.s[0].calls, 1), 0);
	fd.fd = sinew_calls_get_fd(pair.s[0].calls);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_ECHO, NULL, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, poll(&fd, 1, 0) == 1);
	call_pair_close(&pair);
	CHECK_EQ(sinew_call_op(call), OP_ECHO);
	sinew_call_end(call);
}

int main(void)
{
	RUN(a_session_finishes_behind_its_calls);
	RUN(an_endless_call_does_not_hold_the_end);
	RUN(calls_are_drained);
	RUN(calls_are_drained_before_a_session);
	RUN(a_session_that_dies_ends_its_calls);
	RUN(calls_that_never_left_were_not_executed);
	RUN(a_node_that_goes_ends_its_calls);
	RUN(freed_calls_are_silent);
	RUN(options_are_checked);
	RUN(programs_of_other_versions_are_served);
	RUN(wrong_bindings_are_refused);
	RUN(wrong_arguments_are_refused);
	RUN(replies_wait_for_the_request);
	RUN(nothing_is_sent_behind_an_abort);
	RUN(requests_of_unknown_length_are_taken);
	RUN(a_child_is_refused);
	RUN(all_names_are_known);
	RUN(a_queue_goes_with_what_nobody_took);
	return check_done();
}
