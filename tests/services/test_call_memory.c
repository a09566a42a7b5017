/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of calls without memory: each allocation fails, once and for ever; every call ends
 * once or is not begun, and all memory comes back. Knows the public headers only.
 */
#include "tests/lib/call_pair.h"

#define CALLS	12u
#define NEVER	UINT64_MAX
#define IDLE	96u
#define IDLE_BYTES	768u	/* of an idle open call, both sides, where pointers have 8 bytes */

static struct call_pair pair;
static struct asked asked[2][CALLS];
static uint8_t request[200000], reply[200000];

/* The loops of both nodes and the calls are of one thread. */
static struct {
	uint64_t n, fails_at;	/* allocations, and the first that fails */
	bool for_ever;
	int64_t live;
	uint64_t bytes;		/* that were asked for */
} memory;

static void *take(size_t size, void *user)
{
	uint64_t n = memory.n++;
	void *mem;

	(void)user;
	if (n == memory.fails_at || (n > memory.fails_at && memory.for_ever))
		return NULL;
	mem = malloc(size);
	memory.live += mem != NULL;
	memory.bytes += size;
	return mem;
}

static void give(void *mem, void *user)
{
	(void)user;
	memory.live--;
	free(mem);
}

static void begin(unsigned s, unsigned i)
{
	static const uint32_t ops[] = { OP_ECHO, OP_COUNT, OP_ECHO, OP_FAIL };
	struct sinew_call_options opt = { .size = sizeof opt };
	struct asked *a = &asked[s][i];
	int err;

	*a = (struct asked) {
		.request = request, .len = i % 3 == 1 ? 150000 : i * 10, .reply = reply,
		.size = sizeof reply,
	};
	opt.delivery = i % 2 ? SINEW_CALL_WHOLE : SINEW_CALL_PIECES;
	err = ask(&pair.s[s], i % 4 == 1 ? PAIR_PIECES : PAIR_WHOLE, ops[i % 4], a, &opt, 0);
	if (err) {
		CHECK_EQ(err, -ENOMEM);
		a->call = NULL;
		a->ended = 1;
	}
}

/* A fault at the k-th allocation after the beginning. True: there was one. */
static bool run(uint64_t k, bool for_ever)
{
	struct sinew_calls_options opt;
	bool failed;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.alloc = take;
	opt.release = give;
	memory.fails_at = NEVER;
	memory.live = 0;
	if (!call_pair_open(&pair, NULL, &opt))
		return false;
	memory.for_ever = for_ever;
	memory.fails_at = memory.n + k;
	for (unsigned i = 0; i < 2 * CALLS; i++)
		begin(i % 2, i / 2);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	for (unsigned i = 0; i < 2 * CALLS; i++)
		CHECK_EQ(asked[i % 2][i / 2].ended, 1);
	failed = memory.n > memory.fails_at;
	memory.fails_at = NEVER;
	/* The session, its messages and new calls go on. */
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	begin(0, 0);
	DRIVE_CALLS(&pair, pair.t[1].all.messages == 1 && asked[0][0].ended);
	CHECK_EQ(asked[0][0].outcome, SINEW_CALL_DONE);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
	return failed && !check_state.failures;
}

static void each_allocation_fails_once(void)
{
	uint64_t k = 0;

	while (run(k, false))
		k++;
	CHECK(k > 10);
}

static void memory_ends(void)
{
	uint64_t k = 0;

	while (run(k, true))
		k++;
	CHECK(k > 10);
}

static void an_idle_call_takes_little(void)
{
	struct asked held[IDLE];
	struct sinew_calls_options opt;
	uint64_t before;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.slots = 2 * IDLE;
	opt.alloc = take;
	opt.release = give;
	memory.fails_at = NEVER;
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &opt));
	before = memory.bytes;
	for (unsigned i = 0; i < IDLE; i++) {
		held[i] = (struct asked) {
			.request = request, .len = 4, .reply = reply, .size = 8,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &held[i], NULL, 0), 0);
	}
	DRIVE_CALLS(&pair, pair.s[1].shown == IDLE);
	CHECK(memory.bytes - before <= (uint64_t)IDLE_BYTES * IDLE);
	pair_answer(&pair.s[1], IDLE);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
}

