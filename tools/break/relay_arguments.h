/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew break relay".
 * Knows nothing of what is in the files that it names.
 */
#ifndef TOOLS_BREAK_RELAY_ARGUMENTS_H
#define TOOLS_BREAK_RELAY_ARGUMENTS_H

#include <sys/socket.h>

#include "tools/break/relay_plan.h"

#define RELAY_SEED_MAX	INT64_MAX
#define RELAY_SEED_NONE	UINT64_MAX	/* --seed is not given */

struct relay_arguments {
	bool has_ends;				/* --a and --b, not --config */
	struct sockaddr_storage ends[RELAY_SIDES];	/* where each node listens */
	struct sockaddr_storage stand_ins[RELAY_SIDES];	/* as what the other one sees it; port 0:
						 * as the node */
	bool has_stand_ins;			/* by --stand-ins */
	const char *config;			/* or NULL */
	uint32_t nodes[RELAY_SIDES];
	const char *write_configs;		/* or NULL */
	struct relay_faults faults;		/* rules, and the seed or RELAY_SEED_NONE */
	const char *log, *replay;		/* or NULL */
	uint32_t for_ms;			/* 0: no end */
	uint64_t resets;			/* 0: no end */
	bool json, verbose;
};

/* -1: go on; else an exit status, after help or an error was printed. */
int relay_arguments_parse(struct relay_arguments *args, int argc, char **argv);

#endif
