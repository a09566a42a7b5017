/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that every function of calls "any thread" is: threads make random ones at two
 * nodes, on shared calls, bindings and credentials, while links break and sessions end, and when
 * the nodes are gone. Worth most under the sanitizers. Knows the public headers only.
 *
 *	STRESS_SEED=1     which
 * run.sh: timeout=120
 */
#include <stdlib.h>

#include "tests/lib/call_stress.h"

#define WORKERS		4u
#define BREAK_MS	20
#define LIVES		4u	/* sessions that must have come and gone */
#define ENDS		1000u	/* calls that must have ended */
#define EACH		20u	/* how often each function is called at least, in each phase */

static struct call_pair *const pair = &call_stress.pair;
static struct ground *const grounds = call_stress.grounds;
static struct worker workers[WORKERS];
static _Atomic bool stop;
static uint64_t seed = 1;

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = w->rng % 2; !atomic_load(&stop); i++)
		call_stress_step(w, &grounds[i % 2]);
	return NULL;
}

/* ---- the nodes ---- */

static void init_shared(struct shared *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pthread_rwlock_init(&s[i].lock, NULL);
}

static bool open_all(void)
{
	struct sinew_session *h[2];

	memset(&call_stress, 0, sizeof call_stress);
	test_seal_init(&call_stress.seal, "of all");
	if (!CHECK(call_pair_open_threads(pair)))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		struct ground *g = &grounds[i];

		g->calls = pair->s[i].calls;
		init_shared(&g->session, 1);
		init_shared(g->call, CALLS);
		init_shared(g->binding, OTHERS);
		init_shared(g->cred, OTHERS);
		if (!ground_bind(g))
			return false;
	}
	if (!call_pair_connect(pair, h))
		return false;
	for (unsigned i = 0; i < 2; i++)
		grounds[i].session.it = h[i];
	return true;
}

static void renew_session(unsigned i)
{
	struct sinew_session *now = sinew_session_find(pair->t[i].n, 2 - i);

	if (!now)
		return;
	sinew_session_unref(hold(&grounds[i].session));
	grounds[i].session.it = now;
	leave(&grounds[i].session);
}

static bool is_enough(unsigned lives)
{
	bool calls = call_stress.n_ended >= ENDS && call_stress.n_served >= ENDS;

	return (lives >= LIVES && calls && call_stress_fewest() >= EACH) || call_stress.n_wrong;
}

/* Links break, and now and then a session ends. */
static void disturb(void)
{
	int64_t until = now_ms() + time_limit(PATIENCE_MS);
	unsigned lives = 0;

	for (unsigned k = 0; !is_enough(lives); k++) {
		if (!CHECK(now_ms() < until)) {
			printf("# %u lives, each at least %u times, %u ended, %u served\n", lives,
			       call_stress_fewest(), call_stress.n_ended, call_stress.n_served);
			return;
		}
		poll(NULL, 0, BREAK_MS);
		if (k % 10 == 9) {
			CHECK_EQ(sinew_self_lost(pair->t[k / 10 % 2].n), 0);
			lives++;
		} else {
			sinew_break(pair->t[k % 2].n, 0);
		}
		for (unsigned i = 0; i < 2; i++)
			renew_session(i);
	}
}

static void any_thread_may_call_any_function(void)
{
	CHECK_OR_RETURN(open_all());
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].rng = seed * 0x9e3779b97f4a7c15u + i + 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			abort();
	}
	disturb();
	atomic_store(&call_stress.gone, true);
	for (unsigned i = 0; i < 2; i++)
		node_free(&pair->t[i]);
	call_stress_forget();
	AWAIT(call_stress_fewest() >= EACH || call_stress.n_wrong);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < 2; i++) {
		ground_take_all(&grounds[i]);
		ground_give_back(&grounds[i]);
	}
	call_pair_close(pair);
	if (call_stress.first_wrong)
		printf("# seed %llu: %u wrong, first %s\n", (unsigned long long)seed,
		       call_stress.n_wrong, call_stress.first_wrong);
	CHECK_EQ(call_stress.n_wrong, 0);
}

static void no_function_is_forgotten(void)
{
	static const char *const ours[] = {
		"sinew_call_", "sinew_calls_", "sinew_binding_", "sinew_service_", "sinew_cred_",
	};
	FILE *f = fopen("lowcomms/sinew.map", "r");
	char line[200], name[100], what[200];
	unsigned n = 0;

	CHECK_OR_RETURN(f);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "\t%99[a-z_]", name) != 1)
			continue;
		for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++) {
			if (strncmp(name, ours[i], strlen(ours[i])))
				continue;
			snprintf(what, sizeof what, "%s is called, or named at_ends", name);
			check_that(call_stress_has(name), __FILE__, __LINE__, what);
			n++;
		}
	}
	CHECK(n > 40);
	fclose(f);
}

int main(void)
{
	if (getenv("STRESS_SEED"))
		seed = strtoull(getenv("STRESS_SEED"), NULL, 0);
	RUN(no_function_is_forgotten);
	RUN(any_thread_may_call_any_function);
	return check_done();
}
