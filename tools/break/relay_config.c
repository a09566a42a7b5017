/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes of a configuration file: where they are, and the two files by which
 * they meet at the relay instead. Knows nothing of what happens there.
 */
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
#include "tools/break/relay.h"
#include "tools/file.h"
#include "tools/options.h"
#include "tools/say.h"

#define LINES_MAX	64	/* more than a node has, repeated keys included */

/* A copy of a text in which a node has its stand-in as only address. */
struct copy {
	FILE *to;
	const char *rest;		/* of the text, from that line on */
	unsigned line;
	uint32_t node;
	const struct sockaddr_storage *stand_in;
	/* The node that is open; the lines that say where it is, in their order. */
	uint32_t open;
	unsigned lines[LINES_MAX], n_lines;
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

/* ---- the changed text ---- */

/* Goes on to a line. */
static void pass(struct copy *c, unsigned to, bool keeps)
{
	size_t len;

	for (; c->line < to && *c->rest; c->line++) {
		len = strcspn(c->rest, "\n");
		len += c->rest[len] == '\n';
		if (keeps)
			fwrite(c->rest, 1, len, c->to);
		c->rest += len;
	}
}

static void write_stand_in(const struct copy *c)
{
	int indent = (int)strspn(c->rest, " \t");
	char text[HOST_TEXT_MAX];

	fprintf(c->to, "%.*sring0_addr: %s\n%.*ssinew_port: %u\n", indent, c->rest,
		host_text(c->stand_in, false, text), indent, c->rest, addr_port(c->stand_in));
}

/* The stand-in stands for all lines that say where the node is, at the first of them. */
static void write_node(struct copy *c)
{
	unsigned i;

	for (i = 0; i < c->n_lines; i++) {
		pass(c, c->lines[i], true);
		if (!i)
			write_stand_in(c);
		pass(c, c->lines[i] + 1, false);
	}
}

/* "ring0_addr" to "ring7_addr", or the port. */
static bool says_where(const char *key)
{
	if (!strcmp(key, "sinew_port"))
		return true;
	return !strncmp(key, "ring", 4) && key[4] >= '0' && key[4] < '0' + SINEW_ADDRS_MAX &&
	       !strcmp(key + 5, "_addr");
}

static int take_item(void *user, const struct config_item *item, struct config_error *err)
{
	struct copy *c = user;

	(void)err;
	if (strcmp(item->path, "nodelist.node"))
		return 0;
	switch (item->kind) {
	case CONFIG_OPEN:
		c->open = c->n_lines = 0;
		break;
	case CONFIG_VALUE:
		if (says_where(item->key) && c->n_lines < LINES_MAX)
			c->lines[c->n_lines++] = item->line;
		else if (!strcmp(item->key, "nodeid"))
			options_nodeid(item->value, &c->open);
		break;
	case CONFIG_CLOSE:
		if (c->open == c->node)
			write_node(c);
		break;
	}
	return 0;
}

/* The copy, to be released by free(). */
static int change(const char *text, struct copy *c, struct config_error *err, char **ret_text)
{
	char *changed = NULL;
	size_t size;
	int rc;

	c->rest = text;
	c->line = 1;
	c->to = open_memstream(&changed, &size);
	if (!c->to)
		return -ENOMEM;
	rc = config_parse(text, strlen(text), take_item, c, err);
	pass(c, UINT_MAX, true);
	if (fclose(c->to) && !rc)
		rc = -ENOMEM;
	/* The last newline comes back with the file. */
	if (!rc && size && changed[size - 1] == '\n')
		changed[size - 1] = '\0';
	if (rc)
		free(changed);
	else
		*ret_text = changed;
	return rc;
}

/* ---- files ---- */

/* The text of a file that was good, so that it has no NUL; to be released by free(). */
static int read_text(const char *file, char **ret_text)
{
	FILE *from = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;
	int rc = 0;

	if (!from)
		return -errno;
	errno = EIO;
	if (getdelim(&text, &room, '\0', from) < 0)
		rc = -errno;
	fclose(from);
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

static int write_one(const char *file, const char *dir, uint32_t node, const char *text)
{
	char name[PATH_MAX];
	int rc = -ENAMETOOLONG;

	if ((size_t)snprintf(name, sizeof(name), "%s/%" PRIu32 ".conf", dir, node) < sizeof(name)) {
		if (is_same_file(file, name)) {
			say(SINEW_ERROR, "--write-configs: %s is --config itself: name another "
			    "folder", name);
			return -EEXIST;
		}
		rc = file_replace(name, text);
	}
	if (rc)
		say(SINEW_ERROR, "--write-configs: cannot write %s/%" PRIu32 ".conf: %s", dir,
		    node, strerror(-rc));
	return rc;
}

int relay_config_write(const char *file, const char *dir, const uint32_t nodes[RELAY_SIDES],
		       const struct sockaddr_storage stand_ins[RELAY_SIDES])
{
	char err[SINEW_CONFIG_ERROR_MAX] = "", *text = NULL, *changed = NULL;
	struct config_error error = { .file = file, .text = err, .size = sizeof(err) };
	unsigned s;
	int rc;

	rc = read_text(file, &text);
	if (rc) {
		say(SINEW_ERROR, "%s: cannot read: %s", file, strerror(-rc));
		return rc;
	}
	if (mkdir(dir, 0777) && errno != EEXIST) {
		rc = -errno;
		say(SINEW_ERROR, "--write-configs: cannot create %s: %s", dir, strerror(-rc));
	}
	for (s = 0; s < RELAY_SIDES && !rc; s++) {
		struct copy c = { .node = nodes[!s], .stand_in = &stand_ins[!s] };

		rc = change(text, &c, &error, &changed);
		if (rc) {
			say(SINEW_ERROR, "%s", *err ? err : strerror(-rc));
			break;
		}
		rc = write_one(file, dir, nodes[s], changed);
		free(changed);
	}
	free(text);
	return rc;
}
