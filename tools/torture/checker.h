/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges a session that is over by what its two ends wrote down: was everything
 * delivered that had to be, once, in order, and did the sender hear the truth about
 * the rest? Pure: knows no node and no clock.
 *
 * A session that both ends closed in order has delivered, and acknowledged, all that was
 * sent. Of one that ended otherwise, a sender that lives has a delivery report (acked up to A,
 * in doubt up to B), and a sender that crashed had seen acked up to A and tried to
 * send up to B: what was delivered must lie between.
 *
 * A kill is a link that was up at both ends and is no more while its session goes
 * on. Each end counts the links after the first that came up there. The lower nodeid
 * makes a link the session's by its last HELLO and counts it from that write on, the
 * higher one from reading it: what the higher one counts was up at both ends, and what
 * the lower one counts beyond that was not. So the kills are the smaller number; the hits
 * of the higher one are hits of kills, and from those of the lower one its links beyond
 * are taken away, as if each had been one. Which kills both have hit is not known: the union
 * is at least the larger number. The counters of a killed process are old: as the higher
 * one's they are too small at worst, as the lower one's they prove nothing.
 */
#ifndef TOOLS_TORTURE_CHECKER_H
#define TOOLS_TORTURE_CHECKER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/torture/record.h"

/* The sum of an ordered pair of nodes, over all sessions. */
struct pair {
	uint64_t sent, delivered, lost, duplicated, reordered, corrupted;	/* messages */
	uint64_t told;		/* sent, not delivered, and the sender could know it */
	uint64_t resent;	/* frames */
	uint64_t repeated;	/* frames that came again and were dropped by the library */
	uint64_t kills, hits;	/* of links; of them on unacknowledged data of either side */
	uint64_t sessions;
	uint64_t broken;	/* promises about ends that were not kept */
};

struct checker {
	/* A line for each promise that was broken, about whom and how. */
	void (*note)(void *arg, const char *line);
	void *arg;
	/* A session may end for any cause: else one that lives ends in order. */
	bool ends_are_free;
};

/* Of two ends that are open or over; either may be NULL: that end never knew the session. */
void checker_links(const struct record *a, const struct record *b, uint64_t *ret_kills,
		   uint64_t *ret_hits);
/* a is over, b is its other end, over, or NULL. Adds to both directions. */
void checker_session(const struct checker *j, const struct record *a, const struct record *b,
		     struct pair *a_to_b, struct pair *b_to_a);
/* Nothing is wrong with it. */
bool checker_is_clean(const struct pair *p);
void checker_add(struct pair *sum, const struct pair *p);

#endif
