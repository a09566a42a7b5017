/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs the one or two processes of a measure to their end and gathers what they tell: lines
 * KEY VALUE on standard output, and why something failed on standard error. Every wait is
 * bounded; none of them outlives the call, nor the driver.
 * Knows nothing of what is measured.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/place.h"

#define CHILDREN_MAX 2
#define RESULTS_MAX  64
#define WHY_MAX	     300

struct outcome {
	struct {
		char key[24];
		double value;
	} results[RESULTS_MAX];
	unsigned n;
	char why[WHY_MAX]; /* "": all is well */
};

/*
 * Each argv ends with NULL. When the first of them ends, the standard input of the others ends.
 * 0, or -1 with why filled. Instructions that callgrind counted are the result "instructions".
 */
int children_run(char **const argv[], unsigned n, enum place place, unsigned limit_s,
		 struct outcome *ret);
/* False: nobody told it. */
bool outcome_get(const struct outcome *o, const char *key, double *ret_value);

#endif
