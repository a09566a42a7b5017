/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/unsent.h"

#include <assert.h>
#include <string.h>

#include "services/calls_begin.h"
#include "services/lane.h"

/* Where the window is open, only the ring is in the way, for a moment: what the application keeps
 * until then goes there with one copy less. */
static size_t most(const struct sinew_call *k)
{
	bool flows = k->core && k->core->state == CALL_OPEN && call_room(k->core);

	return flows ? CALL_PIECE_MAX : k->lane->owner->opt.send_bytes;
}

size_t unsent_room(const struct sinew_call *k)
{
	size_t waits = unsent_waits(k), max = most(k);

	lock_order_held(LOCK_SERVICE);
	return waits < max ? max - waits : 0;
}

/* Room for n bytes behind those that wait; the core is told where the offered ones lie now. */
static int make_room(struct sinew_call *k, size_t n)
{
	const uint8_t *was = bytes_data(k->out.bytes);
	int err = bytes_room(k->lane->owner, &k->out.bytes, n, 0);

	assert(k->out.offered <= unsent_waits(k));
	if (!err && k->out.offered && bytes_data(k->out.bytes) != was)
		call_moved(k->core, bytes_data(k->out.bytes));
	return err;
}

int unsent_add(struct sinew_call *k, const struct iovec *iov, size_t bytes)
{
	int err = bytes ? make_room(k, bytes) : 0;
	struct bytes *b = k->out.bytes;

	if (err)
		return err;
	for (; bytes; iov++) {
		size_t part = iov->iov_len < bytes ? iov->iov_len : bytes;

		if (part)
			memcpy(b->mem + b->len, iov->iov_base, part);
		b->len += part;
		bytes -= part;
	}
	assert(!b || b->len <= b->size);
	return 0;
}

int unsent_save(struct sinew_call *k)
{
	struct span rest = call_unsent(k->core);
	struct iovec iov = { .iov_base = (void *)(uintptr_t)rest.p, .iov_len = rest.n };
	int err;

	assert(!unsent_waits(k) && !k->out.offered);
	if (!rest.n)
		return 0;
	bytes_clear(k->out.bytes);
	err = unsent_add(k, &iov, rest.n);
	if (err)
		return err;
	call_moved(k->core, bytes_data(k->out.bytes));
	k->out.offered = rest.n;
	return 0;
}

int unsent_offer(struct sinew_call *k)
{
	struct unsent *o = &k->out;
	size_t left, rest;
	int err;

	if (!k->core)
		return 0;
	left = call_unsent(k->core).n;
	/* The caller's own bytes are. */
	if (left && !o->offered)
		return 0;
	assert(left <= o->offered);
	if (o->bytes)
		o->bytes->at += o->offered - left;
	o->offered = left;
	rest = unsent_waits(k);
	if (left || (!rest && o->said == o->last))
		return 0;
	err = call_send(k->core, rest ? bytes_data(o->bytes) : NULL, rest, o->last);
	if (err)
		return err;
	o->offered = rest;
	o->said = o->last;
	return 0;
}

void unsent_again(struct sinew_call *k)
{
	lock_order_held(LOCK_SERVICE);
	assert(k->out.last && !call_unsent(k->core).n);
	if (k->out.bytes)
		k->out.bytes->at = 0;
	k->out.offered = 0;
	k->out.said = false;
	k->sent = k->id = k->out.n_sealed = 0;
	unsent_offer(k);
}

void unsent_drop(struct sinew_call *k)
{
	lock_order_held(LOCK_SERVICE);
	owner_release(k->lane->owner, k->out.bytes);
	k->out.bytes = NULL;
	k->out.offered = 0;
}
