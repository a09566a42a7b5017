/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew bench": how fast messages go between two nodes. This file reads the command line,
 * opens the node, turns its loop and ends it with a table or a document.
 * Knows nothing of how something is measured.
 */
#include "tools/bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/json.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define SECONDS_MS     1000
#define SECONDS_MAX_MS 600000
#define WAIT_MS	       10000
#define LINGER_MS      5000
#define SIGNAL_LOOK_MS 50
#define TURN_MS	       100
#define SCHEMA	       1
#define US	       1000.0 /* in nanoseconds */
#define MB	       1e6

/* ---- command line ---- */

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct bench_arguments, cluster, "own node in that file"),
	OPTION_FLAG("serve", struct bench_arguments, serves, "serve measurements by other nodes"),
	OPTION_NODEID("to", struct bench_arguments, to,
		      "measure towards that node, which must be serving"),
	OPTION_SECONDS("seconds", struct bench_arguments, seconds_ms, 1, SECONDS_MAX_MS,
		       "duration of each measurement (1)"),
	OPTION_SECONDS("wait", struct bench_arguments, wait_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for it to be up (10)"),
	OPTION_FLAG("json", struct bench_arguments, json, "print one JSON document instead"),
	CLUSTER_OPTION_LOG(struct bench_arguments, cluster,
			   "error, warning (default), info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew bench",
	.usage =
		"usage: sinew bench [--config FILE --node ID] --serve | --to ID [OPTION...]\n"
		"\n"
		"Measures throughput and latency between two nodes: streams of several message\n"
		"sizes, verified by the receiver, and round trips. One node serves until a\n"
		"signal; the other one measures and prints a table.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 success, 1 incomplete or corrupted, 2 usage or configuration,\n"
		"3 the other node is not up or not serving, 4 it failed.\n",
};

static int parse(struct bench_arguments *args, int argc, char **argv)
{
	int rc;

	*args = (struct bench_arguments){
		.cluster = { .level = SINEW_WARNING },
		.seconds_ms = SECONDS_MS,
		.wait_ms = WAIT_MS,
	};
	rc = options_parse(&table, args, argc, argv);
	if (rc >= 0 || args->serves != (args->to != 0))
		return rc;
	say(SINEW_ERROR, "specify either --serve or --to ID");
	return STATUS_USAGE;
}

void bench_progress(const struct bench *b, const char *what)
{
	if (b->args.json)
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s ...", what);
	else
		fprintf(stderr, "%s ...\n", what);
}

/* ---- callbacks ---- */

static void session_up(struct sinew_node *node, struct sinew_session *session, void *user)
{
	struct bench *b = user;

	(void)node;
	if (b->args.serves)
		sinew_session_set_user(session, calloc(1, sizeof(struct bench_incoming)));
	/* A stream begun with one incarnation does not go on in another. */
	if (sinew_session_nodeid(session) != b->args.to || b->was_up)
		return;
	b->session = session;
	b->was_up = true;
}

static void message(struct sinew_node *node, struct sinew_session *session,
		    const struct sinew_message *msg, void *user)
{
	struct bench *b = user;

	(void)node;
	if (b->args.serves)
		bench_serve(b, session, msg);
	else if (session == b->session)
		bench_take(b, msg);
}

static void writable(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node;
	(void)session;
	((struct bench *)user)->is_writable = true;
}

static void session_down(struct sinew_node *node, struct sinew_session *session,
			 enum sinew_down reason, const struct sinew_delivery *delivery, void *user)
{
	struct bench *b = user;

	(void)node;
	(void)delivery;
	if (b->args.serves)
		free(sinew_session_user(session));
	if (session != b->session)
		return;
	b->session = NULL;
	b->reason = reason;
}

static void closed(struct sinew_node *node, void *user)
{
	(void)node;
	((struct bench *)user)->is_closed = true;
}

/* ---- loop ---- */

/* Seldom enough to cost nothing. */
static void look_for_signal(struct bench *b)
{
	uint64_t now = clock_now_ns();

	if (b->signal || now < b->signal_look_ns + SIGNAL_LOOK_MS * CLOCK_MS)
		return;
	b->signal_look_ns = now;
	b->signal = signals_take(b->signal_fd);
}

bool bench_turn(struct bench *b, int wait_ms)
{
	int rc = sinew_dispatch(b->node, wait_ms);

	look_for_signal(b);
	if (rc < 0 && rc != -ESHUTDOWN) {
		say(SINEW_ERROR, "event loop failed: %s", sinew_error_name(rc));
		b->status = STATUS_UNDELIVERED;
	}
	if (b->was_up && !b->session && !b->is_closed && b->status == STATUS_OK) {
		say(SINEW_ERROR, "node %" PRIu32 " went down: %s", b->args.to,
		    sinew_down_name(b->reason));
		b->status = STATUS_PEER_LOST;
	}
	return rc >= 0 && !b->signal && (b->session || !b->was_up);
}

/* Until the other node is up. */
static bool wait_for_peer(struct bench *b)
{
	uint64_t until = clock_now_ns() + b->args.wait_ms * CLOCK_MS;
	char why[256] = "";

	bench_progress(b, "waiting for the other node");
	while (!b->session) {
		if (!bench_turn(b, TURN_MS))
			return false;
		if (b->session || clock_now_ns() < until)
			continue;
		sinew_last_refusal(b->node, b->args.to, why, sizeof(why));
		say(SINEW_ERROR,
		    "node %" PRIu32 " is not up after %" PRIu32 ".%03" PRIu32
		    " s; does \"sinew bench --serve\" run there?%s%s",
		    b->args.to, b->args.wait_ms / 1000, b->args.wait_ms % 1000,
		    *why ? " " : "", why);
		b->status = STATUS_NOT_UP;
		return false;
	}
	return true;
}

static void run(struct bench *b)
{
	if (b->args.serves) {
		while (bench_turn(b, TURN_MS))
			;
	} else if (wait_for_peer(b)) {
		b->was_measured = true;
		bench_measure(b);
		/* A signal cut it short. */
		if (b->signal && b->status == STATUS_OK)
			b->status = STATUS_UNDELIVERED;
	}
	b->was_up = false;
	if (sinew_close(b->node, LINGER_MS))
		return;
	while (!b->is_closed && sinew_dispatch(b->node, TURN_MS) >= 0)
		;
}

/* ---- output ---- */

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
static void put_row(struct json_object *array, const char *name, bool is_there, double value,
		    const char *unit, bool is_higher_better)
{
	struct json_object *o = json_element(array), *runs;

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

static void put_rows(const struct bench *b, struct json_object *array)
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
		put_row(array, name, s->is_done, s->messages_s, "messages/s", true);
		snprintf(name, sizeof(name), "%s-bytes", short_names[i]);
		put_row(array, name, s->is_done, s->bytes_s, "bytes/s", true);
	}
	for (i = 0; i < 4; i++)
		put_row(array, names[i], h->n > 0, quantiles[i], "ns", false);
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

/* ---- start and end ---- */

static int check_to(const struct bench *b)
{
	uint32_t ids[STATIC_NODES_MAX];
	unsigned n = sinew_config_nodes(b->cluster.config, ids, STATIC_NODES_MAX), i;

	if (b->args.serves)
		return STATUS_OK;
	if (b->args.to == b->cluster.node) {
		say(SINEW_ERROR, "--to: node %" PRIu32 " is the own node", b->args.to);
		return STATUS_USAGE;
	}
	for (i = 0; i < n; i++)
		if (ids[i] == b->args.to)
			return STATUS_OK;
	say(SINEW_ERROR, "--to: %s has no node %" PRIu32,
	    b->cluster.file ? b->args.cluster.config : "corosync", b->args.to);
	return STATUS_USAGE;
}

static int start(struct bench *b)
{
	const struct sinew_callbacks callbacks = {
		.size = sizeof(callbacks),
		.session_up = session_up,
		.message = message,
		.writable = writable,
		.session_down = session_down,
		.closed = closed,
	};
	struct sinew_options opt;
	int rc;

	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	rc = signals_start(0, &b->signal_fd);
	if (!rc)
		rc = cluster_open(&b->cluster, &b->args.cluster, b->signal_fd);
	if (!rc)
		rc = check_to(b);
	if (rc)
		return rc;
	SINEW_OPTIONS_INIT(&opt);
	opt.log = say_line;
	opt.log_level = b->args.cluster.level;
	opt.auto_close = true;
	return cluster_node(&b->cluster, &opt, &callbacks, b, &b->node);
}

static void report(struct bench *b)
{
	int rc;

	if (!b->args.json)
		print_table(b);
	rc = json_end(b->args.json ? document_of(b) : NULL);
	if (!rc)
		return;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	if (b->status == STATUS_OK)
		b->status = STATUS_UNDELIVERED;
}

int bench_main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b) + BENCH_SIZE_MAX);
	static const struct bench_stream streams[BENCH_STREAMS] = {
		{ .name = "64 bytes", .bytes = 64 },
		{ .name = "1 KiB", .bytes = 1024 },
		{ .name = "60,000 bytes", .bytes = 60000 },
		{ .name = "1 MiB", .bytes = BENCH_SIZE_MAX },
	};
	int status;

	if (!b) {
		say(SINEW_ERROR, "cannot start: %s", strerror(ENOMEM));
		return STATUS_USAGE;
	}
	memcpy(b->streams, streams, sizeof(streams));
	b->signal_fd = -1;
	b->began_ns = clock_now_ns();
	status = parse(&b->args, argc, argv);
	if (status < 0) {
		b->status = (enum command_status)start(b);
		if (b->status == STATUS_OK)
			run(b);
		if (b->was_measured)
			report(b);
		status = b->status;
		cluster_close(&b->cluster);
		sinew_node_free(b->node);
	}
	free(b);
	return status;
}
