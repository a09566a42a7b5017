/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew status": asks a node of this machine how it and its peers are.
 * Knows nothing of how that is printed.
 */
#include "tools/status/status.h"

#include <stdio.h>

#include "tools/command.h"
#include "tools/json.h"
#include "tools/local.h"
#include "tools/say.h"

#define SCHEMA	1	/* of requests */

struct arguments {
	struct local_arguments local;
	uint32_t peer;		/* 0: all */
	bool json;
};

static const struct option_row rows[] = {
	LOCAL_OPTIONS(struct arguments, local),
	LOCAL_OPTION_TIMEOUT(struct arguments, local),
	OPTION_FLAG("json", struct arguments, json, "print the answer as JSON"),
	OPTION_END,
};

static int take_peer(void *settings, const char *value)
{
	struct arguments *args = settings;

	if (!args->peer && options_nodeid(value, &args->peer))
		return -1;
	say(SINEW_ERROR, "found %s, expected the nodeid of one peer", value);
	return STATUS_USAGE;
}

static const struct option_table table = {
	.name = "sinew status",
	.usage =
		"usage: sinew status [PEER] [OPTION...]\n"
		"\n"
		"Prints the status of a node of this machine by its control socket: sessions,\n"
		"paths, queues, calls, subscribers, memory, descriptors, the last errors. With\n"
		"PEER, a nodeid, all about that peer. Answers also while the application blocks\n"
		"the node.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 answered, 1 writing standard output failed, 2 usage, no such\n"
		"node or peer, or not permitted, 3 no answer in time.\n",
	.operand = take_peer,
};

static int ask(const struct arguments *args, struct json_object **ret_answer)
{
	struct json_object *request = json_document(SCHEMA);

	json_put_string(request, "ask", "status");
	if (args->peer)
		json_put_number(request, "peer", args->peer);
	return local_ask_once(&args->local, request, ret_answer);
}

static int print(const struct arguments *args, struct json_object *answer)
{
	if (args->json)
		return options_written(json_end(answer));
	if (args->peer)
		status_print_peer(answer);
	else
		status_print(answer);
	json_free(answer);
	return options_printed();
}

int status_main(int argc, char **argv)
{
	struct arguments args = { .local.timeout_ms = LOCAL_TIMEOUT_MS };
	struct json_object *answer;
	int status = options_parse(&table, &args, argc, argv);

	if (status >= 0)
		return status;
	status = ask(&args, &answer);
	return status ? status : print(&args, answer);
}
