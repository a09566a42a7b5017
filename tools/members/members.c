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

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct members_arguments, cluster, "own node in that file"),
	OPTION_FLAG("follow", struct members_arguments, follow,
		    "keep running and print each change (corosync)"),
	OPTION_FLAG("json", struct members_arguments, json,
		    "print JSON; with --follow one more document line per change"),
	OPTION_SECONDS("wait", struct members_arguments, wait_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for all nodes to report or answer (2)"),
	CLUSTER_OPTION_LOG(struct members_arguments, cluster,
			   "error (default), warning, info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew members",
	.usage =
		"usage: sinew members [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Prints the members of the cluster as reported by corosync and the programs of\n"
		"the cluster; with a file, which of its addresses answer. A passive observer:\n"
		"it does not count as a node, and the own node may be running or not.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 all listed nodes present and quorate, 1 writing standard output\n"
		"failed, 2 usage or configuration, or corosync not running, 3 a node or quorum\n"
		"missing. With --follow 0, 1 or 2.\n",
};

static int parse(struct members_arguments *args, int argc, char **argv)
{
	*args = (struct members_arguments){
		.cluster = { .level = SINEW_ERROR, .observes = true },
		.wait_ms = WAIT_MS,
	};
	return options_parse(&table, args, argc, argv);
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
