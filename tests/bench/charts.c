/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures of what was measured, drawn by gnuplot. Knows which figures belong into one picture.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"

#define PATH_BYTES 512

static const struct size {
	const char *group;
	unsigned bytes;
} sizes[] = {
	{ "stream64", 64 },	    { "stream256", 256 },   { "stream1k", 1024 },
	{ "stream8k", 8192 },	    { "stream60k", 60000 }, { "stream1m", 1u << 20 },
	{ "stream16m", 16u << 20 },
};

static const char *const streamers[] = { "sinew", "coalesced", "ring",
					 "bare",  "zmq-push",  "nng-pair1" };
static const char *const rallies[] = { "sinew", "bare", "sinew-busy", "zmq-pair", "nng-pair1" };
static const char *const quantiles[] = { "q10",	 "q100", "q300", "q500", "q700",
					 "q900", "q950", "q990", "q999" };

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The median of a figure; false: there is none. */
static bool value(const struct bench *b, double *ret, const char *a, const char *with,
		  const char *place)
{
	char name[NAME_MAX_BYTES];
	const struct figure *f;

	snprintf(name, sizeof name, "%s.%s.%s", a, with, place);
	f = figure_find(b, name);
	if (!f || !f->n)
		return false;
	*ret = median(f->runs, f->n);
	return true;
}

static void begin(FILE *to, const char *folder, const char *name, const char *title)
{
	fprintf(to,
		"set terminal svg size 800,480 background 'white' font 'sans-serif,13'\n"
		"set output '%s/%s.svg'\nset title '%s'\nset key outside right\nset grid\n",
		folder, name, title);
}

static void draw_streams(const struct bench *b, FILE *to, const char *folder)
{
	double x;

	begin(to, folder, "throughput", "Streams over loopback, one CPU a process");
	fputs("set logscale xy\nset xlabel 'bytes of a message'\nset ylabel 'MB/s'\n", to);
	for (unsigned i = 0; i < N(streamers); i++) {
		fprintf(to, "$s%u << EOD\n", i);
		for (unsigned k = 0; k < N(sizes); k++)
			if (value(b, &x, sizes[k].group, streamers[i], "split"))
				fprintf(to, "%u %g\n", sizes[k].bytes,
					(k ? x : x * sizes[k].bytes) / 1e6);
		fputs("EOD\n", to);
	}
	for (unsigned i = 0; i < N(streamers); i++)
		fprintf(to, "%s $s%u with linespoints lw 2 title '%s'", i ? ", \\\n" : "plot", i,
			streamers[i]);
	fputs("\nreset\n", to);
}

static void draw_latency(const struct bench *b, FILE *to, const char *folder)
{
	char name[32];
	double x;

	begin(to, folder, "latency", "Round trip of 64 bytes, one CPU a process");
	fputs("set logscale y\nset xlabel 'of all round trips, in per cent'\n"
	      "set ylabel 'at most, in microseconds'\n",
	      to);
	for (unsigned i = 0; i < N(rallies); i++) {
		fprintf(to, "$s%u << EOD\n", i);
		for (unsigned k = 0; k < N(quantiles); k++) {
			double per_mille = 0;

			snprintf(name, sizeof name, "latency-%s", quantiles[k]);
			sscanf(quantiles[k], "q%lf", &per_mille);
			if (value(b, &x, name, rallies[i], "split"))
				fprintf(to, "%g %g\n", per_mille / 10, x / 1e3);
		}
		fputs("EOD\n", to);
	}
	for (unsigned i = 0; i < N(rallies); i++)
		fprintf(to, "%s $s%u with linespoints lw 2 title '%s'", i ? ", \\\n" : "plot", i,
			rallies[i]);
	fputs("\nreset\n", to);
}

int charts_draw(const struct bench *b, const char *folder)
{
	FILE *to = popen("gnuplot 2>&1 | sed 's/^/bench: gnuplot: /' >&2", "w");

	if (!to) {
		fprintf(stderr, "bench: gnuplot: %s\n", strerror(errno));
		return -1;
	}
	draw_streams(b, to, folder);
	draw_latency(b, to, folder);
	return pclose(to) ? -1 : 0;
}
