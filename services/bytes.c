/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/bytes.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "services/owner.h"

#define BYTES_MIN	1024u

/* The same bytes in memory for as many. NULL: there is none. */
static struct bytes *moved(struct sinew_calls *o, const struct bytes *from, size_t size)
{
	struct bytes *b = owner_alloc(o, sizeof *b + size);

	if (!b)
		return NULL;
	assert(bytes_left(from) <= size);
	b->size = size;
	b->at = 0;
	b->len = bytes_left(from);
	if (b->len)
		memcpy(b->mem, from->mem + from->at, b->len);
	return b;
}

int bytes_room(struct sinew_calls *o, struct bytes **bytes, size_t n, size_t expected)
{
	struct bytes *b = *bytes;
	size_t left = bytes_left(b), size = b ? b->size : BYTES_MIN;

	assert(n && (!b || (b->at <= b->len && b->len <= b->size)));
	if (b && b->len + n <= b->size)
		return 0;
	if (size < expected)
		size = expected;
	while (size < left + n)
		size *= 2;
	if (b && size == b->size) {
		memmove(b->mem, b->mem + b->at, left);
		b->at = 0;
		b->len = left;
		return 0;
	}
	b = moved(o, *bytes, size);
	if (!b)
		return -ENOMEM;
	owner_release(o, *bytes);
	*bytes = b;
	return 0;
}
