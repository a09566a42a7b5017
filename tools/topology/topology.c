/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew topology": finds the mode and runs it.
 * Knows nothing of what a mode does.
 */
#include "tools/topology/topology.h"

#include "tools/command.h"

static const struct choice modes[] = {
	{ "list", topology_list_main, "print the publications that are there" },
	{ "watch", topology_watch_main, "print each change, until a signal" },
	{ "publish", topology_publish_main, "publish names, until a signal" },
	{ "resume", topology_resume_main, "print each change from a position on" },
};

static const struct choices choices = {
	.name = "sinew topology",
	.kind = "mode",
	.usage = "usage: sinew topology MODE [OPTION...]\n"
		 "       sinew topology --help\n"
		 "\n"
		 "Who is there: asks a node of this machine which nodes, links, services and\n"
		 "names of programs are in its cluster, and is told each change.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int topology_main(int argc, char **argv)
{
	return choices_run(&choices, argc, argv);
}
