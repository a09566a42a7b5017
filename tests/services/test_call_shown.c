/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of what functions of plain calls may do in the two events that they get one
 * behind the other: answer too early or twice, abort, give the call back, have another thread do
 * so; and of what a call that is over leaves in the memory of the next one. Knows the public
 * headers only.
 */
#include <errno.h>
#include <pthread.h>

#include "tests/lib/call_pair.h"

#define SERVICE	300u
#define ROUNDS	3u	/* the first one has no memory of a call before it */

/* The deeds of the called side, or of the caller. */
enum deed {
	ANSWER, TWICE, TOO_EARLY, ABORT_NEW, END_NEW, END_BY_THREAD, KEEP, OWN_END_AT_DATA,
	OWN_END_BY_THREAD,
};

struct told {
	unsigned news, datas, ends;
	enum sinew_call_reason reason;
	int32_t code;
	ssize_t early;
	uint64_t id;		/* at its end */
	bool is_returned;
};

static struct call_pair pair;
static struct sinew_binding *binding;
static enum deed deed;
static struct told own, peers;
static uint8_t data[64];

static ssize_t reply(struct sinew_call *call)
{
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };

	return sinew_call_send(call, &iov, 1, 0);
}

/* A second reply, in one part or two, is refused alike. */
static void reply_again(struct sinew_call *call)
{
	struct iovec two[] = { { data, 1 }, { data, 1 } };
	ssize_t err = reply(call);

	CHECK(err == -EPIPE || err == -ECONNABORTED);
	CHECK_EQ(sinew_call_send(call, two, 2, 0), err);
	CHECK_EQ(sinew_call_send(call, NULL, 0, 0), err);
}

static void give_back(struct sinew_call *call, struct told *seen)
{
	sinew_call_end(call);
	seen->is_returned = true;
}

static void *end_it(void *call)
{
	sinew_call_end(call);
	return NULL;
}

static void give_back_by_thread(struct sinew_call *call, struct told *seen)
{
	pthread_t thread;

	CHECK_OR_RETURN(!pthread_create(&thread, NULL, end_it, call));
	pthread_join(thread, NULL);
	seen->is_returned = true;
}

static void at_new(struct sinew_call *call)
{
	peers.news++;
	if (deed == TOO_EARLY)
		peers.early = reply(call);
	if (deed == ABORT_NEW)
		CHECK_EQ(sinew_call_abort(call, 5), 0);
	if (deed == END_NEW)
		give_back(call, &peers);
}

static void at_data(struct sinew_call *call)
{
	peers.datas++;
	CHECK_EQ(reply(call), sizeof data);
	if (deed == TWICE)
		reply_again(call);
	else if (deed == END_BY_THREAD)
		give_back_by_thread(call, &peers);
	else if (deed != KEEP)
		give_back(call, &peers);
}

static void serve(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	CHECK(!peers.is_returned);
	if (msg->event == SINEW_CALL_NEW)
		at_new(call);
	if (msg->event == SINEW_CALL_DATA)
		at_data(call);
	if (msg->event == SINEW_CALL_ENDED) {
		peers.ends++;
		peers.reason = msg->reason;
		peers.id = sinew_call_id(call);
		if (deed == TWICE)
			reply_again(call);
		give_back(call, &peers);
	}
}

static void answered(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	CHECK(!own.is_returned);
	if (msg->event == SINEW_CALL_DATA) {
		own.datas++;
		CHECK(msg->len == sizeof data && msg->last);
		if (deed == OWN_END_AT_DATA)
			give_back(call, &own);
		if (deed == OWN_END_BY_THREAD)
			give_back_by_thread(call, &own);
	}
	if (msg->event == SINEW_CALL_ENDED) {
		own.ends++;
		own.reason = msg->reason;
		own.code = msg->code;
		give_back(call, &own);
	}
}

static bool open_pair(enum deed what)
{
	const struct sinew_service is = { .size = sizeof is, .fn = serve };

	deed = what;
	return call_pair_open(&pair, NULL, NULL) &&
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVICE, &is, NULL), 0) &&
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, SERVICE, NULL,
					    &binding), 0);
}

static void close_pair(void)
{
	sinew_binding_close(binding);
	binding = NULL;
	call_pair_close(&pair);
}

/* One call, until both sides are done with it. */
static void play(void)
{
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = answered };
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };
	struct sinew_call *call;

	own = peers = (struct told) { 0 };
	CHECK_EQ(sinew_call_begin(binding, 1, &opt, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, own.is_returned && peers.is_returned &&
		    !call_pair_open_calls(&pair));
	CHECK_EQ(peers.news, 1);
}

