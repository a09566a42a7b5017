/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that floods: begun before there is any node, so that it shares no descriptor
 * with one, and told by a socket what to do. Knows nothing of what the flood costs.
 */
#ifndef SINEW_TESTS_LIB_FLOOD_H
#define SINEW_TESTS_LIB_FLOOD_H

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>

#include "tests/lib/adversary.h"

enum flood_kind {
	FLOOD_NONE,
	/* One thousand connections a second. */
	FLOOD_SILENT,		/* says nothing */
	FLOOD_GARBAGE,
	FLOOD_HALF,		/* half a HELLO */
	FLOOD_CLUSTER,		/* HELLO of another cluster */
	FLOOD_NODEIDS,		/* HELLO with a nodeid that nobody has */
	FLOOD_INCARNATIONS,		/* HELLO of a new incarnation, that then says no more */
	FLOOD_HELD,		/* the same, and it answers */
	FLOOD_REFUSALS,		/* the same, and it refuses us as failed */
	FLOOD_PROBES,		/* PROBEs, faster than they are answered */
	FLOOD_BURST,		/* many HELLOs at once, then a reset */
	FLOOD_RESET,		/* connects and resets at once */
	/* At full speed, by a peer that has completed HELLO. */
	FLOOD_PEER_GARBAGE,	/* and reconnects at once */
	FLOOD_PEER_AHEAD,	/* numbers ahead of the expected one, reconnects */
	FLOOD_PEER_HELLO,	/* HELLO on a link that is up, reconnects */
	FLOOD_PEER_REPEAT,	/* the first message again and again */
	FLOOD_PEER_FRAGMENTS,	/* begins the longest message, then comes as a new incarnation */
	FLOOD_PEER_ACKS,
	FLOOD_PEER_STATUS,
	FLOOD_PROBE_FAST,	/* PROBEs on one link */
	FLOOD_SINK,		/* no flood: the same work, but towards itself */
};

/* Its deeds so far. */
struct flood_count {
	uint64_t n;		/* times that it said what it was told to say */
	uint64_t n_dials, n_answered;	/* the latter stood, or were refused */
};

struct flood {
	pid_t pid;
	int fd;
};

/* ---- the process ---- */

void flood_open(struct flood *f);
void flood_begin(struct flood *f, enum flood_kind kind, unsigned from,
		 const struct sockaddr_storage *to);

/* Tells it to stop; it does not do so at once. */
void flood_stop(struct flood *f);

/* Whether it has stopped, and then its deeds. */
bool flood_stopped(struct flood *f, struct flood_count *ret_count);
void flood_close(struct flood *f);

#endif
