/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew break": finds the mode and runs it, and ends its results.
 * Knows nothing of what a mode does.
 */
#include "tools/break/break.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/choice.h"
#include "tools/command.h"
#include "tools/json.h"
#include "tools/say.h"

static const struct choice modes[] = {
	{ "destroy", destroy_main, "destroy selected TCP connections in the kernel (root)" },
	{ "reset", reset_main, "reset selected TCP connections by forged segments (root)" },
	{ "block", block_main, "drop packets from one address to another (root, nftables)" },
	{ "relay", relay_main, "relay connections between two nodes and inject faults" },
};

static const struct choices choices = {
	.name = "sinew break",
	.kind = "mode",
	.usage = "usage: sinew break MODE [OPTION...]\n"
		 "       sinew break --help\n"
		 "\n"
		 "Injects network faults, limited to the selected connections and directions.\n",
	.list = modes,
	.n = sizeof(modes) / sizeof(modes[0]),
};

int break_print(struct json_object *document, int status)
{
	int rc = document ? json_print(document, stdout) : 0;

	json_free(document);
	if (!rc && !ferror(stdout) && !fflush(stdout))
		return status;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(rc ? -rc : errno));
	return status ? status : BREAK_USAGE;
}

int break_main(int argc, char **argv)
{
	say_prefix("sinew break");
	return choices_run(&choices, argc, argv);
}
