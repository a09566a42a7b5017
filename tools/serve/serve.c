/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew serve": a node that only serves: its topology to programs of this machine and to other
 * nodes, its status and options by the control socket. A thread of the library turns its loop.
 * Knows nothing of what is asked.
 */
#include "tools/serve/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/notify.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define LINGER_MS	10000

/* ---- command line ---- */

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct serve_arguments, cluster, "own node in that file"),
	OPTION_TEXT("socket", struct serve_arguments, socket, "NAME",
		    "name of the control socket (default: sinew/CLUSTER/GROUP/ID)"),
	OPTION_SECONDS("linger", struct serve_arguments, linger_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to linger at the end (10)"),
	OPTION_FLAG("json", struct serve_arguments, json,
		    "print a JSON document at start, readiness, reload and end"),
	CLUSTER_OPTION_LOG(struct serve_arguments, cluster,
			   "error, warning, info (default) or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew serve",
	.usage =
		"usage: sinew serve [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Runs a node that sends nothing of its own: it serves the topology to programs\n"
		"of this machine and to other nodes, and its status and options by its control\n"
		"socket: see \"sinew status\", \"sinew config\", \"sinew top\". SIGHUP takes the\n"
		"file over.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 ended by a signal, all handshakes over, 1 not all, or standard\n"
		"output failed, 2 usage or configuration, or it could not start.\n",
};

static int parse(struct serve_arguments *args, int argc, char **argv)
{
	*args = (struct serve_arguments){
		.cluster = { .level = SINEW_INFO }, .linger_ms = LINGER_MS,
	};
	return options_parse(&table, args, argc, argv);
}

/* ---- callbacks: the thread of the loop ---- */

/* We will never send it anything more, but it may. */
static void session_finished(struct sinew_node *node, struct sinew_session *session, void *user)
{
	(void)node, (void)user;
	sinew_session_finish(session);
}

static void fence_asked(struct sinew_node *node, uint32_t nodeid, uint64_t incarnation,
			enum sinew_fence_reason reason, void *user)
{
	(void)node, (void)user;
	say(SINEW_WARNING, "node %" PRIu32 " incarnation %016" PRIx64 " is to be fenced (%s): this "
	    "command runs no fence_command, another program has to", nodeid, incarnation,
	    sinew_fence_reason_name(reason));
}

/* Sessions that the time did not suffice for. */
static void report(struct serve *s)
{
	struct sinew_report_session left[SERVE_REPORT_MAX];
	int n = sinew_report(s->node, left, SERVE_REPORT_MAX), i;

	for (i = 0; i < n && i < SERVE_REPORT_MAX; i++) {
		if (!*left[i].missing || left[i].last_ack_missing)
			continue;
		say(SINEW_WARNING, "node %" PRIu32 ": the session ended without its handshake, "
		    "missing was %s", left[i].nodeid, left[i].missing);
		s->n_unfinished++;
	}
}

static void closed(struct sinew_node *node, void *user)
{
	struct serve *s = user;
	uint64_t one = 1;

	(void)node;
	report(s);
	/* It cannot be full. */
	if (write(s->closed_fd, &one, sizeof(one)) < 0)
		say(SINEW_ERROR, "cannot tell the end: %s", strerror(errno));
}

/* ---- start ---- */

static int open_socket(struct serve *s)
{
	struct sinew_control_options opt = { .size = sizeof(opt), .calls = s->calls };
	int status = serve_rights(s, &opt), rc;

	if (status)
		return status;
	opt.name = s->name;
	rc = sinew_control_serve(s->node, &opt);
	if (rc == -EADDRINUSE)
		say(SINEW_ERROR, "the control socket %s is in use: a program serves this node "
		    "already (\"ss -lxp src @%s\" shows it), or choose another name by --socket",
		    s->name, s->name);
	else if (rc)
		say(SINEW_ERROR, "cannot serve: %s", sinew_error_name(rc));
	return rc ? STATUS_USAGE : STATUS_OK;
}

static int name_socket(struct serve *s)
{
	const char *socket = s->args.socket;

	if (!socket) {
		sinew_control_name(sinew_config_cluster(s->cluster.config),
				   sinew_node_group(s->node), sinew_node_id(s->node), s->name,
				   sizeof(s->name));
		return STATUS_OK;
	}
	if (socket[0] == '@')
		socket++;
	if (*socket && strlen(socket) < sizeof(s->name)) {
		memcpy(s->name, socket, strlen(socket) + 1);
		return STATUS_OK;
	}
	say(SINEW_ERROR, "--socket: expected a name of 1 to %zu bytes", sizeof(s->name) - 1);
	return STATUS_USAGE;
}

/* Before the first peer is there, and with it the loop. */
static int prepare(struct sinew_node *node, void *user)
{
	struct sinew_calls_options calls;
	struct serve *s = user;
	int status, rc;

	s->node = node;
	status = name_socket(s);
	if (status)
		return status;
	serve_calls(s, &calls);
	rc = sinew_calls_new(node, &calls, &s->calls);
	if (!rc)
		return open_socket(s);
	say(SINEW_ERROR, "cannot offer calls: %s%s", sinew_error_name(rc), rc == -EINVAL ?
	    "; is \"profile: dlm\" in the configuration? Kernels know no calls" : "");
	return STATUS_USAGE;
}

static int start_node(struct serve *s)
{
	static const struct sinew_callbacks callbacks = {
		.size = sizeof(callbacks),
		.session_finished = session_finished,
		.fence_asked = fence_asked,
		.closed = closed,
	};
	struct sinew_options opt;

	SINEW_OPTIONS_INIT(&opt);
	opt.log = say_line;
	opt.log_level = s->args.cluster.level;
	opt.own_thread = true;
	s->cluster.prepare = prepare;
	s->cluster.prepare_user = s;
	return cluster_node(&s->cluster, &opt, &callbacks, s, &s->node);
}

static int start(struct serve *s)
{
	char prefix[32];
	int status;

	s->closed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->closed_fd < 0) {
		say(SINEW_ERROR, "cannot start: %s", strerror(errno));
		return STATUS_USAGE;
	}
	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	status = signals_start(SIGHUP, &s->signal_fd);
	if (!status)
		status = cluster_open(&s->cluster, &s->args.cluster, s->signal_fd);
	if (status)
		return status;
	snprintf(prefix, sizeof(prefix), "sinew serve[%" PRIu32 "]", s->cluster.node);
	say_prefix(prefix);
	status = start_node(s);
	return status ? status : serve_tell(s, "started");
}

