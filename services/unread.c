/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/unread.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "services/lane.h"

#define UNREAD_MIN	1024u

static int make_room(struct sinew_call *k, size_t n, size_t expected)
{
	struct sinew_calls *owner = k->lane->owner;
	struct unread *in = &k->in;
	size_t has = unread_len(k), size = in->size ? in->size : UNREAD_MIN;
	uint8_t *mem = in->mem;

	assert(in->at <= in->len && in->len <= in->size);
	if (in->mem && in->len + n <= in->size)
		return 0;
	if (size < expected)
		size = expected;
	while (size < has + n)
		size *= 2;
	if (size > in->size)
		mem = owner_alloc(owner, size);
	if (!mem)
		return -ENOMEM;
	if (has)
		memmove(mem, in->mem + in->at, has);
	if (mem != in->mem)
		owner_release(owner, in->mem);
	in->mem = mem;
	in->size = size;
	in->at = 0;
	in->len = has;
	return 0;
}

int unread_add(struct sinew_call *k, struct span data, size_t expected)
{
	int err = data.n ? make_room(k, data.n, expected) : 0;

	if (err || !data.n)
		return err;
	memcpy(k->in.mem + k->in.len, data.p, data.n);
	k->in.len += data.n;
	return 0;
}

size_t unread_take(struct sinew_call *k, void *to, size_t n)
{
	size_t has = unread_len(k);

	lock_order_held(LOCK_SERVICE);
	if (n > has)
		n = has;
	if (n)
		memcpy(to, k->in.mem + k->in.at, n);
	k->in.at += n;
	if (!unread_len(k))
		k->in.at = k->in.len = 0;
	return n;
}

uint8_t *unread_give(struct sinew_call *k)
{
	uint8_t *mem = k->in.mem;

	lock_order_held(LOCK_SERVICE);
	assert(mem || !unread_len(k));
	k->in.mem = NULL;
	k->in.size = k->in.at = k->in.len = 0;
	return mem;
}

void unread_free(struct sinew_call *k)
{
	owner_release(k->lane->owner, unread_give(k));
}
