/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of one end of a session: it lies in memory that outlives the
 * process, so that a killed one leaves its truth behind. Knows not how it is checked.
 */
#ifndef TOOLS_TORTURE_RECORD_H
#define TOOLS_TORTURE_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "tools/torture/seqset.h"

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

static inline enum record_state record_state(const struct record *r)
{
	return (enum record_state)atomic_load_explicit(&r->state, memory_order_acquire);
}

static inline void record_enter(struct record *r, enum record_state state)
{
	atomic_store_explicit(&r->state, state, memory_order_release);
}

#endif
