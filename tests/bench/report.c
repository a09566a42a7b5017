/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report for programs: one JSON document, a row for each line of the table and for each
 * figure. Knows no figure by name.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tools/json.h"

#define SCHEMA 1

static void put_or_null(struct json_object *to, const char *key, double x)
{
	if (isnan(x))
		json_put_null(to, key);
	else
		json_put_double(to, key, x);
}

static struct json_object *put_head(struct json_object *rows, const char *name, double value,
				    const char *unit, bool is_higher_better)
{
	struct json_object *o = json_element(rows);

	json_put_string(o, "name", name);
	put_or_null(o, "value", value);
	json_put_string(o, "unit", unit);
	json_put_string(o, "better", is_higher_better ? "higher" : "lower");
	return o;
}

static void put_tail(struct json_object *o, bool is_ok, bool is_skipped, const double *values,
		     unsigned n)
{
	struct json_object *runs;

	json_put_bool(o, "ok", is_ok);
	json_put_bool(o, "skipped", is_skipped);
	runs = json_put_array(o, "runs");
	for (unsigned i = 0; i < n; i++)
		json_add_double(runs, values[i]);
}

static void put_row(struct json_object *rows, const struct row *r)
{
	struct json_object *o =
		put_head(rows, r->rule->name, r->value, r->rule->unit, r->rule->is_higher_better);

	put_or_null(o, "must", r->rule->must);
	put_or_null(o, "aim", r->rule->aim);
	put_tail(o, r->is_ok || r->skipped[0], r->skipped[0], r->runs, r->n);
}

static void put_figure(struct json_object *rows, const struct figure *f)
{
	struct json_object *o =
		put_head(rows, f->name, median(f->runs, f->n), f->unit, f->is_higher_better);

	json_put_null(o, "must");
	json_put_null(o, "aim");
	put_tail(o, true, f->n == 0, f->runs, f->n);
}

int report_write(const struct bench *b, const char *file)
{
	struct json_object *document = json_document(SCHEMA), *rows;
	FILE *to = fopen(file, "w");
	int err = to ? 0 : -errno;

	rows = json_put_array(document, "rows");
	for (unsigned i = 0; i < b->n_rows; i++)
		if (b->rows[i].is_wanted)
			put_row(rows, &b->rows[i]);
	for (unsigned i = 0; i < b->n_figures; i++)
		if (b->figures[i].is_wanted)
			put_figure(rows, &b->figures[i]);
	if (!err)
		err = json_print(document, to);
	if (to && fclose(to) && !err)
		err = -errno;
	json_free(document);
	return err;
}
