/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of a call that wait for a slot, a window or the ring: one copy, up to send_bytes. Those that
 * wait for the ring alone are what one send brought, and at most a piece behind it. All under the
 * lock of the lane. Knows nothing of frames.
 */
#ifndef SINEW_SERVICES_UNSENT_H
#define SINEW_SERVICES_UNSENT_H

#include "services/call.h"

/* Bytes that wait here. */
static inline size_t unsent_waits(const struct sinew_call *k)
{
	return bytes_left(k->out.bytes);
}

/* Something waits here, or the end of the data is to be said. */
static inline bool unsent_any(const struct sinew_call *k)
{
	return k->out.bytes || k->out.said != k->out.last;
}

/* Bytes that it may still take. */
size_t unsent_room(const struct sinew_call *k);
/* Copies the first bytes of iov, which has so many, behind those that wait. 0 or -ENOMEM. */
int unsent_add(struct sinew_call *k, const struct iovec *iov, size_t bytes);
/* The core was offered the caller's own bytes: copies what it has not taken. 0 or -ENOMEM. */
int unsent_save(struct sinew_call *k);
/* The core has taken something, or may take more. 0, or why it takes nothing: call_send(). */
int unsent_offer(struct sinew_call *k);
/* The call begins again with its request, all of which is here. */
void unsent_again(struct sinew_call *k);
void unsent_drop(struct sinew_call *k);
static inline void unsent_free(struct sinew_call *k)
{
	if (k->out.bytes)
		unsent_drop(k);
}

#endif
