/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers that a receiver has got from one session: they must come 1, 2, 3 ...
 * Pure: knows neither contents nor nodes.
 *
 * A message in order costs one store, so that a process which is killed in the middle
 * leaves a true ledger behind. "next" may be read by others meanwhile.
 */
#ifndef TOOLS_TORTURE_LEDGER_H
#define TOOLS_TORTURE_LEDGER_H

#include <stdatomic.h>
#include <stdint.h>

#define LEDGER_GAPS	16	/* more: what comes late of the oldest is called duplicated */

struct ledger_gap {
	uint64_t first, last;
};

/* Zeroed to begin with. */
struct ledger {
	_Atomic uint64_t taken;		/* all numbers up to it came, or are lost */
	uint64_t lost;			/* up to it, not come so far */
	uint64_t duplicated, reordered, corrupted;
	struct ledger_gap gaps[LEDGER_GAPS];
	unsigned n_gaps;
};

enum ledger_arrival { LEDGER_IN_ORDER, LEDGER_AHEAD, LEDGER_DUPLICATED, LEDGER_REORDERED };

static inline uint64_t ledger_taken(const struct ledger *l)
{
	return atomic_load_explicit(&l->taken, memory_order_relaxed);
}

/* The number that is due. */
static inline uint64_t ledger_next(const struct ledger *l)
{
	return ledger_taken(l) + 1;
}

/* How many messages came, each counted once. */
static inline uint64_t ledger_delivered(const struct ledger *l)
{
	return ledger_taken(l) - l->lost;
}

/* number: from 1. Says how it came. */
enum ledger_arrival ledger_take(struct ledger *l, uint64_t number);
/* One that is nothing that was sent, in the place of the one that was due. */
void ledger_take_corrupted(struct ledger *l);
/* One that belongs to another session: in nobody's place. */
void ledger_take_stray(struct ledger *l);

#endif
