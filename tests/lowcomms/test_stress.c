/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that every function "from any thread" is: five threads make random calls on two
 * nodes, that have threads of their own or are driven by these in turns. Worth most under the
 * sanitizers. Knows the public interface only.
 *
 *	STRESS_SEED=1     which calls
 *	STRESS_ROUNDS=1   how many, about
 * run.sh: timeout=120
 */
#include "tests/lib/stress_calls.h"

/* Events that must have happened at each node until it is enough. */
enum { MESSAGES = 1000, DOWNS = 6 };

static unsigned rounds = 1;
static uint64_t seed = 1;
static struct worker workers[WORKERS];
static _Atomic bool stop;

/* ---- running ---- */

static void step(struct worker *w)
{
	struct call *c = some_call(w);

	w->s = &stress.side[draw(w, SIDES)];
	if (w->phase == FREED && c->needs == NODE)
		return;
	w->h = NULL;
	if (w->phase != FREED && draw(w, 16))
		w->h = take_peer(w->s);
	else if (w->old)
		w->h = sinew_session_ref(w->old);
	if (w->h || c->needs == NODE) {
		c->make(w);
		c->n++;
	}
	sinew_session_unref(w->h);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!stop)
		step(w);
	for (unsigned i = 0; i < SLOTS; i++)
		if (w->slots[i].data)
			MUST(sinew_discard(&w->slots[i]) == 0);
	return NULL;
}

/* True as well when something is wrong: nothing is waited for any more. */
static bool wait_for(bool (*cond)(void))
{
	int64_t until = now_ms() + PATIENCE_MS * rounds;
	bool is;

	while (!(is = cond() || stress.n_wrong) && now_ms() < until)
		poll(NULL, 0, 2);
	return is;
}

static void show_progress(void)
{
	for (unsigned i = 0; i < SIDES; i++)
		printf("# node %u: %llu messages, %llu downs, %llu incarnations of its own\n",
		       i + 1, (unsigned long long)stress.side[i].messages,
		       (unsigned long long)stress.side[i].downs,
		       (unsigned long long)stress.side[i].losses);
	for (unsigned i = 0; i < n_stress_calls; i++)
		if (stress_calls[i].n < rounds)
			printf("# %u times %s\n", stress_calls[i].n, stress_calls[i].names);
}

/* All workers make calls until cond, which they lead to. */
static void run_phase(enum phase phase, bool (*cond)(void))
{
	pthread_t threads[WORKERS];

	stop = false;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].phase = phase;
		if (pthread_create(&threads[i], NULL, work, &workers[i]))
			abort();
	}
	if (!CHECK(wait_for(cond)))
		show_progress();
	stop = true;
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
}

static unsigned fewest_calls(enum needs least)
{
	unsigned fewest = UINT32_MAX;

	for (unsigned i = 0; i < n_stress_calls; i++)
		if (stress_calls[i].needs >= least && stress_calls[i].n < fewest)
			fewest = stress_calls[i].n;
	return fewest;
}

static bool enough_happened(void)
{
	for (unsigned i = 0; i < SIDES; i++)
		if (stress.side[i].messages < MESSAGES * rounds ||
		    stress.side[i].downs < DOWNS * rounds || !stress.side[i].losses)
			return false;
	return fewest_calls(NODE) >= rounds;
}

static bool both_closed(void)
{
	return stress.side[0].closed && stress.side[1].closed;
}

static bool handles_were_called(void)
{
	return fewest_calls(HANDLE) >= 10 * rounds;
}

/* ---- it settles ---- */

static void drive(void)
{
	for (unsigned i = 0; i < SIDES && !stress.mode.own_thread; i++)
		MUST(sinew_dispatch(stress.side[i].n, 1) >= 0);
}