#define SLOTS	16u	/* of which one is for calls of depth 0 */

static void limited(struct sinew_calls_options *opt)
{
	SINEW_CALLS_OPTIONS_INIT(opt);
	opt->slots = SLOTS;
	opt->alloc = take;
	opt->release = give;
	memory.fails_at = NEVER;
	memory.for_ever = false;
	memory.live = 0;
}

/* Nothing else moves: its end comes by itself. */
static void a_call_that_waits_without_memory_ends(void)
{
	struct asked held = { .request = request, .reply = reply, .size = 8 };
	struct asked a = { .request = request, .len = 100, .reply = reply };
	struct sinew_calls_options opt;

	limited(&opt);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &opt));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_HOLD, &held, NULL, SINEW_CALL_WANT_ACCEPT), 0);
	DRIVE_CALLS(&pair, held.accepted);
	/* There is memory for the call, and none for its data. */
	memory.fails_at = memory.n + 1;
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, OP_COUNT, &a, NULL, 0), 0);
	CHECK_EQ(memory.n, memory.fails_at + 1);
	DRIVE_CALLS(&pair, a.ended);
	CHECK_EQ(a.reason, SINEW_END_GIVEN_UP);
	CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
	CHECK_EQ(a.code, SINEW_RX_CALL_DEAD);
	pair_answer(&pair.s[1], 1);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

/* Calls whose events threads take have more memory. */
static void a_queue_gives_all_memory_back(void)
{
	struct iovec iov = { request, 100 };
	struct sinew_calls_options opt;
	struct sinew_call_msg *m;
	struct sinew_call *call;
	bool over = false;

	limited(&opt);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &opt));
	CHECK_EQ(sinew_calls_queue(pair.s[0].calls, 1), 0);
	CHECK_EQ(sinew_call_begin(pair.s[0].binding[0], OP_ECHO, NULL, &iov, 1, 0, NULL, &call), 0);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	while (!over && CHECK_EQ(sinew_calls_take(pair.s[0].calls, 0, &m), 0)) {
		over = m->event == SINEW_CALL_ENDED;
		sinew_call_msg_put(m);
	}
	sinew_call_end(call);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

#define SERVED	300u

/* A request that threads take, at a service without a function. False: it did not come. */
static bool take_request(struct sinew_call_msg **ret_msg)
{
	struct sinew_call_msg *m = NULL;
	int err = -ETIME;

	TURN_UNTIL((err = sinew_calls_take(pair.s[1].calls, 0, &m), pair_turn(pair.t)),
		   err != -ETIME, time_limit(PATIENCE_MS));
	*ret_msg = m;
	return CHECK_EQ(err, 0);
}

static bool serve_by_queue(const struct sinew_calls_options *opt)
{
	struct sinew_service is = { .size = sizeof is };

	if (!call_pair_open(&pair, NULL, opt))
		return false;
	sinew_binding_close(pair.s[0].binding[0]);
	pair.s[0].binding[0] = NULL;
	return CHECK_EQ(sinew_calls_queue(pair.s[1].calls, 4), 0) &&
		CHECK_EQ(sinew_service_bind(pair.s[1].calls, SERVED, &is, NULL), 0) &&
		CHECK_EQ(sinew_binding_open(pair.s[0].calls, pair.t[0].all.session, SERVED, NULL,
					    &pair.s[0].binding[0]), 0);
}

/* Each message comes back before the call does. */
static void threads_that_serve_give_all_memory_back(void)
{
	struct asked a = { .request = request, .len = 100, .reply = reply, .size = 8 };
	struct sinew_calls_options opt;
	struct sinew_call *call = NULL;
	struct sinew_call_msg *m;

	limited(&opt);
	CHECK_OR_RETURN(serve_by_queue(&opt));
	CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 7, &a, NULL, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_OR_RETURN(take_request(&m));
		call = m->call;
		sinew_call_msg_put(m);
	}
	CHECK_EQ(sinew_call_send(call, NULL, 0, 0), 0);
	sinew_call_end(call);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	CHECK(a.ended && a.outcome == SINEW_CALL_DONE);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

