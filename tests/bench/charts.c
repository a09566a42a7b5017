/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures of what was measured, drawn by gnuplot. Knows which figures belong into one picture;
 * one without two points of a line is not drawn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define POINTS_MAX 16
#define SERIES_MAX 8
#define N(array)   (sizeof(array) / sizeof((array)[0]))

/* A line of a picture. */
struct series {
	const char *title;
	double x[POINTS_MAX], y[POINTS_MAX];
	unsigned n;
};

struct chart {
	const char *file, *title;
	const char *setup; /* of its axes */
	struct series series[SERIES_MAX];
	unsigned n;
};

static const unsigned quantiles[] = { 10, 100, 300, 500, 700, 900, 950, 990, 999 };

/* The median of a figure becomes a point, if there is one. */
static void add_point(const struct bench *b, struct series *s, double x, double scale,
		      const char *figure)
{
	const struct figure *f = figure_find(b, figure);

	if (!f || !f->n || s->n == POINTS_MAX)
		return;
	s->x[s->n] = x;
	s->y[s->n++] = median(f->runs, f->n) * scale;
}

static struct series *add_series(struct chart *c, const char *title)
{
	struct series *s = &c->series[c->n++];

	*s = (struct series){ .title = title };
	return s;
}

static void draw(FILE *to, const char *folder, const struct chart *c)
{
	unsigned n_most = 0;

	for (unsigned i = 0; i < c->n; i++)
		if (c->series[i].n > n_most)
			n_most = c->series[i].n;
	if (n_most < 2)
		return;
	fprintf(to,
		"reset\nset terminal svg size 800,480 background 'white' font 'sans-serif,13'\n"
		"set output '%s/%s.svg'\nset title '%s'\nset key outside right\nset grid\n%s",
		folder, c->file, c->title, c->setup);
	for (unsigned i = 0; i < c->n; i++) {
		if (!c->series[i].n)
			continue;
		fprintf(to, "$s%u << EOD\n", i);
		for (unsigned k = 0; k < c->series[i].n; k++)
			fprintf(to, "%g %g\n", c->series[i].x[k], c->series[i].y[k]);
		fputs("EOD\n", to);
	}
	fputs("plot ", to);
	for (unsigned i = 0; i < c->n; i++)
		if (c->series[i].n)
			fprintf(to, "$s%u with linespoints linewidth 2 title '%s', ", i,
				c->series[i].title);
	fputs("\n", to);
}

/* ---- the pictures ---- */

static void draw_streams(const struct bench *b, FILE *to, const char *folder)
{
	static const struct {
		const char *group;
		unsigned bytes;
	} sizes[] = {
		{ "stream64", 64 },	    { "stream256", 256 },   { "stream1k", 1024 },
		{ "stream8k", 8192 },	    { "stream60k", 60000 }, { "stream1m", 1u << 20 },
		{ "stream16m", 16u << 20 },
	};
	static const char *const with[] = { "sinew", "coalesced", "ring",
					    "bare",  "zmq-push",  "nng-pair1" };
	struct chart c = {
		.file = "throughput",
		.title = "Streams over loopback, one processor a process",
		.setup = "set logscale xy\nset xlabel 'bytes of a message'\nset ylabel 'MB/s'\n",
	};

	for (unsigned i = 0; i < N(with); i++) {
		struct series *s = add_series(&c, with[i]);

		for (unsigned k = 0; k < N(sizes); k++) {
			char name[NAME_MAX_BYTES];

			/* The first is in messages a second. */
			snprintf(name, sizeof name, "%s.%s.split", sizes[k].group, with[i]);
			add_point(b, s, sizes[k].bytes, (k ? 1 : sizes[k].bytes) / 1e6, name);
		}
	}
	draw(to, folder, &c);
}

/* How many per cent of all took at most so long. */
static void add_distribution(const struct bench *b, struct chart *c, const char *of,
			     const char *title)
{
	struct series *s = add_series(c, title);

	for (unsigned k = 0; k < N(quantiles); k++) {
		char name[NAME_MAX_BYTES];

		snprintf(name, sizeof name, "latency-q%u.%s.split", quantiles[k], of);
		add_point(b, s, quantiles[k] / 10.0, 1e-3, name);
	}
}

static const char distribution[] = "set logscale y\nset xlabel 'per cent of all'\n"
				   "set ylabel 'took at most so many microseconds'\n";

static void draw_latency(const struct bench *b, FILE *to, const char *folder)
{
	static const char *const with[] = { "sinew", "sinew-busy", "bare", "zmq-pair",
					    "nng-pair1" };
	struct chart c = {
		.file = "latency",
		.title = "Round trips of 64 bytes, one processor a process",
		.setup = distribution,
	};

	for (unsigned i = 0; i < N(with); i++)
		add_distribution(b, &c, with[i], with[i]);
	draw(to, folder, &c);
}

static void draw_recovery(const struct bench *b, FILE *to, const char *folder)
{
	struct chart c = {
		.file = "recovery",
		.title = "From a reset under load to the next delivery",
		.setup = distribution,
	};

	add_distribution(b, &c, "reset-sinew", "sinew");
	add_distribution(b, &c, "reset-bare", "connect and a byte");
	draw(to, folder, &c);
}

static void draw_scaling(const struct bench *b, FILE *to, const char *folder)
{
	static const unsigned nodes[] = { 8, 16, 32, 64 };
	struct chart c = {
		.file = "scaling",
		.title = "Nodes in full mesh, all in one process",
		.setup = "set logscale xy\nset xlabel 'nodes'\nset ylabel 'ms until all are up'\n",
	};
	struct series *up = add_series(&c, "first time");
	struct series *again = add_series(&c, "all links destroyed");
	char name[NAME_MAX_BYTES];

	for (unsigned i = 0; i < N(nodes); i++) {
		snprintf(name, sizeof name, "mesh.up.%u", nodes[i]);
		add_point(b, up, nodes[i], 1, name);
		snprintf(name, sizeof name, "mesh.again.%u", nodes[i]);
		add_point(b, again, nodes[i], 1, name);
	}
	draw(to, folder, &c);
}

int charts_draw(const struct bench *b, const char *folder)
{
	FILE *to;

	if (system("command -v gnuplot >/dev/null")) {
		fputs("bench: no charts: gnuplot is not installed\n", stderr);
		return 0;
	}
	/* gnuplot would draw to its output instead. */
	if ((mkdir(folder, 0777) && errno != EEXIST) || access(folder, W_OK)) {
		fprintf(stderr, "bench: no charts: cannot write in %s: %s\n", folder,
			strerror(errno));
		return -1;
	}
	to = popen("gnuplot 2>&1 | sed 's/^/bench: gnuplot: /' >&2", "w");
	if (!to) {
		fprintf(stderr, "bench: gnuplot: %s\n", strerror(errno));
		return -1;
	}
	draw_streams(b, to, folder);
	draw_latency(b, to, folder);
	draw_recovery(b, to, folder);
	draw_scaling(b, to, folder);
	return pclose(to) ? -1 : 0;
}
