/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The byte ring that is send queue and retransmission queue at once. It holds
 * the encoded sequenced frames of one session, oldest first, each contiguous.
 * Knows frames only by their headers; knows nothing of links or time.
 *
 *   acked <= sent <= high <= filled        (byte positions, never wrap)
 *
 * An ACK moves acked, a write moves sent, a reconnect moves sent back to acked,
 * and high stays: frames between acked and high may have arrived (R13).
 *
 * The producer has one way in: room is reserved behind all that was (ring_fits(), else ring.c
 * finds it), a frame is built there, and one word publishes it, from behind what was published
 * before. A reservation made while a slot is open becomes a slot itself.
 *
 * Two sides. The producer's functions are called under the caller's lock, from
 * any thread; the consumer's from the loop thread alone, without that lock. They meet in
 * three atomic words. Closing is one bit in the word that publishes, so that
 * after ring_close() nothing can be added: the view of the consumer is final. The FIN has
 * its own room behind the ring, so a full ring cannot hold it up.
 */
#ifndef SINEW_PROTO_RING_H
#define SINEW_PROTO_RING_H

#include "span.h"
#include "wire.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#define RING_SLOTS	64	/* open slots a ring */
#define RING_MIN	(256u * 1024)
#define RING_REFRESH	(256u * 1024)	/* the producer looks at acked at least this often */
#define RING_MARKS	32u	/* that are known at a time, a power of two */
#define RING_MARK_STEP	(64u * 1024)	/* about so many bytes from one to the next */

enum ring_slot_state { RING_SLOT_FREE, RING_SLOT_OPEN, RING_SLOT_DONE, RING_SLOT_DISCARDED };

struct ring_slot {
	uint64_t pos;
	uint16_t reserved;	/* bytes with headers, of one frame */
	uint16_t used;		/* of them, once committed */
	uint8_t state;		/* enum ring_slot_state */
};

_Static_assert(WIRE_FRAME_MAX <= UINT16_MAX, "a slot holds a frame");

/* gcc before version 11 has them at multiples of 4 on i386, where they could be torn. */
struct ring_atomic {
	char before;
	_Atomic uint64_t v;
};
_Static_assert(offsetof(struct ring_atomic, v) == 8, "64-bit atomics must lie at multiples of 8");

/* Where a message begins, so that an ACK of many need not look at each. */
struct ring_mark {
	uint64_t pos, number;	/* number: of messages before it */
	uint32_t seq;
};

struct ring_marks {
	_Atomic uint32_t put, taken;	/* count for ever: by the producer, by the consumer */
	struct ring_mark all[RING_MARKS];
};

struct ring {
	uint8_t *base;		/* provided */
	uint64_t size;		/* power of two */
	uint32_t nodeid;	/* stamped into the headers */

	/* Producer. */
	alignas(64) uint64_t reserved;	/* where the next frame begins, >= ring_tail() */
	uint64_t fits_end;	/* up to here frames go with no look at anything */
	uintptr_t lap;		/* added to a position in the lap of reserved: its address */
	uint64_t number;	/* messages published */
	uint32_t next_seq;
	uint32_t slot_head, n_slots;
	uint32_t over;		/* bytes of headers before a message that is one frame */
	uint64_t floor;		/* acked as far as known here, or a restart */
	uint64_t refreshed;	/* the tail when acked was last looked at */
	uint64_t marked;	/* where the last mark is, or would be */
	uint64_t charged;		/* of the memory from its beginning, bytes that may be
				 * touched without asking the caller; size unless it says less */
	struct ring_slot slots[RING_SLOTS];

	/* Shared. */
	alignas(64) _Atomic uint64_t filled;	/* ring_tail() * 2 + closed */
	_Atomic uint64_t acked;
	_Atomic uint64_t wanted;	/* bytes that a refused sender waits for, 0 = none;
				 * top bit: it waits for a slot to be given back */
	_Atomic uint32_t held;	/* n_slots, for the consumer */
	_Atomic uint64_t skip_at;	/* where the lap before that of the tail ended early */
	_Atomic uint64_t secret_end;	/* behind the last frame that is to be wiped; 0: none */
	struct ring_marks marks;

