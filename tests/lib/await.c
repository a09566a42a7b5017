/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the clock of waits; knows nothing of what is waited for. */
#include "tests/lib/await.h"

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}
