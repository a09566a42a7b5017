/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of calls that are accepted or rejected by the application, of charges, and of
 * handlers beyond a limit. Knows the public headers only.
 */
#include <errno.h>

#include "tests/lib/call_pair.h"

#define FIRST	300u	/* services of this test, two */
#define N	6u

static struct call_pair pair;
static uint8_t request[20000], reply[64];
static struct asked asked[N];

/* A call that is served here. */
struct handled {
	struct sinew_call *call;
	size_t got;
	unsigned news, datas;
	bool last, ended;
	int accepted;		/* inside of its ENDED: what accept gave */
};

static struct handled handled[N + 1];	/* the last one: calls without a user of their own */
static bool accepts_at_end, gives_back_at_end;
static unsigned extras;

static void handle(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct handled *h = user;

	if (msg->event == SINEW_CALL_NEW) {
		h->news++;
		h->call = call;
		extras += msg->extra;
	}
	if (msg->event == SINEW_CALL_DATA) {
		h->datas++;
		h->got += msg->len;
		h->last = msg->last;
	}
	if (msg->event == SINEW_CALL_ENDED) {
		struct sinew_call *other;

		h->ended = true;
		if (accepts_at_end)
			h->accepted = sinew_calls_accept(pair.s[1].calls, NULL, &other);
		if (gives_back_at_end)
			sinew_call_end(call);
	}
}

static bool open_with(struct sinew_service is)
{
	bool good;

	memset(handled, 0, sizeof handled);
	accepts_at_end = gives_back_at_end = false;
	extras = 0;
	is.size = sizeof is;
	is.fn = handle;
	is.retry_ms = 4;
	if (!call_pair_open(&pair, NULL, NULL))
		return false;
	good = CHECK_EQ(sinew_service_bind(pair.s[1].calls, FIRST, &is, &handled[N]), 0);
	good = CHECK_EQ(sinew_service_bind(pair.s[1].calls, FIRST + 1, &is, &handled[N]), 0) &&
		good;
	for (unsigned i = 0; i < 2; i++) {
		sinew_binding_close(pair.s[0].binding[i]);
		pair.s[0].binding[i] = NULL;
		good = CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session,
						   (uint16_t)(FIRST + i), NULL,
						   &pair.s[0].binding[i]), 0) && good;
	}
	return good;
}

static void finish(struct sinew_call *call)
{
	CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	sinew_call_end(call);
}

static void begin(unsigned i, unsigned service, size_t len, uint32_t deadline_ms)
{
	struct sinew_call_options opt = { .size = sizeof opt, .deadline_ms = deadline_ms };

	asked[i] = (struct asked) {
		.request = request, .len = len, .reply = reply, .size = sizeof reply,
	};
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE + service, 7, &asked[i], &opt,
		     SINEW_CALL_WANT_ACCEPT), 0);
}

/* ---- accept, reject ---- */

static const struct sinew_service patient = {
	.full = SINEW_FULL_WAIT, .flags = SINEW_SERVICE_CHARGED,
};

static int accept_when_there(unsigned i)
{
	int err;

	while ((err = sinew_calls_accept(pair.s[1].calls, &handled[i], &handled[i].call)) ==
	       -ENODATA)
		pair_turn(pair.t);
	return err;
}

static void the_oldest_is_accepted(void)
{
	struct sinew_call *call = NULL;

	CHECK_OR_RETURN(open_with(patient));
	CHECK_EQ(sinew_calls_accept(pair.s[1].calls, NULL, &call), -ENODATA);
	CHECK_EQ(sinew_calls_reject(pair.s[1].calls, 1), -ENODATA);
	for (unsigned i = 0; i < 4; i++)
		begin(i, (i + 1) % 2, 100 + i, 0);
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(accept_when_there(i), 0);
		CHECK_EQ(sinew_call_service(handled[i].call), FIRST + (i + 1) % 2);
		DRIVE_CALLS(&pair, handled[i].last && asked[i].accepted);
		CHECK_EQ(handled[i].got, 100 + i);
		CHECK_EQ(handled[i].news, 0);
		finish(handled[i].call);
		DRIVE_CALLS(&pair, asked[i].ended);
		CHECK_EQ(asked[i].outcome, SINEW_CALL_DONE);
	}
	call_pair_close(&pair);
}

