/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew torture": nodes that send each other messages while everything is done
 * against it, and a verdict. This file is the conductor: start, phases, kills, restarts and end.
 * Knows nothing of how messages are checked.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/break/diag.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/random.h"
#include "tools/say.h"
#include "tools/signals.h"
#include "tools/torture/torture.h"

#define WAIT_MS		20	/* a turn sleeps no longer */
#define CHECK_NS	(100 * CLOCK_MS)
#define LINE_NS		CLOCK_S
#define CLOSE_MORE_NS	(5 * CLOCK_S)	/* beyond the linger time of the nodes */
#define CHILD_WAIT_MS	20
#define CHILD_PAUSE_MS	1	/* more nodes than processors: each leaves some to the others */

/* ---- nodes in processes of their own ---- */

/* Does not return. */
static void be_child(struct run *r, uint32_t id, pid_t parent)
{
	struct node_group node_group;
	bool good;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A library that raised it would be found here. */
	signal(SIGPIPE, SIG_DFL);
	if (getppid() != parent)
		_exit(STATUS_USAGE);
	good = !node_group_open(&node_group, &r->settings, r->run_log, id, 1, r->n_spawned);
	while (good && !node_group_is_over(&node_group))
		node_group_turn(&node_group, CHILD_PAUSE_MS, CHILD_WAIT_MS, -1);
	node_group_close(&node_group);
	_exit(good ? STATUS_OK : STATUS_USAGE);
}

static int children_spawn(struct run *r, uint32_t id)
{
	pid_t parent = getpid(), pid;

	r->n_spawned++;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		be_child(r, id, parent);
	r->children[id] = pid;
	return 0;
}

/* Gives the status that waitpid() has of it. */
static int kill_child(struct run *r, uint32_t id)
{
	int status;

	kill(r->children[id], SIGKILL);
	waitpid(r->children[id], &status, 0);
	r->children[id] = 0;
	run_log_crashed(r->run_log, id, true);
	return status;
}

static void children_restart(struct run *r, uint32_t id)
{
	int status, rc;

	if (!r->children[id])
		return;
	status = kill_child(r, id);
	/* It may have died by itself just before. */
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		run_log_problem(r->run_log, "node %" PRIu32 ": process ended before it was killed",
				id);
		r->is_broken = true;
	}
	rc = children_spawn(r, id);
	if (rc) {
		run_log_problem(r->run_log, "node %" PRIu32 " cannot restart: %s", id,
			strerror(-rc));
		r->is_broken = true;
	}
}

static void child_ended(struct run *r, uint32_t id, int status)
{
	r->children[id] = 0;
	if (run_log_phase(r->run_log) == PHASE_CLOSE && WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	run_log_crashed(r->run_log, id, true);
	r->is_broken = true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_USAGE)
		r->cannot_start = true;
	else if (WIFSIGNALED(status))
		run_log_problem(r->run_log, "node %" PRIu32 ": process killed by signal %d (%s)",
				id, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		run_log_problem(r->run_log, "node %" PRIu32 ": process exited with status %d", id,
				WEXITSTATUS(status));
}

static void children_reap(struct run *r)
{
	uint32_t id;
	int status;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id] && waitpid(r->children[id], &status, WNOHANG) > 0)
			child_ended(r, id, status);
}

static bool children_are_over(const struct run *r)
{
	uint32_t id;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id])
			return false;
	return true;
}

static void children_kill(struct run *r)
{
	uint32_t id;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id])
			kill_child(r, id);
}

/* ---- start ---- */

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
	r->run_log = run_log_new(s->n_nodes, s->calls);
	/* A reader of the progress that goes away does not end the run. */
	signal(SIGPIPE, SIG_IGN);
	/* Blocked before the first process is made, so that they all come by the descriptor. */
	rc = r->run_log ? signals_start(SIGCHLD, &r->signal_fd) : STATUS_USAGE;
	if (!r->run_log)
		say(SINEW_ERROR, "cannot start: %s", strerror(ENOMEM));
	if (!rc)
		rc = choose_breaker(r);
	if (rc)
		return rc;
	fprintf(stderr, "%u nodes%s at %s.1 to %s.%u port %u, %s, messages up to %zu bytes, %u "
		"slow readers, breaker %s every %" PRIu32 " ms, seed %" PRIu64 "\n", s->n_nodes,
		s->processes ? " in processes" : "", s->net, s->net, s->n_nodes, s->port,
		settings_transports[s->transport], s->size, s->n_slow,
		settings_breakers[s->breaker], s->kill_ms, s->seed);
	return start_nodes(r);
}

/* ---- phases ---- */

static void enter(struct run *r, enum run_log_phase phase, uint64_t more_ns)
{
	atomic_store_explicit(&r->run_log->phase, phase, memory_order_release);
	r->phase_until_ns = r->now_ns + r->settings.linger_ms * CLOCK_MS + more_ns;
}

/* ---- restarts ---- */

static void restart_step(struct run *r)
{
	uint32_t id;

	if (!r->settings.restart_ms || r->now_ns < r->next_restart_ns)
		return;
	/* The remains of a restart must be checked before there are too many. */
	if (!run_log_has_room(r->run_log))
		return;
	r->next_restart_ns = r->now_ns + r->settings.restart_ms * CLOCK_MS;
	id = 1 + (uint32_t)(random_next(&r->random) % r->settings.n_nodes);
	if (r->settings.processes) {
		children_restart(r, id);
		r->n_crashes++;
	} else {
		bool crash = r->n_restarts % 2 == 0;

		if (!node_group_restart(&r->node_group, id, crash))
			return;
		r->n_crashes += crash;
	}
	r->n_restarts++;
	if (!r->restarted_ns)
		r->restarted_ns = r->now_ns;
}

