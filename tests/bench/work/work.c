/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main() of each working program of the benchmark: does one side of one job and tells its
 * results, a line KEY VALUE each, on standard output. Knows nothing of repetition and of
 * judgement, and no contestant.
 *
 *	PROGRAM JOB KEY=VALUE...
 */
#include "tests/bench/work/work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/work/content.h"
#include "tools/histogram.h"

static const struct job jobs_of_all[] = {
	{ "stream-send", job_stream_send },
	{ "stream-receive", job_stream_receive },
	{ "ping", job_ping },
	{ "flight", job_flight },
	{ "pong", job_pong },
	{ 0 },
};

void result(const char *key, double value)
{
	printf("%s %.17g\n", key, value);
}

void result_histogram(const struct histogram *h)
{
	static const unsigned quantiles[] = { 10, 100, 300, 500, 700, 900, 950, 990, 999 };

	result("median_ns", (double)histogram_quantile(h, 500));
	for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
		printf("q%u %.17g\n", quantiles[i], (double)histogram_quantile(h, quantiles[i]));
}

int trouble(const char *what, int err)
{
	fprintf(stderr, "%s%s%s\n", what, err ? ": " : "", err ? strerror(-err) : "");
	return -1;
}

void wait_for_release(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

/* A number of the settings; NULL: there is none of that name. */
static uint64_t *number_of(struct settings *s, const char *key)
{
	const struct {
		const char *key;
		uint64_t *place;
	} numbers[] = {
		{ "ms", &s->ms },	{ "count", &s->count },	    { "depth", &s->depth },
		{ "nodes", &s->nodes }, { "threads", &s->threads }, { "repeat", &s->repeat },
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (strcmp(numbers[i].key, key) == 0)
			return numbers[i].place;
	return NULL;
}

static const struct contestant *find_contestant(const char *name)
{
	const struct contestant *const *c = program.contestants;

	while (*c && strcmp((*c)->name, name) != 0)
		c++;
	return *c;
}

static const struct job *find_job(const struct job *list, const char *name)
{
	for (; list && list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static int take_word(struct settings *s, const char *key, const char *value)
{
	uint64_t n = strtoull(value, NULL, 10), *number = number_of(s, key);

	if (number)
		*number = n;
	else if (strcmp(key, "with") == 0)
		s->with = find_contestant(value);
	else if (strcmp(key, "net") == 0)
		s->end.net = value;
	else if (strcmp(key, "port") == 0)
		s->end.port = (unsigned)n;
	else if (strcmp(key, "size") == 0)
		s->size = n;
	else if (strcmp(key, "queue") == 0)
		s->end.queue_bytes = n;
	else if (strcmp(key, "busy") == 0)
		s->end.busy_poll_us = (uint32_t)n;
	else if (strcmp(key, "outer") == 0)
		s->end.outer = n != 0;
	else if (strcmp(key, "listens") == 0)
		s->end.listens = n != 0;
	else
		return -1;
	return 0;
}

static int parse(struct settings *s, int argc, char **argv)
{
	*s = (struct settings){
		.end.net = "127.0.0", .size = 64, .with = program.contestants[0], .threads = 1
	};
	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals)
			return -1;
		*equals = '\0';
		if (take_word(s, argv[i], equals + 1))
			return -1;
	}
	s->end.message_bytes = s->size;
	return s->with && s->size >= CONTENT_BYTES_MIN ? 0 : -1;
}

int main(int argc, char **argv)
{
	const struct job *job = NULL;
	struct settings s;
	int rc;

	if (argc >= 2) {
		job = find_job(jobs_of_all, argv[1]);
		job = job ? job : find_job(program.jobs, argv[1]);
	}
	if (!job || parse(&s, argc, argv)) {
		fprintf(stderr, "usage: %s JOB KEY=VALUE..., as tests/bench/run.c calls it\n",
			argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	alarm(WORK_LIMIT_S);
	rc = job->run(&s);
	return rc || fflush(stdout) ? 1 : 0;
}
