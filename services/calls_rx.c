/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns what a frame of the peer means, and which rule it breaks. Each function gives NULL, or the
 * rule in words. Frames of calls that have ended are dropped: each side may end a call while frames
 * of the other are under way.
 */
#include "calls_rx.h"

#include "calls_after.h"
#include "calls_check.h"
#include "calls_cred.h"
#include "calls_end.h"
#include "calls_event.h"
#include "calls_query.h"
#include "calls_slots.h"
#include "calls_upgrade.h"
#include "calls_window.h"

#include <assert.h>
#include <errno.h>

static const char *late(struct calls *c)
{
	c->n.late++;
	return NULL;
}

static bool says_callee(const struct call_frame *f)
{
	return f->flags & CALL_CALLEE;
}

/* ---- about own calls ---- */

static const char *answer_accepted(struct call *call, const struct call_frame *f)
{
	if (!call || call->accepted)
		return NULL;
	call->accepted = true;
	if (call->state == CALL_OPEN)
		call_tell(call, P_ACCEPTED);
	return upgrade_answer(call, f->service);
}

/* The reply is complete. If its call was given up, an abort that did not go yet is of no use,
 * unless the peer waits for a word. */
static void answer_complete(struct calls *c, struct call_slot *s, bool want_final)
{
	struct call *call = s->call;

	slot_over(c, s);
	if (!want_final)
		slot_clean(s, DUE_ABORT);
	if (call)
		own_end(call, CALLS_REPLIED, 0, CALLS_DONE);
	else
		slot_check(c, s);
}

static const char *answer_data(struct calls *c, struct call_slot *s, const struct call_frame *f)
{
	struct call *call = s->call;
	const char *rule;

	if (f->kind == CALL_REPLY && call) {
		if (call->rx.opened)
			return "a second reply";
		if (!call->tx.complete)
			return "a reply to a request that is not complete";
		rule = upgrade_answer(call, f->service);
		if (rule)
			return rule;
		call->rx.opened = true;
		call->rx.total = f->total;
		call->accepted = true;
	}
	if (call && !call->rx.opened)
		return "more of a reply that has not begun";
	if (call && call->state == CALL_OPEN) {
		rule = rx_data(call, f);
		if (rule)
			return rule;
		call->rx.want_final = f->flags & CALL_WANT_FINAL;
		if (call->rx.n_fresh)
			call_tell(call, P_DATA);
	}
	if (!(f->flags & CALL_MORE))
		answer_complete(c, s, f->flags & CALL_WANT_FINAL);
	return NULL;
}

static enum calls_outcome end_outcome(uint8_t seen)
{
	if (seen == CALL_SEEN_NEVER)
		return CALLS_NOT_EXECUTED;
	return seen == CALL_SEEN_FINISHED ? CALLS_DONE : CALLS_STARTED;
}

static const char *answer_end(struct calls *c, struct call_slot *s, const struct call_frame *f)
{
	struct call *call = s->call;
	const char *rule = NULL;
	unsigned reason = f->reason;

	if (call && call->accepted && f->seen == CALL_SEEN_NEVER)
		return "an accepted call that nobody has seen";
	if (call && call->state == CALL_OPEN && reason == CALL_END_CONFIRM)
		return "a confirmed abort that was none";
	if (call && f->seen != CALL_SEEN_NEVER)
		rule = upgrade_answer(call, f->service);
	if (rule)
		return rule;
	/* A reason of a later version. */
	if (!reason || reason > CALL_END_CONFIRM)
		reason = CALL_END_ABORTED;
	slot_over(c, s);
	slot_clean(s, DUE_ABORT);
	if (!call) {
		slot_check(c, s);
		return NULL;
	}
	if (reason == CALL_END_BUSY && f->seen == CALL_SEEN_NEVER && own_retry(call, f->retry_ms))
		return NULL;
	call->retry_ms = f->retry_ms;
	own_end(call, reason, f->code, end_outcome(f->seen));
	return NULL;
}

static const char *answer_credit(struct call *call, const struct call_frame *f)
{
	if (!call || call->tx.complete)
		return NULL;
	return tx_credit(call, f->consumed, f->window) ? NULL : "credit for what was never sent";
}

