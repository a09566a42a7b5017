/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/record.h"

#include <assert.h>
#include <stdint.h>

#include "proto/wire.h"

static size_t sum_of(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* Bytes of the whole frames at the start, as far as max goes. */
static size_t whole_frames(const struct iovec *iov, int n, size_t max)
{
	size_t sum = 0, last = 0, end = 0;

	for (int i = 0; i < n; i++) {
		const uint8_t *span = iov[i].iov_base;
		size_t begin = end;

		end += iov[i].iov_len;
		while (sum < end) {
			if (end - sum < WIRE_HEADER)
				return sum;
			last = sum;
			sum += get_le16(span + (sum - begin) +
					offsetof(struct wire_header, length));
			if (sum - last < WIRE_HEADER || sum > max)
				return last;
		}
	}
	/* The last one is not all there. */
	return sum > end ? last : sum;
}

size_t record_bytes(const struct iovec *iov, int n, size_t max)
{
	size_t bytes = whole_frames(iov, n, max);

	assert(n > 0 && max && max <= RECORD_MAX);
	if (bytes)
		return bytes;
	bytes = sum_of(iov, n);
	return bytes < max ? bytes : max;
}

size_t record_cut(const struct iovec *iov, int n, size_t max, struct iovec ret_iov[RECORD_SPANS],
		  int *ret_n)
{
	size_t bytes, sum = 0;

	if (n > RECORD_SPANS)
		n = RECORD_SPANS;
	bytes = record_bytes(iov, n, max);
	*ret_n = 0;
	for (int i = 0; i < n && sum < bytes; i++) {
		size_t part = iov[i].iov_len < bytes - sum ? iov[i].iov_len : bytes - sum;

		ret_iov[(*ret_n)++] = (struct iovec) { iov[i].iov_base, part };
		sum += part;
	}
	return bytes;
}
