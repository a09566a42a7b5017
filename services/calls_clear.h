/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sets structs of some hundred bytes to 0. Owns nothing.
 */
#ifndef SINEW_SERVICES_CALLS_CLEAR_H
#define SINEW_SERVICES_CALLS_CLEAR_H

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define CLEAR_LINE	64u

#define CLEAR_LINES	5u

#ifdef __OPTIMIZE__
static inline __attribute__((always_inline)) void clear_line(char *p, size_t n, size_t at)
{
	if (n > at)
		memset(p + at, 0, n - at < CLEAR_LINE ? n - at : CLEAR_LINE);
}
#endif

/* n is a constant, up to CLEAR_LINES. Where gcc sees more than a line at once, or a loop, it takes
 * rep stos, which needs longer to begin than the stores for all of it. Without optimization it
 * would not see that lines behind the end are left out. */
static inline __attribute__((always_inline)) void calls_clear(void *mem, size_t n)
{
	assert(n <= CLEAR_LINES * CLEAR_LINE);
#ifdef __OPTIMIZE__
	clear_line(mem, n, 0);
	clear_line(mem, n, CLEAR_LINE);
	clear_line(mem, n, 2 * CLEAR_LINE);
	clear_line(mem, n, 3 * CLEAR_LINE);
	clear_line(mem, n, 4 * CLEAR_LINE);
#else
	memset(mem, 0, n);
#endif
}

#endif
