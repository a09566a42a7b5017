/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the clock of waits; knows nothing of what is waited for. */
#include "tests/lib/await.h"

#include <stdlib.h>

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t time_limit(int64_t ms)
{
	const char *factor = getenv("TIME_FACTOR");

	return ms * (factor && atoi(factor) > 1 ? atoi(factor) : 1);
}
