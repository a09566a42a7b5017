/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes of a configuration file: where they are, and the two files by which
 * they meet at the relay instead. Knows nothing of what happens there.
 */
#include "tools/break/relay_config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lowcomms/sockaddr.h"
#include "membership/config.h"
#include "membership/host.h"
#include "membership/static.h"
#include "tools/file.h"
#include "tools/options.h"
#include "tools/say.h"

#define LINES_MAX	64	/* more than a node has, repeated keys included */

/* The lines of one node that say where it is: its addresses and its port, in their order. */
struct section {
	uint32_t nodeid;
	unsigned lines[LINES_MAX], n;
};

/* The relay's stand-in for the node that the other one is to see. */
struct change {
	const struct section *section;
	const struct sockaddr_storage *stand_in;
};

struct scan {
	struct section now;		/* of the node that is open */
	const uint32_t *nodes;
	struct section found[RELAY_SIDES];
};

int relay_config_ends(const char *file, const uint32_t nodes[RELAY_SIDES],
		      struct sockaddr_storage ret_ends[RELAY_SIDES])
{
	struct sinew_config *config;
	struct sinew_options opt;
	char err[SINEW_CONFIG_ERROR_MAX];
	unsigned s;
	int rc;

	rc = sinew_config_load(file, &config, err, sizeof(err));
	if (rc) {
		say(SINEW_ERROR, "%s", err);
		return rc;
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		SINEW_OPTIONS_INIT(&opt);
		rc = sinew_config_options(config, nodes[s], &opt, err, sizeof(err));
		if (!rc)
			rc = sinew_config_own(config, nodes[s], err, sizeof(err));
		if (rc)
			say(SINEW_ERROR, "%s", err);
		else
			ret_ends[s] = opt.addrs[0];
	}
	sinew_config_free(config);
	return rc;
}

/* ---- the places in the text ---- */

/* "ring0_addr" to "ring7_addr", or the port. */
static bool says_where(const char *key)
{
	if (!strcmp(key, "sinew_port"))
		return true;
	return !strncmp(key, "ring", 4) && key[4] >= '0' && key[4] < '0' + SINEW_ADDRS_MAX &&
	       !strcmp(key + 5, "_addr");
}

static void take_value(struct section *now, const struct config_item *item)
{
	if (says_where(item->key) && now->n < LINES_MAX)
		now->lines[now->n++] = item->line;
	else if (!strcmp(item->key, "nodeid"))
		options_nodeid(item->value, &now->nodeid);
}

static int take_item(void *user, const struct config_item *item, struct config_error *err)
{
	struct scan *scan = user;
	unsigned s;

	(void)err;
	if (strcmp(item->path, "nodelist.node"))
		return 0;
	switch (item->kind) {
	case CONFIG_OPEN:
		scan->now = (struct section){ 0 };
		break;
	case CONFIG_VALUE:
		take_value(&scan->now, item);
		break;
	case CONFIG_CLOSE:
		for (s = 0; s < RELAY_SIDES; s++)
			if (scan->now.nodeid == scan->nodes[s])
				scan->found[s] = scan->now;
		break;
	}
	return 0;
}

/* ---- the changed text ---- */

static void write_stand_in(FILE *to, const char *line, const struct sockaddr_storage *stand_in)
{
	int indent = (int)strspn(line, " \t");
	char text[HOST_TEXT_MAX];

	fprintf(to, "%.*sring0_addr: %s\n%.*ssinew_port: %u\n", indent, line,
		host_text(stand_in, false, text), indent, line, addr_port(stand_in));
}

/* The stand-in stands for all lines that say where the node is, at the first of them. */
static void write_line(FILE *to, const char *line, size_t len, unsigned number,
		       const struct change *change)
{
	const struct section *section = change->section;
	unsigned i;

	for (i = 0; i < section->n && section->lines[i] != number; i++)
		;
	if (i == section->n)
		fwrite(line, 1, len, to);
	else if (!i)
		write_stand_in(to, line, change->stand_in);
}

static int write_file(const char *name, const char *text, const struct change *change)
{
	unsigned number = 0;
	FILE *to;
	int rc;

	rc = file_create(name, &to);
	if (rc)
		return rc;
	while (*text) {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		number++;
		write_line(to, text, len, number, change);
		text += len;
	}
	errno = EIO;
	if (ferror(to))
		rc = -EIO;
	if (fclose(to) && !rc)
		rc = -errno;
	return rc;
}

/* The text of a file that was read before, NUL at its end. */
static int read_text(const char *file, char **ret_text)
{
	FILE *from = fopen(file, "re");
	char *text;
	size_t len;
	int rc = 0;

	if (!from)
		return -errno;
	text = malloc(STATIC_FILE_MAX + 1);
	if (!text) {
		fclose(from);
		return -ENOMEM;
	}
	len = fread(text, 1, STATIC_FILE_MAX, from);
	if (ferror(from))
		rc = -EIO;
	fclose(from);
	text[len] = '\0';
	if (rc)
		free(text);
	else
		*ret_text = text;
	return rc;
}

static bool is_same_file(const char *x, const char *y)
{
	struct stat x_stat, y_stat;

	return !stat(x, &x_stat) && !stat(y, &y_stat) && x_stat.st_dev == y_stat.st_dev &&
	       x_stat.st_ino == y_stat.st_ino;
}

static int write_one(const char *file, const char *dir, uint32_t node, const char *text,
		     const struct change *change)
{
	char name[PATH_MAX];
	int rc = -ENAMETOOLONG;

	if ((size_t)snprintf(name, sizeof(name), "%s/%" PRIu32 ".conf", dir, node) < sizeof(name)) {
		if (is_same_file(file, name)) {
			say(SINEW_ERROR, "--write-configs: %s is --config itself: name another "
			    "folder", name);
			return -EEXIST;
		}
		rc = write_file(name, text, change);
	}
	if (rc)
		say(SINEW_ERROR, "--write-configs: cannot write %s/%" PRIu32 ".conf: %s", dir,
		    node, strerror(-rc));
	return rc;
}

int relay_config_write(const char *file, const char *dir, const uint32_t nodes[RELAY_SIDES],
		       const struct sockaddr_storage stand_ins[RELAY_SIDES])
{
	char err[SINEW_CONFIG_ERROR_MAX] = "";
	struct config_error error = { .file = file, .text = err, .size = sizeof(err) };
	struct scan scan = { .nodes = nodes };
	struct change change;
	char *text = NULL;
	unsigned s;
	int rc;

	rc = read_text(file, &text);
	if (rc) {
		say(SINEW_ERROR, "%s: cannot read: %s", file, strerror(-rc));
		return rc;
	}
	rc = config_parse(text, strlen(text), take_item, &scan, &error);
	if (rc)
		say(SINEW_ERROR, "%s", err);
	if (!rc && mkdir(dir, 0777) && errno != EEXIST) {
		rc = -errno;
		say(SINEW_ERROR, "--write-configs: cannot create %s: %s", dir, strerror(-rc));
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		change.section = &scan.found[!s];
		change.stand_in = &stand_ins[!s];
		rc = write_one(file, dir, nodes[s], text, &change);
	}
	free(text);
	return rc;
}
