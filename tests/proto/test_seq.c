/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serial arithmetic of proto/seq.h, most of all where the numbers wrap. */
#include "proto/seq.h"
#include "tests/lib/check.h"

static void order_of_neighbours(void)
{
	static const uint32_t places[] = {
		0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
	};

	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
		uint32_t a = places[i];

		CHECK(!seq_before(a, a) && !seq_after(a, a));
		CHECK(seq_before(a, a + 1) && seq_after(a + 1, a));
		CHECK(!seq_after(a, a + 1) && !seq_before(a + 1, a));
		CHECK_EQ(seq_diff(a + 1, a), 1);
		CHECK_EQ(seq_diff(a, a + 1), -1);
	}
}

static void order_at_the_greatest_distance(void)
{
	static const uint32_t places[] = { 0, 5, 0x7fffffff, 0x80000000, 0xfffffff0 };

	for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
		uint32_t a = places[i];

		CHECK(seq_after(a + 0x7fffffff, a));
		CHECK(seq_before(a, a + 0x7fffffff));
		/* One further lies behind: half of the circle. */
		CHECK(seq_before(a + 0x80000001, a));
		CHECK_EQ(seq_diff(a + 0x7fffffff, a), INT32_MAX);
		CHECK_EQ(seq_diff(a + 0x80000001, a), -INT32_MAX);
	}
}

static void distance_over_the_wrap(void)
{
	CHECK_EQ(seq_diff(3, 0xfffffffe), 5);
	CHECK_EQ(seq_diff(0xfffffffe, 3), -5);
	CHECK(seq_before(0xfffffff0, 0x10));
	CHECK(!(seq_before(0x10, 0xfffffff0)));
}

int main(void)
{
	RUN(order_of_neighbours);
	RUN(order_at_the_greatest_distance);
	RUN(distance_over_the_wrap);
	return check_done();
}
