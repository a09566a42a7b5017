/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver of the benchmark: its command line, and what comes after what.
 * Knows no measure.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/run.h"

#define RUNS	     7
#define RUNS_QUICK   2
#define PATTERNS_MAX 64 /* rows and groups that are asked for */

static const char help[] =
	"usage: build/bench/run [OPTION...]\n"
	"\n"
	"Measures sinew beside sockets, usrsctp, ZeroMQ, NNG, gRPC: one table, and JSON.\n"
	"\n"
	"  --row NAME      only that line of the table, group (stream64, roundtrip), or figure\n"
	"                  (stream64.sinew.*); again for more\n"
	"  --runs N        so many runs of each, in turn (7; 2 if quick)\n"
	"  --quick         within a minute: shorter, each at one placement, nothing slow\n"
	"  --list          print the names of all rows and figures\n"
	"  --json FILE     (build/bench.json)\n"
	"  --charts DIR    draw pictures there\n"
	"  --build DIR     where the programs are (build)\n"
	"\n"
	"Exit status: 0 all is as it must be, 1 something is not, or did not run, 2 usage.\n";

struct arguments {
	const char *patterns[PATTERNS_MAX];
	unsigned n_patterns;
	const char *json, *charts, *build;
	bool lists;
};

/* Large, and there is one. */
static struct bench bench;

static int parse(struct arguments *args, int argc, char **argv)
{
	static const struct option options[] = {
		{ "row", required_argument, NULL, 'r' },
		{ "runs", required_argument, NULL, 'n' },
		{ "quick", no_argument, NULL, 'q' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", required_argument, NULL, 'j' },
		{ "charts", required_argument, NULL, 'c' },
		{ "build", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'r' && args->n_patterns < PATTERNS_MAX)
			args->patterns[args->n_patterns++] = optarg;
		else if (option == 'n')
			bench.runs = (unsigned)atoi(optarg);
		else if (option == 'q')
			bench.is_quick = true;
		else if (option == 'l')
			args->lists = true;
		else if (option == 'j')
			args->json = optarg;
		else if (option == 'c')
			args->charts = optarg;
		else if (option == 'b')
			args->build = optarg;
		else
			return -1;
	}
	if (!bench.runs)
		bench.runs = bench.is_quick ? RUNS_QUICK : RUNS;
	return optind == argc && bench.runs <= RUNS_MAX ? 0 : -1;
}

/* ---- what is wanted ---- */

static void want(const char *figure)
{
	for (unsigned i = 0; i < bench.n_figures; i++)
		if (strcmp(bench.figures[i].name, figure) == 0)
			bench.figures[i].is_wanted = true;
}

static void want_row(struct row *row)
{
	row->is_wanted = true;
	want(row->rule->over);
	for (unsigned i = 0; i < ROW_UNDER_MAX && row->rule->under[i]; i++)
		want(row->rule->under[i]);
}

/* A figure is of the group that its name begins with; the quantiles of a chart go with it. */
static bool is_of_group(const struct step *step, const char *pattern)
{
	return strcmp(step->group, pattern) == 0;
}

static unsigned select_by(const char *pattern)
{
	unsigned n = 0;

	for (unsigned i = 0; i < bench.n_steps; i++) {
		struct step *step = &bench.steps[i];

		for (unsigned k = 0; k < step->n_results; k++) {
			struct figure *f = &bench.figures[step->results[k].figure];

			if (!is_of_group(step, pattern) && fnmatch(pattern, f->name, 0) != 0)
				continue;
			f->is_wanted = true;
			n++;
		}
	}
	for (unsigned i = 0; i < bench.n_rows; i++) {
		if (fnmatch(pattern, bench.rows[i].rule->name, 0) != 0)
			continue;
		want_row(&bench.rows[i]);
		n++;
	}
	return n;
}

/* A row whose figures are all there anyway is judged, too. */
static void want_whole_rows(void)
{
	for (unsigned i = 0; i < bench.n_rows; i++) {
		struct row *row = &bench.rows[i];
		bool is_whole = figure_find(&bench, row->rule->over)->is_wanted;

		for (unsigned k = 0; k < ROW_UNDER_MAX && row->rule->under[k]; k++)
			is_whole = is_whole && figure_find(&bench, row->rule->under[k])->is_wanted;
		row->is_wanted = row->is_wanted || is_whole;
	}
}

static int select_all(const struct arguments *args)
{
	for (unsigned i = 0; i < args->n_patterns; i++) {
		if (select_by(args->patterns[i]))
			continue;
		fprintf(stderr, "bench: nothing is called \"%s\"; --list has all names\n",
			args->patterns[i]);
		return -1;
	}
	for (unsigned i = 0; i < bench.n_figures && !args->n_patterns; i++)
		bench.figures[i].is_wanted = true;
	want_whole_rows();
	return 0;
}

static void list(void)
{
	for (unsigned i = 0; i < bench.n_rows; i++)
		printf("%-24s %s\n", bench.rows[i].rule->name, bench.rows[i].rule->title);
	for (unsigned i = 0; i < bench.n_figures; i++)
		printf("%s\n", bench.figures[i].name);
}

/* A target missed by a quick run is no failure: it is too short to judge. */
static int conclude(const struct arguments *args)
{
	unsigned n_missed = judge(&bench);
	int err = report_write(&bench, args->json);

	table_print(&bench);
	fflush(stdout);
	if (err)
		fprintf(stderr, "bench: %s: %s\n", args->json, strerror(-err));
	if (bench.n_failed)
		fprintf(stderr, "bench: %u steps failed\n", bench.n_failed);
	if (n_missed)
		fprintf(stderr, "bench: %u rows are not as they must be\n", n_missed);
	if (args->charts && charts_draw(&bench, args->charts))
		err = -1;
	return err || bench.n_failed || (n_missed && !bench.is_quick) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct arguments args = { .json = "build/bench.json", .build = "build" };

	if (parse(&args, argc, argv)) {
		fputs(help, stderr);
		return 2;
	}
	plan_make(&bench);
	rows_make(&bench);
	if (args.lists) {
		list();
		return 0;
	}
	if (select_all(&args))
		return 2;
	run_all(&bench, args.build);
	return conclude(&args);
}
