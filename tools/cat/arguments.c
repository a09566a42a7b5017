/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew cat".
 * Knows nothing of the configuration: names of nodes are checked later.
 */
#include "tools/cat/arguments.h"

#include <stdio.h>
#include <string.h>

#include "membership/config.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"

#define WAIT_MS		10000
#define LINGER_MS	10000
#define CHUNK_MAX	((uint64_t)512 << 20)
#define RATE_MAX	((uint64_t)1 << 40)

enum argument {
	OPT_BREAK_EVERY = 256, OPT_CHUNK, OPT_FROM, OPT_KEEP_GOING, OPT_LINGER, OPT_RATE, OPT_RAW,
	OPT_STATS, OPT_TO, OPT_WAIT,
};

static const struct option options[] = {
	CLUSTER_OPTIONS,
	CLUSTER_OPTION_LOG,
	{ "break-every", required_argument, NULL, OPT_BREAK_EVERY },
	{ "chunk", required_argument, NULL, OPT_CHUNK },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "help", no_argument, NULL, 'h' },
	{ "keep-going", no_argument, NULL, OPT_KEEP_GOING },
	{ "linger", required_argument, NULL, OPT_LINGER },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "stats", required_argument, NULL, OPT_STATS },
	{ "to", required_argument, NULL, OPT_TO },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ 0 },
};

static const char help[] =
	"usage: sinew cat [--config FILE --node ID] [OPTION...]\n"
	"\n"
	"Sends each line of standard input as one message to other nodes and prints\n"
	"each received message as \"ID<TAB>payload\"; continuation lines of a message\n"
	"with newlines begin with \"ID+<TAB>\".\n"
	"\n"
	"  --config FILE      nodes and options, in the syntax of corosync.conf\n"
	"  --node ID          own node in that file\n"
	"  --to ID[,ID...]    send standard input to these nodes (default: receive only)\n"
	"  --to all           send to every other node of the file\n"
	"  --wait S           seconds to wait for them to be up (10)\n"
	"  --linger S         seconds to linger at the end without progress (10)\n"
	"  --chunk BYTES      send chunks of that size instead of lines\n"
	"  --rate BYTES       limit for reading standard input, in bytes per second\n"
	"  --from ID          print only messages from that node\n"
	"  --raw              with --from: print the payload only, unchanged\n"
	"  --keep-going       continue when a target fails; without --to, also when a\n"
	"                     node finishes\n"
	"  --stats FILE       write statistics as JSON at the end\n"
	"  --break-every MS   reset all own connections periodically (for tests)\n"
	CLUSTER_HELP
	"  --log-level LEVEL  error, warning (default), info or debug\n"
	"  --help\n"
	"\n"
	"BYTES may end in k, M or G. Exit status: 0 everything delivered, 1 not\n"
	"everything, 2 usage, configuration or input, 3 a target was not up, 4 a target\n"
	"failed.\n";

static bool parse_to(struct arguments *args, const char *text)
{
	args->n_to = 0;
	args->to_all = !strcmp(text, "all");
	return args->to_all || options_nodeids(text, args->to, ARGUMENTS_TO_MAX, &args->n_to);
}

static int take_node_option(struct arguments *args, int option, const char *text)
{
	if (option == OPT_FROM && !options_nodeid(text, &args->from))
		return options_refuse("from", text, "a nodeid from 1 to 2147483647");
	if (option == OPT_TO && !parse_to(args, text))
		return options_refuse("to", text,
				      "\"all\", or at most 1024 nodeids with commas between");
	return -1;
}

static int take_number_option(struct arguments *args, int option, const char *text)
{
	uint64_t n = 0;

	if (option == OPT_WAIT && !options_seconds(text, &args->wait_ms))
		return options_refuse("wait", text, "seconds from 0 to 1000000");
	if (option == OPT_LINGER && !options_seconds(text, &args->linger_ms))
		return options_refuse("linger", text, "seconds from 0 to 1000000");
	if (option == OPT_CHUNK && config_number(text, 1, 1, CHUNK_MAX, &n))
		return options_refuse("chunk", text, "bytes from 1 to 512M");
	if (option == OPT_RATE && config_number(text, 1, 1, RATE_MAX, &n))
		return options_refuse("rate", text, "bytes per second from 1 to 1024G");
	if (option == OPT_BREAK_EVERY && config_number(text, 0, 1, 3600000, &n))
		return options_refuse("break-every", text, "milliseconds from 1 to 3600000");
	if (option == OPT_CHUNK)
		args->chunk = (size_t)n;
	if (option == OPT_RATE)
		args->rate = n;
	if (option == OPT_BREAK_EVERY)
		args->break_ms = (uint32_t)n;
	return -1;
}

static int take_option(void *arg, int option, const char *text)
{
	struct arguments *args = arg;

	switch ((enum argument)option) {
	case OPT_STATS:
		args->stats = text;
		return -1;
	case OPT_RAW:
		args->raw = true;
		return -1;
	case OPT_KEEP_GOING:
		args->keep_going = true;
		return -1;
	case OPT_FROM:
	case OPT_TO:
		return take_node_option(args, option, text);
	case OPT_WAIT:
	case OPT_LINGER:
	case OPT_CHUNK:
	case OPT_RATE:
	case OPT_BREAK_EVERY:
		return take_number_option(args, option, text);
	}
	return cluster_take(&args->cluster, option, text);
}

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
	const struct options o = {
		.name = "sinew cat",
		.help = help,
		.list = options,
		.take = take_option,
		.arg = args,
	};
	int rc;

	*args = (struct arguments){
		.wait_ms = WAIT_MS,
		.linger_ms = LINGER_MS,
		.cluster = { .level = SINEW_WARNING, .fences = true },
	};
	rc = options_walk(&o, argc, argv);
	return rc >= 0 ? rc : check(args);
}
