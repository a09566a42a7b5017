/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: runs seeds on several processes, shrinks one, shows one as a
 * trace, prints the coverage. Knows nothing of what happens inside of a run.
 * run.sh: timeout=180
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX	64
#define FAILS_MAX	20
#define CHECK_SEEDS	2000
#define VIEW_SHARE	2		/* one seed with a view for so many without */
#define CALLS_SHARE	4		/* the same of calls */
#define BOTH_SHARE	16
#define SCTP_SHARE	8
#define RUN_S		30		/* of processor time; more is a hang */

struct shared {
	uint64_t next, end, done, failed;
	uint64_t current[JOBS_MAX];
	uint64_t failing[FAILS_MAX];
	uint64_t cells[COVER_N];
};

static struct shared *shared;
static struct limits limits;

static const char usage[] =
	"usage: sim [--seeds N] [--from N] [--view] [--calls] [--sctp] [--topo] [--jobs N]\n"
	"           [--coverage]\n"
	"       sim --seed N [--trace] [--shrink]\n"
	"           [--nodes N] [--messages N] [--faults N] [--without MASK]\n"
	"           [--attacker auto|always|never]\n"
	"       sim --check [--seeds N] [--jobs N] [--regressions FILE]\n"
	"       sim --digests | --record-digests\n";

static void replay_line(uint64_t seed, const struct limits *lim)
{
	printf("replay: build/tests/sim --seed %llu --trace", (unsigned long long)seed);
	if (lim->nodes)
		printf(" --nodes %u", lim->nodes);
	if (lim->messages)
		printf(" --messages %u", lim->messages);
	if (lim->faults)
		printf(" --faults %u", lim->faults);
	if (lim->attacker)
		printf(" --attacker %s", lim->attacker == ATTACK_ALWAYS ? "always" : "never");
	if (lim->mask)
		printf(" --without %#llx", (unsigned long long)lim->mask);
	putchar('\n');
}

static void failed(uint64_t seed, const char *why)
{
	uint64_t n = __atomic_fetch_add(&shared->failed, 1, __ATOMIC_RELAXED);

	if (n >= FAILS_MAX)
		return;
	shared->failing[n] = seed;
	printf("seed %llu: %s\n", (unsigned long long)seed, why);
	replay_line(seed, &limits);
	fflush(stdout);
}

/* A loaded machine makes no hang. */
static void limit_run(void)
{
	const struct itimerval limit = { .it_value = { .tv_sec = RUN_S } };

	setitimer(ITIMER_PROF, &limit, NULL);
}

static void worker(unsigned job)
{
	sim_setup();
	while (shared->failed < FAILS_MAX) {
		uint64_t seed = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED);

		if (seed >= shared->end)
			break;
		shared->current[job] = seed;
		limit_run();
		if (!sim_run(seed, &limits, false))
			failed(seed, sim.why);
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELAXED);
	}
	fflush(stdout);
	_exit(0);
}

static pid_t start_worker(unsigned job)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		worker(job);
	if (pid < 0) {
		perror("sim: fork");
		exit(2);
	}
	return pid;
}

/* Every seed from..from+n-1; a worker that crashes is replaced. */
static void run_seeds(uint64_t from, uint64_t n, unsigned jobs)
{
	pid_t pids[JOBS_MAX];
	unsigned left = jobs;

	shared->next = from;
	shared->end = from + n;
	for (unsigned i = 0; i < jobs; i++)
		pids[i] = start_worker(i);
	while (left) {
		int status;
		pid_t pid = wait(&status);
		unsigned i = 0;

		if (pid < 0)
			break;
		while (i < jobs && pids[i] != pid)
			i++;
		if (i == jobs)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			left--;
			continue;
		}
		failed(shared->current[i], WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF ?
		       "hangs" : "crashes");
		__atomic_fetch_add(&shared->done, 1, __ATOMIC_RELAXED);
		pids[i] = start_worker(i);
	}
}

