/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words to the service manager that has started us.
 * Knows nothing of when they are true.
 */
#include "tools/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/say.h"

/* One datagram. 0 or a negative errno. */
static int send_to(const char *path, const char *word)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const size_t len = strlen(path);
	int fd, rc;

	if (len >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, len);
	/* An abstract socket, whose name begins with NUL. */
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = sendto(fd, word, strlen(word), MSG_NOSIGNAL, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

void notify(const char *word)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int rc;

	if (!path || !*path)
		return;
	rc = send_to(path, word);
	if (rc)
		say(SINEW_WARNING, "cannot send %s to NOTIFY_SOCKET %.107s: %s", word, path,
		    strerror(-rc));
}
