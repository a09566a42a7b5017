/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew config": finds the mode and runs it.
 * Knows nothing of what a mode does.
 */
#include "tools/config/config.h"

#include "tools/command.h"

static const struct choice modes[] = {
	{ "get", config_get_main, "print options of a running node" },
	{ "set", config_set_main, "change options of a running node, all or none" },
	{ "watch", config_watch_main, "print each change of an option, until a signal" },
};

static const struct choices choices = {
	.name = "sinew config",
	.kind = "mode",
	.usage = "usage: sinew config MODE [OPTION...]\n"
		 "       sinew config --help\n"
		 "\n"
		 "Reads and changes the options of a running node of this machine, by its control\n"
		 "socket. Changes hold until the program ends; no file is written.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int config_main(int argc, char **argv)
{
	return choices_run(&choices, argc, argv);
}
