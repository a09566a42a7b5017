/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the order of frames for the ring, and what follows when one is there. Nothing changes until
 * then: a frame for which the ring had no room is made anew, as things are by then.
 */
#include "calls_tx.h"

#include "calls_check.h"
#include "calls_cred.h"
#include "calls_end.h"
#include "calls_query.h"
#include "calls_slots.h"
#include "calls_upgrade.h"
#include "calls_window.h"

#include <assert.h>

/* The subject of a frame, for calls_frame_put(). */
enum out_what {
	OUT_RULES, OUT_CRED, OUT_UNCRED, OUT_BIND, OUT_UNBIND, OUT_TARGET, OUT_STATE, OUT_PIECE,
};

static void out_head(struct calls_out *o, enum out_what what, const struct call_frame *f)
{
	o->what = (uint8_t)what;
	o->n_head = call_put(o->head, f);
}

/* ---- the session ---- */

size_t calls_put_rules(uint8_t head[CALL_HEAD_MAX])
{
	return call_put(head, &(struct call_frame){
		.kind = CALL_ABORT, .slot = CALL_SLOT_NONE, .code = CALLS_RULES });
}

static void out_rules(struct calls_out *o)
{
	o->what = OUT_RULES;
	o->n_head = calls_put_rules(o->head);
}

static void out_binding(const struct calls *c, uint16_t binding, struct calls_out *o)
{
	const struct call_binding *b = &c->out_bindings[binding];
	bool binds = b->state == CALL_TO_BIND;

	o->binding = binding;
	out_head(o, binds ? OUT_BIND : OUT_UNBIND, &(struct call_frame){
		.kind = binds ? CALL_BIND : CALL_UNBIND, .binding = binding,
		.service = b->in_force, .cred = b->cred });
}

/* False: none is due. */
static bool out_cred(const struct calls *c, struct calls_out *o)
{
	struct call_frame f = { 0 };

	if (!cred_due(c, &f, &o->data))
		return false;
	o->binding = f.cred;
	o->secret = f.kind == CALL_CRED;
	out_head(o, f.kind == CALL_CRED ? OUT_CRED : OUT_UNCRED, &f);
	return true;
}

/* Credentials first: bindings name them. */
static void out_bind(const struct calls *c, struct calls_out *o)
{
	const struct call_binding *b = c->out_bindings;

	if (out_cred(c, o))
		return;
	while (b->state == CALL_UNBOUND || b->state == CALL_BOUND)
		b++;
	out_binding(c, (uint16_t)(b - c->out_bindings), o);
}

static void put_unbind(struct calls *c, struct call_binding *b)
{
	b->used = b->spoiled = false;
	binding_becomes(c, b, b->state == CALL_TO_UNBIND ? CALL_UNBOUND : CALL_TO_BIND);
	binding_settle(c, b);
}

static void out_target(const struct calls *c, struct calls_out *o)
{
	out_head(o, OUT_TARGET, &(struct call_frame){
		.kind = CALL_SLOTS, .target = c->our_target });
}

/* ---- states of calls ---- */

static enum call_seen seen(const struct call *call)
{
	switch ((enum calls_outcome)call->outcome) {
	case CALLS_DONE:
		return CALL_SEEN_FINISHED;
	case CALLS_STARTED:
		return CALL_SEEN_SHOWN;
	case CALLS_NOT_EXECUTED:
	case CALLS_PARTIAL:
	case CALLS_IN_DOUBT:
		break;
	}
	return CALL_SEEN_NEVER;
}

/* As the caller knows reasons: what the called side's application did is ABORTED. */
static uint8_t end_reason(const struct call *call)
{
	if (call->reason == CALL_END_ABORTED)
		return CALL_END_CONFIRM;
	return call->reason == CALLS_ABANDONED ? CALL_END_ABORTED : call->reason;
}

static void frame_end(const struct call *call, struct call_frame *f)
{
	f->kind = CALL_END;
	f->code = call->code;
	f->service = call->service;
	f->reason = end_reason(call);
	f->seen = (uint8_t)seen(call);
	f->retry_ms = call->retry_ms;
}

static void frame_credit(const struct call_slot *s, struct call_frame *f)
{
	f->kind = CALL_CREDIT;
	if (s->due & DUE_FINAL) {
		f->flags |= CALL_WANT_FINAL;
		f->consumed = s->code;
		return;
	}
	f->consumed = (uint32_t)s->call->rx.consumed;
	f->window = s->call->rx.window;
}

static void out_state(const struct calls *c, struct call_slot *s, struct calls_out *o)
{
	struct call_frame f = {
		.flags = s->incoming ? CALL_CALLEE : 0, .slot = s->index, .gen = s->gen,
	};

	if (s->due & DUE_ABORT) {
		f.kind = CALL_ABORT;
		f.code = s->code;
	} else if (s->due & DUE_END) {
		frame_end(s->call, &f);
	} else if (s->due & DUE_ACCEPT) {
		f.kind = CALL_ACCEPT;
		f.service = s->call->service;
	} else if (s->due & DUE_QUERY) {
		f.kind = CALL_QUERY;
	} else if (s->due & DUE_STATE) {
		frame_report(c, s, &f);
	} else {
		frame_credit(s, &f);
	}
	o->slot = s;
	out_head(o, OUT_STATE, &f);
}

