/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection that is to be reset from outside: what its segments tell about the sequence
 * numbers that its ends expect, and the segments that are forged from that. Pure: sends
 * nothing, reads no clock.
 */
#ifndef TOOLS_BREAK_TARGET_H
#define TOOLS_BREAK_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/break/diag.h"
#include "tools/break/packet.h"
#include "tools/break/raw.h"

enum target_state {
	TARGET_KNOWN,	/* it is there; nobody wants anything of it */
	TARGET_HUNTED,
	TARGET_TRIED,	/* hunted until it was dead, or given up */
	TARGET_ENDED,	/* by itself */
};

/* Ends are numbered as in the connection. */
struct target {
	struct diag_connection connection;	/* first, for diag_compare() */
	enum target_state state;
	struct raw_way way;		/* as segments from end 0 to end 1 travel */
	bool knows_acked[2], knows_next[2];
	uint32_t acked[2];		/* what that end acknowledged last: it has all that */
	uint32_t next[2];		/* what that end expects next, as far as was seen */
	bool has_news;			/* what was learned is not yet answered */
	bool is_dead[2];		/* that end is no more */
	unsigned n_probes, n_resets;
	uint64_t seen_ns;		/* last segment of it; 0: none */
	uint64_t probe_ns, until_ns;	/* of a hunted one: next probe; when it is given up */
};

/* Which end a segment came from: 0 or 1; -1: it is not one of this connection. */
int target_end(const struct target *t, const struct packet *p);

/* Learns from a segment that end `from` sent; those that open or reset tell nothing. */
void target_learn(struct target *t, unsigned from, const struct packet *p);

/*
 * A segment from the other end that makes this end acknowledge, with its true numbers: one that
 * is too old, so that it does no harm if the connection lives on (RFC 9293, 3.10.7.4). While
 * nothing is known its number is a random one and it is empty, and the kernel answers two of
 * these a second; once something is known it has a byte, and is always answered. If this end is
 * no more, the answer is a reset that fits the other end.
 */
void target_probe(const struct target *t, unsigned end, uint32_t random, struct packet *ret_packet);

/*
 * The reset that this end obeys: from the other end, with exactly the number that it expects
 * (RFC 5961, 3.2). False: that number is not known.
 */
bool target_reset(const struct target *t, unsigned end, struct packet *ret_packet);

#endif
