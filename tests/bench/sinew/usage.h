/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processor time and memory of this process.
 */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdint.h>

uint64_t usage_cpu_ns(void);
/* Resident memory. */
double usage_resident_bytes(void);

#endif