static void put_state(struct calls *c, struct call_slot *s)
{
	if (s->due & DUE_ABORT) {
		slot_clean(s, DUE_ABORT);
		slot_check(c, s);
	} else if (s->due & DUE_END) {
		slot_clean(s, DUE_END);
		peers_end_sent(s->call);
	} else if (s->due & (DUE_ACCEPT | DUE_QUERY | DUE_STATE)) {
		/* The first of them, as above. */
		slot_clean(s, s->due & DUE_ACCEPT ? DUE_ACCEPT : DUE_QUERY | DUE_STATE);
	} else if (s->due & DUE_FINAL) {
		slot_clean(s, DUE_FINAL);
		slot_check(c, s);
	} else {
		slot_clean(s, DUE_CREDIT);
		rx_told(s->call);
	}
}

/* ---- pieces ---- */

/* While the called side can know it: one whose slot has a later call has ended there. */
static void frame_after(const struct call *call, struct call_frame *f)
{
	const struct call_ref *after = &call->after;

	f->after_slot = CALL_SLOT_NONE;
	f->after_gen = 0;
	if (after->slot == CALL_SLOT_NONE ||
	    calls_peers_slot(call->calls, after->slot)->gen != after->gen)
		return;
	f->after_slot = after->slot;
	f->after_gen = after->gen;
}

static void frame_open(const struct call *call, struct call_frame *f)
{
	f->total = call->tx.total;
	if (call->incoming) {
		f->kind = CALL_REPLY;
		f->service = call->service;
		return;
	}
	f->kind = CALL_BEGIN;
	f->flags |= call->flags;
	f->op = call->op;
	f->deadline_ms = calls_left_ms(call->calls, call->deadline_ns);
	f->binding = call->binding;
	frame_after(call, f);
	f->depth = call->depth;
}

static void out_piece(struct call *call, struct calls_out *o)
{
	size_t n = tx_piece(call);
	struct call_frame f;

	f.kind = CALL_PIECE;
	f.flags = 0;
	f.slot = call->slot;
	f.gen = call->gen;
	if (call->incoming)
		f.flags = CALL_CALLEE | (call->final ? CALL_WANT_FINAL : 0);
	if (!call->tx.last || n < call->tx.offered.n)
		f.flags |= CALL_MORE;
	if (!call->tx.opened)
		frame_open(call, &f);
	o->bulk = true;
	o->call = call;
	o->data = (struct span){ call->tx.offered.p, n };
	out_head(o, OUT_PIECE, &f);
}

static void out_next(struct call *call, struct calls_out *o)
{
	if (upgrade_needs_number(call))
		out_binding(call->calls, call->binding, o);
	else
		out_piece(call, o);
}

static void put_piece(struct calls *c, struct call *call, size_t n, uint64_t end)
{
	if (!call->tx.opened && !call->incoming) {
		call->begin_end = end;
		c->out_bindings[call->binding].used = true;
		if (!call->retry && !(call->flags & CALL_UPGRADE))
			binding_release(c, call->binding);
	}
	if (call->incoming) {
		call->timer_ns = CALLS_NEVER;
		slot_clean(calls_peers_slot(c, call->slot), DUE_ACCEPT);
	}
	tx_put(call, n);
	if (!call->tx.complete)
		return;
	call->last_end = end;
	if (call->incoming)
		peers_replied(call);
}

void calls_frame_make(struct calls *c, struct calls_out *ret)
{
	ret->data = (struct span){ 0 };
	ret->call = NULL;
	ret->bulk = ret->secret = false;
	if (c->rules_due)
		out_rules(ret);
	else if (c->n_binds)
		out_bind(c, ret);
	else if (c->target_due)
		out_target(c, ret);
	else if (!list_empty(&c->dirty))
		out_state(c, list_first(&c->dirty, struct call_slot, link), ret);
	else
		out_next(list_first(&c->ready, struct call, queue), ret);
}

void calls_frame_put(struct calls *c, const struct calls_out *out, uint64_t end)
{
	switch ((enum out_what)out->what) {
	case OUT_RULES:
		c->rules_due = false;
		break;
	case OUT_CRED:
	case OUT_UNCRED:
		cred_put(c, out->binding);
		break;
	case OUT_BIND:
		binding_becomes(c, &c->out_bindings[out->binding], CALL_BOUND);
		break;
	case OUT_UNBIND:
		put_unbind(c, &c->out_bindings[out->binding]);
		break;
	case OUT_TARGET:
		c->target_due = false;
		break;
	case OUT_STATE:
		put_state(c, out->slot);
		break;
	case OUT_PIECE:
		put_piece(c, out->call, out->data.n, end);
		break;
	}
	calls_check(c);
}
