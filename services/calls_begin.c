/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what the application asks of calls while they last: to begin, to accept, to send.
 */
#include "calls_begin.h"

#include "calls_slots.h"
#include "calls_upgrade.h"
#include "calls_window.h"

#include <assert.h>
#include <errno.h>

static int begin_allowed(const struct calls *c, const struct calls_begin *b)
{
	if (c->down)
		return -ESTALE;
	if (c->broken)
		return -EPROTO;
	if (c->finishing || c->peer_fin)
		return -ESHUTDOWN;
	/* The call of `after` may wait for calls that are held back until the probe is answered. */
	if (b->upgrade && b->after)
		return -EINVAL;
	if (b->upgrade && c->out_bindings[b->binding].upgrade != UPGRADE_NONE)
		return -EALREADY;
	return b->depth > c->cfg.depth_max ? -ELOOP : 0;
}

static void begin_fill(struct calls *c, struct call *call, const struct calls_begin *b)
{
	own_prepare(c, call);
	call->binding = b->binding;
	call->service = c->out_bindings[b->binding].in_force;
	call->user = b->user;
	call->tx.total = b->total;
	call->deadline_ns = b->deadline_ns;
	call->op = b->op;
	if (b->after)
		call->after = *b->after;
	call->cred = c->out_bindings[b->binding].cred;
	call->extra = call->cred ? c->out_creds[call->cred - 1].extra : 0;
	call->depth = b->depth;
	call->settle = b->settle;
	call->retry = b->retry;
	call->endless = b->endless;
	call->flags = (uint8_t)((b->nowait ? CALL_NOWAIT : 0) | (b->endless ? CALL_ENDLESS : 0) |
				(b->want_accept ? CALL_WANT_ACCEPT : 0));
}

int call_begin(struct calls *c, struct call *call, const struct calls_begin *b)
{
	int r = begin_allowed(c, b);
	bool now;

	if (r)
		return r;
	assert(b->binding < c->cfg.n_bindings && c->out_bindings[b->binding].users);
	assert(!b->after || b->after->slot < c->cfg.ours.slots);
	now = slots_may_take(c, b->binding, b->depth);
	if (!now && (b->nowait || c->n_waiting >= c->cfg.max_queued)) {
		c->begin_wanted = true;
		return -EAGAIN;
	}
	begin_fill(c, call, b);
	r = tx_offer(&call->tx, b->data, b->last);
	if (r)
		return r;
	c->out_bindings[b->binding].users++;
	if (b->upgrade)
		upgrade_ask(call);
	c->n_own++;
	c->n.begun++;
	calls_arm(c, call->deadline_ns);
	if (now) {
		slots_take(c, call);
		return 0;
	}
	slots_line(c, call);
	c->n_waiting++;
	return 0;
}

static int send_allowed(const struct call *call)
{
	const struct call_rx *rx = &call->rx;

	if (call->state != CALL_OPEN && !call_waits(call))
		return -ECONNABORTED;
	if (call->tx.last)
		return -EPIPE;
	if (call->incoming && (!rx->complete || rx->consumed != rx->received))
		return -EBUSY;
	return call->tx.offered.n ? -EAGAIN : 0;
}

/* Not plainly: a call of the peer is as any other from now on. */
static void call_is_answered(struct call *call)
{
	assert(call->plain != PLAIN_REPLIED);
	if (call->incoming)
		call->plain = PLAIN_NOT;
}

int call_send(struct call *call, const void *data, size_t n, bool last)
{
	int r = send_allowed(call);

	if (!r)
		r = tx_offer(&call->tx, (struct span){ data, n }, last);
	if (r)
		return r;
	call_is_answered(call);
	if (call->incoming)
		call->accepted = true;
	if (call->state == CALL_OPEN)
		tx_schedule(call);
	return 0;
}

void call_set_total(struct call *call, uint64_t total)
{
	assert(call->incoming && !call->tx.opened && !call->tx.offered.n);
	call_is_answered(call);
	call->tx.total = total;
}

void call_want_final(struct call *call)
{
	assert(call->incoming && !call->tx.last);
	call_is_answered(call);
	call->final = true;
}

int call_accept(struct call *call)
{
	struct calls *c = call->calls;

	assert(call->incoming);
	if (call->state != CALL_OPEN || call->accepted)
		return -EALREADY;
	assert(!call->behind);
	call->accepted = true;
	if (call->flags & CALL_WANT_ACCEPT) {
		slot_mark(c, call_slot(call), DUE_ACCEPT);
		return 0;
	}
	call->timer_ns = c->now_ns + CALLS_ACCEPT_NS;
	calls_arm(c, call->timer_ns);
	return 0;
}

int call_accept_now(struct call *call)
{
	assert(call->incoming);
	if (call->state != CALL_OPEN || (call->accepted && call->timer_ns == CALLS_NEVER))
		return -EALREADY;
	call->accepted = true;
	call->timer_ns = CALLS_NEVER;
	slot_mark(call->calls, call_slot(call), DUE_ACCEPT);
	return 0;
}
