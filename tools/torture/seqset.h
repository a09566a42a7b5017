/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers that a receiver has got from one session: they must come 1, 2, 3 ...
 * Pure: knows neither contents nor nodes.
 *
 * A message in order costs one store, so that a process which is killed in the middle
 * leaves a true seqset behind. "next" may be read by others meanwhile.
 */
#ifndef TOOLS_TORTURE_SEQSET_H
#define TOOLS_TORTURE_SEQSET_H

#include <stdatomic.h>
#include <stdint.h>

#define SEQSET_GAPS	16	/* more: what comes late of the oldest is called duplicated */

struct seqset_gap {
	uint64_t first, last;
};

/* Zeroed to begin with. */
struct seqset {
	_Atomic uint64_t taken;		/* all numbers up to it came, or are lost */
	uint64_t lost;			/* up to it, not come so far */
	uint64_t duplicated, reordered, corrupted;
	struct seqset_gap gaps[SEQSET_GAPS];
	unsigned n_gaps;
};

enum seqset_arrival { SEQSET_IN_ORDER, SEQSET_AHEAD, SEQSET_DUPLICATED, SEQSET_REORDERED };

static inline uint64_t seqset_taken(const struct seqset *l)
{
	return atomic_load_explicit(&l->taken, memory_order_relaxed);
}

/* The number that is due. */
static inline uint64_t seqset_next(const struct seqset *l)
{
	return seqset_taken(l) + 1;
}

/* How many messages came, each counted once. */
static inline uint64_t seqset_delivered(const struct seqset *l)
{
	return seqset_taken(l) - l->lost;
}

/* number: from 1. Says how it came. */
enum seqset_arrival seqset_take(struct seqset *l, uint64_t number);
/* One that is nothing that was sent, in the place of the one that was due. */
void seqset_take_corrupted(struct seqset *l);
/* One that belongs to another session: in nobody's place. */
void seqset_take_stray(struct seqset *l);

#endif
