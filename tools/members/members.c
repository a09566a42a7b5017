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
	"Prints who is in the cluster, as corosync and the programs of the cluster say\n"
	"it; of a file, which of its addresses answer now. It only looks on: nobody\n"
	"takes it for a node, and the own node may run here or not.\n"
	"\n"
	"  --config FILE   nodes and options, in the syntax of corosync.conf\n"
	"  --node ID       the own node of that file\n"
	CLUSTER_HELP
	"  --follow        go on, and print each change (corosync)\n"
	"  --json          a JSON document; with --follow one more on a line for each change\n"
	"  --wait S        seconds until all must have said who they are, or answered (2)\n"
	"  --log-level error|warning|info|debug   (error)\n"
	"  --help\n"
	"\n"
	"Exit status: 0 all listed nodes are there, and quorum; 1 standard output could not\n"
	"be written, 2 usage or configuration, or corosync does not run, 3 somebody is\n"
	"missing, or quorum. With --follow 0 or 1, or 2.\n";

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
	say(SINEW_ERROR, "--follow: the nodes of a file do not change; \"sinew ping\" shows who "
	    "answers, again and again");
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
