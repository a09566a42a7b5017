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

/* 0, -ENOENT, or a negative errno. */
static int find_group(const char *name, gid_t *ret)
{
	struct group entry, *found = NULL;
	char *buf;
	uint64_t n;
	int rc;

	if (is_number(name, &n)) {
		*ret = (gid_t)n;
		return 0;
	}
	buf = malloc(ENTRY_MAX);
	if (!buf)
		return -ENOMEM;
	rc = -getgrnam_r(name, &entry, buf, ENTRY_MAX, &found);
	if (found)
		*ret = found->gr_gid;
	free(buf);
	return found ? 0 : rc ? rc : -ENOENT;
}

static int find_user(const char *name, uid_t *ret)
{
	struct passwd entry, *found = NULL;
	char *buf;
	uint64_t n;
	int rc;

	if (is_number(name, &n)) {
		*ret = (uid_t)n;
		return 0;
	}
	buf = malloc(ENTRY_MAX);
	if (!buf)
		return -ENOMEM;
	rc = -getpwnam_r(name, &entry, buf, ENTRY_MAX, &found);
	if (found)
		*ret = found->pw_uid;
	free(buf);
	return found ? 0 : rc ? rc : -ENOENT;
}

static int resolve_readers(const struct rights *r, struct sinew_config_control *ret,
			   struct config_error *err)
{
	int rc;

	ret->anyone_reads = !strcmp(r->read, "all");
	if (!r->read[0] || ret->anyone_reads)
		return 0;
	rc = find_group(r->read, &ret->read_gid);
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
		rc = find_user(name, &ret->write_uids[ret->n_write_uids]);
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
