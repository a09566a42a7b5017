/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table for people: what is judged, then every figure.
 * Knows no figure by name.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"

#define TEXT_MAX 24

static const char *number(char text[TEXT_MAX], double x)
{
	static const char *const prefixes[] = { "", "k", "M", "G" };
	unsigned i = 0;

	if (isnan(x))
		return "-";
	for (; i < 3 && fabs(x) >= 10000; i++)
		x /= 1000;
	snprintf(text, TEXT_MAX,
		 fabs(x) >= 100	 ? "%.0f%s"
		 : fabs(x) >= 10 ? "%.1f%s"
				 : "%.3g%s",
		 x, prefixes[i]);
	return text;
}

static void spread(char text[TEXT_MAX * 2 + 8], const double *runs, unsigned n)
{
	double low = n ? runs[0] : NAN, high = low;
	char a[TEXT_MAX], b[TEXT_MAX];

	for (unsigned i = 1; i < n; i++) {
		low = runs[i] < low ? runs[i] : low;
		high = runs[i] > high ? runs[i] : high;
	}
	snprintf(text, TEXT_MAX * 2 + 8, "%s .. %s", number(a, low), number(b, high));
}

static void print_row(const struct row *r)
{
	char value[TEXT_MAX], must[TEXT_MAX], aim[TEXT_MAX], range[TEXT_MAX * 2 + 8];

	if (r->skipped[0]) {
		printf("%-52s skipped: %s\n", r->rule->title, r->skipped);
		return;
	}
	spread(range, r->runs, r->n);
	printf("%-52s %9s %-12s %8s %8s  %-6s  %s\n", r->rule->title, number(value, r->value),
	       r->rule->unit, number(must, r->rule->must), number(aim, r->rule->aim),
	       isnan(r->rule->must) ? ""
	       : r->is_ok	    ? "ok"
				    : "MISSED",
	       range);
}

static void print_figure(const struct figure *f)
{
	char value[TEXT_MAX], range[TEXT_MAX * 2 + 8];

	if (f->skipped[0]) {
		printf("%-32s  skipped: %s\n", f->name, f->skipped);
		return;
	}
	spread(range, f->runs, f->n);
	printf("%-32s %9s %-14s %s\n", f->name, number(value, median(f->runs, f->n)), f->unit,
	       range);
}

void table_print(const struct bench *b)
{
	printf("%-52s %9s %-12s %8s %8s  %-6s  %s\n", "measure", "median", "", "must", "aim", "",
	       "runs");
	for (unsigned i = 0; i < b->n_rows; i++)
		if (b->rows[i].is_wanted)
			print_row(&b->rows[i]);
	printf("\n%-32s %9s %-14s %s\n", "figure", "median", "", "runs");
	for (unsigned i = 0; i < b->n_figures; i++)
		if (b->figures[i].is_wanted && !b->figures[i].is_left_out &&
		    strncmp(b->figures[i].name, "latency-", 8) != 0)
			print_figure(&b->figures[i]);
}
