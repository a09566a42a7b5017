/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of the queue: threads take the events of calls, those of one call in order and by
 * one thread at a time; nothing is dropped when nobody takes. Knows the public headers only.
 * run.sh: waits
 */
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/call_pair.h"

#define SERVICE		300u
#define LONG		300000u
#define THREADS		4u
#define CALLS		400u

static struct call_pair pair;
static uint8_t request[LONG], reply[LONG];

static bool bind_queue(unsigned max, struct sinew_service is)
{
	is.size = sizeof is;
	return CHECK_EQ(sinew_calls_queue(pair.s[1].calls, max), 0) &&
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVICE, &is, &pair), 0);
}

static bool open_queue(unsigned max, struct sinew_service is)
{
	if (!call_pair_open(&pair, NULL, NULL) || !bind_queue(max, is))
		return false;
	sinew_binding_close(pair.s[0].binding[0]);
	pair.s[0].binding[0] = NULL;
	return CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, SERVICE, NULL,
					   &pair.s[0].binding[0]), 0);
}

static void begin(struct asked *a, size_t len)
{
	*a = (struct asked) {
		.request = request, .len = len, .reply = reply, .size = sizeof reply,
	};
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 7, a, NULL, 0), 0);
}

/* The next event of that side, which is that one; NULL: it did not come. */
static struct sinew_call_msg *take(unsigned side, enum sinew_call_event event)
{
	struct sinew_call_msg *m = NULL;
	int err = -ETIME;

	TURN_UNTIL((err = sinew_calls_take(pair.s[side].calls, 0, &m), pair_turn(pair.t)),
		   err != -ETIME, time_limit(PATIENCE_MS));
	if (!CHECK_EQ(err, 0))
		return NULL;
	CHECK_STR(sinew_call_event_name(m->event), sinew_call_event_name(event));
	return m;
}

static void finish(struct sinew_call *call)
{
	CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	sinew_call_end(call);
}

static void nothing_comes(unsigned side)
{
	struct sinew_call_msg *m;

	for (unsigned i = 0; i < 20; i++)
		pair_turn(pair.t);
	CHECK_EQ(sinew_calls_take(pair.s[side].calls, 0, &m), -ETIME);
}

static void events_are_taken_in_order(void)
{
	struct sinew_call_msg *m, *kept, copy;
	struct sinew_call *call;
	struct asked a;

	CHECK_OR_RETURN(open_queue(10, (struct sinew_service) { 0 }));
	begin(&a, 100);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	call = m->call;
	CHECK(m->user == &pair && m->mark == SINEW_MARK_NEW_CALL && m->total == 100);
	/* Nobody else gets more of it. */
	nothing_comes(1);
	sinew_call_msg_put(m);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_DATA)));
	CHECK(m->call == call && m->len == 100 && m->last && m->mark == SINEW_MARK_DATA);
	CHECK_MEM(m->data, request, 100);
	CHECK_EQ(sinew_call_msg_ref(m, &kept), 0);
	CHECK(!kept->call && !kept->user && kept->len == 100 && kept->last);
	CHECK_EQ(sinew_call_msg_ref(kept, &kept), -EINVAL);
	copy = *m;
	CHECK_EQ(sinew_call_msg_ref(&copy, &kept), -EINVAL);
	/* A reply before the request comes back. */
	CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	sinew_call_msg_put(m);
	CHECK_MEM(kept->data, request, 100);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_ENDED)));
	CHECK(m->reason == SINEW_END_REPLIED && m->call == call);
	sinew_call_end(call);
	sinew_call_msg_put(m);
	sinew_call_msg_put(kept);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	nothing_comes(1);
	call_pair_close(&pair);
}

