/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of "sinew serve": the rights and options that it gives, and its change while the node
 * runs. Knows no option by name.
 */
#include <string.h>

#include "tools/command.h"
#include "tools/json.h"
#include "tools/say.h"
#include "tools/serve/serve.h"

int serve_rights(struct serve *s, struct sinew_control_options *opt)
{
	struct sinew_config_control *rights = &s->rights;
	char err[SINEW_CONFIG_ERROR_MAX];

	rights->size = sizeof(*rights);
	if (sinew_config_control(s->cluster.config, rights, err, sizeof(err))) {
		say(SINEW_ERROR, "%s", err);
		return STATUS_USAGE;
	}
	opt->has_read_gid = rights->has_read_gid;
	opt->read_gid = rights->read_gid;
	opt->anyone_reads = rights->anyone_reads;
	opt->write_uids = rights->write_uids;
	opt->n_write_uids = rights->n_write_uids;
	opt->remote_status = rights->remote_status;
	return STATUS_OK;
}

void serve_calls(const struct serve *s, struct sinew_calls_options *opt)
{
	struct sinew_config_calls calls = { .size = sizeof(calls) };

	SINEW_CALLS_OPTIONS_INIT(opt);
	if (sinew_config_calls(s->cluster.config, &calls))
		return;
	/* 0 is the default there, too. */
	opt->slots = calls.slots;
	opt->window = calls.window;
}

/* ---- again ---- */

struct reload {
	struct json_object *changed, *kept;
};

static void report(void *user, const char *name, bool is_changed, const char *text)
{
	struct reload *r = user;

	if (is_changed)
		say(SINEW_INFO, "taken over: %s: %s", name, text);
	else
		say(SINEW_WARNING, "not taken over: %s: %s", name, text);
	if (r->changed)
		json_add_string(is_changed ? r->changed : r->kept, name);
}

static bool same_rights(const struct sinew_config_control *a, const struct sinew_config_control *b)
{
	return a->has_read_gid == b->has_read_gid && a->read_gid == b->read_gid &&
	       a->anyone_reads == b->anyone_reads && a->remote_status == b->remote_status &&
	       a->n_write_uids == b->n_write_uids &&
	       !memcmp(a->write_uids, b->write_uids, a->n_write_uids * sizeof(a->write_uids[0]));
}

/* The socket keeps those that it was opened with. */
static void check_rights(struct serve *s, struct reload *r)
{
	struct sinew_config_control now = { .size = sizeof(now) };
	char err[SINEW_CONFIG_ERROR_MAX];

	if (sinew_config_control(s->cluster.config, &now, err, sizeof(err)))
		report(r, "control", false, err);
	else if (!same_rights(&now, &s->rights))
		report(r, "control", false, "needs a new start");
}

int serve_reload(struct serve *s)
{
	struct json_object *o = s->args.json ? serve_document(s, "reloaded") : NULL;
	struct reload r = {
		o ? json_put_array(o, "changed") : NULL, o ? json_put_array(o, "kept") : NULL,
	};

	say(SINEW_INFO, "SIGHUP: taking the file over");
	if (cluster_reload(&s->cluster, s->args.cluster.config, s->node, report, &r)) {
		json_free(o);
		return STATUS_OK;
	}
	check_rights(s, &r);
	return o ? options_written(json_end(o)) : STATUS_OK;
}
