/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the jobs of the working programs: their settings, and how a result is told.
 * Knows nothing of what a job does.
 */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include "tests/bench/work/contestant.h"

#define CONTESTANTS_MAX 4
#define WORK_LIMIT_S	120 /* after that a process ends itself */

/* From words KEY=VALUE of the command line; what is not said is 0. */
struct settings {
	const struct contestant *with;
	struct end_options end;
	size_t size; /* of a message */
	uint64_t ms; /* how long */
	uint64_t count; /* how many, of whatever the job counts */
	uint64_t depth;
	uint64_t nodes;
	uint64_t threads;
	uint64_t repeat;
};

struct job {
	const char *name; /* NULL: the end of a list */
	int (*run)(const struct settings *s); /* 0, or -1 after it said what is wrong */
};

/* Makes a program of these files: each has one. */
struct program {
	/* The first is the default; NULL ends the list. */
	const struct contestant *contestants[CONTESTANTS_MAX + 1];
	const struct job *jobs; /* beside those that all programs have; NULL: none */
};

extern const struct program program;

int job_stream_send(const struct settings *s);
int job_stream_receive(const struct settings *s);
int job_ping(const struct settings *s);
int job_flight(const struct settings *s);
int job_pong(const struct settings *s);

/* A result for who has started this. */
void result(const char *key, double value);
/* Durations: "median_ns", and "q900" for 900 per mille. */
struct histogram;
void result_histogram(const struct histogram *h);
/* Says why, on standard error; err is a negative errno, or 0. Gives -1. */
int trouble(const char *what, int err);
/* Waits until who has started this says that the other side is done: its end of standard
 * input is closed. */
void wait_for_release(void);

#endif