/* How long a restart is felt. */
static void recovery_step(struct run *r)
{
	uint32_t node, peer;

	if (!r->restarted_ns || run_log_find(r->run_log, run_log_is_down, &node, &peer))
		return;
	if (r->recovery_ns < r->now_ns - r->restarted_ns)
		r->recovery_ns = r->now_ns - r->restarted_ns;
	r->restarted_ns = 0;
}

static bool is_time_over(struct run *r)
{
	const struct settings *s = &r->settings;

	if (r->n_signals || r->is_broken)
		return true;
	if (s->run_ms && r->now_ns - r->began_ns >= s->run_ms * CLOCK_MS)
		return true;
	return s->kills && r->total.kills >= s->kills;
}

/* True: something is not in order yet, and has time left for that. */
static bool is_unsettled(struct run *r, run_log_test *holds, const char *what)
{
	uint32_t node, peer;

	if (!run_log_find(r->run_log, holds, &node, &peer))
		return false;
	if (r->now_ns < r->phase_until_ns)
		return true;
	run_log_problem(r->run_log, "node %" PRIu32 " %s node %" PRIu32 ", %" PRIu32
			" ms after the last fault", node, what, peer, r->settings.linger_ms);
	return false;
}

static void step_settle(struct run *r)
{
	recovery_step(r);
	if (!r->is_broken && (is_unsettled(r, run_log_is_down, "has no session with") ||
			      is_unsettled(r, run_log_is_blocked,
					   "got no writable event for its queue to")))
		return;
	enter(r, PHASE_CLOSE, CLOSE_MORE_NS);
}

/* True: the run is over. */
static bool step_close(struct run *r)
{
	uint32_t id;

	if (r->settings.processes ? children_are_over(r) : node_group_is_over(&r->node_group))
		return true;
	if (r->now_ns < r->phase_until_ns)
		return false;
	for (id = 1; id <= r->settings.n_nodes; id++)
		if (record_get(&r->run_log->incarnations[id]))
			run_log_problem(r->run_log,
					"node %" PRIu32 " did not close in its linger time", id);
	return true;
}

/* True: the run is over. */
static bool step(struct run *r)
{
	switch (run_log_phase(r->run_log)) {
	case PHASE_RUN:
		restart_step(r);
		if (!is_time_over(r))
			break;
		r->ended_ns = r->now_ns;
		enter(r, PHASE_SETTLE, 0);
		break;
	case PHASE_SETTLE:
		step_settle(r);
		break;
	case PHASE_CLOSE:
		return step_close(r);
	}
	return false;
}

/* ---- the loop ---- */

static void take_signals(struct run *r)
{
	int sig;

	while ((sig = signals_take(r->signal_fd))) {
		if (sig == SIGCHLD)
			continue;
		r->n_signals++;
		r->last_signal = sig;
		if (r->n_signals > 1)
			return;
		count_end_line(r);
		say(SINEW_WARNING, "%s: ending the run early; a second signal exits at once",
		    strsignal(r->last_signal));
	}
}

static int wait_ms(const struct run *r)
{
	uint64_t until = r->now_ns + WAIT_MS * CLOCK_MS;

	if (r->injector && run_log_phase(r->run_log) == PHASE_RUN &&
	    injector_deadline(r->injector) < until)
		until = injector_deadline(r->injector);
	return clock_timeout_ms(until);
}

static void turn(struct run *r)
{
	struct pollfd p = { .fd = r->signal_fd, .events = POLLIN };

	if (r->injector && run_log_phase(r->run_log) == PHASE_RUN)
		injector_step(r->injector, clock_now_ns());
	if (r->settings.processes)
		poll(&p, 1, wait_ms(r));
	else
		node_group_turn(&r->node_group, 0, wait_ms(r), r->signal_fd);
	r->now_ns = clock_now_ns();
	take_signals(r);
	if (r->settings.processes)
		children_reap(r);
}

/* Until all have closed or cannot; a second signal ends it at once. */
static void run_all(struct run *r)
{
	bool is_over = false;

	r->began_ns = r->now_ns = r->ended_ns = clock_now_ns();
	r->next_line_ns = r->now_ns + LINE_NS;
	r->next_restart_ns = r->now_ns + r->settings.restart_ms * CLOCK_MS;
	while (!is_over && r->n_signals < 2) {
		turn(r);
		is_over = step(r);
		if (r->now_ns >= r->next_check_ns) {
			r->next_check_ns = r->now_ns + CHECK_NS;
			recovery_step(r);
			count_checker(r, false);
			count_watch(r);
			count_total(r);
			count_tell(r);
		}
		if (r->now_ns >= r->next_line_ns) {
			r->next_line_ns = r->now_ns + LINE_NS;
			count_line(r);
		}
	}
}

/* ---- end ---- */

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
	int status, rc;

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
	status = verdict_status(r);
	rc = verdict_print(r);
	if (!rc)
		return status;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	return status ? status : STATUS_UNDELIVERED;
}

int torture_main(int argc, char **argv)
{
	struct run *r;
	int rc;

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
