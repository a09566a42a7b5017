/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew dump".
 * Knows nothing of what is in the file.
 */
#ifndef TOOLS_DUMP_ARGUMENTS_H
#define TOOLS_DUMP_ARGUMENTS_H

#include "tools/dump/engine.h"

#define ARGUMENTS_BYTES		64	/* of a payload, of --verbose */

struct dump_arguments {
	const char *file;	/* NULL or "-": standard input */
	bool hex;
	bool line_buffered;
	struct engine_options engine;
};

/* -1: go on; else an exit status, after help or an error was printed. */
int dump_arguments_parse(struct dump_arguments *ret, int argc, char **argv);

#endif
