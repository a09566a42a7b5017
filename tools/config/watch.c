/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew config watch": a line for each change of an option, by a subscription to the topology of
 * the node. Knows no option by name.
 */
#include <stdio.h>
#include <string.h>

#include "tools/amount.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/config/config.h"
#include "tools/json.h"
#include "tools/subscriber.h"
#include "tools/text.h"

struct watch {
	struct local_arguments local;
	bool json;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct watch, local),
	OPTION_FLAG("json", struct watch, json, "print a JSON document for each change"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew config watch",
	.usage =
		"usage: sinew config watch [OPTION...]\n"
		"\n"
		"Prints the last change of each option of a running node, then each further one,\n"
		"until a signal. Goes on when the node has been started again.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 a signal came, 1 writing standard output failed, 2 usage, no\n"
		"such node, or not permitted.\n",
};

/* The value of "key=value\n" among the lines of an attribute; "" if there is none. */
static void attribute(const struct sinew_publication *p, const char *key, char *out, size_t size)
{
	const char *at = p->attr, *end = at + p->attr_len, *stop;
	const size_t len = strlen(key);

	out[0] = '\0';
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			return;
		if ((size_t)(stop - at) <= len || memcmp(at, key, len) || at[len] != '=')
			continue;
		at += len + 1;
		snprintf(out, size, "%.*s", (int)(stop - at), at);
		return;
	}
}

static int print(const struct sinew_topo_msg *msg, void *user)
{
	const struct watch *w = user;
	char name[SINEW_TOPO_ATTR_MAX], value[SINEW_TOPO_ATTR_MAX], when[AMOUNT_MAX];
	char shown[TEXT_NAME_MAX];
	struct json_object *o;

	if (msg->event != SINEW_TOPO_PUBLISHED)
		return STATUS_OK;
	attribute(msg->publication, "name", name, sizeof(name));
	attribute(msg->publication, "value", value, sizeof(value));
	if (!w->json) {
		printf("%s %s", msg->first ? "-" : amount_time(clock_wall_ms(), when),
		       text_name(name, shown));
		printf(" %s\n", text_name(value, shown));
		return options_printed();
	}
	o = json_document(CONFIG_SCHEMA);
	json_put_string(o, "command", "config");
	json_put_string(o, "event", "option");
	json_put_number(o, "time_ms", clock_wall_ms());
	json_put_number(o, "node", msg->publication->node);
	json_put_string(o, "name", name);
	json_put_string(o, "value", value);
	json_put_bool(o, "first", msg->first);
	return options_written(json_end(o));
}

int config_watch_main(int argc, char **argv)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof(filter), .type = SINEW_TOPO_OPTION, .upper = UINT32_MAX,
		.timeout_ms = -1,
	};
	struct watch w = { 0 };
	int status = options_parse(&table, &w, argc, argv);

	if (status >= 0)
		return status;
	return subscriber_follow(&w.local, &filter, print, &w);
}
