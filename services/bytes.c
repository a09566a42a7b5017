/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/bytes.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "services/owner.h"

#define BYTES_MIN	1024u

int bytes_room(struct sinew_calls *o, struct bytes *b, size_t n, size_t expected)
{
	size_t left = bytes_left(b), size = b->size ? b->size : BYTES_MIN;
	uint8_t *mem = b->mem;

	assert(n && b->at <= b->len && b->len <= b->size);
	if (b->len + n <= b->size)
		return 0;
	if (size < expected)
		size = expected;
	while (size < left + n)
		size *= 2;
	if (size > b->size)
		mem = owner_alloc(o, size);
	if (!mem)
		return -ENOMEM;
	if (left)
		memmove(mem, b->mem + b->at, left);
	if (mem != b->mem)
		owner_release(o, b->mem);
	*b = (struct bytes) { .mem = mem, .size = size, .len = left };
	return 0;
}

uint8_t *bytes_give(struct bytes *b)
{
	uint8_t *mem = b->mem;

	assert(mem || !bytes_left(b));
	*b = (struct bytes) { .mem = NULL };
	return mem;
}
