/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue of bare packets of one session (dlm profile): whole DLM packets without a number, which
 * go out between frames and are lost with their link. Senders put under the caller's lock, from any
 * thread; the loop thread writes. Knows packets only by the length in their headers.
 */
#ifndef SINEW_PROTO_BARE_H
#define SINEW_PROTO_BARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

#define BARE_BYTES	(32u * 1024)	/* that wait at most; a power of two */
#define BARE_MEMORY	(BARE_BYTES + 4096u)	/* and the packet that is being written */

struct bare {
	uint8_t *mem;		/* BARE_MEMORY, provided; NULL: native profile */
	_Atomic uint32_t put, taken;	/* bytes; count for ever */
	/* Loop: of the packet that is being written. */
	uint32_t len, off;
	bool gathered;		/* the write under way is of it */
};

/* Before there are senders. */
void bare_provide(struct bare *b, uint8_t *mem);
/* A whole packet. False: no room. */
bool bare_put(struct bare *b, const void *packet, size_t len);
/* Loop: the bytes of the oldest packet that are still to be written; none: n is 0. */
struct span bare_unsent(struct bare *b);
void bare_sent(struct bare *b, size_t n);
/* Loop: drops all. */
void bare_drop(struct bare *b);

/* Loop: its rest goes before anything else. */
static inline bool bare_is_half(const struct bare *b)
{
	return b->off != 0;
}

static inline bool bare_waits(const struct bare *b)
{
	return b->len || atomic_load_explicit(&b->put, memory_order_acquire) !=
		atomic_load_explicit(&b->taken, memory_order_relaxed);
}

#endif
