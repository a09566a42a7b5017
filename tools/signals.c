/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signals that end a run, as something to be read. Knows nothing of what they end.
 */
#include "tools/signals.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/say.h"

void signals_set(sigset_t *ret_set)
{
	struct sigaction hangup;

	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGQUIT);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaddset(ret_set, SIGHUP);
}

int signals_open(int more)
{
	sigset_t set;
	int fd;

	signals_set(&set);
	if (more)
		sigaddset(&set, more);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int signals_start(int more, int *ret_fd)
{
	int fd = signals_open(more);

	if (fd < 0) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-fd));
		return STATUS_USAGE;
	}
	*ret_fd = fd;
	return STATUS_OK;
}

int signals_take(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
