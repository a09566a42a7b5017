/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the slots of both directions, the own calls that wait for one, and bindings. Knows nothing
 * of what a call sends or receives.
 *
 * An own slot is free again when the peer has ended its side and the application has consumed the
 * reply or given the call up; then no frame of it is under way that could be taken for one of the
 * next call, and no more replies lie unread than there are slots.
 *
 * Calls that are begun for other calls must not wait for slots which those hold. A call of depth d
 * takes a slot only while, for each e from d to the deepest, calls of depth e or less leave a slot
 * for each deeper one.
 */
#include "calls_slots.h"

#include "calls_cred.h"

#include <assert.h>
#include <errno.h>

void slots_init(struct calls *c)
{
	list_init(&c->dirty);
	list_init(&c->waiting);
	for (unsigned i = c->cfg.theirs.slots; i--;) {
		struct call_slot *s = calls_own_slot(c, i);

		s->index = (uint16_t)i;
		list_init(&s->link);
		slot_push(c, s);
	}
	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		struct call_slot *s = calls_peers_slot(c, i);
		struct call *call = calls_peers_call(c, i);

		s->index = (uint16_t)i;
		s->incoming = true;
		s->call = call;
		call->slot = (uint16_t)i;
		call->calls = c;
		call->incoming = true;
		list_init(&s->link);
		list_init(&call->event);
		list_init(&call->queue);
	}
}

/*
 * Of n slots, calls of depth e or less have left one for each deeper one, for each e from d on. Of
 * those less deep than d more may be open than n allows, begun before the peer lowered its target:
 * they may wait for this one, which counts with the slots that they were begun with.
 */
static bool depth_allows(const struct calls *c, int n, unsigned d, bool system)
{
	int held = 0;

	/* With so much left there is no need to count. */
	if (c->n_taken < n - c->cfg.depth_max)
		return true;
	for (unsigned e = 0; e <= c->cfg.depth_max; e++) {
		held += c->held[0][e] + (system ? c->held[1][e] : 0);
		if (e < d && n < held + (int)(c->cfg.depth_max - e))
			n = held + (int)(c->cfg.depth_max - e);
		if (e >= d && held >= n - (int)(c->cfg.depth_max - e))
			return false;
	}
	return true;
}

/* By all its bindings: each credential has its own. */
static unsigned service_holds(const struct calls *c, const struct call_binding *b)
{
	unsigned n = 0;

	if (!c->tried.n_as)
		return b->held;
	for (unsigned i = 0; i < c->tried.out; i++)
		if (c->out_bindings[i].service == b->service)
			n += c->out_bindings[i].held;
	return n;
}

/* Of n slots, those that calls of depth 0 to one service may have. */
static int share_of(int n)
{
	return (3 * n + 3) / 4;
}

void slots_set_target(struct calls *c, uint16_t target)
{
	int n = target - c->cfg.reserved, deep = n - c->cfg.depth_max, share = share_of(n);

	assert(target && target <= c->cfg.theirs.slots);
	c->target = target;
	c->plain.slots = (uint16_t)(deep <= 0 ? 0 : deep < share ? deep : share);
}

bool slots_may_take(const struct calls *c, uint16_t binding, uint8_t depth)
{
	const struct call_binding *b = &c->out_bindings[binding];
	int n = c->target, share;

	if (c->n_taken >= (depth ? c->cfg.theirs.slots : n) || b->upgrade == UPGRADE_PROBING)
		return false;
	if (service_is_system(b->service))
		return depth_allows(c, n, depth, true);
	n -= c->cfg.reserved;
	share = share_of(n);
	/* Nested calls are bounded by their depth alone: those that they are begun for may be of
	 * the same service and hold its whole share. */
	if (depth == 0 && c->n_taken >= share && (int)service_holds(c, b) >= share)
		return false;
	return depth_allows(c, n, depth, false);
}

