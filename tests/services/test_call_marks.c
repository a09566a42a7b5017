/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the interceptor: it sees each event of each call before the call's function,
 * in order, with RxRPC's mark and an error, and may replace the function. Knows the public headers
 * only.
 */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/call_pair.h"

static struct call_pair pair;
static uint8_t request[65536], reply[65536];

/* An interceptor saw this of all calls of its side. */
struct watch {
	unsigned n[SINEW_MARK_NEW_CALL + 1];
	char events[400];		/* first letters: New, Data, Accepted, Room, Ended */
	enum sinew_call_mark mark;	/* of the last ENDED */
	int error, code;
	unsigned waiting;		/* NEW of calls that waited */
	bool takes;			/* events are for nobody else */
	bool answers;			/* requests by nothing */
	bool refuses;			/* what waits, */
	bool gives_back;		/* by sinew_call_end() */
	bool keeps;			/* calls that it has answered */
	bool ends;			/* each call at its data */
	struct sinew_call *call;	/* of the last DATA, */
	const void *data;
	size_t len;
	bool wrong;
};

static struct watch watches[2];

static bool is_waiting(struct sinew_call *call)
{
	struct sinew_call_status st = { .size = sizeof st };

	CHECK_EQ(sinew_call_status(call, &st), 0);
	return st.incoming && st.waiting;
}

static bool watch(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct watch *w = user;
	const char *name = sinew_call_event_name(msg->event);
	size_t at = strlen(w->events);

	w->n[msg->mark]++;
	w->wrong |= msg->call != call;
	if (at + 1 < sizeof w->events)
		w->events[at] = name[0];
	if (msg->event == SINEW_CALL_ENDED) {
		w->mark = msg->mark;
		w->error = msg->error;
		w->code = msg->code;
	}
	if (msg->event == SINEW_CALL_NEW && is_waiting(call)) {
		w->waiting++;
		if (w->refuses && w->gives_back)
			sinew_call_end(call);
		else if (w->refuses)
			CHECK_EQ(sinew_call_abort(call, 55), 0);
	}
	if (msg->event == SINEW_CALL_DATA) {
		w->call = call;
		w->data = msg->data;
		w->len = msg->len;
	}
	if (w->answers && msg->event == SINEW_CALL_DATA && msg->last) {
		CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
		if (!w->keeps)
			sinew_call_end(call);
	}
	if (w->ends && msg->event == SINEW_CALL_DATA)
		sinew_call_end(call);
	return w->takes;
}

static bool open_watched(void)
{
	memset(watches, 0, sizeof watches);
	if (!call_pair_open(&pair, NULL, NULL))
		return false;
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_calls_intercept(pair.s[i].calls, watch, &watches[i]), 0);
	return true;
}

static void close_watched(void)
{
	CHECK(!watches[0].wrong && !watches[1].wrong);
	call_pair_close(&pair);
}

static struct asked new_asked(size_t len)
{
	return (struct asked) { .request = request, .len = len, .reply = reply, .size = 8 };
}

/* The last end that a side saw. */
static void saw_end(unsigned side, enum sinew_call_mark mark, int error, int code)
{
	CHECK_EQ(watches[side].mark, mark);
	CHECK_EQ(watches[side].error, error);
	CHECK_EQ(watches[side].code, code);
	watches[side].mark = SINEW_MARK_NONE;
	watches[side].error = watches[side].code = 0;
}

static void each_event_is_seen_in_order(void)
{
	struct asked a = new_asked(8), b = new_asked(40000);
	struct iovec iov = { request, 8 };

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_COUNT, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_STR(watches[0].events, "DE");
	saw_end(0, SINEW_MARK_NONE, 0, 0);
	CHECK_STR(watches[1].events, "ND");
	CHECK_EQ(watches[1].n[SINEW_MARK_NEW_CALL], 1);
	CHECK_EQ(watches[1].n[SINEW_MARK_DATA], 1);

	/* A whole request is one event, and NEW comes with it. */
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &b, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, b.accepted && side_holds(&pair.s[1]) == 1);
	CHECK_STR(watches[1].events, "NDND");
	CHECK_STR(watches[0].events, "DEA");
	CHECK_EQ(sinew_call_send(pair.s[1].held[0].call, &iov, 1, 0), 8);
	DRIVE_CALLS(&pair, b.ended && pair.s[1].told == 1);
	CHECK_STR(watches[0].events, "DEADE");
	CHECK_STR(watches[1].events, "NDNDE");
	saw_end(1, SINEW_MARK_NONE, 0, 0);
	close_watched();
}

