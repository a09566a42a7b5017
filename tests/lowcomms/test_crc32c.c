/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of CRC32c: known sums, and that of any length at any place by an instruction as
 * without one.
 */
#include <stdlib.h>
#include <string.h>

#include "lowcomms/crc32c.h"
#include "tests/lib/check.h"

static uint32_t slowly(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* RFC 3720, B.4, and the usual word. */
static void known_sums(void)
{
	uint8_t bytes[32] = { 0 };

	CHECK_EQ(crc32c("", 0), 0);
	CHECK_EQ(crc32c("123456789", 9), 0xe3069283u);
	CHECK_EQ(crc32c(bytes, 32), 0x8a9136aau);
	memset(bytes, 0xff, 32);
	CHECK_EQ(crc32c(bytes, 32), 0x62a8ab43u);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	CHECK_EQ(crc32c(bytes, 32), 0x46dd794eu);
}

static void each_length_and_place(void)
{
	uint8_t bytes[200];

	srand(4711);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)rand();
	for (unsigned at = 0; at < 16; at++)
		for (unsigned n = 0; at + n < sizeof bytes; n++)
			CHECK_EQ(crc32c(bytes + at, n), slowly(bytes + at, n));
}

int main(void)
{
	printf("# by an instruction: %s\n", crc32c_is_fast() ? "yes" : "no");
	RUN(known_sums);
	RUN(each_length_and_place);
	return check_done();
}