/* A call whose events threads take is refused where its entry for them finds no memory. */
static void queues_without_memory_refuse(void)
{
	struct iovec iov = { request, 100 };
	struct sinew_calls_options opt;
	struct sinew_call *call;
	struct asked a;
	int err = -ENOMEM;

	limited(&opt);
	CHECK_OR_RETURN(serve_by_queue(&opt));
	CHECK_EQ(sinew_calls_queue(pair.s[0].calls, 4), 0);
	for (uint64_t k = 0; err; k++) {
		memory.fails_at = memory.n + k;
		err = sinew_call_begin(pair.s[0].binding[1], OP_COUNT, NULL, &iov, 1, 0, NULL,
				       &call);
		CHECK(!err || (err == -ENOMEM && k < 10));
		memory.fails_at = NEVER;
	}
	sinew_call_end(call);
	for (uint64_t k = 0; k < 2; k++) {
		a = (struct asked) { .request = request, .len = 9, .reply = reply, .size = 8 };
		CHECK_EQ(ask(&pair.s[0], PAIR_WHOLE, 7, &a, NULL, 0), 0);
		memory.fails_at = memory.n + k;
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.reason, SINEW_END_BUSY);
		CHECK_EQ(a.outcome, SINEW_CALL_NOT_EXECUTED);
		memory.fails_at = NEVER;
	}
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

/* The application keeps the calls that it knows; all others go with the rest. */
static void freed_calls_give_all_memory_back(void)
{
	struct asked a[3];
	struct sinew_calls_options opt;

	limited(&opt);
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &opt));
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct asked) {
			.request = request, .len = 9, .reply = reply, .size = 8,
		};
		CHECK_EQ(ask(&pair.s[0], PAIR_PATIENT, OP_HOLD, &a[i], NULL, 0), 0);
	}
	CHECK_EQ(sinew_send(pair.t[0].all.session, "x", 1), 0);
	DRIVE_CALLS(&pair, side_holds(&pair.s[1]) == 1 && pair.t[1].all.messages == 1);
	sinew_calls_free(pair.s[1].calls);
	pair.s[1].calls = NULL;
	DRIVE_CALLS(&pair, a[0].ended && a[1].ended && a[2].ended);
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (pair.s[1].held[i].call) {
			sinew_call_end(pair.s[1].held[i].call);
			pair.s[1].held[i].call = NULL;
		}
	side_unbinds(&pair.s[1]);
	node_free(&pair.t[1]);
	side_unbinds(&pair.s[0]);
	node_free(&pair.t[0]);
	CHECK_EQ(sinew_calls_open(pair.s[0].calls), 0);
	sinew_calls_free(pair.s[0].calls);
	CHECK_EQ(memory.live, 0);
}

