/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the windows of calls: what may be sent, what has arrived, what is consumed, when that is
 * told, and which call may send its next piece. No two calls share one, so none blocks another.
 *
 * Consumption is told when a quarter of the window has been consumed since the last time, or
 * anything has while the sender has less than a quarter left: otherwise it could lack room for a
 * record that it can only send whole.
 */
#include "calls_window.h"

#include "calls_check.h"
#include "calls_event.h"
#include "calls_slots.h"

#include <assert.h>
#include <errno.h>

void tx_again(struct call_tx *tx, uint32_t window)
{
	uint64_t total = tx->total;

	*tx = (struct call_tx){ .total = total, .limit = window };
}

int tx_offer(struct call_tx *tx, struct span data, bool last)
{
	uint64_t end = tx->sent + data.n;

	assert(!tx->offered.n && !tx->last);
	if (end > tx->total && tx->total != CALL_TOTAL_UNKNOWN)
		return -EMSGSIZE;
	if (last && tx->total != CALL_TOTAL_UNKNOWN && end != tx->total)
		return -EINVAL;
	tx->offered = data;
	tx->last = last;
	return 0;
}

size_t tx_piece(const struct call *call)
{
	const struct call_tx *tx = &call->tx;
	uint64_t n = min_u64(tx->offered.n, tx->limit - tx->sent);

	return (size_t)min_u64(n, call->calls->cfg.theirs.piece - call->extra);
}

static bool tx_may_go(const struct call *call)
{
	const struct call_tx *tx = &call->tx;

	if (call->state != CALL_OPEN || tx->complete)
		return false;
	if (!call->incoming && !tx->opened)
		return true;
	return tx->offered.n ? tx->sent < tx->limit : tx->last;
}

void tx_schedule(struct call *call)
{
	if (!tx_may_go(call)) {
		if (!call_waits(call))
			list_remove(&call->queue);
		return;
	}
	if (list_empty(&call->queue))
		list_append(&call->calls->ready, &call->queue);
}

static void tx_tell_room(struct call *call)
{
	struct call_tx *tx = &call->tx;

	if (!tx->want_room || tx->last || tx->offered.n || tx->sent >= tx->limit)
		return;
	tx->want_room = false;
	call_tell(call, P_ROOM);
}

void call_want_room(struct call *call)
{
	if (call->state != CALL_OPEN && !call_waits(call))
		return;
	call->tx.want_room = true;
	tx_tell_room(call);
}

void call_withdraw(struct call *call)
{
	struct call_tx *tx = &call->tx;

	if (tx->complete)
		return;
	tx->offered = (struct span){ 0 };
	tx->last = false;
	if (call->state == CALL_OPEN)
		tx_schedule(call);
}

uint64_t call_room(const struct call *call)
{
	const struct call_tx *tx = &call->tx;
	uint64_t end = tx->sent + tx->offered.n;

	return end < tx->limit ? tx->limit - end : 0;
}

void tx_put(struct call *call, size_t n)
{
	struct call_tx *tx = &call->tx;

	assert(n <= tx->offered.n && tx->sent + n <= tx->limit);
	tx->opened = true;
	tx->sent += n;
	tx->offered.n -= n;
	tx->offered.p = tx->offered.n ? tx->offered.p + n : NULL;
	tx->complete = tx->last && !tx->offered.n;
	list_remove(&call->queue);
	tx_schedule(call);
	tx_tell_room(call);
}

bool tx_credit(struct call *call, uint32_t consumed, uint32_t window)
{
	struct call_tx *tx = &call->tx;
	uint32_t unconsumed = (uint32_t)tx->sent - consumed;
	uint64_t limit = tx->sent - unconsumed + window;

	if (unconsumed > (uint32_t)tx->sent - tx->consumed)
		return false;
	tx->consumed = consumed;
	if (limit > tx->limit)
		tx->limit = limit;
	tx_schedule(call);
	tx_tell_room(call);
	return true;
}

