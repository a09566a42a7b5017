/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew cat": standard input to other nodes, what they send to standard
 * output. This file reads the command line, starts it, turns the loop and ends it.
 * Knows nothing of what is to be done in which phase.
 */
#include "tools/cat/cat.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/file.h"
#include "tools/notify.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define WAIT_MS		10000
#define LINGER_MS	10000
#define CHUNK_MAX	((uint64_t)512 << 20)
#define BREAK_MAX_MS	3600000
#define RATE_MAX	((uint64_t)1 << 40)

enum { POLL_SIGNAL, POLL_NODE, POLL_OUTPUT, POLL_INPUT, POLL_FENCE, POLL_CLUSTER, N_POLL };

/* ---- command line ---- */

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct arguments, cluster, "own node in that file"),
	OPTION_NODES("to", struct arguments, to, "ID[,ID...]",
		     "send standard input to these nodes (default: receive only)"),
	OPTION_HELP("--to all", "send to every other node of the file"),
	OPTION_SECONDS("wait", struct arguments, wait_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for them to be up (10)"),
	OPTION_SECONDS("linger", struct arguments, linger_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to linger at the end without progress (10)"),
	OPTION_SIZE("chunk", struct arguments, chunk, 1, CHUNK_MAX,
		    "send chunks of that size instead of lines"),
	OPTION_SIZE("rate", struct arguments, rate, 1, RATE_MAX,
		    "limit for reading standard input, in bytes per second"),
	OPTION_NODEID("from", struct arguments, from, "print only messages from that node"),
	OPTION_FLAG("raw", struct arguments, raw, "with --from: print the payload only, unchanged"),
	OPTION_FLAG("keep-going", struct arguments, keep_going,
		    "continue when a target fails; without --to, also when a\nnode finishes"),
	OPTION_TEXT("stats", struct arguments, stats, "FILE",
		    "write statistics as JSON at the end"),
	OPTION_MS("break-every", struct arguments, break_ms, 1, BREAK_MAX_MS,
		  "reset all own connections periodically (for tests)"),
	CLUSTER_OPTION_LOG(struct arguments, cluster, "error, warning (default), info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew cat",
	.usage =
		"usage: sinew cat [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Sends each line of standard input as one message to other nodes and prints\n"
		"each received message as \"ID<TAB>payload\"; continuation lines of a message\n"
		"with newlines begin with \"ID+<TAB>\".\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"BYTES may end in k, M or G. Exit status: 0 everything delivered, 1 not\n"
		"everything, 2 usage, configuration or input, 3 a target was not up, 4 a target\n"
		"failed.\n",
};

static int check(const struct arguments *args)
{
	if (args->raw && !args->from) {
		say(SINEW_ERROR, "--raw needs --from ID: raw output does not show the "
			"sender");
		return STATUS_USAGE;
	}
	return -1;
}

static int parse(struct arguments *args, int argc, char **argv)
{
	int rc;

	*args = (struct arguments){
		.wait_ms = WAIT_MS,
		.linger_ms = LINGER_MS,
		.cluster = { .level = SINEW_WARNING, .fences = true },
	};
	rc = options_parse(&table, args, argc, argv);
	return rc >= 0 ? rc : check(args);
}

/* ---- start ---- */

/* Checks the nodes of the command line against those there are. */
static int check_nodes(struct cat *c)
{
	const char *name = c->args.cluster.config;
	unsigned i;

	if (!c->cluster.file)
		name = "corosync";
	for (i = 0; i < c->args.to.n; i++) {
		struct cat_peer *p = cat_peer_find(c, c->args.to.ids[i]);

		if (!p) {
			if (c->args.to.ids[i] == c->cluster.node)
				say(SINEW_ERROR, "--to: node %" PRIu32 " is the own node",
				    c->args.to.ids[i]);
			else
				say(SINEW_ERROR, "--to: %s has no node %" PRIu32, name,
				    c->args.to.ids[i]);
			return STATUS_USAGE;
		}
		p->is_target = true;
	}
	if (c->args.from && !cat_peer_find(c, c->args.from)) {
		say(SINEW_ERROR, "--from: %s has no node %" PRIu32, name, c->args.from);
		return STATUS_USAGE;
	}
	if (c->args.to.all && !c->n_peers) {
		say(SINEW_ERROR, "--to all: %s has no other node", name);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static int load_config(struct cat *c)
{
	char prefix[32];
	int status;

	status = cluster_open(&c->cluster, &c->args.cluster, c->signal_fd);
	if (status)
		return status;
	snprintf(prefix, sizeof(prefix), "sinew cat[%" PRIu32 "]", c->cluster.node);
	say_prefix(prefix);
	if (cat_peers_init(c)) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	return check_nodes(c);
}

static int start_node(struct cat *c)
{
	struct sinew_callbacks callbacks;
	struct sinew_options opt;
	int status;

	SINEW_OPTIONS_INIT(&opt);
	opt.log = say_line;
	opt.log_level = c->args.cluster.level;
	cat_peers_callbacks(&callbacks);
	status = cluster_node(&c->cluster, &opt, &callbacks, c, &c->node);
	if (!status)
		c->incarnation = sinew_incarnation(c->node);
	return status;
}

static int start(struct cat *c)
{
	int rc;

	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	rc = signals_start(0, &c->signal_fd);
	if (!rc)
		rc = load_config(c);
	if (rc)
		return rc;
	rc = input_open(&c->input, STDIN_FILENO, c->args.chunk, c->args.rate);
	if (!rc)
		rc = output_new(STDOUT_FILENO, &c->out);
	if (rc) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-rc));
		return STATUS_USAGE;
	}
	printer_init(&c->printer, c->out, c->args.raw, isatty(STDOUT_FILENO));
	cat_fence_begin(c);
	rc = start_node(c);
	if (rc)
		return rc;
	c->now_ns = clock_now_ns();
	c->wait_until_ns = c->now_ns + c->args.wait_ms * CLOCK_MS;
	c->next_break_ns = c->now_ns + c->args.break_ms * CLOCK_MS;
	c->blocked_since_ns = CLOCK_NEVER;
	c->phase = c->args.to.all || c->args.to.n ? CAT_WAITING : CAT_RECEIVING;
	return STATUS_OK;
}

/* ---- loop ---- */

static void take_signal(struct cat *c)
{
	int sig = signals_take(c->signal_fd);

	if (!sig)
		return;
	c->n_signals++;
	c->last_signal = sig;
	if (c->n_signals > 1)
		return;
	say(SINEW_WARNING, "%s: finishing, delivering input already read (at most "
	    "%" PRIu32 ".%03" PRIu32 " s; a second signal exits at once)",
	    strsignal(c->last_signal), c->args.linger_ms / 1000, c->args.linger_ms % 1000);
	if (c->phase == CAT_WAITING) {
		cat_say_not_up(c, "was not up");
		cat_set_status(c, STATUS_NOT_UP);
	}
	c->drain_until_ns = c->now_ns + c->args.linger_ms * CLOCK_MS;
	/* From CAT_CLOSING on the time can only become shorter. */
	if (c->phase == CAT_CLOSING)
		sinew_close(c->node, (int)c->args.linger_ms);
	else
		cat_close(c, c->args.linger_ms);
}

/* Received messages can go nowhere: the sources are told by our end, not by a hang. */
static void check_output(struct cat *c)
{
	int error = output_error(c->out);
	uint64_t n;

	if (!error || c->told_output)
		return;
	c->told_output = true;
	n = printer_clear(&c->printer);
	say(SINEW_ERROR, "cannot write standard output: %s%s; %" PRIu64 " messages at least "
	    "and all further ones are discarded, exiting", strerror(-error),
	    error == -EPIPE ? " (reader gone)" : "", n);
	cat_set_status(c, STATUS_UNDELIVERED);
	cat_close(c, c->args.linger_ms);
}

/* Once: who is ordered behind this program can start. */
static void check_ready(struct cat *c)
{
	if (c->told_ready || c->phase >= CAT_CLOSING || !cluster_is_ready(&c->cluster))
		return;
	c->told_ready = true;
	notify("READY=1");
}

static void read_input(struct cat *c)
{
	int rc;

	rc = input_read(&c->input, c->now_ns);
	if (!rc || rc == -EAGAIN)
		return;
	say(SINEW_ERROR, "cannot read standard input: %s; delivering input already read",
	    strerror(-rc));
	cat_set_status(c, STATUS_USAGE);
	cat_end_input(c);
}

/* Sleeps until one of the descriptors or a time wants something. */
static void wait_for_work(struct cat *c)
{
	struct pollfd p[N_POLL] = {
		[POLL_SIGNAL] = { .fd = c->signal_fd, .events = POLLIN },
		[POLL_NODE] = { .fd = -1, .events = POLLIN },
		[POLL_OUTPUT] = { .fd = -1, .events = POLLIN },
		[POLL_INPUT] = { .fd = -1, .events = POLLIN },
		[POLL_FENCE] = { .fd = c->fence.fd, .events = POLLIN },
		[POLL_CLUSTER] = { .fd = -1, .events = POLLIN },
	};
	uint64_t until = cat_deadline(c);
	uint64_t pause;

	if (!printer_is_full(&c->printer))
		p[POLL_NODE].fd = sinew_get_fd(c->node);
	if (!c->told_ready)
		p[POLL_CLUSTER].fd = cluster_fd(&c->cluster);
	if (!c->told_output)
		p[POLL_OUTPUT].fd = output_fd(c->out);
	if (c->printer.first && !output_want(c->out, false))
		until = c->now_ns;
	if (cat_wants_input(c)) {
		pause = input_pause_ns(&c->input, c->now_ns);
		if (!pause)
			p[POLL_INPUT].fd = STDIN_FILENO;
		else if (until > c->now_ns + pause)
			until = c->now_ns + pause;
	}
	if (poll(p, N_POLL, clock_timeout_ms(until)) < 0)
		return;
	c->now_ns = clock_now_ns();
	if (p[POLL_SIGNAL].revents)
		take_signal(c);
	if (p[POLL_INPUT].revents && cat_wants_input(c))
		read_input(c);
}

static void run(struct cat *c)
{
	while (c->phase != CAT_CLOSED && c->n_signals < 2) {
		if (!printer_is_full(&c->printer)) {
			int rc = sinew_dispatch(c->node, 0);

			if (rc == -ESHUTDOWN)
				return;
			if (rc < 0) {
				say(SINEW_ERROR, "event loop failed: %s", sinew_error_name(rc));
				cat_set_status(c, STATUS_UNDELIVERED);
				return;
			}
		}
		c->now_ns = clock_now_ns();
		printer_pump(&c->printer);
		check_output(c);
		check_ready(c);
		cat_step(c);
		if (c->phase != CAT_CLOSED)
			wait_for_work(c);
	}
}

/* ---- end ---- */

/* Received messages are acknowledged: they must get out, however slow that is. */
static void drain(struct cat *c)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = c->signal_fd, .events = POLLIN },
			{ .fd = output_fd(c->out), .events = POLLIN },
		};
		uint64_t until = c->n_signals ? c->drain_until_ns : CLOCK_NEVER;

		printer_pump(&c->printer);
		check_output(c);
		if (!c->printer.first && output_is_empty(c->out))
			return;
		c->now_ns = clock_now_ns();
		if (c->n_signals > 1 || c->now_ns >= until)
			break;
		if (!output_want(c->out, !c->printer.first))
			continue;
		if (poll(p, 2, clock_timeout_ms(until)) > 0 && p[0].revents)
			take_signal(c);
	}
	say(SINEW_ERROR, "standard output blocked: the last messages received (%" PRIu64 " and up "
	    "to %d bytes) were not written", c->printer.n_waiting, OUTPUT_BUFFER);
	cat_set_status(c, STATUS_UNDELIVERED);
}