static const char *rx_answer(struct calls *c, const struct call_frame *f)
{
	struct call_slot *s;

	if (f->slot >= c->cfg.theirs.slots)
		return "an answer in a slot that was never granted";
	s = calls_own_slot(c, f->slot);
	if (!s->taken || s->over || s->gen != f->gen || (s->call && !s->call->tx.opened))
		return late(c);
	switch ((enum call_kind)f->kind) {
	case CALL_REPLY:
	case CALL_PIECE:
		return answer_data(c, s, f);
	case CALL_ACCEPT:
		return answer_accepted(s->call, f);
	case CALL_END:
		return answer_end(c, s, f);
	case CALL_CREDIT:
		return answer_credit(s->call, f);
	case CALL_STATE:
		return report_came(s, f) ? NULL : late(c);
	case CALL_BEGIN:
	case CALL_ABORT:
	case CALL_BIND:
	case CALL_UNBIND:
	case CALL_UNCRED:
	case CALL_CRED:
	case CALL_SLOTS:
	case CALL_QUERY:
		break;
	}
	return "a kind that is not spoken";
}

/* ---- about calls of the peer ---- */

static void begin_fill(struct calls *c, struct call *call, const struct call_frame *f)
{
	tx_init(&call->tx, c->cfg.theirs.window);
	rx_init(&call->rx, c->cfg.ours.window);
	call->rx.opened = true;
	call->rx.total = f->total;
	call->state = CALL_OPEN;
	call->gen = f->gen;
	call->op = f->op;
	call->flags = f->flags;
	call->endless = f->flags & CALL_ENDLESS;
	call->depth = f->depth;
	call->binding = f->binding;
	call->service = c->in_bindings[f->binding].service;
	call->begun_ns = c->now_ns;
	call->cred = c->in_bindings[f->binding].cred;
	call->extra = call->cred ? peers_cred_use(c, call->cred) : 0;
	call->timer_ns = CALLS_NEVER;
	call->deadline_ns = calls_deadline_in(c, f->deadline_ms);
	calls_arm(c, call->deadline_ns);
}

static const char *rx_begin(struct calls *c, const struct call_frame *f)
{
	struct call_slot *s;
	struct call *call;
	const char *rule;

	if (f->slot >= c->cfg.ours.slots)
		return "a call in a slot that was never granted";
	if (f->binding >= c->tried.in || c->in_bindings[f->binding].state != CALL_BOUND)
		return "a call by an unknown binding";
	if (f->depth > c->cfg.depth_max)
		return "a call too deep";
	s = calls_peers_slot(c, f->slot);
	call = s->call;
	if (call->state != CALL_FREE)
		return "a call in a slot that is in use";
	if (f->gen != s->gen + 1)
		return "a call that is not the next one of its slot";
	rule = upgrade_begin(&c->in_bindings[f->binding], f);
	if (!rule && f->after_slot != CALL_SLOT_NONE)
		rule = after_judge(c, f);
	if (rule)
		return rule;
	s->gen = f->gen;
	if (c->fin_gone)
		return late(c);
	c->n_in++;
	begin_fill(c, call, f);
	if (f->after_slot != CALL_SLOT_NONE)
		after_follow(call, f);
	call->pending = P_NEW;
	list_append(&c->unshown, &call->event);
	rule = rx_data(call, f);
	if (rule)
		return rule;
	if (call->rx.n_fresh)
		call->pending |= P_DATA;
	if (c->finishing)
		peers_stop(call, CALL_END_CLOSING, 0);
	return NULL;
}

static const char *request_data(struct calls *c, struct call *call, const struct call_frame *f)
{
	const char *rule;

	if (call->state != CALL_OPEN)
		return late(c);
	rule = rx_data(call, f);
	if (rule)
		return rule;
	/* It is shown with its first data: those of two frames are all that is remembered. */
	if (call->pending & P_NEW) {
		list_remove(&call->event);
		list_append(&c->events, &call->event);
	}
	call_tell(call, P_DATA);
	return NULL;
}

static const char *request_credit(struct calls *c, struct call *call, const struct call_frame *f)
{
	if (call->state == CALL_FINALE && f->flags & CALL_WANT_FINAL) {
		if (f->consumed != (uint32_t)call->tx.sent)
			return "the end of a reply that was not consumed";
		peers_final(call, true);
		return NULL;
	}
	if (call->state != CALL_OPEN)
		return late(c);
	if (f->flags & CALL_WANT_FINAL)
		return "the end of a reply that was not sent";
	return tx_credit(call, f->consumed, f->window) ? NULL : "credit for what was never sent";
}

