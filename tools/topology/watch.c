/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew topology watch" and "resume": a line for each event of a subscription.
 * Knows nothing of what is published.
 */
#include "tools/command.h"
#include "tools/say.h"
#include "tools/topology/topology.h"

struct watch {
	struct local_arguments local;
	struct topology_filter filter;
	struct sinew_position from;
	uint64_t timeout_ms;
	bool resumes, has_from, edge, strict, json;
};

#define WATCH_OPTIONS \
	LOCAL_OPTIONS(struct watch, local), \
	OPTION_NODEID("of", struct watch, filter.node, "only publications of that node"), \
	TOPOLOGY_SCOPE(struct watch, filter.scope), \
	OPTION_FLAG("strict", struct watch, strict, \
		    "end where steps are lost, in place of the state"), \
	OPTION_SECONDS("timeout", struct watch, timeout_ms, 1, OPTIONS_SECONDS_MAX_MS, \
		       "seconds until it ends (default: never)"), \
	OPTION_FLAG("json", struct watch, json, "print a JSON document for each event")

static const struct option_row watch_rows[] = {
	WATCH_OPTIONS,
	OPTION_FLAG("edge", struct watch, edge,
		    "the first publication of a name, and the end of the last"),
	OPTION_END,
};

static const struct option_row resume_rows[] = { WATCH_OPTIONS, OPTION_END };

static int take_operand(void *settings, const char *value)
{
	struct watch *w = settings;

	if (w->resumes && !w->has_from) {
		w->has_from = position_parse(value, &w->from);
		if (w->has_from)
			return -1;
		say(SINEW_ERROR, "%s: expected EPOCH:INDEX, as CURRENT has it", value);
		return STATUS_USAGE;
	}
	if (name_parse(value, &w->filter.name))
		return -1;
	say(SINEW_ERROR, "%s: expected TYPE, TYPE:LOWER or TYPE:LOWER..UPPER", value);
	return STATUS_USAGE;
}

static const struct option_table watch_table = {
	.name = "sinew topology watch",
	.usage =
		"usage: sinew topology watch [NAME] [OPTION...]\n"
		"\n"
		"Prints what is there, then CURRENT, then each change, until a signal. A * marks\n"
		"events in whose place steps were left out. Goes on when the node was started\n"
		"again. NAME: TYPE, TYPE:LOWER or TYPE:LOWER..UPPER.\n"
		"\n",
	.rows = watch_rows,
	.end =
		"\n"
		"Exit status: 0 a signal came or the time is over, 1 writing standard output\n"
		"failed, 2 usage, no such node, or not permitted, 3 steps are lost (--strict).\n",
	.operand = take_operand,
};

static const struct option_table resume_table = {
	.name = "sinew topology resume",
	.usage =
		"usage: sinew topology resume EPOCH:INDEX [NAME] [OPTION...]\n"
		"\n"
		"As \"sinew topology watch\", from the position on that another one had. Where\n"
		"the node does not have it any more, all that is there comes first, with a *.\n"
		"\n",
	.rows = resume_rows,
	.end =
		"\n"
		"Exit status: 0 a signal came or the time is over, 1 writing standard output\n"
		"failed, 2 usage, no such node, or not permitted, 3 steps are lost (--strict).\n",
	.operand = take_operand,
};

static int print(const struct sinew_topo_msg *msg, void *user)
{
	const struct watch *w = user;

	return print_event(msg, w->json);
}

static int watch(struct watch *w)
{
	const struct sinew_topo_filter filter = {
		.size = sizeof(filter), .type = w->filter.name.type, .lower = w->filter.name.lower,
		.upper = w->filter.name.upper, .node = w->filter.node,
		.scope = (enum sinew_scope)w->filter.scope,
		.flags = (w->edge ? SINEW_TOPO_EDGE : 0) | (w->strict ? SINEW_TOPO_STRICT : 0) |
			(w->resumes ? SINEW_TOPO_RESUME : 0),
		.timeout_ms = w->timeout_ms ? (int)w->timeout_ms : -1,
		.from = w->from,
	};

	return subscriber_follow(&w->local, &filter, print, w);
}

static int start(const struct option_table *table, struct watch *w, int argc, char **argv)
{
	int status;

	w->filter.name = (struct name){ SINEW_TOPO_ANY, 0, UINT32_MAX };
	status = options_parse(table, w, argc, argv);
	if (status >= 0)
		return status;
	if (w->resumes && !w->has_from) {
		say(SINEW_ERROR, "expected EPOCH:INDEX, from where it is to go on");
		return STATUS_USAGE;
	}
	return watch(w);
}

int topology_watch_main(int argc, char **argv)
{
	struct watch w = { 0 };

	return start(&watch_table, &w, argc, argv);
}

int topology_resume_main(int argc, char **argv)
{
	struct watch w = { .resumes = true };

	return start(&resume_table, &w, argc, argv);
}
