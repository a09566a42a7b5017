/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew config watch": a line for each change of an option, by a subscription to the topology of
 * the node. Knows no option by name.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/sinew-topo.h"
#include "tools/amount.h"
#include "tools/clock.h"
#include "tools/command.h"
#include "tools/config/config.h"
#include "tools/json.h"
#include "tools/notify.h"
#include "tools/say.h"
#include "tools/signals.h"
#include "tools/text.h"

struct watch {
	struct local_arguments local;
	bool json;
	struct sinew_topo *topo;
	int signal_fd;
	int status;
	bool is_over, told_ready;
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

/* ---- a change ---- */

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

static int print_change(const struct watch *w, const struct sinew_topo_msg *msg)
{
	char name[SINEW_TOPO_ATTR_MAX], value[SINEW_TOPO_ATTR_MAX], when[AMOUNT_MAX];
	char shown[TEXT_NAME_MAX];
	struct json_object *o;

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

static void on_event(struct sinew_subscription *sub, const struct sinew_topo_msg *msg, void *user)
{
	struct watch *w = user;

	(void)sub;
	switch (msg->event) {
	case SINEW_TOPO_PUBLISHED:
		w->status = w->status ? w->status : print_change(w, msg);
		w->is_over |= w->status != 0;
		break;
	case SINEW_TOPO_CURRENT:
		if (!w->told_ready)
			notify("READY=1");
		w->told_ready = true;
		break;
	case SINEW_TOPO_LOST:
		say(SINEW_WARNING, "the node is gone; waiting for it to come back");
		break;
	case SINEW_TOPO_REFUSED:
		say(SINEW_ERROR, "the node refuses the subscription: %s", strerror(-msg->error));
		w->status = STATUS_USAGE;
		w->is_over = true;
		break;
	case SINEW_TOPO_WITHDRAWN:
	case SINEW_TOPO_TIMEOUT:
	case SINEW_TOPO_OVERRUN:
		break;
	}
}

/* ---- the run ---- */

static int subscribe(struct watch *w)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof(filter), .type = SINEW_TOPO_OPTION, .upper = UINT32_MAX,
		.timeout_ms = -1,
	};
	char name[SINEW_CONTROL_NAME_MAX];
	int status = local_find(&w->local, name), rc;

	if (status)
		return status;
	rc = sinew_topo_connect(name, &w->topo);
	if (rc)
		return local_failed(name, rc);
	rc = sinew_topo_subscribe(w->topo, &filter, on_event, w, NULL);
	return rc ? local_failed(name, rc) : STATUS_OK;
}

static void run(struct watch *w)
{
	struct pollfd p[] = {
		{ .fd = w->signal_fd, .events = POLLIN },
		{ .fd = sinew_topo_get_fd(w->topo), .events = POLLIN },
	};

	while (!w->is_over) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents && signals_take(w->signal_fd))
			return;
		sinew_topo_dispatch(w->topo, 0);
	}
}

int config_watch_main(int argc, char **argv)
{
	struct watch w = { .signal_fd = -1 };
	int status = options_parse(&table, &w, argc, argv);

	if (status >= 0)
		return status;
	status = signals_start(0, &w.signal_fd);
	if (!status)
		status = subscribe(&w);
	if (!status) {
		run(&w);
		status = w.status;
	}
	sinew_topo_close(w.topo);
	close(w.signal_fd);
	return status;
}
