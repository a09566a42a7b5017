/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of one end of a session, with the numbers that came from it: it lies in memory that
 * outlives the process, so that a killed one leaves its truth behind. Knows not how it is checked.
 */
#ifndef TOOLS_TORTURE_RECORD_H
#define TOOLS_TORTURE_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"

/*
 * ---- the numbers that a receiver has got from one session: they must come 1, 2, 3 ...; of
 * checker.c. A message in order costs one store, so that a process which is killed in the middle
 * leaves a true seqset behind. "next" may be read by others meanwhile. ----
 */

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

/* ---- the record ---- */

enum record_state {
	RECORD_FREE,
	RECORD_OPEN,		/* written by the node */
	RECORD_OVER,		/* nobody writes it any more */
};

/* How far something was at a time. */
struct record_mark {
	uint64_t at_ns, taken;
};

/* Atomic is what others look at while the session lasts. */
struct record {
	_Atomic int state;	/* enum record_state */
	uint32_t node, peer;
	uint64_t incarnation, peer_incarnation;	/* incarnations */

	/* Sent to the peer, in messages. */
	_Atomic uint64_t tried;		/* a send of that number has begun */
	_Atomic uint64_t sent;		/* and was taken */
	_Atomic uint64_t acked;		/* seen to be acknowledged; the truth may be more */
	_Atomic bool is_blocked;	/* -EAGAIN; until writable */
	uint64_t resent;		/* frames */
	_Atomic uint64_t calls_begun;	/* instead of messages */
	_Atomic uint64_t calls_ended;

	struct seqset got;		/* what came from it */
	uint64_t repeated;		/* frames that the library dropped as duplicates */

	/* Links, as this end counts them. */
	_Atomic uint64_t reconnects;	/* that came up, but the first */
	_Atomic uint64_t resumed;	/* of them with unacknowledged data of ours */

	/* The end. */
	bool crashed;		/* our own incarnation ended without a word: no reason, no report */
	bool stale;		/* and the process with it: counters of links may be old */
	enum sinew_down reason;
	struct sinew_delivery delivery;

	/* The conductor's. */
	struct record_mark moved;	/* when more had come last */
	struct record_mark killed;	/* the last kill, and what had come then at both ends */
};

static inline uint64_t record_get(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static inline void record_set(_Atomic uint64_t *n, uint64_t to)
{
	atomic_store_explicit(n, to, memory_order_relaxed);
}

/* By the only writer. */
static inline void record_add(_Atomic uint64_t *n)
{
	record_set(n, record_get(n) + 1);
}

/* Messages that came, and calls that ended. */
static inline uint64_t record_taken(const struct record *r)
{
	return seqset_taken(&r->got) + record_get(&r->calls_ended);
}

static inline enum record_state record_state(const struct record *r)
{
	return (enum record_state)atomic_load_explicit(&r->state, memory_order_acquire);
}

static inline void record_enter(struct record *r, enum record_state state)
{
	atomic_store_explicit(&r->state, state, memory_order_release);
}

#endif
