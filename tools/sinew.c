/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: finds the subcommand and runs it.
 * Knows nothing of what a subcommand does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lowcomms/sinew.h"
#include "tools/command.h"
#include "tools/options.h"

static const struct choice subcommands[] = {
	{ "bench", bench_main, "measure throughput and latency between two nodes" },
	{ "break", break_main,
	  "inject faults: destroy, reset, block or relay connections" },
	{ "call", call_main, "call a service of another node, or serve calls" },
	{ "cat", cat_main, "send standard input to other nodes, print received messages" },
	{ "config", config_main, "read and change options of a running node" },
	{ "members", members_main, "list the members of the cluster, once or continuously" },
	{ "ping", ping_main, "measure the response time of other nodes, per address" },
	{ "serve", serve_main, "run a node that serves topology, status and options" },
	{ "status", status_main, "print sessions, queues, calls, errors of a running node" },
	{ "top", top_main, "print rates and round trips of a running node, once a second" },
	{ "topology", topology_main, "list, watch and publish what is in the cluster" },
	{ "torture", torture_main, "stress many nodes with killed connections, verify delivery" },
};

static const struct choices choices = {
	.name = "sinew",
	.kind = "subcommand",
	.usage = "usage: sinew SUBCOMMAND [OPTION...]\n"
		 "       sinew --help | --version\n"
		 "\n"
		 "Messages between the nodes of a cluster, in order and exactly once, however\n"
		 "often the underlying connections break.\n",
	.list = subcommands,
	.n = sizeof(subcommands) / sizeof(subcommands[0]),
};

/* A standard descriptor that is closed would become a socket; its place is taken. */
static int fill_descriptors(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY };
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	/* A file at its limit is an error of a write, no reason to die with sessions open. */
	signal(SIGXFSZ, SIG_IGN);
	if (fill_descriptors())
		return STATUS_USAGE;
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("sinew %s\n", sinew_version());
		return options_printed();
	}
	return choices_run(&choices, argc, argv);
}