static void own_calls_are_taken(void)
{
	struct iovec iov = { request, 500 };
	struct sinew_call_msg *m;
	struct sinew_call *call;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_calls_queue(pair.s[0].calls, 1), 0);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_ECHO, NULL, &iov, 1, 0, &iov, &call), 0);
	CHECK_OR_RETURN((m = take(0, SINEW_CALL_DATA)));
	CHECK(m->call == call && m->user == &iov && m->last);
	CHECK_EQ(m->len, 500);
	sinew_call_msg_put(m);
	CHECK_OR_RETURN((m = take(0, SINEW_CALL_ENDED)));
	CHECK_EQ(m->outcome, SINEW_CALL_DONE);
	sinew_call_msg_put(m);
	sinew_call_end(call);

	/* One that is given back tells nothing more. */
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_FAIL, NULL, &iov, 1, 0, &iov, &call), 0);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	sinew_call_end(call);
	nothing_comes(0);
	call_pair_close(&pair);
}

static void answers_are_taken(void)
{
	struct iovec iov = { request, 500 };
	struct sinew_call_msg *m;
	struct sinew_call *call;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_calls_queue(pair.s[0].calls, 1), 0);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_HOLD, NULL, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1);
	CHECK_EQ(sinew_call_query(call), 0);
	CHECK_OR_RETURN((m = take(0, SINEW_CALL_STATE)));
	CHECK(m->call == call && m->report->received == 500 && m->report->consumed == 500);
	sinew_call_msg_put(m);
	sinew_call_end(call);
	call_pair_close(&pair);
}

/* More than any window, and nobody takes for a while. */
static void long_requests_wait_in_their_window(void)
{
	struct sinew_call_status st = { .size = sizeof st };
	struct sinew_call_msg *m;
	struct sinew_call *call;
	struct asked a;
	size_t got = 0;
	bool last = false;

	CHECK_OR_RETURN(open_queue(10, (struct sinew_service) { 0 }));
	begin(&a, LONG);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	call = m->call;
	sinew_call_msg_put(m);
	for (unsigned i = 0; i < 200; i++)
		pair_turn(pair.t);
	CHECK_EQ(sinew_call_status(call, &st), 0);
	CHECK_EQ(st.received, 16384);
	CHECK_EQ(st.consumed, 0);
	while (!last) {
		CHECK_OR_RETURN((m = take(1, SINEW_CALL_DATA)));
		CHECK_OR_RETURN(got + m->len <= LONG);
		CHECK_MEM(m->data, request + got, m->len);
		got += m->len;
		last = m->last;
		sinew_call_msg_put(m);
	}
	CHECK_EQ(got, LONG);
	finish(call);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
}

static void every_delivery_is_taken(void)
{
	static const enum sinew_call_delivery ways[] = {
		SINEW_CALL_PACED, SINEW_CALL_WHOLE, SINEW_CALL_PULL,
	};

	for (unsigned i = 0; i < 3; i++) {
		struct sinew_call_msg *m;
		struct sinew_call *call;
		struct asked a;
		size_t off = 0;

		CHECK_OR_RETURN(open_queue(10, (struct sinew_service) { .delivery = ways[i] }));
		begin(&a, 10000);
		CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
		call = m->call;
		sinew_call_msg_put(m);
		CHECK_OR_RETURN((m = take(1, SINEW_CALL_DATA)));
		CHECK(m->len == 10000 && m->last);
		if (ways[i] == SINEW_CALL_PULL)
			CHECK_EQ(sinew_call_read(call, reply, 10000, &off, false), 1);
		else
			memcpy(reply, m->data, 10000);
		CHECK_MEM(reply, request, 10000);
		if (ways[i] == SINEW_CALL_PACED)
			CHECK_EQ(sinew_call_consumed(call, 10000), 0);
		finish(call);
		sinew_call_msg_put(m);
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.outcome, SINEW_CALL_DONE);
		call_pair_close(&pair);
	}
}

/* ---- full, and ends ---- */

