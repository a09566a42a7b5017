/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the tests of calls while links break, sessions die and many threads begin and abort: each
 * call ends once, none is executed twice, and each outcome is true. Knows the public headers only.
 */
#include "lowcomms/sinew-test.h"
#include "tests/lib/call_pair.h"

#define CALLS		2000u
#define BREAK_MS	10
#define THREADS		4u
#define EACH		1000u	/* calls of a thread */
#define LENGTH_MAX	40000u

static struct call_pair pair;
static struct asked asked[2][CALLS];
static uint8_t *requests[2], *replies[2];
static size_t offset[CALLS + 1];

/* Mostly short ones. */
static size_t length_of(unsigned i)
{
	if (i % 50 == 7)
		return LENGTH_MAX - i;
	return i % 7 == 3 ? 4 + i : 4 + i % 200;
}

/* Requests that begin with their number. */
static void prepare(void)
{
	for (unsigned i = 0; i < CALLS; i++)
		offset[i + 1] = offset[i] + length_of(i);
	for (unsigned s = 0; s < 2; s++) {
		requests[s] = malloc(offset[CALLS]);
		replies[s] = malloc(offset[CALLS]);
		for (uint32_t i = 0; i < CALLS; i++) {
			fill_content(requests[s] + offset[i], length_of(i), s, i);
			memcpy(requests[s] + offset[i], &i, sizeof i);
		}
	}
}

static void begin(unsigned s, unsigned i, unsigned flags)
{
	struct asked *a = &asked[s][i];

	*a = (struct asked) {
		.request = requests[s] + offset[i], .len = length_of(i),
		.reply = replies[s] + offset[i], .size = length_of(i),
	};
	CHECK_EQ(ask(&pair.s[s], PAIR_WHOLE, OP_ECHO, a, NULL, flags), 0);
}

/* Whether the outcome of that call of side s is what the other side knows. */
static bool is_true(unsigned s, unsigned i)
{
	const struct asked *a = &asked[s][i];
	unsigned n = atomic_load(&pair.s[!s].executed[i]);

	if (a->ended != 1 || a->wrong || n > 1)
		return false;
	switch (a->outcome) {
	case SINEW_CALL_NOT_EXECUTED:
	case SINEW_CALL_PARTIAL:
		return n == 0;
	case SINEW_CALL_IN_DOUBT:
		return true;
	case SINEW_CALL_STARTED:
		return n == 1;
	case SINEW_CALL_DONE:
		return n == 1 && (a->reason != SINEW_END_REPLIED || (a->got == a->len && a->last &&
			!memcmp(a->reply, a->request, a->len)));
	}
	return false;
}

static unsigned n_outcomes(unsigned s, unsigned n, enum sinew_call_outcome outcome)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += asked[s][i].outcome == outcome;
	return found;
}

static void links_break_under_calls(void)
{
	int64_t next = now_ms() + BREAK_MS;
	unsigned n = 0, breaks = 0, good = 0;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	while (n < CALLS || call_pair_open_calls(&pair)) {
		/* Fewer than may wait for slots, however slow the machine is. */
		for (unsigned k = 0; k < 20 && n < CALLS && call_pair_open_calls(&pair) < 1000;
		     k++, n++) {
			begin(0, n, 0);
			begin(1, n, 0);
		}
		pair_turn(pair.t);
		if (now_ms() < next)
			continue;
		CHECK_EQ(sinew_break(pair.t[breaks % 2].n, 0), 0);
		CHECK_OR_RETURN(++breaks < 100000u / BREAK_MS);
		next = now_ms() + BREAK_MS;
	}
	for (unsigned i = 0; i < CALLS; i++)
		good += is_true(0, i) && is_true(1, i);
	CHECK_EQ(good, CALLS);
	CHECK_EQ(n_outcomes(0, CALLS, SINEW_CALL_DONE), CALLS);
	CHECK_EQ(n_outcomes(1, CALLS, SINEW_CALL_DONE), CALLS);
	CHECK(breaks > 1);
	CHECK_EQ(pair.t[0].all.downs, 0);
	call_pair_close(&pair);
}

/* The session dies when so many calls are begun, and so many turns have passed. */
static void death_at(unsigned calls, unsigned turns, unsigned by, unsigned found[6])
{
	unsigned good = 0;

	CHECK_OR_RETURN(call_pair_open(&pair, NULL, NULL));
	for (unsigned i = 0; i < calls; i++) {
		begin(0, i, 0);
		begin(1, i, 0);
	}
	for (unsigned i = 0; i < turns && sinew_calls_open(pair.s[0].calls); i++)
		pair_turn(pair.t);
	CHECK_EQ(sinew_session_abort(pair.t[by].all.session), 0);
	DRIVE_CALLS(&pair, !call_pair_open_calls(&pair));
	for (unsigned i = 0; i < calls; i++)
		good += is_true(0, i) && is_true(1, i);
	CHECK_EQ(good, calls);
	for (unsigned o = 1; o < 6; o++)
		found[o] += n_outcomes(0, calls, o) + n_outcomes(1, calls, o);
	call_pair_close(&pair);
}

