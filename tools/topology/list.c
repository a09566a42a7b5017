/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew topology list": the publications that are there, in an order that is the same at each
 * node. Knows nothing of changes.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/say.h"
#include "tools/topology/topology.h"

struct row {
	struct sinew_publication is;
	char attr[SINEW_TOPO_ATTR_MAX];
};

struct list {
	struct local_arguments local;
	struct topology_filter filter;
	struct subscriber subscriber;
	bool json;
	struct row *rows;
	size_t n, room;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct list, local),
	OPTION_NODEID("of", struct list, filter.node, "only publications of that node"),
	TOPOLOGY_SCOPE(struct list, filter.scope),
	OPTION_FLAG("json", struct list, json, "print a JSON document for each publication"),
	OPTION_END,
};

static int take_name(void *settings, const char *value)
{
	struct list *l = settings;

	if (name_parse(value, &l->filter.name))
		return -1;
	say(SINEW_ERROR, "%s: expected TYPE, TYPE:LOWER or TYPE:LOWER..UPPER", value);
	return STATUS_USAGE;
}

static const struct option_table table = {
	.name = "sinew topology list",
	.usage =
		"usage: sinew topology list [NAME] [OPTION...]\n"
		"\n"
		"Prints the publications that a node knows, all or those that NAME overlaps:\n"
		"TYPE, TYPE:LOWER or TYPE:LOWER..UPPER, where TYPE is a number, or node, link,\n"
		"reach, service or option. With --scope cluster it is the same at all nodes.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 printed, 1 writing standard output failed, 2 usage, no such node\n"
		"or not permitted, 3 no answer in time.\n",
	.operand = take_name,
};

static void keep(struct list *l, const struct sinew_publication *p)
{
	struct row *row;

	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 256;
		row = realloc(l->rows, l->room * sizeof(*row));
		if (!row) {
			say(SINEW_ERROR, "out of memory");
			subscriber_end(&l->subscriber, STATUS_USAGE);
			return;
		}
		l->rows = row;
	}
	row = &l->rows[l->n++];
	row->is = *p;
	if (p->attr_len)
		memcpy(row->attr, p->attr, p->attr_len);
}

/* It went while the list came: the node began it anew. */
static void drop(struct list *l, const struct sinew_publication *p)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct sinew_publication *is = &l->rows[i].is;

		if (is->node != p->node || is->incarnation != p->incarnation || is->pub != p->pub)
			continue;
		l->rows[i] = l->rows[--l->n];
		return;
	}
}

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct list *l = user;

	(void)sub;
	switch (msg->event) {
	case SINEW_TOPO_PUBLISHED:
		if (!l->subscriber.is_over)
			keep(l, msg->publication);
		break;
	case SINEW_TOPO_REFUSED:
	case SINEW_TOPO_LOST:
		say(SINEW_ERROR, msg->event == SINEW_TOPO_LOST ? "the node has gone: %s" :
		    "the node refuses the question: %s", strerror(-msg->error));
		subscriber_end(&l->subscriber, STATUS_NOT_UP);
		break;
	case SINEW_TOPO_TIMEOUT:
		subscriber_end(&l->subscriber, STATUS_OK);
		break;
	case SINEW_TOPO_WITHDRAWN:
		drop(l, msg->publication);
		break;
	case SINEW_TOPO_CURRENT:
	case SINEW_TOPO_OVERRUN:
		break;
	}
}

#define COMPARE(a, b, member) \
	do { \
		if ((a)->member != (b)->member) \
			return (a)->member < (b)->member ? -1 : 1; \
	} while (0)

static int compare(const void *x, const void *y)
{
	const struct sinew_publication *a = x, *b = y;

	COMPARE(a, b, type);
	COMPARE(a, b, lower);
	COMPARE(a, b, upper);
	COMPARE(a, b, node);
	COMPARE(a, b, incarnation);
	COMPARE(a, b, pub);
	return 0;
}

static int print(struct list *l)
{
	int status = STATUS_OK;
	size_t i;

	if (l->n)
		qsort(l->rows, l->n, sizeof(*l->rows), compare);
	if (!l->json)
		print_head();
	for (i = 0; i < l->n && !status; i++) {
		l->rows[i].is.attr = l->rows[i].attr;
		status = print_publication(&l->rows[i].is, l->json);
	}
	return status ? status : print_end();
}

static int ask(struct list *l)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof(filter), .type = l->filter.name.type, .lower = l->filter.name.lower,
		.upper = l->filter.name.upper, .node = l->filter.node,
		.scope = (enum sinew_scope)l->filter.scope,
	};
	int status = subscriber_run(&l->subscriber, &l->local, &filter, on_event, l);

	if (status)
		return status;
	return l->subscriber.is_over ? print(l) : STATUS_NOT_UP;
}

int topology_list_main(int argc, char **argv)
{
	struct list l = { .filter.name = { SINEW_TOPO_ANY, 0, UINT32_MAX } };
	int status = options_parse(&table, &l, argc, argv);

	if (status >= 0)
		return status;
	status = ask(&l);
	free(l.rows);
	return status;
}
