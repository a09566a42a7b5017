/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sum that cksum(1) prints of a row of bytes: the CRC of POSIX.
 * Knows nothing of where they come from.
 */
#ifndef TOOLS_CALL_CKSUM_H
#define TOOLS_CALL_CKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed to begin with. */
struct cksum {
	uint32_t crc;
	uint64_t len;
};

void cksum_add(struct cksum *sum, const void *data, size_t len);
/* Of all bytes so far; more may follow. */
uint32_t cksum_value(const struct cksum *sum);

#endif
