/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew top": the rates of a node and its peers, again and again.
 * Knows nothing of how rates are made and shown.
 */
#include "tools/top/top.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/local.h"
#include "tools/say.h"
#include "tools/signals.h"

#define INTERVAL_MS	1000
#define INTERVAL_MIN_MS	100
#define COUNT_MAX	1000000000

struct settings {
	struct local_arguments local;
	uint64_t count;		/* intervals; 0: until a signal */
	uint32_t interval_ms;
	bool json;
};

struct run {
	struct settings set;
	char name[SINEW_CONTROL_NAME_MAX];
	struct json_object *request;
	struct top top;
	int signal_fd;
	bool redraws;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct settings, local),
	LOCAL_OPTION_TIMEOUT(struct settings, local),
	OPTION_NUMBER("count", struct settings, count, 1, COUNT_MAX, "N",
		      "stop after N intervals (default: at a signal)"),
	OPTION_SECONDS("interval", struct settings, interval_ms, INTERVAL_MIN_MS,
		       OPTIONS_SECONDS_MAX_MS, "seconds that one table is about (1)"),
	OPTION_FLAG("json", struct settings, json, "print a JSON document for each interval"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew top",
	.usage =
		"usage: sinew top [OPTION...]\n"
		"\n"
		"Prints for each peer of a node of this machine, once a second, messages, bytes\n"
		"and calls a second, the queue, and the round trip: the last one, and the median\n"
		"and the 99th percentile of those of the last minute. On a terminal over what was\n"
		"there before.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 at a signal or after --count, 1 writing standard output failed,\n"
		"2 usage, no such node, or not permitted, 3 no answer in time.\n",
};

/* One answer. */
static int sample(struct run *r)
{
	struct json_object *answer;
	int status = local_ask(r->name, r->request, r->set.local.timeout_ms, &answer), rc;

	if (status)
		return status;
	rc = top_sample(&r->top, answer);
	json_free(answer);
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot use the answer of %s: %s", r->name, strerror(-rc));
	return STATUS_USAGE;
}

static int print(struct run *r)
{
	return options_written(r->set.json ? top_print_json(&r->top) :
			       top_print(&r->top, r->redraws));
}

/* True: a signal came first. */
static bool sleep_until(const struct run *r, uint64_t until_ns)
{
	struct pollfd p = { .fd = r->signal_fd, .events = POLLIN };

	while (clock_now_ns() < until_ns)
		if (poll(&p, 1, clock_timeout_ms(until_ns)) > 0 && signals_take(r->signal_fd))
			return true;
	return false;
}

static int run(struct run *r)
{
	const uint64_t step_ns = r->set.interval_ms * CLOCK_MS / TOP_SAMPLES;
	uint64_t next_ns = clock_now_ns(), n = 0;
	int status = sample(r);
	unsigned i;

	top_interval(&r->top);
	while (!status && (!r->set.count || n < r->set.count)) {
		for (i = 0; i < TOP_SAMPLES && !status; i++) {
			next_ns += step_ns;
			if (sleep_until(r, next_ns))
				return STATUS_OK;
			status = sample(r);
		}
		if (status)
			break;
		top_interval(&r->top);
		status = print(r);
		n++;
	}
	return status;
}

int top_main(int argc, char **argv)
{
	struct run r = {
		.set = { .local.timeout_ms = LOCAL_TIMEOUT_MS, .interval_ms = INTERVAL_MS },
		.signal_fd = -1,
	};
	int status = options_parse(&table, &r.set, argc, argv);

	if (status >= 0)
		return status;
	status = local_find(&r.set.local, r.name);
	if (!status)
		status = signals_start(0, &r.signal_fd);
	if (status)
		return status;
	r.redraws = !r.set.json && isatty(STDOUT_FILENO);
	r.request = json_document(TOP_SCHEMA);
	json_put_string(r.request, "ask", "top");
	status = run(&r);
	json_free(r.request);
	top_free(&r.top);
	close(r.signal_fd);
	return status;
}
