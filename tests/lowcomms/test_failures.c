/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test that every call of the system and every allocation of the library may fail: the
 * k-th of its kind, and the k-th of all kinds, once and from then on for ever, for every k of one
 * scenario. Each kind and code has a process of its own. Knows no cause of what it finds.
 * run.sh: timeout=300
 *
 * LIVE_FULL=1: every k, and both kinds of failure with and without an own thread; else behind the
 * first ones every SPARSE-th, and one of each.
 * FAIL="call code k once|ever file|own" in the environment: that run alone, with LIVE_LOG=1 all
 * that is logged.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/lib/check.h"
#include "tests/lib/fault_scenario.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_SEEN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_SEEN
#endif
#endif
#ifdef LEAKS_ARE_SEEN
int __lsan_do_recoverable_leak_check(void);
#else
static int __lsan_do_recoverable_leak_check(void)
{
	return 0;
}
#endif

#define JOBS_MAX	512
#define WORKERS		12	/* they sleep more than they work */
#define PARTS		4	/* of a job with many calls */
#define K_MAX		20000
#define K_DENSE		12	/* behind it: one of SPARSE, unless LIVE_FULL=1 */
#define SPARSE		9
#define ENDS		2000
#define RUN_S		30	/* for a run: it hangs */

struct job {
	struct plan plan;
	enum mode mode;
	unsigned part, parts;
};

struct result {
	char wrong[400];	/* "": nothing */
	unsigned runs, refused, complete, said, reached;
	unsigned k;		/* of the run under way */
	int ms, ms_k;		/* of the slowest, and which it was */
};

static struct job jobs[JOBS_MAX];
static struct result *results;	/* shared with the workers */
static unsigned n_jobs;
static bool full;

static const char *name_of(const struct plan *p)
{
	return p->call == CALLS ? "any" : calls[p->call].name;
}

static const char *code_text(int code, char buf[24])
{
	if (code == CODE_SHORT || code == CODE_END || !code)
		return code == CODE_SHORT ? "SHORT" : code ? "END" : "first";
	if (code < 0)
		snprintf(buf, 24, "EAI%d", code);
	else
		snprintf(buf, 24, "%s", strerrorname_np(code));
	return buf;
}

/* ---- one run ---- */

/* Whether the scenario ends well although the call fails for ever. */
static bool must_complete(const struct plan *p)
{
	if (!p->ever)
		return true;
	return p->call != CALLS && (code_passes(p->call, p->code) || p->code == CODE_SHORT ||
				    calls[p->call].flags & CALL_NEEDLESS ||
				    (p->call == CALL_write && p->code == EAGAIN));
}

/* The log's text about it, or NULL. */
static const char *cause_of(const struct plan *p)
{
	if (p->call == CALLS || !(calls[p->call].flags & CALL_SAID) ||
	    code_passes(p->call, p->code) || p->code >= CODE_SHORT)
		return NULL;
	/* These are about one connection that does not come to be. */
	if (p->call == CALL_accept4 && (p->code == ECONNABORTED || p->code == EPROTO ||
					p->code == EPERM || p->code == ENETDOWN))
		return NULL;
	return strerror(p->code);
}

static void try_k(const struct job *j, unsigned k, struct result *r)
{
	struct plan plan = j->plan;
	struct outcome out;

	plan.k = k;
	r->k = k;
	alarm((unsigned)time_limit(RUN_S));
	failing_begin(&plan);
	scenario_run(j->mode, !must_complete(&plan), cause_of(&plan), &out);
	r->runs++;
	r->reached += failing.hits != 0;
	r->refused += out.refused;
	r->complete += out.complete;
	r->said += out.said && !out.refused;
	if (out.ms > r->ms) {
		r->ms = out.ms;
		r->ms_k = (int)k;
	}
	if (!out.wrong[0] && !out.refused && !out.complete && must_complete(&plan))
		snprintf(out.wrong, sizeof out.wrong, "it did not complete");
	if (out.wrong[0])
		snprintf(r->wrong, sizeof r->wrong, "k=%u: %s", k, out.wrong);
}

/* ---- a job: k = 1, 2, ... until one is not reached ---- */

static void work(const struct job *j, struct result *r)
{
	if (!scenario_prepare()) {
		snprintf(r->wrong, sizeof r->wrong, "no files in /tmp");
		return;
	}
	for (unsigned k = j->part + 1; k < K_MAX && !r->wrong[0];
	     k += k > K_DENSE && !full ? SPARSE * j->parts : j->parts) {
		try_k(j, k, r);
		if (!failing.hits)
			break;
	}
	if (!r->wrong[0] && __lsan_do_recoverable_leak_check())
		snprintf(r->wrong, sizeof r->wrong, "memory is lost");
	/* A refused caller has the cause; a link that ends anyway is not worth a line. */
	if (!r->wrong[0] && cause_of(&j->plan) && r->said < (r->reached - r->refused) / 2)
		snprintf(r->wrong, sizeof r->wrong, "the log of %u of %u runs has the cause",
			 r->said, r->reached - r->refused);
	scenario_done();
}

static void died(unsigned i, int status)
{
	struct result *r = &results[i];

	if (WIFSIGNALED(status))
		snprintf(r->wrong, sizeof r->wrong, "k=%u: %s", r->k, WTERMSIG(status) == SIGALRM ?
			 "it hangs" : strsignal(WTERMSIG(status)));
	else if (status)
		snprintf(r->wrong, sizeof r->wrong, "k=%u: it ends with %d", r->k,
			 WEXITSTATUS(status));
}