static void a_full_queue_refuses(void)
{
	struct sinew_call_msg *m;
	struct asked a[3];

	CHECK_OR_RETURN(open_queue(1, (struct sinew_service) { .retry_ms = 3 }));
	begin(&a[0], 10);
	begin(&a[1], 10);
	DRIVE_CALLS(&pair, a[1].ended);
	CHECK_EQ(a[1].reason, SINEW_END_BUSY);
	CHECK_EQ(a[1].retry_ms, 3);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	/* It has been seen: there is room for another one. */
	begin(&a[1], 10);
	begin(&a[2], 10);
	DRIVE_CALLS(&pair, a[2].ended);
	CHECK(!a[1].ended);
	sinew_call_abort(m->call, 3);
	sinew_call_end(m->call);
	sinew_call_msg_put(m);
	DRIVE_CALLS(&pair, a[0].ended);
	CHECK_EQ(a[0].code, 3);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	sinew_call_end(m->call);
	sinew_call_msg_put(m);
	DRIVE_CALLS(&pair, a[1].ended);
	call_pair_close(&pair);
}

static void calls_wait_for_a_full_queue(void)
{
	struct sinew_service is = { .full = SINEW_FULL_WAIT };
	struct sinew_call_msg *m;
	struct asked a[5];

	CHECK_OR_RETURN(open_queue(1, is));
	for (unsigned i = 0; i < 5; i++)
		begin(&a[i], 10);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
		sinew_call_abort(m->call, 40 + (int)i);
		sinew_call_end(m->call);
		sinew_call_msg_put(m);
		DRIVE_CALLS(&pair, a[i].ended);
		CHECK_EQ(a[i].code, 40 + (int)i);
	}
	nothing_comes(1);
	call_pair_close(&pair);
}

/* A call that nobody has taken was not executed, and is not shown any more. */
static void what_nobody_took_was_not_executed(void)
{
	struct sinew_call_msg *m;
	struct asked a[3];

	CHECK_OR_RETURN(open_queue(2, (struct sinew_service) { 0 }));
	begin(&a[0], 10);
	begin(&a[1], 10);
	begin(&a[2], 10);
	DRIVE_CALLS(&pair, a[2].ended);
	CHECK_EQ(sinew_call_abort(a[0].call, 4), 0);
	DRIVE_CALLS(&pair, a[0].ended && sinew_calls_open(pair.s[1].calls) == 1);
	/* Its place is free again. */
	begin(&a[2], 10);
	CHECK_EQ(sinew_calls_drain(pair.s[1].calls, 0), 0);
	DRIVE_CALLS(&pair, a[1].ended && a[2].ended);
	CHECK_EQ(a[1].outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
	CHECK_EQ(sinew_calls_open(pair.s[1].calls), 0);
	call_pair_close(&pair);
}

static void no_descriptor_is_left(void)
{
	struct rlimit was, none;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit) { 0, was.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(sinew_calls_get_fd(pair.s[1].calls), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK(sinew_calls_get_fd(pair.s[1].calls) >= 0);
}

static void errors_are_told(void)
{
	struct sinew_service is = { .size = sizeof is };
	struct sinew_call_msg *m;
	int status = 0;
	pid_t child;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -EINVAL);
	CHECK_EQ(sinew_calls_get_fd(pair.s[1].calls), -EINVAL);
	CHECK_EQ(sinew_calls_get_fd(NULL), -EINVAL);
	CHECK_EQ(sinew_calls_queue(NULL, 1), -EINVAL);
	CHECK_EQ(sinew_calls_queue(pair.s[1].calls, 0), -EINVAL);
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVICE, &is, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_queue(pair.s[1].calls, 1), 0);
	CHECK_EQ(sinew_calls_queue(pair.s[1].calls, 1), -EEXIST);
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVICE, &is, NULL), 0);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, NULL), -EINVAL);
	CHECK_EQ(sinew_calls_take(NULL, 0, &m), -EINVAL);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ETIME);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, 5, &m), -EDEADLK);
	no_descriptor_is_left();
	child = fork();
	if (!child)
		_exit(sinew_calls_take(pair.s[1].calls, -1, &m) != -ECHILD ||
		      sinew_calls_queue(pair.s[1].calls, 1) != -ECHILD ||
		      sinew_calls_get_fd(pair.s[1].calls) != -ECHILD);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	node_free(&pair.t[1]);
	CHECK_EQ(sinew_calls_take(pair.s[1].calls, -1, &m), -ESHUTDOWN);
	call_pair_close(&pair);
}

