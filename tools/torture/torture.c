/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew torture": nodes that send each other messages while everything is done
 * against it, and a verdict. This file starts a run and ends it.
 * Knows nothing of what happens in between.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/break/diag.h"
#include "tools/command.h"
#include "tools/say.h"
#include "tools/signals.h"
#include "tools/torture/run.h"

/* Blocked before the first process is made, so that they all come by the descriptor. */
static int open_signals(struct run *r)
{
	/* A reader of the progress that goes away does not end the run. */
	signal(SIGPIPE, SIG_IGN);
	r->signal_fd = signals_open(SIGCHLD);
	return r->signal_fd < 0 ? r->signal_fd : 0;
}

/* Which breaker: what was asked for, or the best that is allowed. */
static int choose_breaker(struct run *r)
{
	struct settings *s = &r->settings;
	int rc;

	if (s->breaker == BREAKER_NONE || s->breaker == BREAKER_SELF)
		return STATUS_OK;
	rc = diag_probe();
	if (rc && s->breaker == BREAKER_DESTROY) {
		say(SINEW_ERROR, "--breaker destroy: destroying connections is not "
		    "permitted: %s%s", strerror(-rc),
		    rc == -EPERM || rc == -EACCES ? "; run as root, or use --breaker self" :
		    "; use --breaker self");
		return STATUS_USAGE;
	}
	s->breaker = rc ? BREAKER_SELF : BREAKER_DESTROY;
	return rc ? STATUS_OK : injector_open(&r->injector, s, r->run_log);
}

static int start_nodes(struct run *r)
{
	const struct settings *s = &r->settings;
	uint32_t id;
	int rc;

	if (!s->processes)
		return node_group_open(&r->node_group, s, r->run_log, 1, s->n_nodes, 0) ?
			STATUS_USAGE : 0;
	for (id = 1; id <= s->n_nodes; id++) {
		rc = children_spawn(r, id);
		if (!rc)
			continue;
		say(SINEW_ERROR, "node %" PRIu32 ": no process: %s", id, strerror(-rc));
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

static int start(struct run *r)
{
	const struct settings *s = &r->settings;
	int rc;

	r->random = s->seed;
	r->is_terminal = isatty(STDERR_FILENO);
	r->run_log = run_log_new(s->n_nodes);
	rc = r->run_log ? open_signals(r) : -ENOMEM;
	if (rc) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-rc));
		return STATUS_USAGE;
	}
	rc = choose_breaker(r);
	if (rc)
		return rc;
	fprintf(stderr, "%u nodes%s at %s.1 to %s.%u port %u, messages up to %zu bytes, %u slow "
		"readers, breaker %s every %" PRIu32 " ms, seed %" PRIu64 "\n", s->n_nodes,
		s->processes ? " in processes" : "", s->net, s->net, s->n_nodes, s->port, s->size,
		s->n_slow, settings_breaker_name(s->breaker), s->kill_ms, s->seed);
	return start_nodes(r);
}

/* The run is over: checks the sessions that are still open. */
static void finish(struct run *r)
{
	children_kill(r);
	node_group_close(&r->node_group);
	count_checker(r, true);
	count_total(r);
	count_end_line(r);
	count_tell(r);
}

static int run(struct run *r)
{
	int rc;

	rc = start(r);
	if (rc) {
		children_kill(r);
		return rc;
	}
	run_all(r);
	finish(r);
	if (r->n_signals > 1)
		return STATUS_SIGNAL + r->last_signal;
	if (r->cannot_start)
		return STATUS_USAGE;
	rc = verdict_status(verdict_of(r));
	if (verdict_print(r))
		return rc;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(errno));
	return rc ? rc : STATUS_UNDELIVERED;
}

int torture_main(int argc, char **argv)
{
	struct run *r;
	int rc;

	say_prefix("sinew torture");
	r = calloc(1, sizeof(*r));
	if (!r) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	r->signal_fd = -1;
	rc = settings_parse(&r->settings, argc, argv);
	if (rc < 0) {
		rc = settings_raise_descriptors(&r->settings);
		if (!rc)
			rc = run(r);
	}
	node_group_close(&r->node_group);
	injector_close(r->injector);
	run_log_free(r->run_log);
	if (r->signal_fd >= 0)
		close(r->signal_fd);
	free(r);
	return rc;
}
