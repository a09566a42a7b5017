/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SipHash-2-4 of one 64-bit number (Aumasson, Bernstein: "SipHash: a fast short-input PRF"):
 * without the key the next value cannot be predicted from all earlier ones. Knows nothing of its
 * use.
 */
#ifndef SINEW_PROTO_SIPHASH_H
#define SINEW_PROTO_SIPHASH_H

#include <stdint.h>

static inline uint64_t siphash_rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void siphash_rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[3];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[2] = siphash_rotate(v[2], 32);
	}
}

/* Of the eight bytes of the number, the lowest first. */
static inline uint64_t siphash(const uint64_t key[2], uint64_t number)
{
	const uint64_t words[2] = { number, (uint64_t)sizeof(number) << 56 };
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u,
	};

	for (unsigned i = 0; i < 2; i++) {
		v[3] ^= words[i];
		siphash_rounds(v, 2);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	siphash_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