static void outcomes_are_true_when_sessions_die(void)
{
	unsigned found[6] = { 0 };

	for (unsigned turns = 0; turns < 30; turns++)
		death_at(300, turns, turns % 2, found);
	CHECK(found[SINEW_CALL_NOT_EXECUTED] && found[SINEW_CALL_DONE]);
	CHECK(found[SINEW_CALL_IN_DOUBT]);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	unsigned number, refused, aborted;
	struct side *side;
	struct asked asked[EACH];
	uint8_t request[64];
	uint8_t reply[64];		/* of all: nobody reads it */
};

static struct worker *workers;

static void work_one(struct worker *w, struct asked *a, unsigned i)
{
	struct sinew_call_status st = { .size = sizeof st };
	uint32_t number = w->number * EACH + i;
	struct iovec iov[] = { { &number, sizeof number }, { w->request, i % 60 } };
	struct sinew_call_options opt = { .size = sizeof opt, .fn = asked_event };

	*a = (struct asked) { .reply = w->reply, .size = sizeof w->reply, .keeps = true };
	if (sinew_call_begin(w->side->binding[0], OP_ECHO, &opt, iov, 2, 0, a, &a->call)) {
		w->refused++;
		sched_yield();
		return;
	}
	sinew_call_status(a->call, &st);
	sinew_call_id(a->call);
	if (i % 5 == 1)
		w->aborted += sinew_call_abort(a->call, 5) == 0;
	if (i % 5 == 2) {
		while (!atomic_load(&a->ended))
			sched_yield();
		sinew_call_end(a->call);
		a->call = NULL;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < EACH; i++)
		work_one(w, &w->asked[i], i);
	for (unsigned i = 0; i < EACH; i++) {
		struct asked *a = &w->asked[i];

		if (!a->call)
			continue;
		/* Some are given back before their end. */
		while (i % 3 && !atomic_load(&a->ended))
			sched_yield();
		sinew_call_end(a->call);
	}
	return NULL;
}

/* The status of a side, while its calls begin and end. */
static void look(unsigned i, struct sinew_session *h)
{
	struct sinew_calls_status st = { .size = sizeof st };
	uint64_t ended;

	CHECK_EQ(sinew_calls_status(pair.s[i].calls, h, &st), 0);
	ended = st.done + st.started + st.in_doubt + st.partial + st.not_executed;
	CHECK_EQ(st.begun, ended + st.open);
	CHECK(st.slots_used <= st.slots_granted && st.peers_used <= st.peers_granted);
	CHECK(st.waiting <= st.open && st.peers_open + st.peers_held <= st.peers_used);
	CHECK(st.has_oldest || !st.oldest_id);
}

static void many_threads_call(void)
{
	struct sinew_session *h[2];
	unsigned twice = 0, wrong = 0, begun = 0;

	CHECK_OR_RETURN(call_pair_open_threads(&pair) && call_pair_connect(&pair, h));
	for (unsigned i = 0; i < 2; i++)
		CHECK_OR_RETURN(side_binds(&pair.s[i], h[i]));
	workers = calloc(THREADS, sizeof *workers);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].number = i / 2;
		workers[i].side = &pair.s[i % 2];
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned i = 0; i < 20; i++) {
		sinew_break(pair.t[i % 2].n, 0);
		for (int64_t until = now_ms() + BREAK_MS; now_ms() < until;)
			look(i % 2, h[i % 2]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < 2; i++)
		AWAIT(!sinew_calls_open(pair.s[i].calls));
	for (unsigned i = 0; i < THREADS; i++)
		for (unsigned k = 0; k < EACH; k++) {
			wrong += workers[i].asked[k].wrong || workers[i].asked[k].ended > 1;
			begun += workers[i].asked[k].ended == 1;
		}
	for (unsigned i = 0; i < THREADS / 2 * EACH; i++)
		twice += pair.s[0].executed[i] > 1 || pair.s[1].executed[i] > 1;
	CHECK_EQ(twice, 0);
	CHECK_EQ(wrong, 0);
	CHECK(begun > THREADS * EACH / 2);
	for (unsigned i = 0; i < 2; i++)
		sinew_session_unref(h[i]);
	call_pair_close(&pair);
	free(workers);
}

int main(void)
{
	prepare();
	RUN(links_break_under_calls);
	RUN(outcomes_are_true_when_sessions_die);
	RUN(many_threads_call);
	for (unsigned s = 0; s < 2; s++) {
		free(requests[s]);
		free(replies[s]);
	}
	return check_done();
}
