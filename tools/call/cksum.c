/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CRC of POSIX, a byte at a time, most significant bit first.
 */
#include "tools/call/cksum.h"

#include <pthread.h>

#define POLYNOMIAL	UINT32_C(0x04c11db7)

static uint32_t table[256];

static void make_table(void)
{
	uint32_t byte, crc;
	unsigned bit;

	for (byte = 0; byte < 256; byte++) {
		crc = byte << 24;
		for (bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? POLYNOMIAL : 0);
		table[byte] = crc;
	}
}

static uint32_t step(uint32_t crc, uint8_t byte)
{
	return crc << 8 ^ table[crc >> 24 ^ byte];
}

void cksum_add(struct cksum *sum, const void *data, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *p = data;
	uint32_t crc = sum->crc;
	size_t i;

	pthread_once(&once, make_table);
	for (i = 0; i < len; i++)
		crc = step(crc, p[i]);
	sum->crc = crc;
	sum->len += len;
}

/* The length goes in behind the bytes, least significant byte first, without zeros at its end. */
uint32_t cksum_value(const struct cksum *sum)
{
	uint32_t crc = sum->crc;
	uint64_t len;

	for (len = sum->len; len; len >>= 8)
		crc = step(crc, (uint8_t)len);
	return ~crc;
}