/* ---- marks ---- */

static void aborts_have_marks(void)
{
	struct asked a = new_asked(100), b = new_asked(100);

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_FAIL, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	saw_end(0, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED, 77);

	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &b, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(sinew_call_abort(b.call, -9), 0);
	DRIVE_CALLS(&pair, b.ended && pair.s[1].told == 1);
	saw_end(0, SINEW_MARK_LOCAL_ABORT, -ECONNABORTED, -9);
	saw_end(1, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED, -9);
	close_watched();
}

static void refusal(unsigned service, uint32_t op, size_t len, enum sinew_call_mark mark, int error,
		    int code)
{
	struct asked a = new_asked(len);

	CHECK_OR_RETURN(CHECK_EQ(ask(&pair.s[0], service, op, &a, NULL, 0), 0));
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(a.code, code);
	saw_end(0, mark, error, code);
	CHECK_STR(watches[1].events, "");
}

static void refusals_have_marks(void)
{
	struct sinew_service is = {
		.size = sizeof is, .delivery = SINEW_CALL_WHOLE, .max_request = 8,
	};
	struct sinew_binding *b[2];

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 300, &is, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session,
					    (uint16_t)(300 + i), NULL, &b[i]), 0);
	for (unsigned i = 0; i < 2; i++) {
		sinew_binding_close(pair.s[0].binding[3 + i]);
		pair.s[0].binding[3 + i] = b[i];
	}
	refusal(PAIR_PULL, OP_ECHO, 8, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED,
		SINEW_RX_INVALID_OPERATION);
	refusal(PAIR_WHOLE, OP_NONE, 8, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED,
		SINEW_RXGEN_OPCODE);
	refusal(PAIR_PATIENT, OP_ECHO, 9, SINEW_MARK_REMOTE_ABORT, -ECONNABORTED,
		SINEW_RXGEN_SS_UNMARSHAL);
	close_watched();
}

static void errors_have_marks(void)
{
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = 40 };
	struct asked held = new_asked(8), a = new_asked(8), late = new_asked(8);

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &held, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(ask(&pair.s[0], PAIR_NARROW, OP_HOLD, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	saw_end(0, SINEW_MARK_BUSY, -EBUSY, 0);

	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &late, &opt, 0), 0);
	DRIVE_CALLS(&pair, late.ended && pair.s[1].told == 1);
	saw_end(0, SINEW_MARK_LOCAL_ABORT, -ETIME, SINEW_RX_CALL_TIMEOUT);

	CHECK_EQ(sinew_session_abort(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, held.ended && pair.s[1].told == 2);
	saw_end(0, SINEW_MARK_NET_ERROR, -ESTALE, 0);
	saw_end(1, SINEW_MARK_NET_ERROR, -ESTALE, 0);
	close_watched();
}

static void a_drained_call_has_a_mark(void)
{
	struct asked a = new_asked(8);

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &a, NULL, SINEW_CALL_ENDLESS), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(sinew_calls_drain(pair.s[0].calls, 10000), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_CLOSING);
	saw_end(0, SINEW_MARK_LOCAL_ERROR, -ESHUTDOWN, SINEW_RX_USER_ABORT);
	close_watched();
}

/* ---- instead of the function ---- */

