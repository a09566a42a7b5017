/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bare.h"

#include "wire.h"

#include <assert.h>

_Static_assert((BARE_BYTES & (BARE_BYTES - 1)) == 0, "positions wrap");
_Static_assert(BARE_MEMORY - BARE_BYTES == WIRE_DLM_MAX, "the longest packet");

void bare_provide(struct bare *b, uint8_t *mem)
{
	assert(!b->mem);
	b->mem = mem;
}

/* Of n bytes at that position those before the end of the queue: the others are at its begin. */
static size_t before_end(uint32_t at, size_t n)
{
	size_t room = BARE_BYTES - at % BARE_BYTES;

	return n < room ? n : room;
}

bool bare_put(struct bare *b, const void *packet, size_t len)
{
	uint32_t put = atomic_load_explicit(&b->put, memory_order_relaxed);
	uint32_t taken = atomic_load_explicit(&b->taken, memory_order_acquire);
	size_t first = before_end(put, len);

	assert(b->mem && len >= WIRE_HEADER && len <= WIRE_DLM_MAX);
	if (put - taken + len > BARE_BYTES)
		return false;
	memcpy(b->mem + put % BARE_BYTES, packet, first);
	memcpy(b->mem, (const uint8_t *)packet + first, len - first);
	atomic_store_explicit(&b->put, put + (uint32_t)len, memory_order_release);
	return true;
}

/* The oldest packet leaves the queue, in one piece. */
static void take(struct bare *b)
{
	uint32_t taken = atomic_load_explicit(&b->taken, memory_order_relaxed);
	uint32_t at = taken + (uint32_t)offsetof(struct wire_header, length);
	size_t len = (size_t)(b->mem[at % BARE_BYTES] | b->mem[(at + 1) % BARE_BYTES] << 8);
	size_t first = before_end(taken, len);

	assert(!b->len && !b->off && len >= WIRE_HEADER && len <= WIRE_DLM_MAX);
	memcpy(b->mem + BARE_BYTES, b->mem + taken % BARE_BYTES, first);
	memcpy(b->mem + BARE_BYTES + first, b->mem, len - first);
	b->len = (uint32_t)len;
	atomic_store_explicit(&b->taken, taken + (uint32_t)len, memory_order_release);
}

struct span bare_unsent(struct bare *b)
{
	if (!b->len && bare_waits(b))
		take(b);
	return (struct span) { b->mem + BARE_BYTES + b->off, b->len - b->off };
}

void bare_sent(struct bare *b, size_t n)
{
	assert(n <= b->len - b->off);
	b->off += (uint32_t)n;
	if (b->off == b->len)
		b->off = b->len = 0;
}

void bare_drop(struct bare *b)
{
	b->off = b->len = 0;
	b->gathered = false;
	atomic_store_explicit(&b->taken, atomic_load_explicit(&b->put, memory_order_acquire),
			      memory_order_release);
}
