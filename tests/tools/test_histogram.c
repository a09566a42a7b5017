/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of the histogram: what it says of values that are known.
 * Knows nothing of what is timed.
 */
#include <stdlib.h>

#include "tests/lib/check.h"
#include "tools/histogram.c"

static struct histogram h;

static void begin(void)
{
	memset(&h, 0, sizeof(h));
}

static void nothing_is_zero(void)
{
	begin();
	CHECK_EQ(histogram_quantile(&h, 500), 0);
	CHECK_EQ(histogram_mean(&h), 0);
}

static void one_value_is_all(void)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 255, 256, 12345, UINT64_MAX };

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		begin();
		histogram_add(&h, values[i]);
		for (unsigned q = 0; q <= 1000; q += 250)
			CHECK(histogram_quantile(&h, q) == values[i]);
		CHECK(h.min == values[i] && h.max == values[i]);
		CHECK(histogram_mean(&h) == values[i]);
	}
}

static void small_values_are_exact(void)
{
	begin();
	for (unsigned i = 1; i <= 200; i++)
		histogram_add(&h, i);
	CHECK_EQ(histogram_quantile(&h, 500), 100);
	CHECK_EQ(histogram_quantile(&h, 990), 198);
	CHECK_EQ(histogram_quantile(&h, 1000), 200);
	CHECK_EQ(histogram_mean(&h), 100);
}

/* Every class is where the one before ends, up to the largest number. */
static void classes_follow_each_other(void)
{
	for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
		uint64_t v = value_of(i);

		CHECK_OR_RETURN(class_of(v) == i);
		CHECK_OR_RETURN(v < value_of(i + 1));
	}
	CHECK_EQ(class_of(UINT64_MAX), HISTOGRAM_CLASSES - 1);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void quantiles_are_right_within_a_hundredth(void)
{
	static uint64_t all[10000];
	uint64_t state = 88172645463325252u;

	begin();
	for (unsigned i = 0; i < 10000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		all[i] = state >> (state & 31) >> 20;
		histogram_add(&h, all[i]);
	}
	qsort(all, 10000, sizeof(all[0]), by_value);
	for (unsigned q = 1; q <= 1000; q++) {
		double exact = (double)all[q * 10 - 1];
		double got = (double)histogram_quantile(&h, q);

		CHECK_OR_RETURN(got >= exact * 0.99 - 1 && got <= exact * 1.01 + 1);
	}
}

int main(void)
{
	RUN(nothing_is_zero);
	RUN(one_value_is_all);
	RUN(small_values_are_exact);
	RUN(classes_follow_each_other);
	RUN(quantiles_are_right_within_a_hundredth);
	return check_done();
}