static void it_replaces_the_function(void)
{
	struct asked a = new_asked(100), b = new_asked(100);
	struct sinew_service is = { .size = sizeof is };
	struct sinew_binding *binding;

	CHECK_OR_RETURN(open_watched());
	watches[1].takes = watches[1].answers = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_ECHO, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	CHECK_EQ(a.got, 0);
	CHECK_EQ(pair.s[1].shown, 0);
	CHECK_STR(watches[1].events, "ND");

	/* A service and a call without a function. */
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 300, &is, NULL), 0);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, 300, NULL,
				    &binding), 0);
	memset(watches[0].events, 0, sizeof watches[0].events);
	CHECK_EQ(sinew_call_begin(binding, 3, NULL, NULL, 0, 0, NULL, &b.call), 0);
	DRIVE_CALLS(&pair, watches[0].events[0] && !call_pair_open_calls(&pair));
	CHECK_STR(watches[0].events, "DE");
	CHECK_STR(watches[1].events, "NDND");
	sinew_call_end(b.call);
	sinew_binding_close(binding);

	/* Own calls, too. */
	watches[0].takes = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	CHECK_EQ(a.ended, 1);
	sinew_call_end(a.call);
	close_watched();
}

static void what_it_gives_back_is_not_shown(void)
{
	struct asked a = new_asked(8);

	CHECK_OR_RETURN(open_watched());
	watches[0].ends = true;
	CHECK_EQ(ask(&pair.s[0], PAIR_PIECES, OP_ECHO, &a, NULL, 0), 0);
	DRIVE_CALLS(&pair, watches[0].n[SINEW_MARK_DATA] == 1 && !call_pair_open_calls(&pair));
	CHECK(!a.datas && !a.ended && !a.wrong);
	close_watched();
}

/* ---- before a queue ---- */

/* A service without a function, whose queue gets what is left. */
static void open_queued(enum sinew_call_delivery delivery)
{
	struct sinew_service is = { .size = sizeof is, .delivery = delivery };

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(sinew_calls_queue(pair.s[1].calls, 4), 0);
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 300, &is, NULL), 0);
	sinew_binding_close(pair.s[0].binding[0]);
	pair.s[0].binding[0] = NULL;
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, 300, NULL,
				    &pair.s[0].binding[0]), 0);
}

/* A request of 100 bytes for it. */
static void ask_queue(struct asked *a, enum sinew_call_delivery delivery, bool takes,
		      bool answers)
{
	open_queued(delivery);
	*a = new_asked(100);
	watches[1].takes = takes;
	watches[1].answers = watches[1].keeps = answers;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 7, a, NULL, 0), 0);
	DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_DATA] == 1);
	CHECK_EQ(watches[1].len, 100);
}

static void consumed_are(uint64_t n)
{
	struct sinew_call_status st = { .size = sizeof st };

	CHECK_OR_RETURN(watches[1].call != NULL);
	CHECK_EQ(sinew_call_status(watches[1].call, &st), 0);
	CHECK_EQ(st.received, 100);
	CHECK_EQ(st.consumed, n);
}

/* The queue has the call behind its NEW, which it gets first. */
static void queue_has_data(const void *ret_bytes)
{
	struct sinew_call_msg *m;

	for (unsigned i = 0; i < 2; i++) {
		CHECK_OR_RETURN(CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), 0));
		CHECK_EQ(m->event, i ? SINEW_CALL_DATA : SINEW_CALL_NEW);
		CHECK(!i || (m->len == 100 && m->last));
		CHECK(!i || (ret_bytes ? m->data && !memcmp(m->data, ret_bytes, 100) : !m->data));
		sinew_call_msg_put(m);
	}
}

static void end_queued(struct asked *a)
{
	struct sinew_call_msg *m;

	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
	CHECK_OR_RETURN(watches[1].call != NULL);
	CHECK_EQ(sinew_call_send(watches[1].call, NULL, 0, 0), 0);
	sinew_call_end(watches[1].call);
	DRIVE_CALLS(&pair, a->ended);
	CHECK_EQ(a->outcome, SINEW_CALL_DONE);
	close_watched();
}

