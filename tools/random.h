/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers that look random and repeat after the same seed: splitmix64, by Sebastiano Vigna (public
 * domain). Not for secrets.
 */
#ifndef TOOLS_RANDOM_H
#define TOOLS_RANDOM_H

#include <stdint.h>
#include <sys/random.h>

#include "tools/clock.h"

#define RANDOM_STEP	UINT64_C(0x9e3779b97f4a7c15)

/* Each bit of x changes half of the bits of the result. */
static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* One that nobody has chosen: from the kernel, or else the time. */
static inline uint64_t random_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = clock_now_ns();
	return seed;
}

/* The next number after that state. */
static inline uint64_t random_next(uint64_t *state)
{
	*state += RANDOM_STEP;
	return random_mix(*state);
}

#endif
