/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a plan is put together: figures and steps are added one by one.
 * Knows no measure.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "tests/bench/bench.h"

/* A figure of that name; it is made if it is not there. */
unsigned figure_add(struct bench *b, const char *unit, bool is_higher_better, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A step without words and results. */
struct step *step_add(struct bench *b, const char *group, enum place place);
/* Words of the process that is started as the index-th. */
void step_words(struct step *step, unsigned index, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void step_result(struct step *step, const char *key, unsigned figure);

/* Parts of the plan. */
void plan_streams(struct bench *b);
void plan_round_trips(struct bench *b);
void plan_own(struct bench *b);
void plan_calls(struct bench *b);
void plan_topo(struct bench *b);

#endif