static void a_reply_before_its_request_is_refused(void)
{
	CHECK_OR_RETURN(open_pair(TOO_EARLY));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK_EQ(peers.early, -EBUSY);
		CHECK(peers.datas == 1 && own.datas == 1 && own.ends == 1);
		CHECK_EQ(own.reason, SINEW_END_REPLIED);
	}
	close_pair();
}

static void a_second_reply_is_refused(void)
{
	CHECK_OR_RETURN(open_pair(TWICE));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK(peers.ends == 1 && own.datas == 1 && own.ends == 1);
		CHECK_EQ(peers.reason, SINEW_END_REPLIED);
		CHECK_EQ(own.reason, SINEW_END_REPLIED);
	}
	close_pair();
}

static void an_aborted_call_gets_no_data(void)
{
	CHECK_OR_RETURN(open_pair(ABORT_NEW));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK(!peers.datas && peers.ends == 1 && !own.datas && own.ends == 1);
		CHECK_EQ(peers.reason, SINEW_END_GIVEN_UP);
		CHECK(own.reason == SINEW_END_ABORTED && own.code == 5);
	}
	close_pair();
}

static void a_call_given_back_gets_nothing(void)
{
	CHECK_OR_RETURN(open_pair(END_NEW));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK(!peers.datas && !peers.ends);
		CHECK(own.reason == SINEW_END_ABORTED && own.code == SINEW_RX_CALL_DEAD);
	}
	close_pair();
}

static void an_own_call_given_back_gets_no_end(void)
{
	CHECK_OR_RETURN(open_pair(OWN_END_AT_DATA));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK(peers.datas == 1 && own.datas == 1 && !own.ends);
	}
	close_pair();
}

static void another_thread_may_give_it_back(void)
{
	static const enum deed deeds[] = { END_BY_THREAD, OWN_END_BY_THREAD, ANSWER };

	for (unsigned k = 0; k < sizeof deeds / sizeof deeds[0]; k++) {
		CHECK_OR_RETURN(open_pair(deeds[k]));
		for (unsigned i = 0; i < ROUNDS; i++) {
			play();
			CHECK(peers.datas == 1 && !peers.ends && own.datas == 1);
			CHECK_EQ(own.ends, deeds[k] == OWN_END_BY_THREAD ? 0 : 1);
		}
		close_pair();
	}
}

static void a_call_that_is_kept_is_told_of_its_end(void)
{
	CHECK_OR_RETURN(open_pair(KEEP));
	for (unsigned i = 0; i < ROUNDS; i++) {
		play();
		CHECK(peers.datas == 1 && peers.ends == 1 && own.datas == 1 && own.ends == 1);
		CHECK(peers.reason == SINEW_END_REPLIED && peers.id);
	}
	close_pair();
}

/* ---- memory of the next call ---- */

#define KEPT_MAX	2u

static struct sinew_call *kept[KEPT_MAX];
static unsigned n_kept, n_done, n_news;

static void keep(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event == SINEW_CALL_DATA && n_kept < KEPT_MAX)
		kept[n_kept++] = call;
}

static void done(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)user;
	if (msg->event != SINEW_CALL_ENDED)
		return;
	n_done++;
	sinew_call_end(call);
}

static bool see_new(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	(void)call;
	(void)user;
	n_news += msg->event == SINEW_CALL_NEW;
	return false;
}

/* The other service, with keep(). */
static struct sinew_binding *open_other(struct sinew_service is)
{
	struct sinew_binding *other = NULL;

	is.size = sizeof is;
	is.fn = keep;
	CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVICE + 1, &is, NULL), 0);
	CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, SERVICE + 1, NULL,
				    &other), 0);
	return other;
}

/* So many calls, answered and given back outside of their functions, before their end is told. */
static void answer_outside(struct sinew_binding *to, unsigned n)
{
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = done };
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };
	struct sinew_call *call;

	n_kept = n_done = 0;
	for (unsigned i = 0; i < n; i++)
		CHECK_EQ(sinew_call_begin(to, 1, &opt, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, n_kept == n);
	for (unsigned i = 0; i < n_kept; i++) {
		CHECK_EQ(reply(kept[i]), sizeof data);
		sinew_call_end(kept[i]);
	}
	DRIVE_CALLS(&pair, n_done == n && !call_pair_open_calls(&pair));
}

