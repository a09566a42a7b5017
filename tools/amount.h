/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers for people: bytes, durations, times of day. Knows nothing of what they count.
 */
#ifndef TOOLS_AMOUNT_H
#define TOOLS_AMOUNT_H

#include <stdint.h>

#define AMOUNT_MAX	32	/* of each text, NUL included */

/* "812", "12.3 KiB", ... All return buf. */
const char *amount_bytes(uint64_t n, char buf[AMOUNT_MAX]);
/* "812", "12.3k", "4.0M", ...: rates and counts. */
const char *amount_count(double n, char buf[AMOUNT_MAX]);
/* "15 ms", "3.2 s", "12 min", "5 h 10 min", "3 d 4 h" */
const char *amount_ms(uint64_t ms, char buf[AMOUNT_MAX]);
/* "340 us", "1.2 ms", ...; "-" for 0 */
const char *amount_us(double us, char buf[AMOUNT_MAX]);
/* Local time, "2026-11-21 11:00:00.000" of ms since 1970; "-" for 0. */
const char *amount_time(uint64_t ms, char buf[AMOUNT_MAX]);

#endif
