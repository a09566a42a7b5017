/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output of "sinew bench": progress, then a table or a document.
 * Knows nothing of how something is measured.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/bench/bench.h"
#include "tools/json.h"
#include "tools/say.h"

#define SCHEMA 1
#define US     1000.0 /* in nanoseconds */
#define MB     1e6

void bench_progress(const struct bench *b, const char *what)
{
	if (b->args.json)
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s ...", what);
	else
		fprintf(stderr, "%s ...\n", what);
}

static const char *why_not(const struct bench_stream *s)
{
	return s->is_skipped ? "longer than max_message of one side" : "not measured";
}

static void print_table(const struct bench *b)
{
	const struct histogram *h = &b->round_trip;
	unsigned i;

	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	printf("%-24s %14s %14s\n", "stream", "messages/s", "MB/s");
	for (i = 0; i < BENCH_STREAMS; i++) {
		const struct bench_stream *s = &b->streams[i];

		if (s->is_done)
			printf("%-24s %14.0f %14.1f\n", s->name, s->messages_s, s->bytes_s / MB);
		else
			printf("%-24s %s\n", s->name, why_not(s));
	}
	printf("\n%-24s %14s %14s %14s %14s\n", "round trip", "min us", "median us", "p99 us",
	       "max us");
	if (h->n)
		printf("%-24s %14.1f %14.1f %14.1f %14.1f\n", "64 bytes", (double)h->min / US,
		       (double)histogram_quantile(h, 500) / US,
		       (double)histogram_quantile(h, 990) / US, (double)h->max / US);
	else
		printf("%-24s not measured\n", "64 bytes");
}

/* As the rows of build/bench.json; nothing is required here. */
static void put_row(struct json_object *rows, const char *name, bool is_there, double value,
		    const char *unit, bool is_higher_better)
{
	struct json_object *o = json_element(rows), *runs;

	json_put_string(o, "name", name);
	if (is_there)
		json_put_double(o, "value", value);
	else
		json_put_null(o, "value");
	json_put_string(o, "unit", unit);
	json_put_string(o, "better", is_higher_better ? "higher" : "lower");
	json_put_null(o, "must");
	json_put_null(o, "aim");
	json_put_bool(o, "ok", true);
	json_put_bool(o, "skipped", !is_there);
	runs = json_put_array(o, "runs");
	if (is_there)
		json_add_double(runs, value);
}

static void put_rows(const struct bench *b, struct json_object *rows)
{
	static const char *const short_names[BENCH_STREAMS] = {
		"stream64",
		"stream1k",
		"stream60k",
		"stream1m",
	};
	const struct histogram *h = &b->round_trip;
	const double quantiles[] = {
		(double)h->min,
		(double)histogram_quantile(h, 500),
		(double)histogram_quantile(h, 990),
		(double)h->max,
	};
	static const char *const names[] = {
		"roundtrip-min",
		"roundtrip-median",
		"roundtrip-p99",
		"roundtrip-max",
	};
	char name[32];
	unsigned i;

	for (i = 0; i < BENCH_STREAMS; i++) {
		const struct bench_stream *s = &b->streams[i];

		snprintf(name, sizeof(name), "%s-messages", short_names[i]);
		put_row(rows, name, s->is_done, s->messages_s, "messages/s", true);
		snprintf(name, sizeof(name), "%s-bytes", short_names[i]);
		put_row(rows, name, s->is_done, s->bytes_s, "bytes/s", true);
	}
	for (i = 0; i < 4; i++)
		put_row(rows, names[i], h->n > 0, quantiles[i], "ns", false);
}

static struct json_object *document_of(const struct bench *b)
{
	struct json_object *o = json_document(SCHEMA);

	json_put_string(o, "command", "bench");
	json_put_number(o, "node", b->cluster.node);
	json_put_number(o, "to", b->args.to);
	json_put_string(o, "cluster", sinew_config_cluster(b->cluster.config));
	json_put_double(o, "seconds", (double)(clock_now_ns() - b->began_ns) / CLOCK_S);
	put_rows(b, json_put_array(o, "rows"));
	return o;
}

int bench_report(const struct bench *b)
{
	if (!b->args.json)
		print_table(b);
	return json_end(b->args.json ? document_of(b) : NULL);
}
