/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers for people. Knows nothing of what they count.
 */
#include "tools/amount.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_MS	1000u
#define MINUTE_MS	(60 * SECOND_MS)
#define HOUR_MS		(60 * MINUTE_MS)
#define DAY_MS		(24 * HOUR_MS)

const char *amount_bytes(uint64_t n, char buf[AMOUNT_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)n / 1024;
	unsigned i = 0;

	if (n < 1024) {
		snprintf(buf, AMOUNT_MAX, "%" PRIu64, n);
		return buf;
	}
	for (; value >= 1024 && i < 3; i++)
		value /= 1024;
	snprintf(buf, AMOUNT_MAX, "%.1f %s", value, units[i]);
	return buf;
}

const char *amount_count(double n, char buf[AMOUNT_MAX])
{
	static const char units[] = " kMGT";
	unsigned i = 0;

	for (; n >= 1000 && i < 4; i++)
		n /= 1000;
	if (i)
		snprintf(buf, AMOUNT_MAX, "%.1f%c", n, units[i]);
	else
		snprintf(buf, AMOUNT_MAX, "%.0f", n);
	return buf;
}

const char *amount_ms(uint64_t ms, char buf[AMOUNT_MAX])
{
	if (ms < SECOND_MS)
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " ms", ms);
	else if (ms < MINUTE_MS)
		snprintf(buf, AMOUNT_MAX, "%.1f s", (double)ms / SECOND_MS);
	else if (ms < HOUR_MS)
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " min", ms / MINUTE_MS);
	else if (ms < DAY_MS)
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " h %" PRIu64 " min", ms / HOUR_MS,
			 ms % HOUR_MS / MINUTE_MS);
	else
		snprintf(buf, AMOUNT_MAX, "%" PRIu64 " d %" PRIu64 " h", ms / DAY_MS,
			 ms % DAY_MS / HOUR_MS);
	return buf;
}

const char *amount_us(double us, char buf[AMOUNT_MAX])
{
	if (us <= 0)
		memcpy(buf, "-", 2);
	else if (us < 1000)
		snprintf(buf, AMOUNT_MAX, "%.0f us", us);
	else if (us < 1000000)
		snprintf(buf, AMOUNT_MAX, "%.1f ms", us / 1000);
	else
		snprintf(buf, AMOUNT_MAX, "%.1f s", us / 1000000);
	return buf;
}

const char *amount_time(uint64_t ms, char buf[AMOUNT_MAX])
{
	const time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	if (!ms || !localtime_r(&seconds, &tm)) {
		memcpy(buf, "-", 2);
		return buf;
	}
	n = strftime(buf, AMOUNT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(buf + n, AMOUNT_MAX - n, ".%03u", (unsigned)(ms % 1000));
	return buf;
}
