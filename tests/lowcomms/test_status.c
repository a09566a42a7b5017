/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that a status belongs together, however long it takes: the thread that asks is
 * held up by signals in the middle of it, until messages have been sent and acknowledged. Knows
 * the public interface only. (The thread sanitizer delivers signals between calls: of little
 * worth there.)
 * run.sh: waits
 */
#include <sched.h>
#include <signal.h>

#include "tests/lib/stress.h"

#define HELD_UP		300u	/* times */
#define MEANWHILE	200u	/* messages each time, acknowledged with what is sent back */
#define YIELDS_MAX	3000u	/* where none can come: the senders wait for the one held up */
#define IN_FLIGHT	32u

static _Atomic bool stop;
static _Atomic unsigned n_held;
static pthread_t asks;

static void hold_up(int sig)
{
	const uint64_t enough = stress.side[1].messages + MEANWHILE;

	(void)sig;
	for (unsigned i = 0; i < YIELDS_MAX && stress.side[1].messages < enough; i++)
		sched_yield();
	n_held++;
}

/* Few are under way, so that what is acknowledged meanwhile was sent meanwhile. */
static void *send_much(void *arg)
{
	struct sinew_session *p = arg;
	uint64_t count = 0;
	uint8_t m[64];

	while (!stop) {
		size_t len = make_message(m, sizeof m, 0, count + 1);

		if (count >= stress.side[1].messages + IN_FLIGHT)
			sched_yield();
		else if (!sinew_send(p, m, len))
			count++;
	}
	return NULL;
}

static void *disturb(void *arg)
{
	(void)arg;
	while (!stop) {
		unsigned before = n_held;

		pthread_kill(asks, SIGUSR1);
		while (n_held == before && !stop)
			sched_yield();
	}
	return NULL;
}

static struct sinew_session *meet(void)
{
	int64_t until = now_ms() + PATIENCE_MS;
	struct sinew_session *p;

	for (unsigned i = 0; i < SIDES; i++) {
		struct side *s = &stress.side[i], *o = other_side(s);

		CHECK_EQ(sinew_peer_add(s->n, o->nodeid, &o->addr, 1), 0);
	}
	while (!(p = take_peer(&stress.side[0])) && now_ms() < until)
		poll(NULL, 0, 2);
	return p;
}

static void ask(struct sinew_session *p)
{
	const int64_t until = now_ms() + PATIENCE_MS;
	struct sinew_status before = { .size = sizeof before }, st = before;

	while (n_held < HELD_UP && now_ms() < until && !stress.n_wrong) {
		CHECK_OR_RETURN(sinew_session_status(p, &st) == 0);
		check_status(&st, stress.side[1].nodeid);
		check_growth(&before, &st);
		before = st;
	}
	CHECK(st.acked > HELD_UP);
}

static void a_status_that_takes_long_belongs_together(void)
{
	struct sigaction on = { .sa_handler = hold_up, .sa_flags = SA_RESTART };
	struct sinew_session *p;
	pthread_t sends, disturbs;

	CHECK_OR_RETURN(stress_open(&(struct mode) { .own_thread = true }));
	CHECK_OR_RETURN((p = meet()));
	asks = pthread_self();
	sigaction(SIGUSR1, &on, NULL);
	if (pthread_create(&sends, NULL, send_much, p) ||
	    pthread_create(&disturbs, NULL, disturb, NULL))
		abort();
	ask(p);
	stop = true;
	pthread_join(sends, NULL);
	pthread_join(disturbs, NULL);
	for (unsigned i = 0; i < SIDES; i++) {
		put_peer(&stress.side[i], NULL);
		sinew_node_free(stress.side[i].n);
	}
	for (unsigned i = 0; i < KEPT_MAX; i++)
		sinew_release(atomic_exchange(&stress.kept[i], NULL));
	sinew_session_unref(p);
	if (stress.n_wrong)
		printf("# %u wrong, first %s\n", stress.n_wrong, stress.why);
	CHECK_EQ(stress.n_wrong, 0);
}

int main(void)
{
	RUN(a_status_that_takes_long_belongs_together);
	return check_done();
}