/* ---- the descriptor ---- */

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return CHECK(poll(&p, 1, 0) >= 0) && p.revents == POLLIN;
}

static void the_descriptor_is_readable_while_something_waits(void)
{
	struct sinew_call_msg *m;
	struct sinew_call *call;
	struct asked a[2];
	int fd;

	CHECK_OR_RETURN(open_queue(10, (struct sinew_service) { 0 }));
	begin(&a[0], 100);
	DRIVE_CALLS(&pair, sinew_calls_open(pair.s[1].calls) == 1);
	fd = sinew_calls_get_fd(pair.s[1].calls);
	CHECK_OR_RETURN(fd >= 0);
	CHECK_EQ(sinew_calls_get_fd(pair.s[1].calls), fd);
	DRIVE_CALLS(&pair, is_readable(fd));
	CHECK(is_readable(fd));
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	call = m->call;
	/* Its data are for nobody else meanwhile. */
	for (unsigned i = 0; i < 20; i++)
		pair_turn(pair.t);
	CHECK(!is_readable(fd));
	begin(&a[1], 100);
	DRIVE_CALLS(&pair, is_readable(fd));
	CHECK_EQ(sinew_call_abort(a[1].call, 1), 0);
	/* It comes to nothing. */
	DRIVE_CALLS(&pair, !is_readable(fd));
	sinew_call_msg_put(m);
	CHECK(is_readable(fd));
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_DATA)));
	CHECK(!is_readable(fd));
	sinew_call_msg_put(m);
	CHECK(!is_readable(fd));
	finish(call);
	DRIVE_CALLS(&pair, a[0].ended);
	CHECK(!is_readable(fd));
	call_pair_close(&pair);
}

static void the_descriptor_tells_that_the_node_is_gone(void)
{
	struct sinew_call_msg *m;
	struct sinew_call *call;
	struct asked a;
	int fd;

	CHECK_OR_RETURN(open_queue(10, (struct sinew_service) { 0 }));
	fd = sinew_calls_get_fd(pair.s[1].calls);
	CHECK_OR_RETURN(fd >= 0);
	begin(&a, 100);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_NEW)));
	call = m->call;
	sinew_call_msg_put(m);
	node_free(&pair.t[1]);
	CHECK(is_readable(fd));
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_DATA)));
	CHECK(!is_readable(fd));
	sinew_call_msg_put(m);
	CHECK_OR_RETURN((m = take(1, SINEW_CALL_ENDED)));
	/* More of it may come until it is put back. */
	CHECK(!is_readable(fd));
	sinew_call_end(call);
	sinew_call_msg_put(m);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(is_readable(fd));
		CHECK_EQ(sinew_calls_take(pair.s[1].calls, 0, &m), -ESHUTDOWN);
	}
	call_pair_close(&pair);
}

/* ---- threads ---- */

/* A call that is served. */
struct job {
	_Atomic bool busy;		/* a thread is at it */
	struct sinew_call *call;
	size_t got;
};

static struct job jobs[CALLS];
static _Atomic unsigned n_jobs, n_bad, n_served;

static void do_job(struct sinew_call_msg *m)
{
	struct job *j = m->user;

	if (m->event == SINEW_CALL_NEW) {
		j = &jobs[atomic_fetch_add(&n_jobs, 1) % CALLS];
		j->call = m->call;
		sinew_call_set_user(m->call, j);
	}
	if (atomic_exchange(&j->busy, true) || j->call != m->call)
		atomic_fetch_add(&n_bad, 1);
	if (m->event == SINEW_CALL_DATA) {
		j->got += m->len;
		if (m->last) {
			uint64_t n = j->got;
			struct iovec iov = { &n, sizeof n };

			sinew_call_send(m->call, &iov, 1, 0);
		}
	}
	atomic_store(&j->busy, false);
	if (m->event == SINEW_CALL_ENDED) {
		atomic_fetch_add(&n_served, 1);
		sinew_call_end(m->call);
	}
	sinew_call_msg_put(m);
}

