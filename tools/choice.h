/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A word of the command line that chooses what is run, and the help that lists the words.
 * Knows none of them.
 */
#ifndef TOOLS_CHOICE_H
#define TOOLS_CHOICE_H

#include <stddef.h>

struct choice {
	const char *word;
	int (*run)(int argc, char **argv);	/* from that word on; gives an exit status */
	const char *summary;
};

struct choices {
	const char *name;	/* "sinew break" */
	const char *kind;	/* what a word stands for: "mode" */
	const char *usage;	/* of the help, what is before the list */
	const struct choice *list;
	size_t n;
};

/* Runs what argv[1] says, or prints help; an exit status. */
int choices_run(const struct choices *choices, int argc, char **argv);

#endif