/* Longer than its first piece, in pieces or as a whole. */
static void accepted_data_are_complete(void)
{
	struct sinew_service is = patient;

	for (unsigned whole = 0; whole < 2; whole++) {
		is.delivery = whole ? SINEW_CALL_WHOLE : SINEW_CALL_PIECES;
		CHECK_OR_RETURN(open_with(is));
		begin(0, 0, sizeof request, 0);
		CHECK_EQ(accept_when_there(0), 0);
		DRIVE_CALLS(&pair, handled[0].last);
		CHECK_EQ(handled[0].got, sizeof request);
		CHECK(!whole || handled[0].datas == 1);
		finish(handled[0].call);
		DRIVE_CALLS(&pair, asked[0].ended);
		CHECK_EQ(asked[0].outcome, SINEW_CALL_DONE);
		call_pair_close(&pair);
	}
}

static void the_oldest_is_rejected(void)
{
	int err;

	CHECK_OR_RETURN(open_with(patient));
	begin(0, 0, 10, 0);
	begin(1, 0, 10, 0);
	while ((err = sinew_calls_reject(pair.s[1].calls, 1234)) == -ENODATA)
		pair_turn(pair.t);
	CHECK_EQ(err, 0);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].reason, SINEW_END_BUSY);
	CHECK_EQ(asked[0].retry_ms, 1234);
	CHECK_EQ(asked[0].outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK(!asked[1].ended);
	CHECK_EQ(handled[N].news, 0);
	CHECK_EQ(accept_when_there(1), 0);
	sinew_call_end(handled[1].call);
	DRIVE_CALLS(&pair, asked[1].ended);
	CHECK_EQ(asked[1].reason, SINEW_END_ABORTED);
	call_pair_close(&pair);
}

/* Two calls end at the same moment, and while the first one is told, the other one is accepted. */
static void it_may_be_too_late(void)
{
	CHECK_OR_RETURN(open_with(patient));
	begin(0, 0, 10, 0);
	CHECK_EQ(accept_when_there(0), 0);
	begin(1, 0, 10, 0);
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	DRIVE_CALLS(&pair, pair.t[1].all.messages == 1);
	accepts_at_end = true;
	CHECK_EQ(sinew_session_abort(pair.t[1].all.session), 0);
	DRIVE_CALLS(&pair, handled[0].ended);
	CHECK_EQ(handled[0].accepted, -ECONNABORTED);
	CHECK_EQ(sinew_calls_reject(pair.s[1].calls, 1), -ENODATA);
	sinew_call_end(handled[0].call);
	call_pair_close(&pair);
}

/* The same with deadlines; the caller stands still, or its aborts would come first. */
static void its_time_may_be_over(void)
{
	CHECK_OR_RETURN(open_with(patient));
	begin(0, 0, 10, 300);
	begin(1, 0, 10, 300);
	CHECK_EQ(accept_when_there(0), 0);
	accepts_at_end = true;
	TURN_UNTIL(sinew_dispatch(pair.t[1].n, 10), handled[0].ended, time_limit(PATIENCE_MS));
	CHECK_EQ(handled[0].accepted, -ETIME);
	accepts_at_end = false;
	sinew_call_end(handled[0].call);
	DRIVE_CALLS(&pair, asked[0].ended && asked[1].ended);
	CHECK_EQ(asked[1].reason, SINEW_END_DEADLINE);
	call_pair_close(&pair);
}

