/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications and events of the topology, as lines for people and as JSON. Knows nothing of where
 * they come from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/json.h"
#include "tools/text.h"
#include "tools/topology/topology.h"

#define ATTR_TEXT_MAX	(SINEW_TOPO_ATTR_MAX * 4 + 1)

int print_end(void)
{
	return options_printed();
}

/* Lines become words; a byte 0 ends them. */
static const char *attr_text(const struct sinew_publication *p, char out[ATTR_TEXT_MAX])
{
	char raw[SINEW_TOPO_ATTR_MAX + 1];
	size_t n = p->attr_len < sizeof(raw) ? p->attr_len : sizeof(raw) - 1, i;

	if (n)
		memcpy(raw, p->attr, n);
	while (n && raw[n - 1] == '\n')
		n--;
	raw[n] = '\0';
	for (i = 0; i < n; i++)
		if (raw[i] == '\n')
			raw[i] = ' ';
	return text_show(raw, false, out, ATTR_TEXT_MAX);
}

int print_head(void)
{
	printf("%-24s %-8s %10s %10s %16s %s\n", "NAME", "SCOPE", "NODE", "PUB", "INCARNATION",
	       "ATTRIBUTES");
	return STATUS_OK;
}

static void print_line(const struct sinew_publication *p)
{
	char name[NAME_TEXT_MAX], attr[ATTR_TEXT_MAX];

	printf("%-24s %-8s %10" PRIu32 " %10" PRIu32 " %016" PRIx64 " %s\n",
	       name_text(p->type, p->lower, p->upper, name), sinew_scope_name(p->scope), p->node,
	       p->pub, p->incarnation, attr_text(p, attr));
}

static void put_publication(struct json_object *o, const struct sinew_publication *p)
{
	char attr[SINEW_TOPO_ATTR_MAX + 1];

	json_put_number(o, "type", p->type);
	json_put_number(o, "lower", p->lower);
	json_put_number(o, "upper", p->upper);
	json_put_string(o, "scope", sinew_scope_name(p->scope));
	json_put_number(o, "node", p->node);
	json_put_number(o, "pub", p->pub);
	json_put_incarnation(o, "incarnation", p->incarnation);
	snprintf(attr, sizeof(attr), "%.*s", (int)p->attr_len,
		 p->attr ? (const char *)p->attr : "");
	json_put_string(o, "attributes", attr);
}

int print_publication(const struct sinew_publication *p, bool json)
{
	struct json_object *o;

	if (!json) {
		print_line(p);
		return STATUS_OK;
	}
	o = json_document(TOPOLOGY_SCHEMA);
	json_put_string(o, "command", "topology");
	put_publication(o, p);
	return options_written(json_end(o));
}

static void event_text(const struct sinew_topo_msg *msg)
{
	if (!msg->publication) {
		printf("%s %016" PRIx64 ":%" PRIu64 "%s%s\n", sinew_topo_event_name(msg->event),
		       msg->position.epoch, msg->position.index, msg->error ? " " : "",
		       msg->error ? sinew_error_name(msg->error) : "");
		return;
	}
	printf("%-9s %s ", sinew_topo_event_name(msg->event), msg->collapsed ? "*" : " ");
	print_line(msg->publication);
}

int print_event(const struct sinew_topo_msg *msg, bool json)
{
	struct json_object *o;
	char position[40];

	if (!json) {
		event_text(msg);
		return options_printed();
	}
	o = json_document(TOPOLOGY_SCHEMA);
	json_put_string(o, "command", "topology");
	json_put_string(o, "event", sinew_topo_event_name(msg->event));
	snprintf(position, sizeof(position), "%016" PRIx64 ":%" PRIu64, msg->position.epoch,
		 msg->position.index);
	json_put_string(o, "position", position);
	json_put_bool(o, "first", msg->first);
	json_put_bool(o, "collapsed", msg->collapsed);
	json_put_bool(o, "group", msg->group);
	json_put_number(o, "n_collapsed", msg->n_collapsed);
	if (msg->error)
		json_put_string(o, "error", sinew_error_name(msg->error));
	if (msg->publication)
		put_publication(o, msg->publication);
	return options_written(json_end(o));
}
