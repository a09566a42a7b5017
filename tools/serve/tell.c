/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of "sinew serve" as documents for programs.
 * Knows nothing of what led to them.
 */

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/serve/serve.h"

#define SCHEMA	1

struct json_object *serve_document(const struct serve *s, const char *event)
{
	struct json_object *o = json_document(SCHEMA);

	json_put_string(o, "command", "serve");
	json_put_string(o, "event", event);
	json_put_number(o, "time_ms", clock_wall_ms());
	json_put_number(o, "node", s->cluster.node);
	json_put_string(o, "cluster", sinew_config_cluster(s->cluster.config));
	json_put_string(o, "group", sinew_node_group(s->node));
	json_put_incarnation(o, "incarnation", sinew_incarnation(s->node));
	json_put_string(o, "socket", s->name);
	return o;
}

int serve_tell(const struct serve *s, const char *event)
{
	return s->args.json ? options_written(json_end(serve_document(s, event))) : STATUS_OK;
}
