/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/rights.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX	(64 << 10)	/* bytes of an entry of a user or a group */
#define NAME_BYTES	64

/* ---- the file ---- */

static int take_text(char *to, unsigned *line, const struct config_item *item,
		     struct config_error *err)
{
	size_t len = strlen(item->value);

	if (!len || len >= RIGHTS_TEXT_MAX)
		return config_fail(err, item->line, "%s: found %zu bytes, expected 1 to %d",
				   item->key, len, RIGHTS_TEXT_MAX - 1);
	memcpy(to, item->value, len + 1);
	*line = item->line;
	return 0;
}

int rights_take(struct rights *r, const struct config_item *item, struct config_error *err)
{
	if (!strcmp(item->key, "read"))
		return take_text(r->read, &r->read_line, item, err);
	if (!strcmp(item->key, "write"))
		return take_text(r->write, &r->write_line, item, err);
	if (strcmp(item->key, "remote"))
		return config_fail(err, item->line, "unknown key \"%.40s\" in \"control {\", "
				   "expected read, write or remote", item->key);
	r->remote = !strcmp(item->value, "status");
	if (r->remote || !strcmp(item->value, "off"))
		return 0;
	return config_fail(err, item->line, "remote: found \"%.40s\", expected \"off\" or "
			   "\"status\"", item->value);
}

/* ---- this machine ---- */

static bool is_number(const char *name, uint64_t *ret)
{
	return !config_number(name, 0, 0, UINT32_MAX - 1, ret);
}

/* The number of a group; buf has ENTRY_MAX bytes. 0, -ENOENT, or a negative errno. */
static int group_named(const char *name, char *buf, uint32_t *ret)
{
	struct group entry, *found = NULL;
	int rc = -getgrnam_r(name, &entry, buf, ENTRY_MAX, &found);

	if (!found)
		return rc ? rc : -ENOENT;
	*ret = found->gr_gid;
	return 0;
}

static int user_named(const char *name, char *buf, uint32_t *ret)
{
	struct passwd entry, *found = NULL;
	int rc = -getpwnam_r(name, &entry, buf, ENTRY_MAX, &found);

	if (!found)
		return rc ? rc : -ENOENT;
	*ret = found->pw_uid;
	return 0;
}

/* By name, or the number itself. The same errors, and -ENOMEM. */
static int find(const char *name, int (*named)(const char *name, char *buf, uint32_t *ret),
		uint32_t *ret)
{
	uint64_t n;
	char *buf;
	int rc;

	if (is_number(name, &n)) {
		*ret = (uint32_t)n;
		return 0;
	}
	buf = malloc(ENTRY_MAX);
	if (!buf)
		return -ENOMEM;
	rc = named(name, buf, ret);
	free(buf);
	return rc;
}

static int resolve_readers(const struct rights *r, struct sinew_config_control *ret,
			   struct config_error *err)
{
	int rc;

	ret->anyone_reads = !strcmp(r->read, "all");
	if (!r->read[0] || ret->anyone_reads)
		return 0;
	rc = find(r->read, group_named, &ret->read_gid);
	if (rc) {
		config_fail(err, r->read_line, "read: found \"%.40s\", expected a group of this "
			    "machine, or all: %s", r->read, strerror(-rc));
		return rc;
	}
	ret->has_read_gid = true;
	return 0;
}

static int resolve_writers(const struct rights *r, struct sinew_config_control *ret,
			   struct config_error *err)
{
	const char *at = r->write + strspn(r->write, " \t");
	char name[NAME_BYTES];
	size_t len;
	int rc;

	for (; *at; at += len, at += strspn(at, " \t")) {
		len = strcspn(at, " \t");
		if (len >= sizeof(name) || ret->n_write_uids == SINEW_CONFIG_WRITERS_MAX)
			return config_fail(err, r->write_line, "write: found more than %d users, "
					   "or a name of more than %d bytes",
					   SINEW_CONFIG_WRITERS_MAX, NAME_BYTES - 1);
		memcpy(name, at, len);
		name[len] = '\0';
		rc = find(name, user_named, &ret->write_uids[ret->n_write_uids]);
		if (rc) {
			config_fail(err, r->write_line, "write: found \"%.40s\", expected a user "
				    "of this machine: %s", name, strerror(-rc));
			return rc;
		}
		ret->n_write_uids++;
	}
	return 0;
}

int rights_resolve(const struct rights *r, struct sinew_config_control *ret,
		   struct config_error *err)
{
	int rc = resolve_readers(r, ret, err);

	ret->remote_status = r->remote;
	return rc ? rc : resolve_writers(r, ret, err);
}