/* Gives back what the window grew, when no more comes and nothing of it is held any more. */
static void rx_shrink(struct call *call)
{
	struct call_rx *rx = &call->rx;
	uint32_t first = call->calls->cfg.ours.window;

	if (rx->consumed != rx->received)
		return;
	call->calls->grow_bytes += rx->window - first;
	rx->window = first;
}

const char *rx_data(struct call *call, const struct call_frame *f)
{
	struct call_rx *rx = &call->rx;
	bool last = !(f->flags & CALL_MORE);
	uint32_t n = f->n_data - call->extra;
	uint64_t end = rx->received + n;

	if (rx->complete)
		return "data behind the last piece";
	if (f->n_data > call->calls->cfg.ours.piece)
		return "a piece longer than we take";
	if (f->n_data < call->extra)
		return "a sealed piece without its seal";
	if (end > rx->limit)
		return "data beyond the window";
	if (rx->total != CALL_TOTAL_UNKNOWN && (end > rx->total || (last && end < rx->total)))
		return "data other than the announced total";
	if (!n && !last && f->kind == CALL_PIECE)
		return "an empty piece that is not the last";
	rx->received = end;
	rx->complete = last;
	if (last) {
		rx_shrink(call);
		slot_clean(call_slot(call), DUE_CREDIT);
	} else if (!f->n_data && !call->cred) {
		return NULL;
	}
	assert(rx->n_fresh < 2);
	rx->fresh[rx->n_fresh++] = (struct span){ f->data, f->n_data };
	return NULL;
}

/* Twice as far, while there is memory for it. */
static void rx_widen(struct call *call)
{
	struct calls *c = call->calls;
	struct call_rx *rx = &call->rx;
	uint32_t more = rx->window;

	if (rx->window >= c->cfg.window_max || c->grow_bytes <= 0)
		return;
	if (more > c->cfg.window_max - rx->window)
		more = c->cfg.window_max - rx->window;
	more = (uint32_t)min_u64(more, (uint64_t)c->grow_bytes);
	c->grow_bytes -= more;
	rx->window += more;
}

static void rx_tell(struct call *call)
{
	struct call_rx *rx = &call->rx;
	struct call_slot *s = call_slot(call);
	uint32_t quarter = rx->window / 4;

	if (rx->complete || (rx->total != CALL_TOTAL_UNKNOWN && rx->limit >= rx->total))
		return;
	if (rx->consumed == rx->told)
		return;
	if (rx->consumed - rx->told < quarter && rx->limit - rx->received >= quarter)
		return;
	if (!(s->due & DUE_CREDIT))
		rx_widen(call);
	slot_mark(call->calls, s, DUE_CREDIT);
}

void rx_told(struct call *call)
{
	struct call_rx *rx = &call->rx;

	rx->told = rx->consumed;
	rx->limit = rx->told + rx->window;
}

void rx_close(struct call *call)
{
	struct call_rx *rx = &call->rx;

	rx->consumed = rx->received;
	rx->n_fresh = 0;
	rx->fresh[0] = rx->fresh[1] = (struct span){ 0 };
	rx_shrink(call);
}

void rx_finish(struct call *call)
{
	struct call_rx *rx = &call->rx;
	struct call_slot *s = call_slot(call);

	assert(!call->incoming && call->state == CALL_OVER);
	if (rx->consumed != rx->received)
		return;
	rx_shrink(call);
	if (rx->want_final && calls_may_send(call->calls)) {
		s->code = (uint32_t)rx->consumed;
		slot_mark(call->calls, s, DUE_FINAL);
	}
	slot_check(call->calls, s);
}

bool call_needs_consumed(const struct call *call)
{
	return call->state == CALL_OPEN || (call->reason == CALLS_REPLIED && !call->incoming);
}

int call_consumed(struct call *call, size_t n)
{
	struct call_rx *rx = &call->rx;

	if (!call_needs_consumed(call))
		return 0;
	if (n > rx->received - rx->consumed)
		return -EINVAL;
	rx->consumed += n;
	if (rx->complete)
		rx_shrink(call);
	if (call->state == CALL_OPEN)
		rx_tell(call);
	else if (call->slot != CALL_SLOT_NONE)
		rx_finish(call);
	calls_check(call->calls);
	return 0;
}
