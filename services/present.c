/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/present.h"

#include <assert.h>

#include "lowcomms/handle.h"
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_window.h"
#include "services/intercept.h"
#include "services/queue.h"
#include "services/service.h"
#include "services/show.h"
#include "services/unread.h"

#define EXPECTED_MAX	(1024u * 1024)	/* memory for a whole request before its data are here */

/* It cannot go on: more data than allowed, or no memory for them. */
static void break_off(struct sinew_call *k, enum call_reason reason)
{
	assert(k->core && !k->aborted);
	if (!k->incoming || call_refuse(k->core, reason, 0))
		call_bad_data(k);
	k->end.refused = !k->incoming;
	k->aborted = true;
}

/* The application may have given it back meanwhile, or it has ended. */
static void consumed(struct sinew_call *k, size_t n)
{
	lock_order_held(LOCK_SERVICE);
	if (k->core)
		call_consumed(k->core, n);
}

/* Data behind others that are stored, or to be stored. False: there is no memory. */
static bool store(struct sinew_call *k, struct span data, bool last)
{
	uint64_t total = k->core->rx.total;
	bool known = k->delivery == SINEW_CALL_WHOLE && total <= EXPECTED_MAX;

	if (unread_add(k, data, known ? (size_t)total : 0)) {
		break_off(k, CALL_END_BUSY);
		return false;
	}
	k->in.last = last;
	return true;
}

static struct sinew_call_msg new_message(const struct sinew_call *k)
{
	return (struct sinew_call_msg) {
		.event = SINEW_CALL_NEW, .total = k->core->rx.total, .extra = k->entry.extra,
	};
}

void present_waiting(struct lane *l, struct sinew_call *k)
{
	struct sinew_call_msg msg;

	if (!intercept_is_set(l->owner))
		return;
	msg = new_message(k);
	show(l, k, &msg);
}

/* The application has the call from now on. */
static void accept_new(struct lane *l, struct sinew_call *k)
{
	struct sinew_call_msg msg;

	assert(k->incoming && !k->accepted && k->entry.stage == CALL_INSIDE);
	if (call_accept(k->core))
		return;
	k->accepted = true;
	msg = new_message(k);
	/* Freed meanwhile: nobody knows it. */
	if (show(l, k, &msg) == FREED)
		k->accepted = false;
}

/* A thread, or the interceptor, is to have the call: only then is it accepted. */
static void offer_new(struct lane *l, struct sinew_call *k)
{
	struct sinew_call_msg msg = new_message(k);
	bool taken;

	taken = intercept_is_set(l->owner) && show(l, k, &msg) == TAKEN;
	if (!k->core || k->aborted)
		return;
	if (taken && !call_accept(k->core)) {
		k->accepted = true;
		queue_seen(k);
	} else if (!taken) {
		queue_post(k, &msg);
	}
}

void present_new(struct lane *l, struct sinew_call *k)
{
	assert(k->incoming && !k->accepted);
	if (k->queued)
		offer_new(l, k);
	else
		accept_new(l, k);
}

/* Everything is there. */
static void show_whole(struct lane *l, struct sinew_call *k, struct span data)
{
	struct sinew_call_msg msg;

	if (k->incoming && !k->accepted)
		present_new(l, k);
	msg = (struct sinew_call_msg) {
		.event = SINEW_CALL_DATA, .data = data.p, .len = data.n, .last = true,
	};
	if (!k->queued) {
		if (show_knows(k))
			show(l, k, &msg);
	} else if (show(l, k, &msg) == LEFT && k->core) {
		queue_post(k, &msg);
		return;
	}
	unread_free(k);
}

/* The interceptor may take them as they come. True: it has. */
static bool data_intercepted(struct lane *l, struct sinew_call *k, struct sinew_call_msg *msg)
{
	uint64_t before = k->unconsumed;
	size_t len = msg->len, n;
	bool taken;

	if (!intercept_is_set(l->owner))
		return false;
	/* A reply from inside of it consumes them. */
	k->unconsumed += len;
	k->in.last = msg->last;
	taken = show(l, k, msg) != LEFT;
	n = k->unconsumed < before + len ? (size_t)k->unconsumed : len;
	if (taken && k->delivery == SINEW_CALL_PACED)
		return true;
	k->unconsumed -= n;
	if (taken)
		consumed(k, n);
	return taken;
}

/* Data of a call that threads serve, in pieces: all that have come are taken at once. */
static void data_queued(struct lane *l, struct sinew_call *k, struct sinew_call_msg *msg)
{
	struct span data = { msg->data, msg->len };
	bool last = msg->last;

	assert(k->queued && k->delivery != SINEW_CALL_WHOLE);
	if (k->delivery != SINEW_CALL_PULL && data_intercepted(l, k, msg))
		return;
	if (!k->core || k->aborted || !store(k, data, last))
		return;
	msg->data = NULL;
	if (k->delivery == SINEW_CALL_PULL && show(l, k, msg) != LEFT)
		return;
	queue_post(k, msg);
}

static void data_whole(struct lane *l, struct sinew_call *k, struct span data, bool last)
{
	bool stored = unread_len(k) > 0 || !last || k->queued;

	assert(k->delivery == SINEW_CALL_WHOLE && !k->in.last);
	if (stored && !store(k, data, last))
		return;
	if (stored)
		data = (struct span) { unread_data(k), unread_len(k) };
	if (last)
		show_whole(l, k, data);
}

void present_data(struct lane *l, struct sinew_call *k, struct span data, bool last)
{
	struct sinew_call_msg msg = {
		.event = SINEW_CALL_DATA, .data = data.p, .len = data.n, .last = last,
	};

	if (k->queued && k->delivery != SINEW_CALL_WHOLE) {
		data_queued(l, k, &msg);
		return;
	}
	switch (k->delivery) {
	case SINEW_CALL_PIECES:
		consumed(k, data.n);
		show(l, k, &msg);
		return;
	case SINEW_CALL_PACED:
		k->unconsumed += data.n;
		k->in.last = last;
		show(l, k, &msg);
		return;
	case SINEW_CALL_WHOLE:
		consumed(k, data.n);
		data_whole(l, k, data, last);
		return;
	case SINEW_CALL_PULL:
		if (!store(k, data, last))
			return;
		msg.data = NULL;
		show(l, k, &msg);
	}
}

void present_arrived(struct lane *l, struct sinew_call *k, const struct calls_event *ev)
{
	k->received += ev->data.n;
	if (k->returned || k->aborted) {
		consumed(k, ev->data.n);
		return;
	}
	if (k->max_bytes && k->received > k->max_bytes)
		break_off(k, CALL_END_TOO_BIG);
	else if (k->incoming && k->entry.stage != CALL_INSIDE)
		store(k, ev->data, ev->last);
	else
		present_data(l, k, ev->data, ev->last);
}
