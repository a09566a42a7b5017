/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of files that tools write where anybody may: what somebody has put there is never
 * written to. Knows no tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/check.h"
#include "tools/file.h"

#define STRANGER 65534

static char dir[] = "/tmp/sinew-file-XXXXXX";

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	CHECK(f && fputs(text, f) >= 0 && !fclose(f));
}

static const char *get(const char *name)
{
	static char text[200];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return n < 0 ? "(none)" : text;
}

static void begin(void)
{
	CHECK_EQ(system("rm -rf *"), 0);
	put("victim", "mine\n");
}

/* In both ways. */
static int write_to(const char *name, bool at_once)
{
	FILE *f;
	int rc;

	if (at_once)
		return file_replace(name, "text");
	rc = file_create(name, &f);
	if (rc)
		return rc;
	CHECK(fputs("text\n", f) >= 0 && !fclose(f));
	return 0;
}

static unsigned n_names(void)
{
	FILE *f = popen("ls -A | wc -l", "r");
	unsigned n = 0;

	CHECK(f && fscanf(f, "%u", &n) == 1);
	if (f)
		pclose(f);
	return n;
}

static void a_new_file_is_as_any_other(void)
{
	struct stat st;
	mode_t mask = umask(027);

	for (int way = 0; way < 2; way++) {
		begin();
		CHECK_EQ(write_to("new", way), 0);
		CHECK_STR(get("new"), "text\n");
		CHECK(!stat("new", &st) && (st.st_mode & 0777) == 0640);
		CHECK_EQ(n_names(), 2);
	}
	umask(mask);
}

/* Another name of it keeps what it had. */
static void an_old_one_is_replaced(void)
{
	for (int way = 0; way < 2; way++) {
		begin();
		CHECK(!link("victim", "planted"));
		CHECK_EQ(write_to("planted", way), 0);
		CHECK_STR(get("planted"), "text\n");
		CHECK_STR(get("victim"), "mine\n");
	}
}

static void an_own_link_is_followed(void)
{
	struct stat st;

	for (int way = 0; way < 2; way++) {
		begin();
		CHECK(!mkdir("sub", 0700) && !symlink("../victim", "sub/second") &&
		      !symlink("sub/second", "first"));
		CHECK_EQ(file_try("first"), 0);
		CHECK_EQ(write_to("first", way), 0);
		CHECK_STR(get("victim"), "text\n");
		CHECK(!lstat("first", &st) && S_ISLNK(st.st_mode));
		CHECK(!lstat("sub/second", &st) && S_ISLNK(st.st_mode));
	}
}

static void a_link_of_somebody_else_is_not(void)
{
	if (geteuid())
		SKIP("only root can make a link of somebody else");
	for (int way = 0; way < 2; way++) {
		begin();
		CHECK(!symlink("victim", "planted") && !lchown("planted", STRANGER, STRANGER));
		CHECK(!symlink("planted", "own"));
		CHECK_EQ(file_try("planted"), -EACCES);
		CHECK_EQ(write_to("planted", way), -EACCES);
		CHECK_EQ(write_to("own", way), -EACCES);
		/* Nor one that leads to nothing yet. */
		CHECK(!unlink("victim"));
		CHECK_EQ(write_to("planted", way), -EACCES);
		CHECK_STR(get("victim"), "(none)");
	}
}

static void links_in_a_circle_end(void)
{
	begin();
	CHECK(!symlink("b", "a") && !symlink("a", "b"));
	CHECK_EQ(file_try("a"), -ELOOP);
	CHECK_EQ(file_replace("a", "text"), -ELOOP);
}

static void what_cannot_be_replaced_is_written_to(void)
{
	char name[40], text[8] = "";
	struct stat st;
	int ends[2];

	for (int way = 0; way < 2; way++) {
		begin();
		CHECK(file_is_special("/dev/null"));
		CHECK_EQ(write_to("/dev/null", way), 0);
		CHECK(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
		CHECK_OR_RETURN(!pipe(ends));
		snprintf(name, sizeof(name), "/dev/fd/%d", ends[1]);
		CHECK(file_is_special(name));
		CHECK_EQ(write_to(name, way), 0);
		CHECK_EQ(read(ends[0], text, sizeof(text)), 5);
		CHECK_MEM(text, "text\n", 5);
		close(ends[0]);
		close(ends[1]);
		/* Nobody reads it: no wait. */
		CHECK(!mkfifo("fifo", 0600));
		CHECK_EQ(write_to("fifo", way), -ENXIO);
		CHECK_EQ(write_to("victim/x", way), -ENOTDIR);
		CHECK_EQ(write_to("none/x", way), -ENOENT);
		CHECK_EQ(write_to("", way), -ENOENT);
	}
	CHECK_EQ(file_try("."), -EISDIR);
	CHECK(!file_is_special("victim"));
	CHECK(!file_is_special("none"));
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir) || chdir(dir)) {
		perror(dir);
		return 1;
	}
	RUN(a_new_file_is_as_any_other);
	RUN(an_old_one_is_replaced);
	RUN(an_own_link_is_followed);
	RUN(a_link_of_somebody_else_is_not);
	RUN(links_in_a_circle_end);
	RUN(what_cannot_be_replaced_is_written_to);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) || check_done();
}
