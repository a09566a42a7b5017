/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break": finds the mode and runs it, and what modes share.
 * Knows nothing of what a mode does.
 */
#include "tools/break/break.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

static const struct choice modes[] = {
	{ "destroy", destroy_main, "destroy selected TCP connections in the kernel (root)" },
	{ "reset", reset_main, "reset selected TCP connections by forged segments (root)" },
	{ "block", block_main, "drop packets from one address to another (root, nftables)" },
	{ "relay", relay_main, "relay connections between two nodes and inject faults" },
};

static const struct choices choices = {
	.name = "sinew break",
	.kind = "mode",
	.usage = "usage: sinew break MODE [OPTION...]\n"
		 "       sinew break --help\n"
		 "\n"
		 "Injects network faults, limited to the selected connections and directions.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int break_print(struct json_object *document, int status)
{
	int rc = json_end(document);

	if (!rc)
		return status;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	return status ? status : BREAK_USAGE;
}

/* ---- network namespaces ---- */

static int refuse_netns(const char *path, int error)
{
	if (error == EPERM || error == EACCES) {
		say(SINEW_ERROR, "--netns: cannot enter %s: %s; requires root "
		    "(CAP_SYS_ADMIN)", path, strerror(error));
		return BREAK_REFUSED;
	}
	say(SINEW_ERROR, "--netns: cannot enter %s: %s; \"ip netns list\" lists the named "
	    "ones, /proc/PID/ns/net is that of a process", path,
	    error == EINVAL ? "not a network namespace" : strerror(error));
	return BREAK_USAGE;
}

int netns_enter(const char *name)
{
	char path[PATH_MAX];
	int fd, error = 0;

	if (!name)
		return 0;
	snprintf(path, sizeof(path), strchr(name, '/') ? "%s" : "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse_netns(path, errno);
	if (setns(fd, CLONE_NEWNET))
		error = errno;
	close(fd);
	return error ? refuse_netns(path, error) : 0;
}

int netns_number(const char *process, uint64_t *ret_number)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	if (stat(path, &st))
		return -errno;
	*ret_number = st.st_ino;
	return 0;
}

/* ---- pace ---- */

int pace_open(struct pace *p, uint32_t every_ms, uint32_t for_ms)
{
	*p = (struct pace){
		.began_ns = clock_now_ns(),
		.every_ns = every_ms * CLOCK_MS,
	};
	p->next_ns = p->began_ns;
	p->end_ns = for_ms ? p->began_ns + for_ms * CLOCK_MS : CLOCK_NEVER;
	p->signal_fd = signals_open(0);
	return p->signal_fd < 0 ? p->signal_fd : 0;
}

void pace_close(struct pace *p)
{
	if (p->signal_fd >= 0)
		close(p->signal_fd);
	p->signal_fd = -1;
}

/* Rounds that were missed because one took too long are not made up for. */
static void begin_round(struct pace *p, uint64_t now)
{
	p->n_rounds++;
	if (!p->every_ns)
		return;
	p->next_ns += p->every_ns;
	if (p->next_ns < now)
		p->next_ns += (now - p->next_ns + p->every_ns - 1) / p->every_ns * p->every_ns;
}

static enum pace_event wait_for(struct pace *p, int fd, uint64_t until_ns, bool in_round)
{
	struct pollfd fds[] = {
		{ .fd = p->signal_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	uint64_t now, wake;

	for (;;) {
		now = clock_now_ns();
		if (p->was_told || now >= p->end_ns)
			return PACE_OVER;
		if (!in_round && !p->every_ns && p->n_rounds)
			return PACE_OVER;
		if (!in_round && now >= p->next_ns) {
			begin_round(p, now);
			return PACE_ROUND;
		}
		if (now >= until_ns)
			return PACE_TIME;
		wake = p->end_ns < until_ns ? p->end_ns : until_ns;
		if (!in_round && p->next_ns < wake)
			wake = p->next_ns;
		if (poll(fds, 2, clock_timeout_ms(wake)) <= 0)
			continue;
		if (fds[0].revents)
			p->was_told = signals_take(p->signal_fd);
		else if (fds[1].revents)
			return PACE_READABLE;
	}
}

enum pace_event pace_wait(struct pace *p, int fd, uint64_t until_ns)
{
	return wait_for(p, fd, until_ns, false);
}

enum pace_event pace_wait_in_round(struct pace *p, int fd, uint64_t until_ns)
{
	return wait_for(p, fd, until_ns, true);
}

/* ---- the command ---- */

int break_main(int argc, char **argv)
{
	return choices_run(&choices, argc, argv);
}
