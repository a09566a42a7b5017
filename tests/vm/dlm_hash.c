/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/vm/dlm_hash.h"

#include <string.h>

#define INITIAL	0xdeadbeefu
#define BLOCK	12u

static uint32_t rotated(uint32_t x, unsigned bits)
{
	return x << bits | x >> (32 - bits);
}

static uint32_t word_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void add(uint32_t s[3], const uint8_t *block)
{
	s[0] += word_at(block);
	s[1] += word_at(block + 4);
	s[2] += word_at(block + 8);
}

/* lookup3's mix(): six steps, each of which subtracts, turns and adds the next three words. */
static void mix(uint32_t s[3])
{
	static const unsigned turns[] = { 4, 6, 8, 16, 19, 4 };
	unsigned i;

	for (i = 0; i < 6; i++) {
		uint32_t *a = &s[i % 3], *b = &s[(i + 1) % 3], *c = &s[(i + 2) % 3];

		*a -= *c;
		*a ^= rotated(*c, turns[i]);
		*c += *b;
	}
}

/* lookup3's final(). */
static void finish(uint32_t s[3])
{
	static const unsigned turns[] = { 14, 11, 25, 16, 4, 14, 24 };
	unsigned i;

	for (i = 0; i < 7; i++) {
		uint32_t *to = &s[(i + 2) % 3], from = s[(i + 1) % 3];

		*to ^= from;
		*to -= rotated(from, turns[i]);
	}
}

uint32_t dlm_hash(const void *name, size_t len)
{
	uint32_t begin = INITIAL + (uint32_t)len;
	uint32_t s[3] = { begin, begin, begin };
	const uint8_t *p = name;
	uint8_t last[BLOCK] = { 0 };

	if (!len)
		return s[2];
	for (; len > BLOCK; len -= BLOCK, p += BLOCK) {
		add(s, p);
		mix(s);
	}
	memcpy(last, p, len);
	add(s, last);
	finish(s);
	return s[2];
}
