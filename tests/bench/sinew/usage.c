/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processor time and memory of this process, as the kernel counts them.
 */
#include "tests/bench/sinew/usage.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tools/clock.h"

uint64_t usage_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec;
}

double usage_resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	double size, pages = 0;

	if (f && fscanf(f, "%lf %lf", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (double)sysconf(_SC_PAGESIZE);
}
