/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue of bare packets of one session (dlm profile): whole DLM packets without a number, which
 * go out between frames and are lost with their link. Senders put under the caller's lock, from any
 * thread; the loop thread takes. Knows packets only by the length in their headers.
 */
#ifndef SINEW_PROTO_BARE_H
#define SINEW_PROTO_BARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARE_BYTES	(32u * 1024)	/* that wait at most; a power of two */

struct bare {
	uint8_t *mem;		/* BARE_BYTES, provided; NULL: native profile */
	_Atomic uint32_t put, taken;	/* bytes; count for ever */
};

/* Loop, under the lock of the senders or before there are any. */
void bare_provide(struct bare *b, uint8_t *mem);
/* A whole packet. False: no room. */
bool bare_put(struct bare *b, const void *packet, size_t len);
/* Loop: bytes of the oldest packet; 0: there is none. */
size_t bare_next(const struct bare *b);
/* Loop: moves it, of bare_next() bytes, to to. */
void bare_take(struct bare *b, uint8_t *to, size_t len);
/* Loop: drops all. */
void bare_drop(struct bare *b);

static inline bool bare_waits(const struct bare *b)
{
	return atomic_load_explicit(&b->put, memory_order_acquire) !=
		atomic_load_explicit(&b->taken, memory_order_relaxed);
}

#endif
