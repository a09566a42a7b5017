/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The windows of calls: what may be sent, what is consumed. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_WINDOW_H
#define SINEW_SERVICES_CALLS_WINDOW_H

#include "calls.h"

/* Offered and not in the ring. */
static inline struct span call_unsent(const struct call *call)
{
	return call->tx.offered;
}
/* The offered bytes lie at p from now on. */
static inline void call_moved(struct call *call, const void *p)
{
	call->tx.offered.p = p;
}
/* The offered bytes are the user's again, as if call_send() had had only those before them, and had
 * not been the last. */
void call_withdraw(struct call *call);
/* Bytes that the peer's window has left beyond what is offered. */
uint64_t call_room(const struct call *call);

/* ROOM comes, once, when nothing is offered and the peer's window is open. */
void call_want_room(struct call *call);

/* Its data are to be consumed: it has not ended, or is an own one whose reply is complete. */
bool call_needs_consumed(const struct call *call);
/* n bytes of what DATA brought are consumed. -EINVAL: more than that; nothing changed. Ignored
 * where that is not needed any more. */
int call_consumed(struct call *call, size_t n);

/* ---- for the other files of the core ---- */

/* Both of zeros. */
static inline void tx_init(struct call_tx *tx, uint32_t window)
{
	tx->total = CALL_TOTAL_UNKNOWN;
	tx->limit = window;
}
static inline void rx_init(struct call_rx *rx, uint32_t window)
{
	rx->total = CALL_TOTAL_UNKNOWN;
	rx->limit = window;
	rx->window = window;
}
/* From the first byte on, of the same total. */
void tx_again(struct call_tx *tx, uint32_t window);
/* Offers; -EMSGSIZE, -EINVAL as call_begin(). */
int tx_offer(struct call_tx *tx, struct span data, bool last);
/* Puts the call into the turn, or takes it out. */
void tx_schedule(struct call *call);
/* Bytes of the next piece. */
size_t tx_piece(const struct call *call);
/* n bytes are in the ring. */
void tx_put(struct call *call, size_t n);
/* The peer has consumed, and grants a window beyond that. False: it has not. */
bool tx_credit(struct call *call, uint32_t consumed, uint32_t window);
/* The bytes of a frame. NULL, or the broken rule. */
const char *rx_data(struct call *call, const struct call_frame *f);
/* All that has arrived counts as consumed, and no more will be. */
void rx_close(struct call *call);
/* The reply of an own call is complete: its slot is free when all of it is consumed, and the peer
 * told of that if it wants to be. */
void rx_finish(struct call *call);
/* CREDIT is in the ring. */
void rx_told(struct call *call);

#endif