static void one_that_ended_is_not_accepted(void)
{
	struct sinew_call *call;

	CHECK_OR_RETURN(open_with(patient));
	begin(0, 0, 10, 40);
	DRIVE_CALLS(&pair, asked[0].ended && !sinew_calls_open(pair.s[1].calls));
	CHECK_EQ(asked[0].reason, SINEW_END_DEADLINE);
	CHECK_EQ(sinew_calls_accept(pair.s[1].calls, NULL, &call), -ENODATA);
	CHECK_EQ(sinew_calls_accept(NULL, NULL, &call), -EINVAL);
	CHECK_EQ(sinew_calls_accept(pair.s[1].calls, NULL, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_reject(NULL, 0), -EINVAL);

	/* Accepted, and given back before its data came. */
	begin(1, 0, 10, 0);
	CHECK_EQ(accept_when_there(1), 0);
	CHECK_EQ(sinew_call_abort(handled[1].call, 6), 0);
	sinew_call_end(handled[1].call);
	DRIVE_CALLS(&pair, asked[1].ended);
	CHECK_EQ(asked[1].code, 6);
	CHECK_EQ(handled[1].datas, 0);
	call_pair_close(&pair);
}

/* ---- charges ---- */

static void charges_are_spent(void)
{
	void *users[] = { &handled[0], &handled[1] };

	CHECK_OR_RETURN(open_with((struct sinew_service) { .flags = SINEW_SERVICE_CHARGED }));
	begin(0, 0, 10, 0);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].reason, SINEW_END_BUSY);
	CHECK_EQ(asked[0].retry_ms, 4);
	CHECK_EQ(sinew_service_charge(pair.s[1].calls, FIRST, 2, users), 0);
	CHECK_EQ(sinew_service_charge(pair.s[1].calls, FIRST, 1, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		begin(i, 0, 10, 0);
	DRIVE_CALLS(&pair, handled[0].last && handled[1].last && handled[N].last && asked[3].ended);
	CHECK_EQ(asked[3].reason, SINEW_END_BUSY);
	for (unsigned i = 0; i < 2; i++)
		CHECK(handled[i].news == 1 && handled[i].call);
	finish(handled[0].call);
	finish(handled[1].call);
	finish(handled[N].call);

	/* They do not come back. */
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	begin(0, 0, 10, 0);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK_EQ(asked[0].reason, SINEW_END_BUSY);
	call_pair_close(&pair);
}

static void charges_let_in_what_waits(void)
{
	void *users[] = { &handled[0] };

	CHECK_OR_RETURN(open_with(patient));
	begin(0, 0, 10, 0);
	begin(1, 0, 10, 0);
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	DRIVE_CALLS(&pair, pair.t[1].all.messages == 1);
	CHECK_EQ(sinew_service_charge(pair.s[1].calls, FIRST, 1, users), 0);
	DRIVE_CALLS(&pair, handled[0].last);
	CHECK_EQ(handled[0].news, 1);
	finish(handled[0].call);
	DRIVE_CALLS(&pair, asked[0].ended);
	CHECK(!asked[1].ended && handled[N].news == 0);
	CHECK_EQ(sinew_service_charge(pair.s[1].calls, FIRST, 5, NULL), 0);
	DRIVE_CALLS(&pair, handled[N].last);
	finish(handled[N].call);
	DRIVE_CALLS(&pair, asked[1].ended);
	call_pair_close(&pair);
}

static void wrong_charges_are_refused(void)
{
	struct sinew_calls *calls;

	CHECK_OR_RETURN(open_with(patient));
	calls = pair.s[1].calls;
	CHECK_EQ(sinew_service_charge(NULL, FIRST, 1, NULL), -EINVAL);
	CHECK_EQ(sinew_service_charge(calls, FIRST, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_service_charge(calls, PAIR_WHOLE, 1, NULL), -EINVAL);
	CHECK_EQ(sinew_service_charge(calls, PAIR_NOBODY, 1, NULL), -ENOENT);
	CHECK_EQ(sinew_service_charge(calls, FIRST, 65537, NULL), -ENOBUFS);
	CHECK_EQ(sinew_service_charge(calls, FIRST, 65536, NULL), 0);
	CHECK_EQ(sinew_service_charge(calls, FIRST, 1, NULL), -ENOBUFS);
	CHECK_EQ(sinew_service_charge(calls, FIRST + 1, 1, NULL), 0);
	CHECK_EQ(sinew_calls_drain(calls, 1000), 0);
	CHECK_EQ(sinew_service_charge(calls, FIRST + 1, 1, NULL), -ESHUTDOWN);
	call_pair_close(&pair);
}

/* ---- more than the limit ---- */

static void further_handlers_are_allocated(void)
{
	struct sinew_service is = { .full = SINEW_FULL_ALLOC, .max_calls = 1, .max_alloc = 2 };
	struct sinew_service bad = { .size = sizeof bad, .fn = handle, .full = SINEW_FULL_ALLOC };

	CHECK_OR_RETURN(open_with(is));
	gives_back_at_end = true;
	for (unsigned i = 0; i < 4; i++)
		begin(i, 0, 10, 0);
	DRIVE_CALLS(&pair, handled[N].news == 3 && asked[3].ended);
	CHECK_EQ(extras, 2);
	CHECK_EQ(asked[3].reason, SINEW_END_BUSY);

	/* The last one was extra: its place is taken again as such. */
	sinew_call_end(handled[N].call);
	DRIVE_CALLS(&pair, asked[2].ended);
	begin(2, 0, 10, 0);
	begin(3, 0, 10, 0);
	DRIVE_CALLS(&pair, handled[N].news == 4 && asked[3].ended);
	CHECK_EQ(extras, 3);

	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 400, &bad, NULL), -EINVAL);
	bad.max_calls = 1;
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 400, &bad, NULL), -EINVAL);
	bad.max_calls = 0;
	bad.max_alloc = 1;
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 400, &bad, NULL), -EINVAL);
	bad.flags = SINEW_SERVICE_CHARGED;
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 400, &bad, NULL), 0);
	bad.full = SINEW_FULL_ALLOC + 1;
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, 401, &bad, NULL), -EINVAL);
	call_pair_close(&pair);
}

