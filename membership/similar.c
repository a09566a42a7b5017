/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/similar.h"

#include <stddef.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_swapped(const char *a, const char *b)
{
	return small(a[0]) == small(b[1]) && small(a[1]) == small(b[0]);
}

bool similar(const char *a, const char *b, unsigned most)
{
	unsigned places[SIMILAR_MAX + 1][SIMILAR_MAX + 1];	/* of their first i and k letters */
	size_t n = strlen(a), m = strlen(b);

	if (n > SIMILAR_MAX || m > SIMILAR_MAX)
		return false;
	for (size_t i = 0; i <= n; i++)
		places[i][0] = (unsigned)i;
	for (size_t k = 0; k <= m; k++)
		places[0][k] = (unsigned)k;
	for (size_t i = 1; i <= n; i++) {
		for (size_t k = 1; k <= m; k++) {
			unsigned is_other = small(a[i - 1]) != small(b[k - 1]);
			unsigned p = least(places[i - 1][k], places[i][k - 1]) + 1;

			p = least(p, places[i - 1][k - 1] + is_other);
			if (i > 1 && k > 1 && is_swapped(a + i - 2, b + k - 2))
				p = least(p, places[i - 2][k - 2] + 1);
			places[i][k] = p;
		}
	}
	return places[n][m] <= most;
}