static void *serve(void *arg)
{
	struct sinew_calls *calls = arg;
	struct sinew_call_msg *m;
	int err;

	while (!(err = sinew_calls_take(calls, -1, &m)))
		do_job(m);
	return (void *)(intptr_t)err;
}

/* The same with a poll loop of its own. */
static void *poll_and_serve(void *arg)
{
	struct sinew_calls *calls = arg;
	struct pollfd p = { .fd = sinew_calls_get_fd(calls), .events = POLLIN };
	struct sinew_call_msg *m;
	int err;

	do {
		if (poll(&p, 1, PATIENCE_MS) != 1) {
			atomic_fetch_add(&n_bad, 1);
			return NULL;
		}
		while (!(err = sinew_calls_take(calls, 0, &m)))
			do_job(m);
	} while (err == -ETIME);
	return (void *)(intptr_t)err;
}

static bool open_threaded(struct sinew_session *h[2])
{
	return call_pair_open_threads(&pair) && bind_queue(1000, (struct sinew_service) { 0 }) &&
		call_pair_connect(&pair, h) &&
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, h[0], SERVICE, NULL,
					    &pair.s[0].binding[0]), 0);
}

/* Their functions have been told: a call is no more open a little before that. */
static bool all_told(const struct asked *a)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (!atomic_load(&a[i].ended))
			return false;
	return true;
}

/* Calls of many lengths; frees: the queue goes with threads in it, else the node does. */
static void threads_serve(void *(*how)(void *calls), bool frees)
{
	static struct asked a[CALLS];
	static uint8_t replies[CALLS][8];
	struct sinew_session *h[2];
	pthread_t threads[THREADS];
	unsigned good = 0;
	void *err;

	memset(jobs, 0, sizeof jobs);
	n_jobs = n_bad = n_served = 0;
	CHECK_OR_RETURN(open_threaded(h));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, how, pair.s[1].calls);
	for (unsigned i = 0; i < CALLS; i++) {
		a[i] = (struct asked) {
			.request = request, .len = i % 20 ? i : 50000 + i,
			.reply = replies[i], .size = 8,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 7, &a[i], NULL, 0), 0);
	}
	AWAIT(all_told(a) && n_served == CALLS);
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t n = a[i].len;

		good += a[i].ended == 1 && a[i].outcome == SINEW_CALL_DONE &&
			!memcmp(replies[i], &n, sizeof n);
	}
	CHECK_EQ(good, CALLS);
	if (frees) {
		struct sinew_calls *calls = pair.s[1].calls;

		pair.s[1].calls = NULL;
		sinew_calls_free(calls);
	} else {
		node_free(&pair.t[1]);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &err);
		CHECK_EQ((int)(intptr_t)err, -ESHUTDOWN);
	}
	CHECK_EQ(n_bad, 0);
	for (unsigned i = 0; i < 2; i++)
		sinew_session_unref(h[i]);
	call_pair_close(&pair);
}

static void the_node_goes_under_threads(void)
{
	threads_serve(serve, false);
}

static void threads_poll(void)
{
	threads_serve(poll_and_serve, false);
}

static void the_queue_goes_under_threads(void)
{
	threads_serve(serve, true);
}

int main(void)
{
	for (size_t i = 0; i < sizeof request; i++)
		request[i] = (uint8_t)(i * 7 + i / 251);
	RUN(events_are_taken_in_order);
	RUN(own_calls_are_taken);
	RUN(answers_are_taken);
	RUN(long_requests_wait_in_their_window);
	RUN(every_delivery_is_taken);
	RUN(a_full_queue_refuses);
	RUN(calls_wait_for_a_full_queue);
	RUN(what_nobody_took_was_not_executed);
	RUN(errors_are_told);
	RUN(the_descriptor_is_readable_while_something_waits);
	RUN(the_descriptor_tells_that_the_node_is_gone);
	RUN(the_node_goes_under_threads);
	RUN(threads_poll);
	RUN(the_queue_goes_under_threads);
	return check_done();
}
