/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of those modes that hit whole connections: which, how often, for how
 * long. Knows nothing of how one is hit.
 */
#ifndef TOOLS_BREAK_MATCH_OPTIONS_H
#define TOOLS_BREAK_MATCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/break/filter.h"

#define ORDERS_TARGETS_MAX	4096	/* connections of one round */

struct match_options {
	struct filter filter;
	const char *netns;	/* or NULL: the current one */
	const char *interface;	/* or NULL; only of modes that listen */
	uint32_t every_ms;	/* 0: one round and no more */
	uint32_t for_ms;	/* 0: no end */
	uint32_t listen_ms;	/* before the first round, with an interface */
	uint64_t count;		/* kills; 0: no end */
	double probability;	/* that a connection is hit in a round */
	uint64_t seed;
	bool dry_run;
	bool probe;
	bool json;
	const char *stats;	/* or NULL */
};

/* The differences between the modes. */
struct match_options_mode {
	const char *name;	/* "sinew break destroy" */
	const char *usage;	/* the first lines of --help, up to the common options */
	const char *status;	/* the last lines of --help */
	bool listens;		/* it knows --interface and --listen */
};

/* -1: go on; else an exit status, after help or an error was printed. */
int match_options_parse(struct match_options *o, const struct match_options_mode *mode, int argc,
			char **argv);

#endif