void slots_take(struct calls *c, struct call *call)
{
	struct call_binding *b = &c->out_bindings[call->binding];

	slot_give(c, c->free, call, b, service_is_system(b->service), call->depth);
	if (call->flags & CALL_UPGRADE)
		b->upgrade = UPGRADE_PROBING;
	/* BEGIN is due. */
	list_append(&c->ready, &call->queue);
}

void slots_line(struct calls *c, struct call *call)
{
	assert(list_empty(&call->queue));
	call->state = CALL_WAITING;
	list_append(&c->waiting, &call->queue);
	c->n_lined++;
	c->out_bindings[call->binding].lined += !call->depth;
}

void slots_unline(struct calls *c, struct call *call)
{
	assert(call->state == CALL_WAITING && c->n_lined);
	list_remove(&call->queue);
	c->n_lined--;
	c->out_bindings[call->binding].lined -= !call->depth;
}

void slots_wait(struct calls *c, struct call *call)
{
	list_remove(&call->queue);
	call->timer_ns = CALLS_NEVER;
	if (slots_may_take(c, call->binding, call->depth)) {
		c->n_waiting--;
		slots_take(c, call);
		return;
	}
	slots_line(c, call);
}

/* Those that may have a slot now get one. Where one of depth 0 may not, no other of its binding and
 * depth may, so that nobody looks at them: most wait for the same service. */
static void take_lined(struct calls *c)
{
	bool shut[CALLS_BINDINGS] = { false };
	uint32_t left = c->n_lined;

	list_each(struct call, call, &c->waiting, queue) {
		struct call_binding *b = &c->out_bindings[call->binding];

		if (!left || c->n_taken >= c->cfg.theirs.slots)
			return;
		if (!call->depth && shut[call->binding])
			continue;
		if (slots_may_take(c, call->binding, call->depth)) {
			left--;
			slots_unline(c, call);
			c->n_waiting--;
			slots_take(c, call);
		} else if (call->depth) {
			left--;
		} else {
			left -= b->lined;
			shut[call->binding] = true;
		}
	}
}

void slots_advance(struct calls *c)
{
	if (c->begin_wanted && c->n_taken < c->target) {
		c->begin_wanted = false;
		c->pending |= CP_SLOT;
	}
	if (c->n_lined)
		take_lined(c);
}

static void slot_free(struct calls *c, struct call_slot *s)
{
	struct call_binding *b = &c->out_bindings[s->binding];

	assert(s->taken && s->over && !s->due && list_empty(&s->link));
	if (s->call)
		s->call->slot = CALL_SLOT_NONE;
	s->call = NULL;
	s->taken = false;
	b->held--;
	c->held[service_is_system(b->service)][s->depth]--;
	binding_settle(c, b);
	c->n_taken--;
	slot_push(c, s);
	slots_advance(c);
}

void slot_check(struct calls *c, struct call_slot *s)
{
	if (!s->taken || !s->over || s->due)
		return;
	if (s->call && s->call->rx.consumed != s->call->rx.received)
		return;
	slot_free(c, s);
}

void slot_over(struct calls *c, struct call_slot *s)
{
	assert(s->taken && !s->over);
	s->over = true;
	c->n_awaited--;
	slot_clean(s, DUE_CREDIT | DUE_QUERY);
}

void slot_forget(struct calls *c, struct call_slot *s)
{
	s->call->slot = CALL_SLOT_NONE;
	s->call = NULL;
	slot_clean(s, DUE_CREDIT | DUE_QUERY);
	slot_check(c, s);
}

void slot_mark(struct calls *c, struct call_slot *s, enum calls_due due)
{
	if (!s->due)
		list_append(&c->dirty, &s->link);
	s->due |= (uint8_t)due;
}

void slot_clean(struct call_slot *s, unsigned due)
{
	if (!s->due)
		return;
	s->due &= (uint8_t)~due;
	if (!s->due)
		list_remove(&s->link);
}

void slot_reset(struct call *call)
{
	struct calls *c = call->calls;

	assert(!(calls_peers_slot(c, call->slot)->due & ~DUE_STATE) && !call->pending);
	if (call->cred)
		peers_cred_left(c, call->cred);
	peers_clear(call);
	c->n_in--;
}

