/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the steps of the plan: group by group, those of a group in turn, again and again, so
 * that each meets the same moods of the machine. Says on standard error how far it is.
 * Knows nothing of what comes out.
 */
#include "tests/bench/run.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/child.h"
#include "tools/clock.h"

#define ARGUMENTS_MAX 32
#define PORT_FIRST    20000 /* below those that the kernel gives to diallers */
#define QUICK_S	      52 /* after that nothing is begun any more */
#define FULL_S	      1080
#define PORTS	      10000

struct command {
	char text[2 * WORDS_MAX];
	char *argv[ARGUMENTS_MAX];
};

struct runner {
	struct bench *b;
	const char *build;
	char net[16]; /* addresses of this process alone */
	unsigned port;
	uint64_t began_ns;
	unsigned n_done, n_all;
	bool is_terminal;
};

static bool is_wanted(const struct bench *b, const struct step *step)
{
	for (unsigned i = 0; i < step->n_results; i++)
		if (b->figures[step->results[i].figure].is_wanted)
			return true;
	return false;
}

static unsigned runs_of(const struct bench *b, const struct step *step)
{
	return step->runs && step->runs < b->runs ? step->runs : b->runs;
}

/* ---- command lines ---- */

static void split(struct command *c)
{
	char *rest = NULL, *word = strtok_r(c->text, " ", &rest);
	unsigned n = 0;

	while (word && n < ARGUMENTS_MAX - 1) {
		c->argv[n++] = word;
		word = strtok_r(NULL, " ", &rest);
	}
	c->argv[n] = NULL;
}

static void compose(const struct runner *r, const struct step *step, unsigned index,
		    struct command *c)
{
	static const char grind[] = "valgrind --tool=callgrind --callgrind-out-file=/dev/null";
	const char *words = step->words[index];
	char toggle[WORDS_MAX] = "";

	if (step->toggle)
		snprintf(toggle, sizeof toggle, " --toggle-collect=%s", step->toggle);
	switch (step->kind) {
	case STEP_WORK:
	case STEP_COUNTED:
		snprintf(c->text, sizeof c->text, "%s/bench/%s %s net=%s port=%u", r->build,
			 step->kind == STEP_WORK ? step->program : "counted", words, r->net,
			 r->port);
		break;
	case STEP_CALLGRIND:
		snprintf(c->text, sizeof c->text, "%s%s %s/bench/%s %s net=%s port=%u", grind,
			 toggle, r->build, step->program, words, r->net, r->port);
		break;
	case STEP_GATE:
		snprintf(c->text, sizeof c->text, "%s %s/tests/gate_stream %s %u %s", grind,
			 r->build, index ? "send" : "recv", r->port, words);
		break;
	}
	split(c);
}

/* One that nobody has, for each step another. */
static void next_port(struct runner *r)
{
	for (unsigned i = 0; i < PORTS; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;

		r->port = PORT_FIRST + (r->port + 1 - PORT_FIRST) % PORTS;
		a.sin_port = htons((uint16_t)r->port);
		failed = bind(fd, (const struct sockaddr *)&a, sizeof a);
		close(fd);
		if (!failed)
			return;
	}
}

/* ---- a step ---- */

static void skip(struct bench *b, const struct step *step, const char *why)
{
	for (unsigned i = 0; i < step->n_results; i++) {
		struct figure *f = &b->figures[step->results[i].figure];

		snprintf(f->skipped, sizeof f->skipped, "%s", why);
	}
}

static void fail(struct bench *b, const struct step *step, const char *why)
{
	fprintf(stderr, "\rbench: %s at %s: %s\n", step->words[0], place_name(step->place), why);
	b->n_failed++;
	skip(b, step, why);
}

static const char *why_not(const struct bench *b, const struct step *step)
{
	if (b->is_quick && step->is_slow)
		return "slow: not in a quick run";
	if (b->is_quick && step->is_extra)
		return "another placement: not in a quick run";
	if (!place_is_here(step->place))
		return "this machine has one processor";
	return NULL;
}

static void take(struct bench *b, const struct step *step, const struct outcome *o)
{
	double value;

	for (unsigned i = 0; i < step->n_results; i++) {
		struct figure *f = &b->figures[step->results[i].figure];

		if (!outcome_get(o, step->results[i].key, &value))
			fail(b, step, "it ended without its result");
		else if (f->n < RUNS_MAX)
			f->runs[f->n++] = value;
	}
}

