/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew cat".
 * Knows nothing of the configuration: names of nodes are checked later.
 */
#include "tools/cat/arguments.h"

#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

#define WAIT_MS		10000
#define LINGER_MS	10000
#define CHUNK_MAX	((uint64_t)512 << 20)
#define BREAK_MAX_MS	3600000
#define RATE_MAX	((uint64_t)1 << 40)

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct arguments, cluster, "own node in that file"),
	OPTION_NODES("to", struct arguments, to, "ID[,ID...]",
		     "send standard input to these nodes (default: receive only)"),
	OPTION_HELP("--to all", "send to every other node of the file"),
	OPTION_SECONDS("wait", struct arguments, wait_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for them to be up (10)"),
	OPTION_SECONDS("linger", struct arguments, linger_ms, 0, OPTIONS_SECONDS_MAX_MS,
		       "seconds to linger at the end without progress (10)"),
	OPTION_SIZE("chunk", struct arguments, chunk, 1, CHUNK_MAX,
		    "send chunks of that size instead of lines"),
	OPTION_SIZE("rate", struct arguments, rate, 1, RATE_MAX,
		    "limit for reading standard input, in bytes per second"),
	OPTION_NODEID("from", struct arguments, from, "print only messages from that node"),
	OPTION_FLAG("raw", struct arguments, raw, "with --from: print the payload only, unchanged"),
	OPTION_FLAG("keep-going", struct arguments, keep_going,
		    "continue when a target fails; without --to, also when a\nnode finishes"),
	OPTION_TEXT("stats", struct arguments, stats, "FILE",
		    "write statistics as JSON at the end"),
	OPTION_MS("break-every", struct arguments, break_ms, 1, BREAK_MAX_MS,
		  "reset all own connections periodically (for tests)"),
	CLUSTER_OPTION_LOG(struct arguments, cluster, "error, warning (default), info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew cat",
	.usage =
		"usage: sinew cat [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Sends each line of standard input as one message to other nodes and prints\n"
		"each received message as \"ID<TAB>payload\"; continuation lines of a message\n"
		"with newlines begin with \"ID+<TAB>\".\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"BYTES may end in k, M or G. Exit status: 0 everything delivered, 1 not\n"
		"everything, 2 usage, configuration or input, 3 a target was not up, 4 a target\n"
		"failed.\n",
};

static int check(const struct arguments *args)
{
	if (args->raw && !args->from) {
		say(SINEW_ERROR, "--raw needs --from ID: raw output does not show the "
			"sender");
		return STATUS_USAGE;
	}
	return -1;
}

int arguments_parse(struct arguments *args, int argc, char **argv)
{
	int rc;

	*args = (struct arguments){
		.wait_ms = WAIT_MS,
		.linger_ms = LINGER_MS,
		.cluster = { .level = SINEW_WARNING, .fences = true },
	};
	rc = options_parse(&table, args, argc, argv);
	return rc >= 0 ? rc : check(args);
}