	/* Consumer. */
	alignas(64) uint64_t acked_pos;
	uint64_t sent;
	uint64_t high;
	uint64_t sent_frame;	/* a frame boundary <= sent, walked lazily */
	uint64_t half_end;	/* not 0: sent lies inside of a frame that ends here
				 * and is acknowledged; its rest goes out first */
	_Atomic uint64_t high_water;	/* most bytes ever held */
	uint64_t acked_number;	/* messages acknowledged */
	uint64_t msg_pos;	/* where the first message begins that is not wholly
				 * acknowledged: its bytes stay readable */
	uint32_t acked_seq;	/* seq of the frame at acked_pos */
	bool fin;		/* FIN queued behind everything */
	uint8_t fin_frame[40];
};

/* size: a power of two >= RING_MIN, backed by mem (provided until the ring's end). */
void ring_init(struct ring *r, void *mem, size_t size, uint32_t nodeid, uint32_t first_seq);

/* ---- producer (under the caller's lock) ---- */

/* Longest message that an empty ring of this size always takes whole. */
size_t ring_max_message(size_t size);

/* Where everything published ends. */
static inline uint64_t ring_tail(const struct ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_relaxed) >> 1;
}

/* Whether a frame of so many bytes goes at reserved, with no look at anything. */
static inline __attribute__((always_inline)) bool ring_fits(const struct ring *r, uint64_t bytes)
{
	return r->reserved + bytes <= r->fits_end;
}

/*
 * Publishes the frames of one message, between begin and end. False: the ring is closed, or what
 * is published does not end at begin (a new lap has begun there).
 */
static inline __attribute__((always_inline)) bool ring_publish(struct ring *r, uint64_t begin,
							       uint64_t end, uint32_t n_frames)
{
	uint64_t filled = begin << 1;

	if (!atomic_compare_exchange_strong_explicit(&r->filled, &filled, end << 1,
						     memory_order_release, memory_order_relaxed))
		return false;
	r->reserved = end;
	r->next_seq += n_frames;
	r->number++;
	return true;
}

/*
 * Queue one application message made of parts (len bytes in all), cut into
 * fragments where it exceeds max_frame. ret_number (may be NULL): its 64-bit
 * number in the session, from 1; 0 while a slot in front of it is open, because
 * that one may still be discarded.
 * -EAGAIN: no room or no slot now, or it is longer than a frame and slots are
 * open; the wish is noted. -EMSGSIZE: can never fit. -ESHUTDOWN: closed.
 */
int ring_send(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
	      uint64_t *ret_number);

#define RING_SHORT	64u	/* longest body that is copied without a call */
#define RING_AHEAD	2048u	/* bytes of the next one that are asked for */

/* The first and the last bytes, which may overlap; n is from width to twice that. */
static inline __attribute__((always_inline)) void ring_copy_ends(uint8_t *to, const uint8_t *from,
								 size_t n, size_t width)
{
	memcpy(to, from, width);
	memcpy(to + n - width, from + n - width, width);
}

/* n is at most RING_SHORT. */
static inline __attribute__((always_inline)) void ring_copy_short(uint8_t *to,
								   const uint8_t *from, size_t n)
{
	if (n > 32)
		ring_copy_ends(to, from, n, 32);
	else if (n >= 16)
		ring_copy_ends(to, from, n, 16);
	else if (n >= 8)
		ring_copy_ends(to, from, n, 8);
	else if (n >= 4)
		ring_copy_ends(to, from, n, 4);
	else
		while (n--)
			to[n] = from[n];
}

static inline __attribute__((always_inline)) void ring_copy(uint8_t *to, const uint8_t *from,
							    size_t n)
{
	if (n <= RING_SHORT)
		ring_copy_short(to, from, n);
	else
		memcpy(to, from, n);
}

/*
 * A longer body behind its headers. Where the next message of that length will lie is asked for
 * meanwhile: what publishes it waits until all of it is written, and those lines left the
 * cache a lap ago.
 */
static inline void ring_copy_long(uint8_t *p, const uint8_t *from, size_t n)
{
	memcpy(p + WIRE_MSG_OVERHEAD, from, n);
	if (n > RING_AHEAD)
		n = RING_AHEAD;
	for (size_t i = 0; i < n + WIRE_MSG_OVERHEAD; i += 64)
		__builtin_prefetch(p + n + WIRE_MSG_OVERHEAD + i, 1);
}

/*
 * The same for one piece that fits a frame (the caller has checked), where no room must be looked
 * for and no slot is open: what nearly all traffic is. False: nothing happened, take ring_send().
 */