/* In a process of its own: it may crash. */
static bool fails(uint64_t seed, const struct limits *lim)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(9);
		limit_run();
		sim_setup();
		_exit(sim_run(seed, lim, false) ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

static uint32_t shrink_one(uint64_t seed, struct limits *lim, uint32_t *field, uint32_t hi,
			   uint32_t lo)
{
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		*field = mid;
		if (fails(seed, lim))
			hi = mid;
		else
			lo = mid + 1;
	}
	*field = hi;
	return hi;
}

/* Smaller limits under which it still fails. */
static void shrink(uint64_t seed)
{
	struct limits lim = limits, best;

	if (!fails(seed, &lim)) {
		printf("seed %llu does not fail\n", (unsigned long long)seed);
		return;
	}
	best = lim;
	lim.attacker = ATTACK_NEVER;
	if (fails(seed, &lim))
		best = lim;
	for (unsigned k = 0; k < FAULT_KINDS; k++) {
		lim = best;
		lim.mask |= 1ull << k;
		if (fails(seed, &lim))
			best = lim;
	}
	lim = best;
	lim.nodes = 2;
	if (fails(seed, &lim))
		best = lim;
	lim = best;
	shrink_one(seed, &lim, &lim.messages, 600, 1);
	if (fails(seed, &lim))
		best = lim;
	lim = best;
	shrink_one(seed, &lim, &lim.faults, SIM_FAULTS, 1);
	if (fails(seed, &lim))
		best = lim;
	replay_line(seed, &best);
}

static int show(uint64_t seed, bool trace)
{
	bool ok;

	sim_setup();
	ok = sim_run(seed, &limits, trace);
	printf("seed %llu: %s\n", (unsigned long long)seed, ok ? "ok" : sim.why);
	return !ok;
}

/*
 * Seeds that have failed once, one a line, a comment behind. They are what they were without
 * the attacker; an a behind the number: with it.
 */
static unsigned regressions(const char *path)
{
	FILE *f = fopen(path, "r");
	struct limits lim = limits;
	unsigned bad = 0;
	char line[300];

	if (!f) {
		printf("not ok - sim regressions: cannot read %s\n", path);
		return 1;
	}
	while (fgets(line, sizeof line, f)) {
		char *end;
		uint64_t seed = strtoull(line, &end, 10);

		if (end == line)
			continue;
		lim.attacker = *end == 'a' ? ATTACK_ALWAYS : ATTACK_NEVER;
		if (fails(seed, &lim)) {
			printf("not ok - sim regression: %s", line);
			replay_line(seed, &lim);
			bad++;
		}
	}
	fclose(f);
	if (!bad)
		printf("ok - sim regressions\n");
	return bad;
}

/* Whether all recorded seeds do what they did. */
static unsigned check_digests(void)
{
	int others = digest_compare();

	if (others)
		printf("not ok - sim digests: compare the --trace of such a seed with that of the "
		       "tree before; if the change is meant, `make digests` records it\n");
	else
		printf("ok - sim digests\n");
	return others != 0;
}

/* As a test. Recorded digests, and a coverage table without zeros, are asked for from
 * CHECK_SEEDS on. */
static int check(uint64_t seeds, unsigned jobs, const char *path)
{
	unsigned bad = regressions(path), zeros = 0, core = 0, view = 0, calls = 0;

	if (seeds >= CHECK_SEEDS) {
		bad += check_digests();
		core = DIGEST_SEEDS;
		view = DIGEST_VIEWS;
		calls = DIGEST_CALLS;
	}
	run_seeds(1 + core, seeds - core, jobs);
	run_seeds(SIM_VIEW + view, seeds / VIEW_SHARE - view, jobs);
	run_seeds(SIM_CALLS + calls, seeds / CALLS_SHARE - calls, jobs);
	run_seeds(SIM_CALLS | SIM_VIEW, seeds / BOTH_SHARE, jobs);
	run_seeds(SIM_SCTP, seeds / SCTP_SHARE, jobs);
	run_seeds(SIM_TOPO, seeds, jobs);
	if (shared->failed)
		printf("not ok - sim %llu seeds: %llu failed\n", (unsigned long long)seeds,
		       (unsigned long long)shared->failed);
	else
		printf("ok - sim %llu seeds\n", (unsigned long long)seeds);
	if (seeds < CHECK_SEEDS)
		return bad || shared->failed;
	zeros = cover_print(stdout, true);
	if (zeros)
		printf("not ok - sim coverage: %u cells were never reached\n", zeros);
	else
		printf("ok - sim coverage\n");
	return bad || shared->failed || zeros;
}