/* Data that are to be read are shown by their length alone. */
static void it_sees_data_to_be_read_before_the_queue(void)
{
	size_t off = 0;
	struct asked a;

	for (unsigned takes = 0; takes < 2; takes++) {
		ask_queue(&a, SINEW_CALL_PULL, takes, false);
		CHECK(!watches[1].data);
		if (!takes)
			queue_has_data(NULL);
		consumed_are(0);
		off = 0;
		CHECK_EQ(sinew_call_read(watches[1].call, reply, 100, &off, false), 1);
		CHECK_MEM(reply, request, 100);
		end_queued(&a);
	}
}

/* Paced data are consumed by the application alone. */
static void it_takes_paced_data_before_the_queue(void)
{
	struct asked a;

	for (unsigned takes = 0; takes < 2; takes++) {
		ask_queue(&a, SINEW_CALL_PACED, takes, false);
		CHECK(watches[1].data != NULL);
		CHECK_EQ(sinew_call_consumed(watches[1].call, 100), takes ? 0 : -EINVAL);
		if (!takes) {
			queue_has_data(request);
			CHECK_EQ(sinew_call_consumed(watches[1].call, 100), 0);
		}
		consumed_are(100);
		end_queued(&a);
	}
}

/* Data that it took are still to be consumed, by the thread that has the rest. */
static void it_leaves_the_rest_of_paced_data(void)
{
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 100 };
	struct asked a = new_asked(200);
	struct sinew_call_msg *m;

	open_queued(SINEW_CALL_PACED);
	watches[1].takes = true;
	a.sent = 200;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 7, &opt, &iov, 1, SINEW_CALL_MORE, &a,
				  &a.call), 0);
	DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_DATA] == 1);
	watches[1].takes = false;
	CHECK_EQ(sinew_call_send(a.call, &iov, 1, 0), 100);
	DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_DATA] == 2);
	CHECK_OR_RETURN(CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), 0));
	CHECK(m->event == SINEW_CALL_DATA && m->len == 100 && m->last);
	sinew_call_msg_put(m);
	CHECK_EQ(sinew_call_consumed(watches[1].call, 201), -EINVAL);
	CHECK_EQ(sinew_call_consumed(watches[1].call, 200), 0);
	end_queued(&a);
}

/* The interceptor ends the call at its n-th DATA event. */
static void gives_back(enum sinew_call_delivery delivery, unsigned n)
{
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 100 };
	struct asked a = new_asked(100);
	struct sinew_call_msg *m;

	open_queued(delivery);
	watches[1].ends = n == 1;
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], 7, &opt, &iov, 1,
				  n == 1 ? 0 : SINEW_CALL_MORE, &a, &a.call), 0);
	DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_DATA] == 1);
	if (n == 2) {
		CHECK_OR_RETURN(CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), 0));
		CHECK_EQ(m->event, SINEW_CALL_NEW);
		sinew_call_msg_put(m);
		watches[1].ends = true;
		CHECK_EQ(sinew_call_send(a.call, &iov, 1, 0), 100);
		DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_DATA] == 2);
	}
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
	DRIVE_CALLS(&pair, a.ended && !call_pair_open_calls(&pair));
	CHECK_EQ(a.reason, SINEW_END_ABORTED);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
	close_watched();
}

static void what_it_gives_back_is_not_queued(void)
{
	static const enum sinew_call_delivery ways[] = {
		SINEW_CALL_PIECES, SINEW_CALL_PACED, SINEW_CALL_PULL, SINEW_CALL_WHOLE,
	};

	for (unsigned i = 0; i < 4; i++)
		gives_back(ways[i], 1);
	/* A request as a whole comes together with its call. */
	for (unsigned i = 0; i < 3; i++)
		gives_back(ways[i], 2);
}

static void it_takes_pieces_before_the_queue(void)
{
	struct asked a;

	for (unsigned takes = 0; takes < 2; takes++) {
		ask_queue(&a, SINEW_CALL_PIECES, takes, false);
		CHECK(watches[1].data != NULL);
		consumed_are(takes ? 100 : 0);
		if (!takes)
			queue_has_data(request);
		consumed_are(100);
		end_queued(&a);
	}
}

