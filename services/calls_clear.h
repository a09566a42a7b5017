/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets structs of some hundred bytes to 0. Owns nothing.
 */
#ifndef SINEW_SERVICES_CALLS_CLEAR_H
#define SINEW_SERVICES_CALLS_CLEAR_H

#include <stddef.h>
#include <string.h>

#define CLEAR_LINE	64u

static inline __attribute__((always_inline)) void clear_line(char *p, size_t n, size_t at)
{
	if (n > at)
		memset(p + at, 0, n - at < CLEAR_LINE ? n - at : CLEAR_LINE);
}

/* n is a constant, up to five lines. Where gcc sees more than a line at once, or a loop, it takes
 * rep stos, which needs longer to begin than the stores for all of it. */
static inline __attribute__((always_inline)) void calls_clear(void *mem, size_t n)
{
	clear_line(mem, n, 0);
	clear_line(mem, n, CLEAR_LINE);
	clear_line(mem, n, 2 * CLEAR_LINE);
	clear_line(mem, n, 3 * CLEAR_LINE);
	clear_line(mem, n, 4 * CLEAR_LINE);
}

#endif