static enum attack attack_of(const char *word)
{
	return !strcmp(word, "always") ? ATTACK_ALWAYS : !strcmp(word, "never") ? ATTACK_NEVER :
		ATTACK_AUTO;
}

/* The arguments of the command. */
struct wanted {
	uint64_t from, modes, seeds, seed;
	const char *regressions;
	unsigned jobs;
	bool one, trace, small, coverage, checking, digests, record;
};

static bool parse_limit(const char *word, const char *value)
{
	uint64_t number = strtoull(value, NULL, 0);

	if (!strcmp(word, "--nodes"))
		limits.nodes = (uint32_t)number;
	else if (!strcmp(word, "--messages"))
		limits.messages = (uint32_t)number;
	else if (!strcmp(word, "--faults"))
		limits.faults = (uint32_t)number;
	else if (!strcmp(word, "--without"))
		limits.mask = number;
	else if (!strcmp(word, "--attacker"))
		limits.attacker = attack_of(value);
	else
		return false;
	return true;
}

static bool parse_value(struct wanted *w, const char *word, const char *value)
{
	uint64_t number = strtoull(value, NULL, 0);

	if (!strcmp(word, "--seeds"))
		w->seeds = number;
	else if (!strcmp(word, "--from"))
		w->from = number;
	else if (!strcmp(word, "--seed"))
		w->seed = number, w->one = true;
	else if (!strcmp(word, "--jobs"))
		w->jobs = (unsigned)number;
	else if (!strcmp(word, "--regressions"))
		w->regressions = value;
	else
		return parse_limit(word, value);
	return true;
}

static bool parse(struct wanted *w, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			w->trace = true;
		else if (!strcmp(argv[i], "--shrink"))
			w->small = true;
		else if (!strcmp(argv[i], "--coverage"))
			w->coverage = true;
		else if (!strcmp(argv[i], "--view"))
			w->modes |= SIM_VIEW;
		else if (!strcmp(argv[i], "--calls"))
			w->modes |= SIM_CALLS;
		else if (!strcmp(argv[i], "--sctp"))
			w->modes |= SIM_SCTP;
		else if (!strcmp(argv[i], "--topo"))
			w->modes |= SIM_TOPO;
		else if (!strcmp(argv[i], "--check"))
			w->checking = true;
		else if (!strcmp(argv[i], "--digests"))
			w->digests = true;
		else if (!strcmp(argv[i], "--record-digests"))
			w->record = true;
		else if (i + 1 == argc || !parse_value(w, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	return w->one || w->checking || w->seeds || w->digests || w->record;
}

int main(int argc, char **argv)
{
	struct wanted w = { .from = 1, .regressions = "tests/sim/regressions/seeds",
		.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) };

	if (!parse(&w, argc, argv))
		return fputs(usage, stderr), 2;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return perror("sim: mmap"), 2;
	cover_map(shared->cells);
	if (w.jobs < 1 || w.jobs > JOBS_MAX)
		w.jobs = 1;
	if (w.record)
		return !digest_record();
	if (w.digests)
		return digest_compare() != 0;
	if (w.one && w.small)
		return shrink(w.seed), 0;
	if (w.one)
		return show(w.seed, w.trace);
	if (w.checking)
		return check(w.seeds ? w.seeds : CHECK_SEEDS, w.jobs, w.regressions);
	run_seeds(w.from | w.modes, w.seeds, w.jobs);
	if (w.coverage)
		cover_print(stdout, true);
	printf("%llu seeds, %llu failed\n", (unsigned long long)shared->done,
	       (unsigned long long)shared->failed);
	return shared->failed != 0;
}
