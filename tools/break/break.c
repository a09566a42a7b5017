/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break": finds the mode and runs it.
 * Knows nothing of what a mode does.
 */
#include "tools/break/break.h"

#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/say.h"

static const struct mode {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} modes[] = {
	{ "destroy", destroy_main, "the kernel destroys chosen TCP connections (root)" },
	{ "reset", reset_main, "forged resets break chosen TCP connections, also idle (root)" },
	{ "block", block_main, "nothing gets from one address to another (root, nftables)" },
	{ "relay", relay_main, "stands between two nodes and breaks what goes over it" },
};

#define N_MODES	(sizeof(modes) / sizeof(modes[0]))

static void print_help(FILE *to)
{
	size_t i;

	fputs("usage: sinew break MODE [OPTION...]\n"
	      "       sinew break --help\n"
	      "\n"
	      "Makes faults in the network under a cluster, chosen ones and no others.\n"
	      "\n", to);
	for (i = 0; i < N_MODES; i++)
		fprintf(to, "  %-8s %s\n", modes[i].name, modes[i].summary);
	fputs("\n\"sinew break MODE --help\" says more.\n", to);
}

int break_main(int argc, char **argv)
{
	size_t i;

	say_prefix("sinew break");
	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return fflush(stdout) ? STATUS_UNDELIVERED : STATUS_OK;
	}
	for (i = 0; i < N_MODES; i++)
		if (!strcmp(argv[1], modes[i].name))
			return modes[i].run(argc - 1, argv + 1);
	say(SINEW_ERROR, "\"%.80s\" is not a mode; \"sinew break --help\" lists them", argv[1]);
	return STATUS_USAGE;
}
