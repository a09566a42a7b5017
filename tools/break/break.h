/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the modes of "sinew break": their entries, their exit statuses, the end of their
 * results, and the advice for those who are not root. Knows nothing of what a mode does.
 */
#ifndef TOOLS_BREAK_BREAK_H
#define TOOLS_BREAK_BREAK_H

struct json_object;

enum break_status {
	BREAK_OK = 0,		/* something was hit, as many as were asked for */
	BREAK_NOTHING = 1,	/* nothing was hit, or less than was asked for */
	BREAK_USAGE = 2,	/* command line, or the results could not be written */
	BREAK_REFUSED = 3,	/* the kernel does not allow it, or cannot do it */
};

#define BREAK_WITHOUT_ROOT \
	"without it: \"sinew break relay\" between two nodes, or \"sinew cat --break-every MS\""

int destroy_main(int argc, char **argv);
int reset_main(int argc, char **argv);
int block_main(int argc, char **argv);
int relay_main(int argc, char **argv);

/*
 * Prints a document, if there is one, and releases it. The status if standard output has got
 * everything; else another one than 0, after it said why.
 */
int break_print(struct json_object *document, int status);

#endif
