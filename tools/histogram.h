/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any number of durations in a fixed amount of memory: counted by their size,
 * each class 1/128 of its values wide, so that a quantile is right to within 1 %.
 * Knows nothing of what is timed.
 */
#ifndef TOOLS_HISTOGRAM_H
#define TOOLS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SPLIT_BITS	7
#define HISTOGRAM_CLASSES	((64 - HISTOGRAM_SPLIT_BITS + 1) << HISTOGRAM_SPLIT_BITS)

/* Zero it to begin. */
struct histogram {
	uint64_t n, sum;
	uint64_t min, max;	/* exact; 0 without a value */
	uint32_t counts[HISTOGRAM_CLASSES];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The value that so many per mille of all do not exceed; 0 without a value. */
uint64_t histogram_quantile(const struct histogram *h, unsigned per_mille);
/* 0 without a value. */
uint64_t histogram_mean(const struct histogram *h);

#endif