static inline __attribute__((always_inline)) bool ring_send_plain(struct ring *r, const void *data,
								  size_t len)
{
	uint64_t need = len + WIRE_MSG_OVERHEAD, pos = r->reserved;
	uint8_t *p = (uint8_t *)(r->lap + (uintptr_t)pos);

	if (!ring_fits(r, need))
		return false;
	wire_put_msg(p, r->nodeid, r->next_seq, len);
	if (len <= RING_SHORT)
		ring_copy_short(p + WIRE_MSG_OVERHEAD, data, len);
	else
		ring_copy_long(p, data, len);
	return ring_publish(r, pos, pos + need, 1);
}

/*
 * Queue a frame that is no message, a CALL whose body is made of parts (len bytes in all): neither
 * a number nor a delivery report counts it, and its bytes are not among those left at the end. It
 * lies in one piece, up to *ret_end.
 * -EAGAIN: no room now, or slots are open, before which it has no position; the wish is noted.
 * -EMSGSIZE: longer than a frame. -ESHUTDOWN: closed.
 */
int ring_put(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
	     uint64_t *ret_end);

/*
 * The same where ring_send_plain() would do it, in two steps: where the body of len bytes is to be
 * written, and, with nothing of the ring in between, that it is. NULL, false: nothing happened,
 * take ring_put().
 */
static inline __attribute__((always_inline)) uint8_t *ring_put_begin(struct ring *r, size_t len)
{
	uint8_t *p = (uint8_t *)(r->lap + (uintptr_t)r->reserved);

	if (!ring_fits(r, len + WIRE_MSG_OVERHEAD))
		return NULL;
	return p + wire_put_whole(p, r->nodeid, r->next_seq, len, WIRE_CALL);
}

static inline __attribute__((always_inline)) bool ring_put_end(struct ring *r, size_t len)
{
	if (!ring_publish(r, r->reserved, r->reserved + len + WIRE_MSG_OVERHEAD, 1))
		return false;
	r->number--;		/* of messages: this is none */
	return true;
}

/* Both, for a body made of parts. */
static inline __attribute__((always_inline)) bool ring_put_plain(struct ring *r,
								 const struct span *parts, int n,
								 size_t len)
{
	uint8_t *p = ring_put_begin(r, len);

	if (!p)
		return false;
	for (int i = 0; i < n; i++) {
		ring_copy(p, parts[i].p, parts[i].n);
		p += parts[i].n;
	}
	return ring_put_end(r, len);
}

/* ring_put() of a frame that is wiped when it is acknowledged, and with it all that is there before
 * it; or by ring_wipe(). */
int ring_put_secret(struct ring *r, const struct span *parts, size_t len, uint32_t max_frame,
		    uint64_t *ret_end);

/* The caller's limit for memory that is touched; see charged. */
void ring_pay(struct ring *r, uint64_t bytes);
/* Nothing in it is waiting, being sent, or being built: no byte of the memory is needed. */
bool ring_rests(const struct ring *r);
/* A ring that rests begins anew at the first byte of its memory. False: it does not rest, and the
 * wish for that is noted. */
bool ring_restart(struct ring *r);

/* dlm profile, before the first message: each one is a whole DLM packet, in an OPTS envelope. */
void ring_take_packets(struct ring *r);

/*
 * Reserve room to build a message in place: *ret_data has len bytes, valid until the slot is
 * committed or discarded; its index goes to *ret_slot. Later messages wait for it.
 * Errors as ring_send; -EMSGSIZE also when len does not fit one frame.
 */
int ring_reserve(struct ring *r, size_t len, uint32_t max_frame, uint8_t **ret_data,
		 unsigned *ret_slot);
/* used <= len of the reservation; ret_number as ring_send. -ESHUTDOWN: closed meanwhile,
 * given back unsent. -EINVAL: no such open slot, or used is too much. */
int ring_commit(struct ring *r, unsigned slot, size_t used, uint64_t *ret_number);
int ring_discard(struct ring *r, unsigned slot);

/* Bytes free for new frames, as the producer knows it. */
uint64_t ring_room(struct ring *r);
/* Bytes of published messages that are not wholly acknowledged, FIN excepted: at most the
 * ring's size, whatever the consumer does meanwhile. */
uint64_t ring_bytes_held(const struct ring *r);

#endif
