/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nodes in processes of their own.
 * Knows nothing of what they do; they share the run log.
 */
#include "tools/torture/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/say.h"

#define CHILD_WAIT_MS	20
#define CHILD_PAUSE_MS	1	/* more nodes than processors: each leaves some to the others */

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

int children_spawn(struct run *r, uint32_t id)
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

void children_restart(struct run *r, uint32_t id)
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

void children_reap(struct run *r)
{
	uint32_t id;
	int status;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id] && waitpid(r->children[id], &status, WNOHANG) > 0)
			child_ended(r, id, status);
}

bool children_are_over(const struct run *r)
{
	uint32_t id;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id])
			return false;
	return true;
}

void children_kill(struct run *r)
{
	uint32_t id;

	for (id = 1; id <= r->settings.n_nodes; id++)
		if (r->children[id])
			kill_child(r, id);
}
