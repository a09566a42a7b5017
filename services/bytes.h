/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of a call in memory of their own: appended behind, taken in front. Knows nothing of calls.
 */
#ifndef SINEW_SERVICES_BYTES_H
#define SINEW_SERVICES_BYTES_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

struct sinew_calls;

/* For owner_release(). NULL: there are none, and no memory for them. */
struct bytes {
	size_t size, at, len;		/* those from at to len are there */
	alignas(max_align_t) uint8_t mem[];
};

static inline size_t bytes_left(const struct bytes *b)
{
	return b ? b->len - b->at : 0;
}

static inline uint8_t *bytes_data(struct bytes *b)
{
	return b ? b->mem + b->at : NULL;
}

/* None are left, and their memory is for others. */
static inline void bytes_clear(struct bytes *b)
{
	if (b)
		b->at = b->len = 0;
}

/* Makes room behind them for n more, not 0; they may move. expected: how many there will be at
 * least, or 0. 0 or -ENOMEM. */
int bytes_room(struct sinew_calls *o, struct bytes **bytes, size_t n, size_t expected);

#endif