/* The reply from inside of it consumes the request: nothing is left to be consumed. */
static void it_answers_before_the_queue(void)
{
	static const enum sinew_call_delivery ways[] = { SINEW_CALL_PIECES, SINEW_CALL_PACED };
	struct sinew_call_msg *m;
	struct asked a;

	for (unsigned i = 0; i < 2; i++) {
		ask_queue(&a, ways[i], true, true);
		CHECK_OR_RETURN(watches[1].call != NULL);
		CHECK_EQ(sinew_call_consumed(watches[1].call, 1), -EINVAL);
		CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.outcome, SINEW_CALL_DONE);
		sinew_call_end(watches[1].call);
		close_watched();
	}
}

/* ---- calls that wait ---- */

static void what_waits_is_seen(void)
{
	struct asked first = new_asked(8), a[4];

	CHECK_OR_RETURN(open_watched());
	CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &first, NULL, 0), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(watches[1].waiting, 0);
	for (unsigned i = 0; i < 4; i++) {
		a[i] = new_asked(8);
		watches[1].refuses = i == 1 || i == 2;
		watches[1].gives_back = i == 2;
		CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &a[i], NULL, 0), 0);
		DRIVE_CALLS(&pair, watches[1].waiting == i + 1);
	}
	DRIVE_CALLS(&pair, a[1].ended && a[2].ended);
	CHECK_EQ(a[1].reason, SINEW_END_ABORTED);
	CHECK_EQ(a[1].code, 55);
	CHECK_EQ(a[1].outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(a[2].code, SINEW_RX_CALL_DEAD);
	CHECK_EQ(a[2].outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(watches[1].n[SINEW_MARK_LOCAL_ABORT], 2);

	/* One that its caller gives up is heard of, too; the application never had it. */
	CHECK_EQ(sinew_call_abort(a[0].call, 5), 0);
	DRIVE_CALLS(&pair, watches[1].n[SINEW_MARK_REMOTE_ABORT] == 1);
	CHECK_EQ(pair.s[1].shown, 1);

	/* One that is let in is not announced again. */
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, pair.s[1].shown == 2 && side_holds(&pair.s[1]) == 1);
	CHECK_EQ(watches[1].n[SINEW_MARK_NEW_CALL], 5);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, a[3].ended);
	CHECK_EQ(a[3].outcome, SINEW_CALL_DONE);
	close_watched();
}

static void it_is_set_once(void)
{
	struct sinew_service is = { .size = sizeof is };
	int status = 0;
	pid_t child;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	child = fork();
	if (!child)
		_exit(sinew_calls_intercept(pair.s[0].calls, watch, NULL) != -ECHILD);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 300, &is, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_intercept(NULL, watch, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_intercept(pair.s[0].calls, NULL, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_intercept(pair.s[0].calls, watch, &watches[0]), 0);
	CHECK_EQ(sinew_calls_intercept(pair.s[0].calls, watch, &watches[0]), -EEXIST);
	CHECK_EQ(sinew_service_bind(pair.s[0].calls, 300, &is, NULL), 0);
	call_pair_close(&pair);
}

int main(void)
{
	RUN(each_event_is_seen_in_order);
	RUN(aborts_have_marks);
	RUN(refusals_have_marks);
	RUN(errors_have_marks);
	RUN(a_drained_call_has_a_mark);
	RUN(it_replaces_the_function);
	RUN(what_it_gives_back_is_not_shown);
	RUN(it_sees_data_to_be_read_before_the_queue);
	RUN(it_takes_paced_data_before_the_queue);
	RUN(it_leaves_the_rest_of_paced_data);
	RUN(what_it_gives_back_is_not_queued);
	RUN(it_takes_pieces_before_the_queue);
	RUN(it_answers_before_the_queue);
	RUN(what_waits_is_seen);
	RUN(it_is_set_once);
	return check_done();
}
