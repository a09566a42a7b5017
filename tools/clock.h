/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time as the command counts it, nanoseconds of a clock that only goes forward, and the time of
 * day.
 * Knows nothing of what is waited for.
 */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_MS	UINT64_C(1000000)	/* in nanoseconds */
#define CLOCK_S		UINT64_C(1000000000)
#define CLOCK_NEVER	UINT64_MAX
#define CLOCK_WAIT_MAX_MS	60000		/* a poll() ends after that in any case */

static inline uint64_t clock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec;
}

/* The time of day, in milliseconds since 1970. */
static inline uint64_t clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / CLOCK_MS;
}

/* For poll(): milliseconds until then, rounded up; -1 for CLOCK_NEVER. */
static inline int clock_timeout_ms(uint64_t until_ns)
{
	uint64_t now = clock_now_ns(), ms;

	if (until_ns == CLOCK_NEVER)
		return -1;
	if (until_ns <= now)
		return 0;
	ms = (until_ns - now + CLOCK_MS - 1) / CLOCK_MS;
	return ms > CLOCK_WAIT_MAX_MS ? CLOCK_WAIT_MAX_MS : (int)ms;
}

#endif
