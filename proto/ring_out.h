/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The consumer's side of the send ring, on the loop thread: writing, acknowledgement, and the
 * messages left at the end.
 */
#ifndef SINEW_PROTO_RING_OUT_H
#define SINEW_PROTO_RING_OUT_H

#include "ring.h"

/* Up to 3 spans of what lies between sent and filled (FIN last), at most max
 * bytes; returns the sum. */
size_t ring_unsent(struct ring *r, struct span out[3], int *ret_n, size_t max);
/* True if anything is unsent. */
bool ring_has_unsent(struct ring *r);
/* n bytes of what ring_unsent() gave were written: moves sent and high.
 * Returns how many whole frames of them went out again. */
uint64_t ring_sent(struct ring *r, size_t n);
/* Bytes of the frame that sent lies inside of and that are still to be written;
 * 0 when sent is at a boundary. */
size_t ring_mid_frame(struct ring *r);
/*
 * The peer expects next: everything before it is acknowledged.
 * 1 moved, 0 nothing new, -EPROTO: next was never sent (nothing changed).
 */
int ring_ack(struct ring *r, uint32_t next);
/* A new link resumes at next: as ring_ack, and sent goes back to there.
 * -EPROTO: outside acked..high (nothing changed). */
int ring_resume(struct ring *r, uint32_t next);
/* Whether ring_resume() would take that position. */
bool ring_may_resume(const struct ring *r, uint32_t next);
/* The position up to which a resumed link may send, when so many bytes may follow its first
 * whole frame. */
uint64_t ring_resend_limit(const struct ring *r, uint64_t bytes);
/* The session is over, nothing is sent any more: frames of ring_put_secret(), and others before
 * them that are no messages, keep only their headers. */
void ring_wipe(struct ring *r);
/* True if messages wait behind an open slot: a FIN now would leave them behind. */
bool ring_slots_held(const struct ring *r);
/* No more messages; returns true the first time. Open slots are void. */
bool ring_close(struct ring *r);
/* Close, and queue FIN behind all. */
void ring_put_fin(struct ring *r);
/* True when a FIN was queued and is acknowledged. */
bool ring_fin_acked(const struct ring *r);
/* True if a peer that expects next has everything, the FIN that was sent included. */
bool ring_fin_ends(const struct ring *r, uint32_t next);
/* True when all messages are acknowledged (a FIN may not be). */
bool ring_all_acked(struct ring *r);
/* True when there is unacknowledged data or FIN that was handed to a link. */
bool ring_in_flight(const struct ring *r);
/* Everything acknowledged, nothing queued. */
bool ring_empty(struct ring *r);
uint64_t ring_bytes_queued(struct ring *r);	/* filled - acked */
uint32_t ring_next_seq(struct ring *r);		/* consumer's view, walks */
/* True if a sender waits and there is room for it now; clears the wish. */
bool ring_take_writable(struct ring *r);

/* Delivery report: numbers of the last message acknowledged, last in doubt
 * (all of its frames handed to a link), last queued. After ring_close(), under
 * the producers' lock: what waits behind an open slot counts as queued. */
struct ring_delivery {
	uint64_t acked, in_doubt, unsent;
};
void ring_delivery(struct ring *r, struct ring_delivery *ret);

/* After ring_close(). Walks the messages that are not wholly acknowledged, oldest first, frame by
 * frame. Start with a zeroed one; number is that of the frame's message. */
struct ring_iter {
	uint64_t pos, number;
	bool started, ended;
};
/* The next frame's body: 1 and *ret_body; *ret_first and *ret_last say whether
 * it begins and ends a message of ret_total bytes. 0 at the end. */
int ring_next(struct ring *r, struct ring_iter *it, struct span *ret_body,
	      bool *ret_first, bool *ret_last, size_t *ret_total);

#endif
