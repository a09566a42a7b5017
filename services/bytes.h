/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of a call in memory of their own: appended behind, taken in front. Knows nothing of calls.
 */
#ifndef SINEW_SERVICES_BYTES_H
#define SINEW_SERVICES_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct sinew_calls;

struct bytes {
	uint8_t *mem;			/* NULL: there is none */
	size_t size, at, len;		/* those from at to len are there */
};

static inline size_t bytes_left(const struct bytes *b)
{
	return b->len - b->at;
}

static inline uint8_t *bytes_data(const struct bytes *b)
{
	return b->mem ? b->mem + b->at : NULL;
}

/* Makes room behind them for n more, not 0; they may move. expected: how many there will be at
 * least, or 0. 0 or -ENOMEM. */
int bytes_room(struct sinew_calls *o, struct bytes *b, size_t n, size_t expected);
/* The memory is the caller's, for owner_release(). */
uint8_t *bytes_give(struct bytes *b);

#endif