static void write_stats(struct cat *c)
{
	struct stats stats = {
		.node = c->cluster.config ? c->cluster.node : c->args.cluster.node,
		.incarnation = c->incarnation,
		.cluster = c->cluster.config ? sinew_config_cluster(c->cluster.config) : "",
		.status = c->status,
		.seconds = (double)(clock_now_ns() - c->began_ns) / 1e9,
		.peers = c->stats,
		.n_peers = c->n_peers,
	};
	int rc;

	if (!c->args.stats)
		return;
	rc = stats_write(c->args.stats, &stats);
	if (!rc)
		return;
	say(SINEW_ERROR, "cannot write statistics to %s: %s", c->args.stats, strerror(-rc));
	if (!c->status)
		c->status = STATUS_UNDELIVERED;
}

static void finish(struct cat *c)
{
	if (c->node) {
		if (c->phase == CAT_CLOSED)
			cat_peers_report(c);
		cat_peers_count(c);
		drain(c);
		cat_fence_end(c, take_signal);
	}
	if (c->n_signals > 1)
		c->status = STATUS_SIGNAL + c->last_signal;
	write_stats(c);
	cluster_close(&c->cluster);
	sinew_node_free(c->node);
	if (c->out)
		printer_clear(&c->printer);
	output_free(c->out);
	input_close(&c->input);
	free(c->peers);
	free(c->stats);
}

int cat_main(int argc, char **argv)
{
	struct cat c = {
		.phase = CAT_CLOSED, .signal_fd = -1, .began_ns = clock_now_ns(), .fence.fd = -1,
	};
	int rc;

	rc = parse(&c.args, argc, argv);
	if (rc >= 0)
		return rc;
	rc = c.args.stats ? file_try(c.args.stats) : 0;
	if (rc) {
		say(SINEW_ERROR, "--stats: cannot write %s: %s", c.args.stats, strerror(-rc));
		return STATUS_USAGE;
	}
	c.status = start(&c);
	if (!c.status)
		run(&c);
	finish(&c);
	return c.status;
}
