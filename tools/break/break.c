/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break": finds the mode and runs it.
 * Knows nothing of what a mode does.
 */
#include "tools/break/break.h"

#include "tools/choice.h"
#include "tools/command.h"
#include "tools/say.h"

static const struct choice modes[] = {
	{ "destroy", destroy_main, "the kernel destroys chosen TCP connections (root)" },
	{ "reset", reset_main, "forged resets break chosen TCP connections, also idle (root)" },
	{ "block", block_main, "nothing gets from one address to another (root, nftables)" },
	{ "relay", relay_main, "stands between two nodes and breaks what goes over it" },
};

static const struct choices choices = {
	.name = "sinew break",
	.kind = "mode",
	.usage = "usage: sinew break MODE [OPTION...]\n"
		 "       sinew break --help\n"
		 "\n"
		 "Makes faults in the network under a cluster, chosen ones and no others.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int break_main(int argc, char **argv)
{
	say_prefix("sinew break");
	return choices_run(&choices, argc, argv);
}
