/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the two halves of the ring: the mapping of positions to memory, and the
 * flag in the wish. Knows neither side's cursors.
 *
 * Positions grow for ever; position & (size - 1) is the offset in memory. A
 * frame is never split across the end of the memory: a lap that has no room
 * left for one ends early, at skip_at, and the next begins at the following
 * multiple of size. There is never more than one such gap between acked and
 * filled, because a lap can only end when its own beginning is acknowledged.
 */
#ifndef SINEW_PROTO_RING_POS_H
#define SINEW_PROTO_RING_POS_H

#include "ring.h"

/* In wanted: the sender waits for a slot to be given back, not only for bytes. */
#define RING_WANTED_SLOT	(1ull << 63)

static inline uint8_t *ring_at(const struct ring *r, uint64_t pos)
{
	return r->base + (pos & (r->size - 1));
}

static inline uint64_t ring_skip_at(const struct ring *r)
{
	return atomic_load_explicit(&r->skip_at, memory_order_relaxed);
}

/* The first position of the lap that begins at or behind pos. */
static inline uint64_t ring_next_lap(const struct ring *r, uint64_t pos)
{
	return (pos + r->size - 1) & ~(r->size - 1);
}

/* From one position to another without the gap at the end of a lap. */
static inline uint64_t ring_bytes_between(const struct ring *r, uint64_t from, uint64_t to)
{
	uint64_t skip = ring_skip_at(r), bytes = to - from;

	return skip >= from && skip < to ? bytes - (ring_next_lap(r, skip) - skip) : bytes;
}

#endif
