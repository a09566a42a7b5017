/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records: what a transport of messages sends at once. Each holds whole frames, so that who looks
 * at the wire finds their borders. Knows the length of a frame, nothing else of it.
 */
#ifndef SINEW_LOWCOMMS_RECORD_H
#define SINEW_LOWCOMMS_RECORD_H

#include <stddef.h>
#include <sys/uio.h>

#define RECORD_MAX	65536u	/* bytes */
#define RECORD_SPANS	8	/* of a record at most */

/*
 * The bytes, at most max, of the first record of those n > 0 spans, each of which holds whole
 * frames but for the end of the last. Where a frame is not all there, or is longer than that, it is
 * a part of that span.
 */
size_t record_bytes(const struct iovec *iov, int n, size_t max);
/* The same, of RECORD_SPANS spans at most, and the spans of that record. */
size_t record_cut(const struct iovec *iov, int n, size_t max, struct iovec ret_iov[RECORD_SPANS],
		  int *ret_n);

#endif