/* Where there is no memory for the calls of a session, those of the peer end. */
static void a_session_without_memory_refuses_calls(void)
{
	struct asked a = { .request = request, .len = 8, .reply = reply, .size = 8 };
	struct sinew_calls_options opt;
	struct sinew_binding *b;

	memset(&pair, 0, sizeof pair);
	memory.fails_at = NEVER;
	memory.live = 0;
	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.alloc = take;
	opt.release = give;
	CHECK_OR_RETURN(pair_open(pair.t, NULL) && side_open(&pair.s[0], &pair.t[0], NULL) &&
			side_open(&pair.s[1], &pair.t[1], &opt));
	memory.fails_at = memory.n;
	memory.for_ever = true;
	DRIVE_CALLS(&pair, pair.t[0].all.session && pair.t[1].all.session);
	memory.fails_at = NEVER;
	CHECK_EQ(sinew_binding_open(pair.s[1].calls, pair.t[1].all.session, 100, NULL, &b),
		 -EOPNOTSUPP);
	CHECK_OR_RETURN(side_binds(&pair.s[0], pair.t[0].all.session));
	if (!ask(&pair.s[0], PAIR_WHOLE, OP_ECHO, &a, NULL, 0)) {
		DRIVE_CALLS(&pair, a.ended);
		CHECK_EQ(a.reason, SINEW_END_PROTOCOL);
	}
	CHECK_EQ(sinew_session_finish(pair.t[1].all.session), 0);
	CHECK_EQ(sinew_session_finish(pair.t[0].all.session), 0);
	DRIVE_CALLS(&pair, pair.t[0].all.downs && pair.t[1].all.downs);
	CHECK_EQ(pair.t[0].all.reason, SINEW_DOWN_CLOSED);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

/* A node that has no memory for calls continues without them. */
static void calls_without_memory_are_not_made(void)
{
	struct sinew_calls_options opt;
	struct sinew_calls *calls = NULL, *second;
	struct test_node *t = &pair.t[0];
	int err = -ENOMEM;
	int64_t live;
	uint64_t k = 0;

	memset(&pair, 0, sizeof pair);
	limited(&opt);
	CHECK_OR_RETURN(pair_open(pair.t, NULL));
	for (; err == -ENOMEM && k < 10; k++) {
		memory.fails_at = memory.n + k;
		err = sinew_calls_new(t->n, &opt, &calls);
		CHECK_EQ(calls != NULL, !err);
		CHECK(!err || !memory.live);
	}
	CHECK_EQ(err, 0);
	CHECK(k > 1);
	memory.fails_at = NEVER;
	live = memory.live;
	CHECK_EQ(sinew_calls_new(t->n, &opt, &second), -EBUSY);
	CHECK_EQ(memory.live, live);
	node_free(&pair.t[0]);
	node_free(&pair.t[1]);
	sinew_calls_free(calls);
	CHECK_EQ(memory.live, 0);
}

static int verify(struct sinew_session *session, uint16_t kind, const void *bytes, size_t len,
		  void **ret_principal, const struct sinew_cred_ops **ret_ops, void *user)
{
	(void)session;
	(void)kind;
	(void)bytes;
	(void)len;
	(void)ret_principal;
	(void)ret_ops;
	(void)user;
	return -EACCES;
}

/* Services, verifiers and charges are refused without memory, and given back with the calls. */
static void what_is_registered_needs_memory(void)
{
	const struct sinew_service is = {
		.size = sizeof is, .fn = asked_event, .flags = SINEW_SERVICE_CHARGED,
	};
	struct sinew_calls_options opt;
	struct sinew_calls *calls;
	void *user = &pair;

	SINEW_CALLS_OPTIONS_INIT(&opt);
	opt.alloc = take;
	opt.release = give;
	memory.fails_at = NEVER;
	memory.live = 0;
	CHECK_OR_RETURN(call_pair_open(&pair, NULL, &opt));
	calls = pair.s[0].calls;
	memory.for_ever = true;
	memory.fails_at = memory.n;
	CHECK_EQ(sinew_service_bind(calls, 300, &is, NULL), -ENOMEM);
	CHECK_EQ(sinew_calls_verify(calls, 1, verify, NULL), -ENOMEM);
	memory.fails_at = NEVER;
	CHECK_EQ(sinew_service_bind(calls, 300, &is, NULL), 0);
	for (uint16_t kind = 1; kind <= 3; kind++)
		CHECK_EQ(sinew_calls_verify(calls, kind, verify, NULL), 0);
	for (uint16_t kind = 1; kind <= 3; kind++)
		CHECK_EQ(sinew_calls_verify(calls, kind, verify, NULL), -EEXIST);
	memory.fails_at = memory.n;
	CHECK_EQ(sinew_service_charge(calls, 300, 5, NULL), -ENOMEM);
	memory.fails_at = NEVER;
	CHECK_EQ(sinew_service_charge(calls, 300, 5, NULL), 0);
	CHECK_EQ(sinew_service_charge(calls, 300, 1, &user), 0);
	call_pair_close(&pair);
	CHECK_EQ(memory.live, 0);
}

int main(void)
{
	RUN(each_allocation_fails_once);
	RUN(memory_ends);
	RUN(a_session_without_memory_refuses_calls);
	RUN(a_call_that_waits_without_memory_ends);
	RUN(a_queue_gives_all_memory_back);
	RUN(threads_that_serve_give_all_memory_back);
	RUN(queues_without_memory_refuse);
	RUN(freed_calls_give_all_memory_back);
	RUN(an_idle_call_takes_little);
	RUN(calls_without_memory_are_not_made);
	RUN(what_is_registered_needs_memory);
	return check_done();
}
