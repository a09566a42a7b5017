/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The content of a message, for all contestants alike: eight bytes of a counter, in its highest
 * bit whether it is the last; a lane, of a sender's thread, in the seven below. Each message is
 * checked for its length and its number. Knows nothing of how it came.
 */
#ifndef BENCH_CONTENT_H
#define BENCH_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CONTENT_BYTES_MIN  8
#define CONTENT_LAST	   (UINT64_C(1) << 63)
#define CONTENT_LANE_SHIFT 56
#define CONTENT_LANES	   64
#define CONTENT_NUMBER	   ((UINT64_C(1) << CONTENT_LANE_SHIFT) - 1)

/* Messages that have come. */
struct content {
	size_t len; /* that each must have */
	uint64_t next[CONTENT_LANES]; /* number that is due; from 0 */
	uint64_t n, n_wrong;
	unsigned n_last; /* lanes that have ended */
};

static inline void content_put(void *message, unsigned lane, uint64_t number, bool is_last)
{
	uint64_t word = number | (uint64_t)lane << CONTENT_LANE_SHIFT |
			(is_last ? CONTENT_LAST : 0);

	memcpy(message, &word, sizeof word);
}

static inline unsigned content_lane(const void *message)
{
	uint64_t word;

	memcpy(&word, message, sizeof word);
	return word >> CONTENT_LANE_SHIFT & (CONTENT_LANES - 1);
}

static inline void content_check(struct content *c, const void *data, size_t len)
{
	uint64_t word = 0;
	unsigned lane;

	if (len >= sizeof word)
		memcpy(&word, data, sizeof word);
	lane = word >> CONTENT_LANE_SHIFT & (CONTENT_LANES - 1);
	if (len != c->len || (word & CONTENT_NUMBER) != c->next[lane])
		c->n_wrong++;
	c->next[lane]++;
	c->n++;
	c->n_last += (word & CONTENT_LAST) != 0;
}

#endif
