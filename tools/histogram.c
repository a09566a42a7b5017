/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durations counted by their size.
 * Knows nothing of what is timed.
 */
#include "tools/histogram.h"

#define SPLIT	(UINT64_C(1) << HISTOGRAM_SPLIT_BITS)

/* Below 2 * SPLIT each value has a class of its own. */
static unsigned class_of(uint64_t value)
{
	unsigned shift;

	if (value < SPLIT)
		return (unsigned)value;
	shift = 63 - HISTOGRAM_SPLIT_BITS - (unsigned)__builtin_clzll(value);
	return (shift << HISTOGRAM_SPLIT_BITS) + (unsigned)(value >> shift);
}

/* The middle of a class. */
static uint64_t value_of(unsigned class)
{
	unsigned shift;
	uint64_t low;

	if (class < 2 * SPLIT)
		return class;
	shift = (class >> HISTOGRAM_SPLIT_BITS) - 1;
	low = ((class & (SPLIT - 1)) | SPLIT) << shift;
	return low + ((UINT64_C(1) << shift) - 1) / 2;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	if (!h->n || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->n++;
	h->sum += value;
	h->counts[class_of(value)]++;
}

uint64_t histogram_quantile(const struct histogram *h, unsigned per_mille)
{
	/* The smallest value with at least so many at or below it. */
	uint64_t wanted = (h->n * per_mille + 999) / 1000, seen = 0, value;
	unsigned i;

	if (!h->n)
		return 0;
	if (!wanted)
		wanted = 1;
	for (i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
		seen += h->counts[i];
		if (seen >= wanted)
			break;
	}
	value = value_of(i);
	if (value < h->min)
		return h->min;
	return value > h->max ? h->max : value;
}

uint64_t histogram_mean(const struct histogram *h)
{
	return h->n ? h->sum / h->n : 0;
}
