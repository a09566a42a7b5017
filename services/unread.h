/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of a call that the application gets later, or as a whole: one copy, which the window or the
 * limit of the whole bounds. All under the lock of the lane.
 */
#ifndef SINEW_SERVICES_UNREAD_H
#define SINEW_SERVICES_UNREAD_H

#include "services/call.h"

static inline size_t unread_len(const struct sinew_call *k)
{
	return bytes_left(k->in.bytes);
}

static inline const uint8_t *unread_data(const struct sinew_call *k)
{
	return bytes_data(k->in.bytes);
}

/* 0 or -ENOMEM. expected: how long it will become at least, or 0. */
int unread_add(struct sinew_call *k, struct span data, size_t expected);
/* Copies up to n bytes out of it; how many. */
size_t unread_take(struct sinew_call *k, void *to, size_t n);
/* The memory is the caller's, for owner_release(). */
struct bytes *unread_give(struct sinew_call *k);
void unread_drop(struct sinew_call *k);
static inline void unread_free(struct sinew_call *k)
{
	if (k->in.bytes)
		unread_drop(k);
}

#endif