/* Others than those of SINEW_FULL_ALLOC allocate none. */
static void no_handlers_are_allocated(void)
{
	struct sinew_service is = { .full = SINEW_FULL_BUSY, .max_calls = 1, .max_alloc = 2 };

	CHECK_OR_RETURN(open_with(is));
	begin(0, 0, 10, 0);
	begin(1, 0, 10, 0);
	DRIVE_CALLS(&pair, handled[N].news == 1 && asked[1].ended);
	CHECK_EQ(asked[1].reason, SINEW_END_BUSY);
	CHECK(!asked[0].ended && !extras);
	finish(handled[N].call);
	DRIVE_CALLS(&pair, asked[0].ended);
	call_pair_close(&pair);
}

/* ---- a place that comes in between ---- */

static struct sinew_call *_Atomic leaving;

static void *end_call(void *call)
{
	sinew_call_end(call);
	return NULL;
}

/* Of the handle of a call that has found no place: another thread gives one back meanwhile. */
static void *allocate(size_t size, void *user)
{
	struct sinew_call *call = atomic_exchange(&leaving, NULL);
	pthread_t thread;

	(void)user;
	if (call && CHECK_EQ(pthread_create(&thread, NULL, end_call, call), 0))
		pthread_join(thread, NULL);
	return malloc(size);
}

static void release(void *mem, void *user)
{
	(void)user;
	free(mem);
}

static void begin_at(struct sinew_binding *b, struct asked *a)
{
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };
	struct iovec iov = { request, 10 };

	*a = (struct asked) { .reply = reply, .size = sizeof reply };
	CHECK_EQ(sinew_call_begin(b, 7, &opt, &iov, 1, 0, a, &a->call), 0);
}

/* Calls of two peers to a service with one place. */
static void a_place_at_the_last_moment_is_taken(void)
{
	const struct sinew_service is = {
		.size = sizeof is, .fn = handle, .full = SINEW_FULL_WAIT, .max_calls = 1,
	};
	struct sinew_binding *binding[4] = { NULL };
	struct sinew_calls *calls[4] = { NULL };
	struct handled *h = &handled[N];
	struct sinew_calls_options own;
	struct cluster *c = cluster_new(3, NULL);

	CHECK_OR_RETURN(c != NULL);
	SINEW_CALLS_OPTIONS_INIT(&own);
	own.alloc = allocate;
	own.release = release;
	accepts_at_end = gives_back_at_end = false;
	for (unsigned i = 1; i <= 3; i++)
		CHECK_EQ(sinew_calls_new(c->t[i].n, i == 1 ? &own : NULL, &calls[i]), 0);
	CHECK_EQ(sinew_service_bind(calls[1], FIRST, &is, h), 0);
	DRIVE(c, cluster_all_up(c));
	*h = (struct handled) { .call = NULL };
	for (unsigned i = 2; i <= 3; i++) {
		CHECK_EQ(sinew_binding_open(calls[i], c->t[i].seen[1].session, FIRST, NULL,
					    &binding[i]), 0);
		if (i == 3)
			atomic_store(&leaving, h->call);
		*h = (struct handled) { .call = NULL };
		begin_at(binding[i], &asked[i]);
		DRIVE(c, h->last);
	}
	CHECK(!atomic_load(&leaving));
	if (CHECK(h->call != NULL))
		finish(h->call);
	DRIVE(c, asked[2].ended && asked[3].ended);
	CHECK_EQ(asked[2].reason, SINEW_END_ABORTED);
	CHECK_EQ(asked[3].outcome, SINEW_CALL_DONE);
	sinew_binding_close(binding[2]);
	sinew_binding_close(binding[3]);
	cluster_free(c);
	for (unsigned i = 1; i <= 3; i++)
		sinew_calls_free(calls[i]);
}

int main(void)
{
	RUN(the_oldest_is_accepted);
	RUN(accepted_data_are_complete);
	RUN(the_oldest_is_rejected);
	RUN(it_may_be_too_late);
	RUN(its_time_may_be_over);
	RUN(one_that_ended_is_not_accepted);
	RUN(charges_are_spent);
	RUN(charges_let_in_what_waits);
	RUN(wrong_charges_are_refused);
	RUN(further_handlers_are_allocated);
	RUN(no_handlers_are_allocated);
	RUN(a_place_at_the_last_moment_is_taken);
	return check_done();
}
