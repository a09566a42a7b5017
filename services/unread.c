/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/unread.h"

#include <string.h>

#include "services/lane.h"

int unread_add(struct sinew_call *k, struct span data, size_t expected)
{
	struct bytes *b = &k->in.bytes;
	int err = data.n ? bytes_room(k->lane->owner, b, data.n, expected) : 0;

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
	if (n)
		memcpy(to, unread_data(k), n);
	k->in.bytes.at += n;
	if (!unread_len(k))
		k->in.bytes.at = k->in.bytes.len = 0;
	return n;
}

uint8_t *unread_give(struct sinew_call *k)
{
	lock_order_held(LOCK_SERVICE);
	return bytes_give(&k->in.bytes);
}

void unread_drop(struct sinew_call *k)
{
	owner_release(k->lane->owner, unread_give(k));
}