/* Peers and incarnations as they should be. */
static void tell_all(void)
{
	for (unsigned i = 0; i < SIDES; i++) {
		struct side *s = &stress.side[i], *o = other_side(s);

		sinew_peer_add(s->n, o->nodeid, &o->addr, 1);
		sinew_peer_set_addrs(s->n, o->nodeid, &o->addr, 1);
		if (stress.mode.external)
			sinew_peer_joined(s->n, o->nodeid, sinew_incarnation(o->n));
	}
}

static void send_marker(struct side *s)
{
	struct stress_head head = { .marker = 1, .count = ++workers[0].count };
	uint8_t m[sizeof head + 1] = { 0 };
	struct sinew_session *p = take_peer(s);

	memcpy(m, &head, sizeof head);
	m[sizeof head] = (uint8_t)head.count;
	if (p)
		EXPECT_SENT("sinew_send", sinew_send(p, m, sizeof m));
	sinew_session_unref(p);
}

/* Both hear of each other, again. */
static bool met(void)
{
	drive();
	tell_all();
	for (unsigned i = 0; i < SIDES; i++)
		send_marker(&stress.side[i]);
	return stress.side[0].markers && stress.side[1].markers;
}

static void release_all(void)
{
	for (unsigned i = 0; i < KEPT_MAX; i++)
		sinew_release(atomic_exchange(&stress.kept[i], NULL));
}

/* Nothing is under way, and the status says so. */
static bool settled(void)
{
	bool all = true;

	drive();
	release_all();
	for (unsigned i = 0; i < SIDES; i++) {
		struct sinew_status st = { .size = sizeof st };

		if (sinew_peer_status(stress.side[i].n, other_side(&stress.side[i])->nodeid, &st))
			return false;
		all &= st.link_up && st.sent && !st.unacked && !st.queue_bytes &&
			!st.kept_bytes && !st.oldest_unacked_ms && !st.paused && !st.slot_held;
	}
	return all;
}

/* ---- the tests ---- */

static bool open_workers(const struct mode *mode)
{
	static unsigned n;

	n++;
	memset(workers, 0, sizeof workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].i = i;
		workers[i].since_ms = now_ms();
		workers[i].rng = (seed * 1000 + n) * 0x9e3779b97f4a7c15u + i;
	}
	for (unsigned i = 0; i < n_stress_calls; i++)
		stress_calls[i].n = 0;
	links.next = ends.next = 0;
	if (!stress_open(mode))
		return false;
	tell_all();
	return true;
}

/* Handles outlive their node, in all of them the same. */
static void share_handle(void)
{
	struct sinew_session *h = NULL;

	for (unsigned i = 0; i < WORKERS && !h; i++)
		h = workers[i].old;
	for (unsigned i = 0; i < WORKERS && h; i++) {
		sinew_session_ref(h);
		sinew_session_unref(workers[i].old);
		workers[i].old = h;
	}
	CHECK(h || stress.n_wrong);
}

static void free_nodes(void)
{
	for (unsigned i = 0; i < SIDES; i++) {
		put_peer(&stress.side[i], NULL);
		sinew_node_free(stress.side[i].n);
	}
}

static void free_handles(void)
{
	release_all();
	for (unsigned i = 0; i < WORKERS; i++) {
		sinew_session_unref(workers[i].old);
		sinew_session_unref(workers[i].seen);
	}
}

static void play(const struct mode *mode)
{
	CHECK_OR_RETURN(open_workers(mode));
	run_phase(RUNNING, enough_happened);
	for (unsigned i = 0; i < SIDES; i++) {
		int err = sinew_peer_set_dial(stress.side[i].n, stress.side[!i].nodeid,
					      SINEW_DIAL_ALWAYS);

		/* Two that never dial do not meet. */
		CHECK(!err || err == -ENOENT);
		CHECK_EQ(sinew_self_lost(stress.side[i].n), 0);
	}
	CHECK(wait_for(met));
	CHECK(wait_for(settled));
	run_phase(CLOSING, both_closed);
	free_nodes();
	share_handle();
	for (unsigned i = 0; i < n_stress_calls; i++)
		stress_calls[i].n = 0;
	run_phase(FREED, handles_were_called);
	free_handles();
	if (stress.n_wrong)
		printf("# seed %llu: %u wrong, first %s\n", (unsigned long long)seed,
		       stress.n_wrong, stress.why);
	CHECK_EQ(stress.n_wrong, 0);
}

