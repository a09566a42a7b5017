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
	size_t left = sum_of(iov, n), sum = 0, off = 0, bytes;
	int i = 0;

	for (;;) {
		while (i < n && off >= iov[i].iov_len)
			off -= iov[i++].iov_len;
		if (i == n || iov[i].iov_len - off < WIRE_HEADER)
			return sum;
		bytes = get_le16((const uint8_t *)iov[i].iov_base + off +
				 offsetof(struct wire_header, length));
		if (bytes < WIRE_HEADER || bytes > left || bytes > max - sum)
			return sum;
		sum += bytes;
		left -= bytes;
		off += bytes;
	}
}

size_t record_cut(const struct iovec *iov, int n, size_t max, struct iovec ret_iov[RECORD_SPANS],
		  int *ret_n)
{
	size_t bytes, sum = 0;

	assert(n > 0 && max && max <= RECORD_MAX);
	if (n > RECORD_SPANS)
		n = RECORD_SPANS;
	bytes = whole_frames(iov, n, max);
	if (!bytes)
		bytes = sum_of(iov, n) < max ? sum_of(iov, n) : max;
	*ret_n = 0;
	for (int i = 0; i < n && sum < bytes; i++) {
		size_t part = iov[i].iov_len < bytes - sum ? iov[i].iov_len : bytes - sum;

		ret_iov[(*ret_n)++] = (struct iovec) { iov[i].iov_base, part };
		sum += part;
	}
	return bytes;
}
