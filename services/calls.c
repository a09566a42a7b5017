/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the calls of a session as a whole: their memory, their time, and how they close, break and
 * end together. Knows nothing of the single call.
 */
#include "calls.h"

#include "calls_check.h"
#include "calls_cred.h"
#include "calls_end.h"
#include "calls_slots.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <string.h>

/* Behind each other: the types are in the order of their alignment. */
size_t calls_memory(const struct calls_config *cfg)
{
	static_assert(alignof(struct call) >= alignof(struct call_slot), "");
	static_assert(alignof(struct call_slot) >= alignof(struct call_cred), "");
	static_assert(alignof(struct call_cred) >= alignof(struct call_binding), "");

	return cfg->ours.slots * sizeof(struct call) +
		((size_t)cfg->ours.slots + cfg->theirs.slots) * sizeof(struct call_slot) +
		2 * (size_t)cfg->n_creds * sizeof(struct call_cred) +
		2 * (size_t)cfg->n_bindings * sizeof(struct call_binding);
}

void calls_init(struct calls *c, const struct calls_config *cfg, void *mem, uint64_t now_ns)
{
	assert(cfg->window_max >= cfg->ours.window && cfg->window_max <= INT32_MAX);
	assert(cfg->grow_bytes >= 0);
	assert(cfg->depth_max <= CALL_DEPTH_MAX && cfg->n_bindings <= CALLS_BINDINGS);
	assert(cfg->n_creds <= CALLS_CREDS && cfg->ours.piece <= CALL_PIECE_MAX);
	memset(mem, 0, calls_memory(cfg));
	*c = (struct calls){ .cfg = *cfg, .now_ns = now_ns, .deadline_ns = CALLS_NEVER };
	if (c->cfg.theirs.piece > CALL_PIECE_MAX)
		c->cfg.theirs.piece = CALL_PIECE_MAX;
	c->in_calls = mem;
	c->in = (struct call_slot *)(c->in_calls + cfg->ours.slots);
	c->out = c->in + cfg->ours.slots;
	c->in_creds = (struct call_cred *)(c->out + cfg->theirs.slots);
	c->out_creds = c->in_creds + cfg->n_creds;
	c->in_bindings = (struct call_binding *)(c->out_creds + cfg->n_creds);
	c->out_bindings = c->in_bindings + cfg->n_bindings;
	c->grow_bytes = cfg->grow_bytes;
	c->window_most = cfg->window_max;
	c->plain.sent = (uint32_t)min_u64(c->cfg.theirs.piece, cfg->theirs.window);
	c->plain.taken = (uint32_t)min_u64(cfg->ours.piece, cfg->ours.window);
	slots_set_target(c, cfg->theirs.slots);
	c->our_target = cfg->ours.slots;
	list_init(&c->ready);
	list_init(&c->paused);
	list_init(&c->unshown);
	list_init(&c->events);
	slots_init(c);
}

void calls_set_target(struct calls *c, uint16_t target)
{
	assert(target && target <= c->cfg.ours.slots);
	if (target == c->our_target)
		return;
	c->our_target = target;
	c->target_due = true;
}

void calls_set_window(struct calls *c, uint32_t window_max, int64_t grow_bytes)
{
	assert(window_max >= c->cfg.ours.window && window_max <= INT32_MAX && grow_bytes >= 0);
	c->grow_bytes += grow_bytes - c->cfg.grow_bytes;
	c->cfg.window_max = window_max;
	c->cfg.grow_bytes = grow_bytes;
	if (c->window_most < window_max)
		c->window_most = window_max;
}

/* ---- time ---- */

void calls_now(struct calls *c, uint64_t now_ns)
{
	if (now_ns > c->now_ns)
		c->now_ns = now_ns;
}

uint64_t calls_deadline(const struct calls *c)
{
	return c->deadline_ns;
}

static void own_tick(struct calls *c, struct call *call)
{
	if (call->state != CALL_OPEN && !call_waits(call))
		return;
	if (call->deadline_ns <= c->now_ns)
		own_abort(call, CALL_END_DEADLINE, CALLS_TIMEOUT);
	else
		calls_arm(c, call->deadline_ns);
}

static void paused_tick(struct calls *c, struct call *call)
{
	own_tick(c, call);
	if (call->state != CALL_PAUSED)
		return;
	if (call->timer_ns <= c->now_ns)
		slots_wait(c, call);
	else
		calls_arm(c, call->timer_ns);
}