static void static_peers_and_own_threads(void)
{
	play(&(struct mode) { .own_thread = true });
}

static void external_peers_and_own_threads(void)
{
	play(&(struct mode) { .own_thread = true, .external = true });
}

static void static_peers_and_turns(void)
{
	play(&(struct mode) { .own_thread = false });
}

static void external_peers_and_turns(void)
{
	play(&(struct mode) { .external = true, .shows_fd = true });
}

static bool is_called(const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < n_stress_calls; i++)
		for (const char *p = stress_calls[i].names; (p = strstr(p, name)); p += n)
			if ((p == stress_calls[i].names || p[-1] == ' ') && (!p[n] || p[n] == ' '))
				return true;
	return false;
}

static bool is_other(const char *name)
{
	static const char *const elsewhere[] = {
		"sinew_corosync_", "sinew_config_", "sinew_call_", "sinew_calls_", "sinew_binding_",
		"sinew_service_", "sinew_cred_",
	};

	for (unsigned i = 0; not_called[i].name; i++)
		if (strcmp(name, not_called[i].name) == 0)
			return true;
	/* Those that need a corosync have tests beside one, a configuration test_config_threads,
	 * calls test_call_stress. */
	for (unsigned i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (strncmp(name, elsewhere[i], strlen(elsewhere[i])) == 0)
			return true;
	return false;
}

/* Each exported function is called here, or is said to be for one thread only. */
static void no_function_is_forgotten(void)
{
	FILE *f = fopen("lowcomms/sinew.map", "r");
	char line[200], name[100], what[200];
	unsigned n = 0;

	CHECK_OR_RETURN(f);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "\t%99[a-z_]", name) != 1 || strncmp(name, "sinew_", 6) != 0)
			continue;
		n++;
		snprintf(what, sizeof what, "%s is called, or not for any thread", name);
		check_that(is_called(name) != is_other(name), __FILE__, __LINE__, what);
	}
	CHECK(n > n_stress_calls);
	fclose(f);
}

/* ---- who is inside ---- */

static struct sinew_node *shared;
static _Atomic unsigned n_inside, n_busy, n_other;

static void *dispatch_much(void *arg)
{
	(void)arg;
	while (n_inside < 40000 * rounds || !n_busy) {
		int r = sinew_dispatch(shared, 0);

		n_inside += r >= 0;
		n_busy += r == -EBUSY;
		n_other += r < 0 && r != -EBUSY;
		if (n_other || n_inside > 4000000 * rounds)
			break;
	}
	return NULL;
}

/* Not that it calls from a callback, which there is none. */
static void who_finds_another_inside_is_told_so(void)
{
	struct sinew_options o;
	pthread_t threads[2];

	SINEW_OPTIONS_INIT(&o);
	o.nodeid = 1;
	n_inside = n_busy = n_other = 0;
	CHECK_OR_RETURN(sinew_node_new(&o, NULL, NULL, &shared) == 0);
	for (unsigned i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, dispatch_much, NULL))
			abort();
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(n_busy > 0);
	CHECK_EQ(n_other, 0);
	sinew_node_free(shared);
}

int main(void)
{
	if (getenv("STRESS_SEED"))
		seed = strtoull(getenv("STRESS_SEED"), NULL, 0);
	if (getenv("STRESS_ROUNDS"))
		rounds = (unsigned)atoi(getenv("STRESS_ROUNDS"));
	RUN(no_function_is_forgotten);
	RUN(who_finds_another_inside_is_told_so);
	RUN(static_peers_and_own_threads);
	RUN(external_peers_and_own_threads);
	RUN(static_peers_and_turns);
	RUN(external_peers_and_turns);
	return check_done();
}
