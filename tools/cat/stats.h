/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The statistics of a run, added up over the incarnations of each peer, as JSON.
 * Knows nothing of how they came about.
 */
#ifndef TOOLS_CAT_STATS_H
#define TOOLS_CAT_STATS_H

#include "lowcomms/sinew.h"

struct stats_peer {
	struct sinew_status sum;	/* counters of all sessions, else of the present one */
	unsigned sessions;		/* that began */
	uint64_t undelivered;		/* messages of ended sessions, certainly not delivered */
	uint64_t unknown;		/* and delivered once or not at all */
	uint64_t discarded;		/* received, but not written */
	enum sinew_down down;		/* how the last session ended; 0: it did not */
};

struct stats {
	uint32_t node;
	uint64_t incarnation;	/* 0: the node did not start */
	const char *cluster;	/* or "" */
	int status;		/* the exit status */
	double seconds;
	struct stats_peer *peers;
	unsigned n_peers;
};

/* Adds the counters of one session; state, errors and paths are taken over. */
void stats_add(struct stats_peer *peer, const struct sinew_status *status);

/* As tools/file.h has it. Negative errno. */
int stats_write(const char *file, const struct stats *stats);

#endif