static void a_call_leaves_its_further_place(void)
{
	struct sinew_binding *other;

	CHECK_OR_RETURN(open_pair(ANSWER));
	other = open_other((struct sinew_service) {
		.max_calls = 1, .full = SINEW_FULL_ALLOC, .max_alloc = 1 });
	answer_outside(other, 2);
	play();
	CHECK(peers.datas == 1 && own.ends == 1);
	answer_outside(other, 2);
	sinew_binding_close(other);
	close_pair();
}

static void the_interceptor_sees_each_new_call(void)
{
	struct sinew_binding *other;

	CHECK_OR_RETURN(open_pair(ANSWER));
	CHECK_EQ(sinew_calls_intercept(pair.s[1].calls, see_new, NULL), 0);
	other = open_other((struct sinew_service) { 0 });
	n_news = 0;
	for (unsigned i = 1; i <= ROUNDS; i++) {
		answer_outside(other, 1);
		CHECK_EQ(n_news, i);
	}
	sinew_binding_close(other);
	close_pair();
}

/* ---- what is told at NEW ---- */

static void note_received(struct sinew_call *call, const struct sinew_call_msg *msg, void *user)
{
	struct sinew_call_status st = { .size = sizeof st };

	if (msg->event == SINEW_CALL_NEW) {
		CHECK_EQ(sinew_call_status(call, &st), 0);
		*(uint64_t *)user = st.received;
	}
	if (msg->event == SINEW_CALL_DATA) {
		CHECK_EQ(reply(call), sizeof data);
		sinew_call_end(call);
	}
}

/* That a plain request is here with its call is what the fast path is known by. */
static void requests_of_any_limit_are_plain(void)
{
	static const uint64_t limits[] = { 0, sizeof data };
	struct sinew_service is = { .size = sizeof is, .fn = note_received };
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = done };
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };
	struct sinew_call *call;

	CHECK_OR_RETURN(open_pair(ANSWER));
	for (unsigned i = 0; i < 2; i++) {
		uint16_t id = (uint16_t)(SERVICE + 1 + i);
		struct sinew_binding *to = NULL;
		uint64_t received = 0;

		is.max_request = limits[i];
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, id, &is, &received), 0);
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, id, NULL, &to),
			 0);
		n_done = 0;
		CHECK_EQ(sinew_call_begin(to, 1, &opt, &iov, 1, 0, NULL, &call), 0);
		DRIVE_CALLS(&pair, n_done && !call_pair_open_calls(&pair));
		CHECK_EQ(received, sizeof data);
		sinew_binding_close(to);
	}
	close_pair();
}

/* So is one behind another that is not, in the same read. */
static void a_request_behind_others_is_plain(void)
{
	static const enum sinew_call_delivery ways[] = { SINEW_CALL_PACED, SINEW_CALL_PIECES };
	struct sinew_service is = { .size = sizeof is, .fn = note_received };
	const struct sinew_call_options opt = { .size = sizeof opt, .fn = done };
	struct iovec iov = { .iov_base = data, .iov_len = sizeof data };
	struct sinew_binding *to[2] = { NULL };
	uint64_t received[2] = { 1, 0 };
	struct sinew_call *call;

	CHECK_OR_RETURN(open_pair(ANSWER));
	for (unsigned i = 0; i < 2; i++) {
		uint16_t id = (uint16_t)(SERVICE + 1 + i);

		is.delivery = ways[i];
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, id, &is, &received[i]), 0);
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, id, NULL,
					    &to[i]), 0);
	}
	n_done = 0;
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(sinew_call_begin(to[i], 1, &opt, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, n_done == 2 && !call_pair_open_calls(&pair));
	CHECK_EQ(received[0], 0);
	CHECK_EQ(received[1], sizeof data);
	for (unsigned i = 0; i < 2; i++)
		sinew_binding_close(to[i]);
	close_pair();
}

int main(void)
{
	RUN(a_reply_before_its_request_is_refused);
	RUN(a_second_reply_is_refused);
	RUN(an_aborted_call_gets_no_data);
	RUN(a_call_given_back_gets_nothing);
	RUN(an_own_call_given_back_gets_no_end);
	RUN(another_thread_may_give_it_back);
	RUN(a_call_that_is_kept_is_told_of_its_end);
	RUN(a_call_leaves_its_further_place);
	RUN(the_interceptor_sees_each_new_call);
	RUN(requests_of_any_limit_are_plain);
	RUN(a_request_behind_others_is_plain);
	return check_done();
}
