/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: finds the subcommand and runs it.
 * Knows nothing of what a subcommand does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/sinew.h"
#include "tools/command.h"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} subcommands[] = {
	{ "bench", bench_main, "how fast messages go between two nodes" },
	{ "break", break_main,
	  "make faults: destroy, reset, block connections; relay and break them" },
	{ "cat", cat_main, "send lines of standard input to other nodes, print what they send" },
	{ "dump", dump_main, "captured packets or hexadecimal text, one line a frame" },
	{ "members", members_main, "who is in the cluster, at once or live" },
	{ "ping", ping_main, "how long other nodes take to answer, over each address" },
	{ "torture", torture_main, "kill connections of many nodes, judge what became of it" },
};

#define N_SUBCOMMANDS	(sizeof(subcommands) / sizeof(subcommands[0]))

static void print_help(FILE *to)
{
	size_t i;

	fputs("usage: sinew SUBCOMMAND [OPTION...]\n"
	      "       sinew --help | --version\n"
	      "\n"
	      "Messages between the nodes of a cluster, in order and exactly once, however\n"
	      "often the connections under them break.\n"
	      "\n", to);
	for (i = 0; i < N_SUBCOMMANDS; i++)
		fprintf(to, "  %-8s %s\n", subcommands[i].name, subcommands[i].summary);
	fputs("\n\"sinew SUBCOMMAND --help\" says more.\n", to);
}

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

/* What --help and --version print has arrived, or the status says that it has not. */
static int printed(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	perror("sinew: standard output");
	return STATUS_UNDELIVERED;
}

int main(int argc, char **argv)
{
	size_t i;

	/* A file at its limit is an error of a write, no reason to die with sessions open. */
	signal(SIGXFSZ, SIG_IGN);
	if (fill_descriptors())
		return STATUS_USAGE;
	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("sinew %s\n", sinew_version());
		return printed();
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return printed();
	}
	for (i = 0; i < N_SUBCOMMANDS; i++)
		if (!strcmp(argv[1], subcommands[i].name))
			return subcommands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "sinew: \"%s\" is not a subcommand; \"sinew --help\" lists them\n",
		argv[1]);
	return STATUS_USAGE;
}
