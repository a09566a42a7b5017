/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network namespaces.
 * Knows nothing of what is done in one.
 */
#include "tools/break/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/break/break.h"
#include "tools/say.h"

static int refuse(const char *path, int error)
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
		return refuse(path, errno);
	if (setns(fd, CLONE_NEWNET))
		error = errno;
	close(fd);
	return error ? refuse(path, error) : 0;
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
