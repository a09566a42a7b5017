/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the processes of a measure run: as the scheduler likes, each on a processor of its own,
 * or all on one. Knows nothing of what they do.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stdbool.h>

enum place {
	PLACE_FREE,
	PLACE_SPLIT, /* one processor a process */
	PLACE_ONE, /* all on one */
};

#define N_PLACES 3

/* "free", "split", "one" */
const char *place_name(enum place place);
/* False: this machine has not enough processors for it. */
bool place_is_here(enum place place);
/* Binds the calling process, the index-th of its measure. */
void place_take(enum place place, unsigned index);

#endif