static void run_jobs(void)
{
	pid_t pids[WORKERS] = { 0 };
	unsigned of[WORKERS], next = 0, busy = 0;
	int status;

	while (next < n_jobs || busy) {
		unsigned w = 0;
		pid_t pid;

		while (w < WORKERS && pids[w])
			w++;
		if (w < WORKERS && next < n_jobs) {
			fflush(stdout);
			pid = fork();
			if (!pid) {
				work(&jobs[next], &results[next]);
				_exit(0);
			}
			pids[w] = pid;
			of[w] = next++;
			busy++;
			continue;
		}
		pid = wait(&status);
		for (w = 0; w < WORKERS && pids[w] != pid; w++)
			;
		if (w == WORKERS)
			return;
		died(of[w], status);
		pids[w] = 0;
		busy--;
	}
}

/* ---- which jobs ---- */

static void add_jobs(enum call call, int code, bool ever, enum mode mode)
{
	unsigned parts = call == CALLS || calls[call].flags & CALL_MANY ? PARTS : 1;

	for (unsigned i = 0; i < parts && n_jobs < JOBS_MAX; i++)
		jobs[n_jobs++] = (struct job) { { call, code, 0, ever }, mode, i, parts };
}

static void show(const struct job *j, const struct result *r)
{
	char text[24];

	if (!r->wrong[0] && j->part)
		return;
	printf("# %s %s %s: %u runs of 1/%u, %u refused, %u complete; slowest %d ms, k=%d%s%s\n",
	       name_of(&j->plan), code_text(j->plan.code, text), j->plan.ever ? "ever" : "once",
	       r->runs, j->parts, r->refused, r->complete, r->ms, r->ms_k,
	       r->wrong[0] ? " WRONG " : "", r->wrong);
}

static void every_k(bool ever, enum mode mode)
{
	unsigned runs = 0, reached = 0;
	size_t size = JOBS_MAX * sizeof *results;

	n_jobs = 0;
	add_jobs(CALLS, 0, ever, mode);
	for (unsigned call = 0; call < CALLS; call++)
		for (unsigned i = 0; i < CODES_MAX && calls[call].codes[i]; i++)
			add_jobs((enum call)call, calls[call].codes[i], ever, mode);
	results = __real_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			      0);
	CHECK_OR_RETURN(results != MAP_FAILED);
	run_jobs();
	for (unsigned i = 0; i < n_jobs; i++) {
		show(&jobs[i], &results[i]);
		CHECK_STR(results[i].wrong, "");
		runs += results[i].runs;
		reached += results[i].reached;
	}
	printf("# %u runs, %u of them with a failure\n", runs, reached);
	CHECK(reached > n_jobs);
	__real_munmap(results, size);
}

/* ---- tests ---- */

static void nothing_fails(void)
{
	struct outcome out;

	CHECK_OR_RETURN(scenario_prepare());
	for (unsigned mode = 0; mode < 2; mode++) {
		failing_begin(&(struct plan) { .call = CALLS });
		scenario_run((enum mode)mode, false, NULL, &out);
		CHECK_STR(out.wrong, "");
		CHECK(out.complete);
		printf("# %u calls, %d ms\n", out.calls, out.ms);
	}
	scenario_done();
}

/* The thread of the library is just about to sleep, or not yet there. */
static void an_own_thread_ends_at_once(void)
{
	struct side *s = &scenario.side[0];
	struct sinew_options o;
	struct outcome out;

	failing_begin(&(struct plan) { .call = CALLS });
	SINEW_OPTIONS_INIT(&o);
	o.own_thread = true;
	scenario.out = &out;
	for (unsigned i = 0; i < ENDS; i++) {
		o.nodeid = s->id = 1;
		alarm((unsigned)time_limit(RUN_S));
		CHECK_OR_RETURN(!new_node(s, &o));
		for (unsigned turns = i % 64; turns; turns--)
			sched_yield();
		sinew_node_free(s->node);
		s->node = NULL;
	}
	alarm(0);
}

static void each_call_fails_once(void)
{
	every_k(false, MODE_FILE);
}

static void each_call_fails_once_in_an_own_thread(void)
{
	every_k(false, MODE_OWN_THREAD);
}

static void from_each_call_on_all_fail(void)
{
	every_k(true, MODE_FILE);
}

static void from_each_call_on_all_fail_in_an_own_thread(void)
{
	every_k(true, MODE_OWN_THREAD);
}

static int by_name(const char *what)
{
	char call[32], code[32], when[8], where[8], text[24];
	struct result r = { .k = 0 };
	struct job j = { .parts = 1, .plan.call = CALLS };
	unsigned k;

	if (sscanf(what, "%31s %31s %u %7s %7s", call, code, &k, when, where) != 5)
		return 2;
	for (unsigned i = 0; i < CALLS; i++) {
		if (strcmp(call, calls[i].name))
			continue;
		j.plan.call = (enum call)i;
		for (unsigned c = 0; c < CODES_MAX && calls[i].codes[c]; c++)
			if (!strcmp(code, code_text(calls[i].codes[c], text)))
				j.plan.code = calls[i].codes[c];
	}
	j.plan.ever = !strcmp(when, "ever");
	j.mode = strcmp(where, "own") ? MODE_FILE : MODE_OWN_THREAD;
	if (!scenario_prepare())
		return 2;
	try_k(&j, k, &r);
	scenario_done();
	show(&j, &r);
	return r.wrong[0] ? 1 : 0;
}

int main(void)
{
	full = getenv("LIVE_FULL") != NULL;
	if (getenv("FAIL"))
		return by_name(getenv("FAIL"));
	RUN(nothing_fails);
	RUN(an_own_thread_ends_at_once);
	RUN(each_call_fails_once);
	if (full) {
		RUN(each_call_fails_once_in_an_own_thread);
		RUN(from_each_call_on_all_fail);
	}
	RUN(from_each_call_on_all_fail_in_an_own_thread);
	return check_done();
}
