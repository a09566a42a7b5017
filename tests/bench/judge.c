/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The values of rows: a ratio is taken run by run, then the median of them.
 * Knows no figure by name.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(const double *values, unsigned n)
{
	double sorted[RUNS_MAX];

	if (!n || n > RUNS_MAX)
		return NAN;
	memcpy(sorted, values, n * sizeof sorted[0]);
	qsort(sorted, n, sizeof sorted[0], order);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* The figure, if it has values; else the row is skipped for its reason. */
static const struct figure *figure_of(const struct bench *b, struct row *row, const char *name)
{
	const struct figure *f = figure_find(b, name);

	assert(f);
	if (f->n)
		return f;
	if (!row->skipped[0])
		snprintf(row->skipped, sizeof row->skipped, "%s",
			 f->skipped[0] ? f->skipped : "not asked for");
	return NULL;
}

static double best(double a, double b, bool is_higher)
{
	return is_higher == (a > b) ? a : b;
}

static double value_of(const struct row *row, const struct figure *over,
		       const struct figure *const under[], unsigned n, unsigned run)
{
	double x = over->runs[run], low = x, high = x, by = n ? under[0]->runs[run] : 1;

	for (unsigned i = 0; i < n; i++) {
		low = best(low, under[i]->runs[run], false);
		high = best(high, under[i]->runs[run], true);
		by = best(by, under[i]->runs[run], row->rule->is_higher_better);
	}
	switch (row->rule->kind) {
	case ROW_VALUE:
		return row->rule->scale > 0 ? x * row->rule->scale : x;
	case ROW_RATIO:
		return x / by;
	case ROW_SPREAD:
		return high / low;
	case ROW_SLOPE:
		return (x - by) / row->rule->scale - row->rule->less;
	}
	return NAN;
}

static void evaluate(const struct bench *b, struct row *row)
{
	const struct figure *over = figure_of(b, row, row->rule->over), *under[ROW_UNDER_MAX], *f;
	unsigned n = 0;

	row->n = over ? over->n : 0;
	for (unsigned i = 0; i < ROW_UNDER_MAX && row->rule->under[i]; i++) {
		f = figure_of(b, row, row->rule->under[i]);
		if (!f)
			continue;
		under[n++] = f;
		if (f->n < row->n)
			row->n = f->n;
	}
	/* A contestant that is missing is not beaten. */
	if (row->skipped[0])
		row->n = 0;
	for (unsigned i = 0; i < row->n; i++)
		row->runs[i] = value_of(row, over, under, n, i);
	row->value = median(row->runs, row->n);
	row->is_ok = row->n && (isnan(row->rule->must) ||
				(row->rule->is_higher_better ? row->value >= row->rule->must
							     : row->value <= row->rule->must));
}

unsigned judge(struct bench *b)
{
	unsigned n_missed = 0;

	for (unsigned i = 0; i < b->n_rows; i++) {
		if (!b->rows[i].is_wanted)
			continue;
		evaluate(b, &b->rows[i]);
		n_missed += !b->rows[i].skipped[0] && !b->rows[i].is_ok;
	}
	return n_missed;
}
