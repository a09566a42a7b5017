/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what the kernel's DLM is told about the cluster, as its daemon does it: nodes and members
 * by configfs, the start and end of activity by sysfs. Knows no lock.
 */
#include "tests/vm/agent.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMBERS_MAX = 64 };

static char own[ID_LEN];

const char *config_own(void)
{
	return own;
}

/* ---- files of the kernel ---- */

static int put_bytes(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, len) != (ssize_t)len)
		rc = -errno;
	close(fd);
	return rc;
}

int put(const char *text, const char *format, ...)
{
	char path[PATH_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return put_bytes(path, text, strlen(text));
}

/* Whether there before or not. */
__attribute__((format(printf, 1, 2))) static int make_folder(const char *format, ...)
{
	char path[PATH_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

__attribute__((format(printf, 1, 2))) static int remove_folder(const char *format, ...)
{
	char path[PATH_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

/* Calls for each folder below one, by its name; the first error. */
static int each_folder(const char *path, int (*visit)(const char *name, const void *arg),
		       const void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int first = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR) {
			int rc = visit(entry->d_name, arg);

			first = first ? first : rc;
		}
	}
	closedir(dir);
	return first;
}

/* ---- cluster and nodes ---- */

int command_attr(const struct command *c)
{
	if (strchr(c->word[1], '/'))
		return -EINVAL;
	return put(c->word[2], CLUSTER "/%s", c->word[1]);
}

int command_cluster(const struct command *c)
{
	bool sctp = strcmp(c->word[2], "sctp") == 0;
	int rc = make_folder(CLUSTER);

	if (rc == 0)
		rc = put(c->word[1], CLUSTER "/cluster_name");
	if (rc == 0)
		rc = put(sctp ? "1" : "0", CLUSTER "/protocol");
	for (int i = 3; rc == 0 && i < c->n_words; i++) {
		char *value = strchr(c->word[i], '=');

		if (!value)
			return -EINVAL;
		rc = put(value + 1, CLUSTER "/%.*s", (int)(value - c->word[i]), c->word[i]);
	}
	return rc;
}

/* The kernel reads a sockaddr_storage, and no port. */
static int add_address(const char *nodeid, const char *text)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	char path[PATH_LEN];

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		address.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		address.ss_family = AF_INET6;
	else
		return -EINVAL;
	snprintf(path, sizeof(path), CLUSTER "/comms/%s/addr", nodeid);
	return put_bytes(path, &address, sizeof(address));
}

/* The order matters to the kernel: nodeid, addresses, local. */
int command_comm(const struct command *c)
{
	const char *nodeid = c->word[1];
	char *rest = NULL;
	int rc = make_folder(CLUSTER "/comms/%s", nodeid);

	if (rc == 0)
		rc = put(nodeid, CLUSTER "/comms/%s/nodeid", nodeid);
	for (char *address = strtok_r(c->word[3], ",", &rest); rc == 0 && address;
	     address = strtok_r(NULL, ",", &rest))
		rc = add_address(nodeid, address);
	if (rc == 0)
		rc = put(c->word[2], CLUSTER "/comms/%s/local", nodeid);
	if (rc == 0 && strcmp(c->word[2], "1") == 0)
		snprintf(own, sizeof(own), "%s", nodeid);
	return rc;
}

int command_nocomm(const struct command *c)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), CLUSTER "/comms/%s", c->word[1]);
	return rmdir(path) ? -errno : 0;
}

static int drop_comm(const char *name, const void *kept)
{
	return strcmp(name, kept) == 0 ? 0 : remove_folder(CLUSTER "/comms/%s", name);
}

int config_drop_comms(bool others_alone)
{
	int rc = each_folder(CLUSTER "/comms", drop_comm, others_alone ? own : "");

	if (others_alone || rc)
		return rc;
	own[0] = '\0';
	return remove_folder(CLUSTER);
}

/* ---- members of a lockspace ---- */

struct members {
	const char *space;
	int n;
	char nodeid[MEMBERS_MAX][ID_LEN];
};

