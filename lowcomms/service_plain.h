/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast paths of service.h, inline: the next frame of a read, and a frame that is written where
 * it lies in the ring. Each refuses what is not plain, and nothing has happened then. For services/
 * alone. Knows nothing of calls.
 */
#ifndef SINEW_LOWCOMMS_SERVICE_PLAIN_H
#define SINEW_LOWCOMMS_SERVICE_PLAIN_H

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "proto/rx.h"

/* Inside of frame(), whose body is done with: that of the next frame, as if frame() had been called
 * with it; NULL: frame() or batch() comes. */
static inline const uint8_t *service_next(struct sinew_session *h, size_t *ret_len)
{
	struct serving *v = &h->node->serving;
	const uint8_t *body = link_rx_call(v->link, v->rx, ret_len);

	assert(v->link->session == &h->session);
	if (!body)
		return NULL;
	assert(v->batch == h && h->served.is_up);
	v->frame->data = body;
	v->frame->len = *ret_len;
	return body;
}

/*
 * As service_put() of SERVICE_BULK, in two steps: where the body of len bytes is to be written,
 * under the lock of the handle, which is taken, and then service_put_end(). NULL: service_put().
 */
static inline __attribute__((always_inline)) uint8_t *service_put_begin(struct sinew_session *h,
									size_t len)
{
	uint8_t *p = NULL;

	if (!lock_try(&h->lock, LOCK_HANDLE))
		return NULL;
	/* Neither dead nor finishing: the ring takes nothing plain then. */
	if (h->served.half_bytes < h->served.half_max &&
	    len + WIRE_MSG_OVERHEAD <= h->session.max_frame)
		p = ring_put_begin(&h->session.ring, len);
	if (!p)
		lock_give(&h->lock, LOCK_HANDLE);
	return p;
}

/* Part of the body. */
static inline __attribute__((always_inline)) void service_copy(uint8_t *to, const void *from,
							       size_t n)
{
	ring_copy(to, from, n);
}

/* *ret_end: the position of its end. False: it is not queued. Gives the lock back. */
static inline __attribute__((always_inline)) bool service_put_end(struct sinew_session *h,
								  size_t len, uint64_t *ret_end)
{
	uint64_t end;

	lock_order_held(LOCK_HANDLE);
	if (!ring_put_end(&h->session.ring, len)) {
		lock_give(&h->lock, LOCK_HANDLE);
		return false;
	}
	end = h->session.ring.reserved;
	h->served.half_bytes += len;
	h->served.bulk_end = end;
	if (end > h->cork.wake_threshold)
		service_flush(h);
	else
		lock_give(&h->lock, LOCK_HANDLE);
	*ret_end = end;
	return true;
}

#endif
