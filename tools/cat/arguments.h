/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of "sinew cat".
 * Knows nothing of the configuration: names of nodes are checked later.
 */
#ifndef TOOLS_CAT_ARGUMENTS_H
#define TOOLS_CAT_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cluster.h"

struct arguments {
	struct cluster_arguments cluster;
	struct option_nodes to;
	uint32_t wait_ms;
	uint32_t linger_ms;
	const char *stats;	/* or NULL */
	size_t chunk;		/* 0: lines */
	bool raw;
	uint32_t from;		/* 0: from all */
	bool keep_going;
	uint32_t break_ms;	/* 0: never */
	uint64_t rate;		/* 0: no limit */
};

/* -1: go on; else an exit status, after help or an error was printed. */
int arguments_parse(struct arguments *args, int argc, char **argv);

#endif
