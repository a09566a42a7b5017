/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bare.h"

#include "wire.h"

#include <assert.h>

_Static_assert(BARE_BYTES >= WIRE_DLM_MAX && (BARE_BYTES & (BARE_BYTES - 1)) == 0, "a packet fits");

void bare_provide(struct bare *b, uint8_t *mem)
{
	assert(!b->mem);
	b->mem = mem;
}

/* Of n bytes at that position those before the end of the memory: the others are at its begin. */
static size_t before_end(uint32_t at, size_t n)
{
	size_t room = BARE_BYTES - at % BARE_BYTES;

	return n < room ? n : room;
}

bool bare_put(struct bare *b, const void *packet, size_t len)
{
	uint32_t put = atomic_load_explicit(&b->put, memory_order_relaxed);
	uint32_t taken = atomic_load_explicit(&b->taken, memory_order_acquire);
	size_t first;

	assert(b->mem && len >= WIRE_HEADER && len <= WIRE_DLM_MAX);
	if (put - taken + len > BARE_BYTES)
		return false;
	first = before_end(put, len);
	memcpy(b->mem + put % BARE_BYTES, packet, first);
	memcpy(b->mem, (const uint8_t *)packet + first, len - first);
	atomic_store_explicit(&b->put, put + (uint32_t)len, memory_order_release);
	return true;
}

size_t bare_next(const struct bare *b)
{
	const size_t at = atomic_load_explicit(&b->taken, memory_order_relaxed) +
		offsetof(struct wire_header, length);

	if (!bare_waits(b))
		return 0;
	return (size_t)(b->mem[at % BARE_BYTES] | b->mem[(at + 1) % BARE_BYTES] << 8);
}

void bare_take(struct bare *b, uint8_t *to, size_t len)
{
	uint32_t taken = atomic_load_explicit(&b->taken, memory_order_relaxed);
	size_t first = before_end(taken, len);

	assert(len && len == bare_next(b));
	memcpy(to, b->mem + taken % BARE_BYTES, first);
	memcpy(to + first, b->mem, len - first);
	atomic_store_explicit(&b->taken, taken + (uint32_t)len, memory_order_release);
}

void bare_drop(struct bare *b)
{
	atomic_store_explicit(&b->taken, atomic_load_explicit(&b->put, memory_order_acquire),
			      memory_order_release);
}