static const char *request_abort(struct calls *c, struct call *call, const struct call_frame *f)
{
	if (call->state == CALL_OPEN && f->code == CALLS_DISTRUSTED)
		peers_stop(call, CALL_END_CREDENTIAL, f->code);
	else if (call->state == CALL_OPEN)
		peers_stop(call, CALL_END_ABORTED, f->code);
	else if (call->state == CALL_FINALE)
		peers_final(call, false);
	else
		return late(c);
	return NULL;
}

static const char *rx_request(struct calls *c, const struct call_frame *f)
{
	struct call *call;

	if (f->slot >= c->cfg.ours.slots)
		return "a frame in a slot that was never granted";
	if (f->kind == CALL_QUERY) {
		report_owe(c, calls_peers_slot(c, f->slot), f->gen);
		return NULL;
	}
	call = calls_peers_call(c, f->slot);
	if (call->state == CALL_FREE || call->gen != f->gen)
		return late(c);
	if (f->kind == CALL_PIECE)
		return request_data(c, call, f);
	if (f->kind == CALL_CREDIT)
		return request_credit(c, call, f);
	assert(f->kind == CALL_ABORT);
	return request_abort(c, call, f);
}

/* ---- about all ---- */

static const char *rx_bind(struct calls *c, const struct call_frame *f)
{
	struct call_binding *b;

	if (f->binding >= c->cfg.n_bindings)
		return "a binding number out of range";
	b = &c->in_bindings[f->binding];
	if ((b->state == CALL_BOUND) != (f->kind == CALL_UNBIND))
		return f->kind == CALL_BIND ? "a binding number in use" : "an unknown binding";
	if (f->kind == CALL_UNBIND) {
		b->state = CALL_UNBOUND;
		if (b->cred)
			peers_cred_left(c, b->cred);
		return NULL;
	}
	if (f->cred && !peers_cred_is_known(c, f->cred))
		return "a binding of an unknown credential";
	if (f->binding >= c->tried.in)
		c->tried.in = (uint16_t)(f->binding + 1);
	b->state = CALL_BOUND;
	b->service = f->service;
	b->used = false;
	b->probe = CALL_SLOT_NONE;
	b->cred = f->cred;
	if (b->cred)
		peers_cred_use(c, b->cred);
	return NULL;
}

static const char *rx_slots(struct calls *c, const struct call_frame *f)
{
	if (!f->target || f->target > c->cfg.theirs.slots)
		return "more slots than were granted, or none";
	slots_set_target(c, f->target);
	slots_advance(c);
	return NULL;
}

static const char *rx_frame(struct calls *c, const struct call_frame *f)
{
	switch ((enum call_kind)f->kind) {
	case CALL_BEGIN:
		return rx_begin(c, f);
	case CALL_PIECE:
	case CALL_CREDIT:
		return says_callee(f) ? rx_answer(c, f) : rx_request(c, f);
	case CALL_REPLY:
	case CALL_ACCEPT:
	case CALL_END:
	case CALL_STATE:
		return rx_answer(c, f);
	case CALL_ABORT:
	case CALL_QUERY:
		return rx_request(c, f);
	case CALL_BIND:
	case CALL_UNBIND:
		return rx_bind(c, f);
	case CALL_SLOTS:
		return rx_slots(c, f);
	case CALL_CRED:
		return rx_cred(c, f);
	case CALL_UNCRED:
		return rx_uncred(c, f);
	}
	return "a kind that is not spoken";
}

int calls_frame(struct calls *c, const uint8_t *body, size_t len)
{
	struct call_frame f;
	const char *rule;

	if (c->broken || c->down || c->peer_fin) {
		late(c);
		return 0;
	}
	if (call_parse(body, len, &f))
		return calls_break(c, "a frame that is malformed");
	if (f.kind == CALL_ABORT && f.slot == CALL_SLOT_NONE) {
		calls_broken(c, "the peer says that this side broke a rule");
		return 0;
	}
	rule = rx_frame(c, &f);
	if (rule)
		return calls_break(c, rule);
	calls_check(c);
	return 0;
}
