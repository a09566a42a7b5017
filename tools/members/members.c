/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew members": who is in the cluster. This file reads the command line, starts
 * and ends. Knows nothing of where the picture comes from.
 */
#include "tools/members/members.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define WAIT_MS		2000

enum argument { OPT_FOLLOW = 256, OPT_JSON, OPT_WAIT };

static const struct option options[] = {
	CLUSTER_OPTIONS,
	CLUSTER_OPTION_LOG,
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ 0 },
};

static const char help[] =
	"usage: sinew members [--config FILE --node ID] [OPTION...]\n"
	"\n"
	"Prints the members of the cluster as reported by corosync and the programs of\n"
	"the cluster; with a file, which of its addresses answer. A passive observer:\n"
	"it does not count as a node, and the own node may be running or not.\n"
	"\n"
	"  --config FILE   nodes and options, in the syntax of corosync.conf\n"
	"  --node ID       own node in that file\n"
	CLUSTER_HELP
	"  --follow        keep running and print each change (corosync)\n"
	"  --json          print JSON; with --follow one more document line per change\n"
	"  --wait S        seconds to wait for all nodes to report or answer (2)\n"
	"  --log-level error|warning|info|debug   (error)\n"
	"  --help\n"
	"\n"
	"Exit status: 0 all listed nodes present and quorate, 1 writing standard output\n"
	"failed, 2 usage or configuration, or corosync not running, 3 a node or quorum\n"
	"missing. With --follow 0, 1 or 2.\n";

static int take_option(void *arg, int option, const char *text)
{
	struct members_arguments *args = arg;

	switch ((enum argument)option) {
	case OPT_FOLLOW:
		args->follow = true;
		return -1;
	case OPT_JSON:
		args->json = true;
		return -1;
	case OPT_WAIT:
		if (!options_seconds(text, &args->wait_ms) || !args->wait_ms)
			return options_refuse("wait", text, "seconds from 0.001 to 1000000");
		return -1;
	}
	return cluster_take(&args->cluster, option, text);
}

static int parse(struct members_arguments *args, int argc, char **argv)
{
	const struct options o = {
		.name = "sinew members", .help = help, .list = options, .take = take_option,
		.arg = args,
	};

	*args = (struct members_arguments){
		.cluster = { .level = SINEW_ERROR, .observes = true },
		.wait_ms = WAIT_MS,
	};
	return options_walk(&o, argc, argv);
}

static int run(struct members *m)
{
	if (!m->cluster.file)
		return members_look(m);
	if (!m->args.follow)
		return members_ask(m);
	say(SINEW_ERROR, "--follow: the nodes of a file do not change; use \"sinew ping\" to "
	    "monitor them");
	return STATUS_USAGE;
}

int members_main(int argc, char **argv)
{
	struct members m = { .signal_fd = -1 };
	unsigned i;
	int status;

	say_prefix("sinew members");
	status = parse(&m.args, argc, argv);
	if (status >= 0)
		return status;
	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	m.signal_fd = signals_open(0);
	if (m.signal_fd < 0) {
		say(SINEW_ERROR, "cannot start: %s", strerror(-m.signal_fd));
		return STATUS_USAGE;
	}
	status = cluster_open(&m.cluster, &m.args.cluster, m.signal_fd);
	if (!status)
		status = run(&m);
	for (i = 0; i < m.n_paths; i++)
		path_close(&m.paths[i]);
	cluster_close(&m.cluster);
	close(m.signal_fd);
	free(m.paths);
	free(m.now.members);
	free(m.before.members);
	return status;
}