static int add_member(struct members *m, const char *text)
{
	const char *weight = strchr(text, ':');
	char *nodeid = m->nodeid[m->n];
	char path[PATH_LEN];
	struct stat there;
	int rc;

	if (m->n == MEMBERS_MAX)
		return -E2BIG;
	m->n++;
	snprintf(nodeid, ID_LEN, "%.*s", (int)strcspn(text, ":"), text);
	snprintf(path, sizeof(path), CLUSTER "/spaces/%s/nodes/%s", m->space, nodeid);
	if (stat(path, &there) == 0)
		return 0;
	rc = make_folder("%s", path);
	if (rc == 0)
		rc = put(nodeid, "%s/nodeid", path);
	if (rc == 0 && weight)
		rc = put(weight + 1, "%s/weight", path);
	return rc;
}

static int drop_member(const char *name, const void *arg)
{
	const struct members *m = arg;

	for (int i = 0; i < m->n; i++)
		if (strcmp(m->nodeid[i], name) == 0)
			return 0;
	return remove_folder(CLUSTER "/spaces/%s/nodes/%s", m->space, name);
}

/* Those that stay are left alone: made again, one would be a new member. */
int config_members(const char *space, const char *members)
{
	struct members m = { .space = space };
	char copy[MEMBERS_LEN];
	char path[PATH_LEN];
	char *rest = NULL;
	int rc = make_folder(CLUSTER "/spaces/%s", space);

	snprintf(copy, sizeof(copy), "%s", members);
	for (char *member = strtok_r(copy, ",", &rest); rc == 0 && member;
	     member = strtok_r(NULL, ",", &rest))
		rc = add_member(&m, member);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), CLUSTER "/spaces/%s/nodes", space);
	return each_folder(path, drop_member, &m);
}

void config_drop_space(const char *space)
{
	config_members(space, "");
	remove_folder(CLUSTER "/spaces/%s", space);
}

/* ---- uevents ---- */

/* A lockspace that is being created waits until its group has been joined. */
static void online(const char *name)
{
	struct space space;
	int rc;

	if (!space_of(name, &space) || space.members[0] == '\0')
		return;
	rc = put(space.id, LOCKSPACES "/%s/id", name);
	if (rc == 0)
		rc = config_members(name, space.members);
	if (rc == 0)
		rc = put("1", LOCKSPACES "/%s/control", name);
	say("EVT joined %s %s %d", name, space.members, rc);
	put(rc ? "-1" : "0", LOCKSPACES "/%s/event_done", name);
}

static void offline(const char *name)
{
	put("0", LOCKSPACES "/%s/control", name);
	config_drop_space(name);
	say("EVT left %s", name);
	put("0", LOCKSPACES "/%s/event_done", name);
}

/* The value of KEY= among the strings of an event, or "". */
static const char *value_of(const char *event, size_t len, const char *key)
{
	size_t key_len = strlen(key);

	for (size_t i = 0; i < len; i += strlen(event + i) + 1)
		if (strncmp(event + i, key, key_len) == 0)
			return event + i + key_len;
	return "";
}

void *config_uevents(void *unused)
{
	static char event[8192];
	struct sockaddr_nl all = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	(void)unused;
	if (fd < 0 || bind(fd, (struct sockaddr *)&all, sizeof(all))) {
		fprintf(stderr, "agent: cannot hear of lockspaces: %s\n", strerror(errno));
		exit(1);
	}
	for (;;) {
		ssize_t len = recv(fd, event, sizeof(event) - 1, 0);
		const char *action;
		const char *name;

		if (len <= 0)
			continue;
		event[len] = '\0';
		action = value_of(event, (size_t)len, "ACTION=");
		name = value_of(event, (size_t)len, "LOCKSPACE=");
		if (strcmp(value_of(event, (size_t)len, "SUBSYSTEM="), "dlm") || *name == '\0')
			continue;
		say("EVT uevent %s %s", action, name);
		if (strcmp(action, "online") == 0)
			online(name);
		else if (strcmp(action, "offline") == 0)
			offline(name);
	}
}
