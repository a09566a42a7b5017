/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a tool writes, perhaps where anybody may.
 * Knows nothing of what is in them.
 */
#include "tools/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX	16	/* that lead to each other */
#define TEMPORARY	".XXXXXX"

/* ---- names ---- */

/* Links of the kernel that lead to no name. */
static bool is_descriptor(const char *name)
{
	static const char *const begins[] = { "/proc/", "/dev/fd/", "/dev/std" };
	unsigned i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* One link further: name is changed to what it says. */
static int follow(char name[PATH_MAX])
{
	char target[PATH_MAX], dir[PATH_MAX];
	ssize_t n = readlink(name, target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	strcpy(dir, name);
	len = *target == '/' ? snprintf(name, PATH_MAX, "%s", target) :
			       snprintf(name, PATH_MAX, "%s/%s", dirname(dir), target);
	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The file to replace or, *ret_special, to write to. */
static int resolve(const char *name, char real[PATH_MAX], bool *ret_special)
{
	struct stat st;
	int i, rc;

	if (!*name)
		return -ENOENT;
	if (strlen(name) + sizeof(TEMPORARY) > PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(real, name);
	for (i = 0; i < LINKS_MAX; i++) {
		*ret_special = is_descriptor(real);
		if (*ret_special)
			return 0;
		if (lstat(real, &st))
			return errno == ENOENT ? 0 : -errno;
		*ret_special = !S_ISREG(st.st_mode);
		if (!S_ISLNK(st.st_mode))
			return 0;
		if (st.st_uid && st.st_uid != geteuid())
			return -EACCES;
		rc = follow(real);
		if (rc)
			return rc;
	}
	return -ELOOP;
}

int file_try(const char *name)
{
	char real[PATH_MAX], dir[PATH_MAX];
	struct stat st;
	bool is_special;
	int rc;

	rc = resolve(name, real, &is_special);
	if (rc)
		return rc;
	if (is_special && !stat(real, &st) && S_ISDIR(st.st_mode))
		return -EISDIR;
	strcpy(dir, real);
	return access(is_special ? real : dirname(dir), W_OK) ? -errno : 0;
}

bool file_is_special(const char *name)
{
	char real[PATH_MAX];
	bool is_special = false;

	return !resolve(name, real, &is_special) && is_special;
}

/* ---- descriptors ---- */

/* Does not wait for the reader of a named pipe. */
static int open_special(const char *real)
{
	bool follows = is_descriptor(real);
	struct stat st;
	int fd, rc;

	fd = open(real, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		  (follows ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) ? -errno : 0;
	/* It was something else a moment ago. */
	if (!rc && !follows && S_ISREG(st.st_mode))
		rc = -EACCES;
	if (!rc && fcntl(fd, F_SETFL, O_APPEND))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* A new file beside it, with the rights that a new file has. */
static int open_temporary(const char *real, char temporary[PATH_MAX])
{
	mode_t mask = umask(0);
	int fd, rc;

	umask(mask);
	if (snprintf(temporary, PATH_MAX, "%s" TEMPORARY, real) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fchmod(fd, 0666 & ~mask))
		return fd;
	rc = -errno;
	close(fd);
	unlink(temporary);
	return rc;
}

/* ---- writing ---- */

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_text(int fd, const char *text)
{
	int rc;

	rc = write_all(fd, text, strlen(text));
	return rc ? rc : write_all(fd, "\n", 1);
}

static int write_special(const char *real, const char *text)
{
	int fd, rc;

	fd = open_special(real);
	if (fd < 0)
		return fd;
	/* The reader of a pipe may leave. */
	signal(SIGPIPE, SIG_IGN);
	rc = write_text(fd, text);
	close(fd);
	return rc;
}

static int replace(const char *real, const char *text)
{
	char temporary[PATH_MAX];
	int fd, rc;

	fd = open_temporary(real, temporary);
	if (fd < 0)
		return fd;
	rc = write_text(fd, text);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, real))
		rc = -errno;
	if (rc)
		unlink(temporary);
	return rc;
}

int file_replace(const char *name, const char *text)
{
	char real[PATH_MAX];
	bool is_special;
	int rc;

	rc = resolve(name, real, &is_special);
	if (rc)
		return rc;
	return is_special ? write_special(real, text) : replace(real, text);
}

/* In the place of the old one before anything is in it: who reads along finds it. */
static int create(const char *real)
{
	char temporary[PATH_MAX];
	int fd, rc;

	fd = open_temporary(real, temporary);
	if (fd < 0 || !rename(temporary, real))
		return fd;
	rc = -errno;
	close(fd);
	unlink(temporary);
	return rc;
}

int file_create(const char *name, FILE **ret_file)
{
	char real[PATH_MAX];
	bool is_special;
	FILE *file;
	int fd, rc;

	rc = resolve(name, real, &is_special);
	if (rc)
		return rc;
	fd = is_special ? open_special(real) : create(real);
	if (fd < 0)
		return fd;
	file = fdopen(fd, "w");
	if (!file) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*ret_file = file;
	return 0;
}
