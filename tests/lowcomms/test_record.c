/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of records: they hold whole frames, as many as fit.
 */
#include <string.h>

#include "lowcomms/record.h"
#include "proto/wire.h"
#include "tests/lib/check.h"

static uint8_t bytes[3 * RECORD_MAX];
static struct iovec record[RECORD_SPANS];
static int n_record;

/* A header there; returns where its frame ends. */
static size_t frame(size_t at, uint16_t length)
{
	put_le16(bytes + at + offsetof(struct wire_header, length), length);
	return at + length;
}

static size_t cut_at(size_t max, const struct iovec *iov, int n)
{
	size_t sum = record_cut(iov, n, max, record, &n_record), found = 0;

	for (int i = 0; i < n_record; i++)
		found += record[i].iov_len;
	CHECK_EQ(found, sum);
	CHECK(sum <= max);
	return sum;
}

static size_t cut(const struct iovec *iov, int n)
{
	return cut_at(RECORD_MAX, iov, n);
}

static void whole_frames_are_taken(void)
{
	size_t a = frame(0, 16), b = frame(a, 500), c = frame(b, 24);
	struct iovec one[] = { { bytes, c } }, two[] = { { bytes, a }, { bytes + a, c - a } };
	struct iovec half[] = { { bytes, c - 1 } };

	CHECK_EQ(cut(one, 1), c);
	CHECK_EQ(cut(two, 2), c);
	CHECK_EQ(n_record, 2);
	/* The last one is not all there, or its header is not. */
	CHECK_EQ(cut(half, 1), b);
	half[0].iov_len = b + 15;
	CHECK_EQ(cut(half, 1), b);
}

static void as_many_as_fit(void)
{
	size_t at = 0;
	struct iovec all[2];

	while (at < 2 * RECORD_MAX)
		at = frame(at, 1000);
	all[0] = (struct iovec) { bytes, 3000 };
	all[1] = (struct iovec) { bytes + 3000, at - 3000 };
	CHECK_EQ(cut(all, 2), 65000);
	CHECK_EQ(n_record, 2);
	CHECK_EQ(record[1].iov_len, 62000);
	CHECK_EQ(cut_at(2999, all, 2), 2000);
	CHECK_EQ(cut_at(3000, all, 2), 3000);
	CHECK_EQ(n_record, 1);
	/* Not one whole frame. */
	CHECK_EQ(cut_at(999, all, 2), 999);
}

static void the_longest_frame_fits(void)
{
	size_t at = frame(0, WIRE_FRAME_MAX);
	struct iovec all[] = { { bytes, frame(at, 16) } };

	CHECK_EQ(cut(all, 1), WIRE_FRAME_MAX);
}

/* As the padding of a PROBE behind its head. */
static void a_frame_may_lie_in_two_spans(void)
{
	size_t a = frame(0, 16), b = frame(a, 1000);
	struct iovec all[] = { { bytes, a }, { bytes + a, 100 }, { bytes + a + 100, 0 },
			       { bytes + a + 100, b - a - 100 } };

	CHECK_EQ(cut(all, 4), b);
	CHECK_EQ(cut(all, 2), a);
}

/* No byte is held back: the rest of a frame, or a frame longer than a record, is sent as it is. */
static void what_is_no_frame_is_cut_anywhere(void)
{
	struct iovec all[] = { { bytes, sizeof bytes } };

	memset(bytes, 0, sizeof bytes);
	CHECK_EQ(cut(all, 1), RECORD_MAX);
	memset(bytes, 0xff, sizeof bytes);
	all[0].iov_len = 77;
	CHECK_EQ(cut(all, 1), 77);
	all[0].iov_len = 3;
	CHECK_EQ(cut(all, 1), 3);
}

int main(void)
{
	RUN(whole_frames_are_taken);
	RUN(as_many_as_fit);
	RUN(the_longest_frame_fits);
	RUN(a_frame_may_lie_in_two_spans);
	RUN(what_is_no_frame_is_cut_anywhere);
	return check_done();
}
