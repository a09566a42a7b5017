/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC32c, the checksum of SCTP (RFC 9260, appendix A). Knows no packet.
 */
#ifndef SINEW_LOWCOMMS_CRC32C_H
#define SINEW_LOWCOMMS_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this processor has an instruction for it. Without one a library's tables are faster. */
bool crc32c_is_fast(void);
/* As a number: SCTP sends it with the lowest byte first. */
uint32_t crc32c(const void *p, size_t n);

#endif