static void peers_tick(struct calls *c, struct call *call)
{
	if (call->state != CALL_OPEN && call->state != CALL_FINALE)
		return;
	if (call->deadline_ns <= c->now_ns) {
		if (call->state == CALL_FINALE)
			peers_final(call, false);
		else
			peers_stop(call, CALL_END_DEADLINE, CALLS_TIMEOUT);
		return;
	}
	if (call->timer_ns <= c->now_ns) {
		call->timer_ns = CALLS_NEVER;
		slot_mark(c, calls_peers_slot(c, call->slot), DUE_ACCEPT);
	}
	calls_arm(c, min_u64(call->deadline_ns, call->timer_ns));
}

void calls_tick(struct calls *c)
{
	if (c->now_ns < c->deadline_ns)
		return;
	c->deadline_ns = CALLS_NEVER;
	list_each(struct call, call, &c->waiting, queue)
		own_tick(c, call);
	list_each(struct call, call, &c->paused, queue)
		paused_tick(c, call);
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		struct call *call = calls_own_slot(c, i)->call;

		if (call)
			own_tick(c, call);
	}
	for (unsigned i = 0; i < c->cfg.ours.slots; i++)
		peers_tick(c, calls_peers_call(c, i));
	calls_check(c);
}

/* ---- the end ---- */

static void own_close(struct call *call, bool endless_alone)
{
	if ((call->endless || !endless_alone) && (call->state == CALL_OPEN || call_waits(call)))
		own_abort(call, CALL_END_CLOSING, CALLS_GIVEN_UP);
}

/* No new calls; those that last end, or only those without an end of their own. */
static void close_each(struct calls *c, bool endless_alone)
{
	c->finishing = true;
	list_each(struct call, call, &c->waiting, queue)
		own_close(call, endless_alone);
	list_each(struct call, call, &c->paused, queue)
		own_close(call, endless_alone);
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		struct call *call = calls_own_slot(c, i)->call;

		if (call)
			own_close(call, endless_alone);
	}
	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		struct call *call = calls_peers_call(c, i);

		if (call->state == CALL_OPEN && (call->endless || !endless_alone))
			peers_stop(call, CALL_END_CLOSING, 0);
	}
}

void calls_finish(struct calls *c)
{
	if (c->finishing)
		return;
	close_each(c, true);
}

/* An own call still owes the peer the word that its reply is consumed. */
static bool finals_owed(const struct calls *c)
{
	for (unsigned i = 0; i < c->cfg.theirs.slots; i++) {
		const struct call *call = calls_own_slot(c, i)->call;

		if (call && call->rx.want_final)
			return true;
	}
	return false;
}

bool calls_fin_may_go(const struct calls *c)
{
	if (!c->finishing || c->rules_due)
		return false;
	if (c->broken || c->down)
		return true;
	return !c->n_awaited && !c->n_in && !c->n_waiting && list_empty(&c->dirty) &&
		!finals_owed(c);
}

void calls_fin_gone(struct calls *c)
{
	c->finishing = true;
	c->fin_gone = true;
}

void calls_peer_fin(struct calls *c)
{
	if (c->peer_fin || c->down || c->broken)
		return;
	c->peer_fin = true;
	calls_end_all(c, CALL_END_CLOSING, 0);
}

void calls_stop(struct calls *c)
{
	close_each(c, false);
}

void calls_down(struct calls *c, uint64_t high)
{
	if (c->down)
		return;
	c->down = true;
	c->rules_due = c->target_due = false;
	/* Slots come free, but no call may be begun. */
	c->begin_wanted = false;
	c->pending &= (uint8_t)~CP_SLOT;
	calls_end_all(c, CALLS_SESSION, high);
	creds_down(c);
	assert(list_empty(&c->dirty) && list_empty(&c->ready) && list_empty(&c->waiting));
}

void calls_broken(struct calls *c, const char *rule)
{
	c->broken = true;
	c->fault = rule;
	c->pending |= CP_FAULT;
	c->n.broken++;
	calls_end_all(c, CALLS_PROTOCOL, UINT64_MAX);
}

int calls_break(struct calls *c, const char *rule)
{
	c->rules_due = !c->fin_gone;
	calls_broken(c, rule);
	return -EPROTO;
}