/* A program that needs a library of others is there if the library was. */
static bool is_not_built(struct runner *r, const struct step *step)
{
	static const struct {
		const char *program, *why;
	} of_others[] = {
		{ "zmq", "not built: libzmq3-dev was missing" },
		{ "nng", "not built: libnng-dev was missing" },
		{ "grpc", "not built: libgrpc++-dev or g++ was missing" },
		{ "usrsctp", "not built: libusrsctp-dev was missing" },
	};
	char file[2 * WORDS_MAX];

	snprintf(file, sizeof file, "%s/bench/%s", r->build, step->program);
	if (!access(file, X_OK))
		return false;
	for (unsigned i = 0; i < sizeof of_others / sizeof of_others[0]; i++) {
		if (strcmp(of_others[i].program, step->program) != 0)
			continue;
		skip(r->b, step, of_others[i].why);
		return true;
	}
	return false;
}

static void run_step(struct runner *r, const struct step *step)
{
	struct command commands[CHILDREN_MAX];
	char **argv[CHILDREN_MAX];
	struct outcome o;
	unsigned n = 0;

	if (is_not_built(r, step))
		return;
	next_port(r);
	for (; n < CHILDREN_MAX && step->words[n][0]; n++) {
		compose(r, step, n, &commands[n]);
		argv[n] = commands[n].argv;
	}
	if (children_run(argv, n, step->place, step->limit_s, &o))
		fail(r->b, step, o.why);
	else
		take(r->b, step, &o);
}

/* ---- all ---- */

static void progress(const struct runner *r, const struct step *step, unsigned run)
{
	double seconds = (double)(clock_now_ns() - r->began_ns) / CLOCK_S;
	double left = r->n_done ? seconds / r->n_done * (r->n_all - r->n_done) : 0;

	if (r->is_terminal)
		fprintf(stderr, "\r\033[K%3.0f %%  %3.0f s, about %.0f s more: %s, run %u",
			100.0 * r->n_done / r->n_all, seconds, left, step->group, run + 1);
	else
		fprintf(stderr, "bench: %3.0f s: %s, run %u\n", seconds, step->group, run + 1);
}

static bool has_time(const struct runner *r)
{
	uint64_t seconds = r->b->is_quick ? QUICK_S : FULL_S;

	return clock_now_ns() - r->began_ns < seconds * CLOCK_S;
}

/* A figure not measured even once is no success of a full run. */
static void give_up(struct runner *r, const struct step *step)
{
	static const char why[] = "no time was left";

	if (r->b->figures[step->results[0].figure].n)
		return;
	if (r->b->is_quick)
		skip(r->b, step, why);
	else
		fail(r->b, step, why);
}

/* The steps first to last have one group. */
static void run_group(struct runner *r, struct step *first, struct step *last)
{
	for (unsigned run = 0; run < r->b->runs; run++) {
		bool is_told = false;

		for (struct step *step = first; step <= last; step++) {
			if (!is_wanted(r->b, step) || run >= runs_of(r->b, step) ||
			    why_not(r->b, step) ||
			    r->b->figures[step->results[0].figure].skipped[0])
				continue;
			if (!has_time(r)) {
				give_up(r, step);
				continue;
			}
			if (!is_told || r->is_terminal)
				progress(r, step, run);
			is_told = true;
			run_step(r, step);
			r->n_done++;
		}
	}
}

static void count(struct runner *r)
{
	for (unsigned i = 0; i < r->b->n_steps; i++) {
		struct step *step = &r->b->steps[i];

		if (!is_wanted(r->b, step))
			continue;
		if (!why_not(r->b, step)) {
			r->n_all += runs_of(r->b, step);
			continue;
		}
		skip(r->b, step, why_not(r->b, step));
		for (unsigned k = 0; k < step->n_results; k++)
			r->b->figures[step->results[k].figure].is_left_out = true;
	}
}

void run_all(struct bench *b, const char *build)
{
	struct runner r = { .b = b, .build = build, .began_ns = clock_now_ns() };
	unsigned pid = (unsigned)getpid(), from = 0;

	r.is_terminal = isatty(STDERR_FILENO);
	r.port = PORT_FIRST + pid * 7 % PORTS;
	snprintf(r.net, sizeof r.net, "127.%u.%u", pid / 200 % 200 + 1, pid % 200 + 1);
	count(&r);
	for (unsigned i = 0; i < b->n_steps; i++) {
		if (i + 1 < b->n_steps && strcmp(b->steps[i + 1].group, b->steps[i].group) == 0)
			continue;
		run_group(&r, &b->steps[from], &b->steps[i]);
		from = i + 1;
	}
	if (r.is_terminal)
		fprintf(stderr, "\r\033[K");
}