/* ---- the run ---- */

static void take_signal(struct serve *s)
{
	int sig = signals_take(s->signal_fd);

	if (!sig)
		return;
	if (sig == SIGHUP) {
		if (!s->n_signals)
			s->status = serve_reload(s);
		return;
	}
	s->n_signals++;
	s->last_signal = sig;
	if (s->n_signals > 1)
		return;
	say(SINEW_WARNING, "%s: closing the sessions (at most %" PRIu32 ".%03" PRIu32 " s; a "
	    "second signal exits at once)", strsignal(sig), s->args.linger_ms / 1000,
	    s->args.linger_ms % 1000);
	notify("STOPPING=1");
	s->status = serve_tell(s, "closing");
	sinew_close(s->node, (int)s->args.linger_ms);
}

/* Once: who is ordered behind this program can start. */
static void check_ready(struct serve *s)
{
	if (s->told_ready || s->n_signals || !cluster_is_ready(&s->cluster))
		return;
	s->told_ready = true;
	notify("READY=1");
	s->status = serve_tell(s, "ready");
}

static void run(struct serve *s)
{
	while (s->n_signals < 2) {
		struct pollfd p[] = {
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->closed_fd, .events = POLLIN },
			{ .fd = s->told_ready ? -1 : cluster_fd(&s->cluster), .events = POLLIN },
		};

		check_ready(s);
		if (s->status && !s->n_signals) {
			s->n_signals++;
			sinew_close(s->node, (int)s->args.linger_ms);
		}
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[1].revents)
			return;
		if (p[0].revents)
			take_signal(s);
	}
}

/* ---- end ---- */

static void finish(struct serve *s)
{
	if (s->node && s->n_signals == 1 && !sinew_node_join(s->node, -1)) {
		int status = serve_tell(s, "closed");

		if (!s->status)
			s->status = s->n_unfinished ? STATUS_UNDELIVERED : status;
	}
	if (s->n_signals > 1)
		s->status = STATUS_SIGNAL + s->last_signal;
	cluster_close(&s->cluster);
	sinew_node_free(s->node);
	sinew_calls_free(s->calls);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->closed_fd >= 0)
		close(s->closed_fd);
}

int serve_main(int argc, char **argv)
{
	struct serve s = { .signal_fd = -1, .closed_fd = -1 };
	int status;

	status = parse(&s.args, argc, argv);
	if (status >= 0)
		return status;
	s.status = start(&s);
	if (!s.status)
		run(&s);
	finish(&s);
	return s.status;
}
