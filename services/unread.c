/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/unread.h"

#include <string.h>

#include "services/lane.h"

int unread_add(struct sinew_call *k, struct span data, size_t expected)
{
	int err = data.n ? bytes_room(k->lane->owner, &k->in.bytes, data.n, expected) : 0;
	struct bytes *b = k->in.bytes;

	if (err || !data.n)
		return err;
	memcpy(b->mem + b->len, data.p, data.n);
	b->len += data.n;
	return 0;
}

size_t unread_take(struct sinew_call *k, void *to, size_t n)
{
	size_t has = unread_len(k);

	lock_order_held(LOCK_SERVICE);
	if (n > has)
		n = has;
	if (!n)
		return 0;
	memcpy(to, unread_data(k), n);
	k->in.bytes->at += n;
	if (!unread_len(k))
		bytes_clear(k->in.bytes);
	return n;
}

struct bytes *unread_give(struct sinew_call *k)
{
	struct bytes *b = k->in.bytes;

	lock_order_held(LOCK_SERVICE);
	k->in.bytes = NULL;
	return b;
}

void unread_drop(struct sinew_call *k)
{
	owner_release(k->lane->owner, unread_give(k));
}