static bool can_bind(const struct calls *c)
{
	return !c->down && !c->broken;
}

static bool is_known(const struct calls *c, int i)
{
	return i >= 0 && c->out_bindings[i].upgrade == UPGRADE_KNOWN;
}

/* Slots of its calls are counted as those of its service until they are free. */
static bool is_unused(const struct call_binding *b)
{
	return b->state == CALL_UNBOUND && !b->held;
}

/* A number keeps the service in force that its service has, until no other number is unused. */
static int binding_find(const struct calls *c, uint16_t service, uint16_t cred)
{
	int unused = c->tried.out < c->cfg.n_bindings ? c->tried.out : -ENOSPC;

	for (int i = c->tried.out - 1; i >= 0; i--) {
		const struct call_binding *b = &c->out_bindings[i];

		if (b->service == service && b->cred == cred && (!is_unused(b) || is_known(c, i)))
			return i;
		if (is_unused(b) && (unused < 0 || !is_known(c, i) || is_known(c, unused)))
			unused = i;
	}
	return unused;
}

static bool is_due(uint8_t state)
{
	return state != CALL_UNBOUND && state != CALL_BOUND;
}

void binding_becomes(struct calls *c, struct call_binding *b, enum call_bound state)
{
	c->n_binds -= is_due(b->state);
	b->state = (uint8_t)state;
	c->n_binds += is_due(b->state);
}

static void binding_open(struct calls *c, struct call_binding *b, uint16_t service)
{
	if (b->service != service || b->upgrade == UPGRADE_NONE)
		*b = (struct call_binding){
			.users = b->users, .held = b->held, .service = service,
			.in_force = service, .cred = b->cred,
		};
	binding_becomes(c, b, CALL_TO_BIND);
}

/* From here on the binding has that credential. */
static void binding_use(struct calls *c, struct call_binding *b, const struct calls_cred *as,
			uint16_t cred)
{
	/* Each credential asks for the service in force by itself. */
	if (b->cred != cred || cred)
		b->upgrade = UPGRADE_NONE;
	b->cred = cred;
	if (!cred)
		return;
	c->tried.n_as++;
	cred_use(c, cred, as);
}

void binding_settle(struct calls *c, struct call_binding *b)
{
	if (!b->cred || !is_unused(b))
		return;
	c->tried.n_as--;
	cred_left(c, b->cred);
	b->cred = 0;
}

int calls_bind(struct calls *c, uint16_t service, const struct calls_cred *as,
	       uint16_t *ret_binding)
{
	int i, cred = 0;
	struct call_binding *b;

	if (!can_bind(c))
		return c->down ? -ESTALE : -EPROTO;
	if (as)
		cred = cred_find(c, as);
	if (cred < 0)
		return cred;
	i = binding_find(c, service, (uint16_t)cred);
	if (i < 0)
		return i;
	if (i == c->tried.out)
		c->tried.out++;
	b = &c->out_bindings[i];
	if (is_unused(b))
		binding_use(c, b, as, (uint16_t)cred);
	b->users++;
	if (b->state == CALL_UNBOUND)
		binding_open(c, b, service);
	else if (b->state == CALL_TO_UNBIND)
		binding_becomes(c, b, b->spoiled ? CALL_TO_REBIND : CALL_BOUND);
	*ret_binding = (uint16_t)i;
	return 0;
}

void binding_release(struct calls *c, uint16_t binding)
{
	struct call_binding *b = &c->out_bindings[binding];

	assert(b->users);
	if (--b->users)
		return;
	if (b->state == CALL_TO_BIND) {
		binding_becomes(c, b, CALL_UNBOUND);
		binding_settle(c, b);
	} else {
		binding_becomes(c, b, CALL_TO_UNBIND);
	}
}

void calls_unbind(struct calls *c, uint16_t binding)
{
	assert(binding < c->cfg.n_bindings);
	binding_release(c, binding);
}
