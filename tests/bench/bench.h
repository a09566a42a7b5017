/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the parts of the driver: figures, the steps that yield them, and the rows that
 * judge them. Knows no measure: plan.c and rows.c have them.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/place.h"

#define RUNS_MAX       25
#define FIGURES_MAX    640
#define STEPS_MAX      384
#define ROWS_MAX       64
#define NAME_MAX_BYTES 48
#define WORDS_MAX      256 /* of one command line */
#define REASON_MAX     300
#define STEP_RESULTS   16

/* Something that is measured, and what each run gave. */
struct figure {
	char name[NAME_MAX_BYTES];
	const char *unit;
	bool is_higher_better;
	double runs[RUNS_MAX];
	unsigned n;
	char skipped[REASON_MAX]; /* why, or "" */
	bool is_left_out; /* by the kind of run, not by a failure */
	bool is_wanted;
};

enum step_kind {
	STEP_WORK, /* a working program, one process or two */
	STEP_COUNTED, /* the same, its calls that write counted */
	STEP_CALLGRIND, /* the same, its instructions counted */
	STEP_GATE, /* build/tests/gate_stream at both ends, instructions counted */
};

/* Something that is run, once a run. Those of a group take turns. */
struct step {
	char group[NAME_MAX_BYTES];
	enum step_kind kind;
	const char *program; /* "sinew", "sockets", "usrsctp", "zmq", "nng" or "grpc" */
	char words[2][WORDS_MAX]; /* for each process; "": there is none */
	const char *toggle; /* of callgrind: inside of that function alone; or NULL */
	enum place place;
	unsigned runs; /* at most so many; 0: as many as there are */
	bool is_slow; /* not in a quick run */
	bool is_extra; /* a placement that a quick run leaves out */
	unsigned limit_s;
	struct {
		const char *key; /* of what the working program tells */
		unsigned figure;
	} results[STEP_RESULTS];
	unsigned n_results;
};

/* How the value of a row comes from figures. */
enum row_kind {
	ROW_VALUE, /* over */
	ROW_RATIO, /* over by the best of under, run by run */
	ROW_SPREAD, /* the largest of under and over by the smallest, run by run */
	ROW_SLOPE, /* (over - under) by scale, minus less: the cost of one more */
};

#define ROW_UNDER_MAX 2

/* The kind of a line of the table. */
struct rule {
	const char *name, *title;
	enum row_kind kind;
	const char *over, *under[ROW_UNDER_MAX]; /* names of figures */
	double scale; /* of ROW_VALUE: what over is multiplied by; 0: 1 */
	double less;
	const char *unit;
	bool is_higher_better;
	double must, aim; /* NAN: none */
};

/* A line of the table. */
struct row {
	const struct rule *rule;
	double runs[RUNS_MAX], value;
	unsigned n;
	bool is_ok;
	char skipped[REASON_MAX];
	bool is_wanted;
};

struct bench {
	struct figure figures[FIGURES_MAX];
	unsigned n_figures;
	struct step steps[STEPS_MAX];
	unsigned n_steps;
	struct row rows[ROWS_MAX];
	unsigned n_rows;
	bool is_quick;
	unsigned runs;
	unsigned n_failed; /* steps that did not end well */
};

/* plan.c: all figures and steps. */
void plan_make(struct bench *b);
/* rows.c: all rows. */
void rows_make(struct bench *b);
/* judge.c: values of rows out of figures. Returns how many miss what they must reach. */
unsigned judge(struct bench *b);
double median(const double *values, unsigned n);
/* table.c: for people. */
void table_print(const struct bench *b);
/* report.c: for programs. 0, or a negative errno. */
int report_write(const struct bench *b, const char *file);
/* charts.c: pictures into that folder, by gnuplot. 0, or -1 after it said why. */
int charts_draw(const struct bench *b, const char *folder);

/* NULL: there is none. */
const struct figure *figure_find(const struct bench *b, const char *name);

#endif
