/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plain calls, what nearly all are: begun for no other call, without credential or wishes, request
 * and reply one frame each. Each function here does at once what several of the other files do one
 * after another, and leaves the same state as these, but for the fields that nobody reads any more:
 * so plain steps and others may alternate in one call. First it is asked whether a step is plain;
 * where it is not, take the functions that it stands for. Owns no state of its own.
 *
 * The frames are written by the user, to where they lie in the ring, and are in the ring before the
 * function behind it is called.
 */
#ifndef SINEW_SERVICES_CALLS_PLAIN_H
#define SINEW_SERVICES_CALLS_PLAIN_H

#include "calls_words.h"
#include "calls.h"
#include "calls_after.h"
#include "calls_check.h"
#include "calls_event.h"
#include "calls_slots.h"
#include "calls_window.h"

#include <assert.h>

/* No frame waits, nor does anything else stand before one of a call. */
static inline bool plain_may_send(const struct calls *c)
{
	return calls_usual(c) && !c->n_binds && list_empty(&c->ready) && list_empty(&c->dirty);
}

/* The free slot that a call of depth 0 by that binding gets, and n bytes of its request go in one
 * frame; NULL: call_begin(). */
static inline struct call_slot *plain_slot(const struct calls *c, const struct call_binding *b,
					   size_t n)
{
	if (!plain_may_send(c) || c->n_taken >= c->plain.slots || n > c->plain.sent ||
	    b->upgrade == UPGRADE_PROBING || b->cred || service_is_system(b->service))
		return NULL;
	assert(b->users && b->state == CALL_BOUND);
	return c->free;
}

/* The first word of BEGIN of the next call of that slot. */
static inline uint64_t plain_begin_word(const struct call_slot *s)
{
	return call_word(CALL_PLAIN_BEGIN, s->index, s->gen + 1);
}

/* A call that begins by plain_begun(): its slot, as plain_slot() says, and binding. */
struct plain_begin {
	struct call_slot *slot;
	struct call_binding *b;
	uint16_t binding;	/* the number of b */
	uint32_t op;
	uint64_t total;
	size_t n;		/* bytes of the request */
	uint64_t deadline_ns;
	void *user;
};

/* call_begin(), and its only frame is in the ring up to the position end. The memory was prepared,
 * or plain_let_go() has given it back: neither reply nor end is left in it. */
static inline __attribute__((always_inline)) void plain_begun(struct calls *c, struct call *call,
							      const struct plain_begin *p,
							      uint64_t end)
{
	assert(call->calls == c && call->state == CALL_FREE && !call->pending && !call->depth);
	assert(call->rx.total == CALL_TOTAL_UNKNOWN && !call->rx.opened && !call->outcome);
	call->user = p->user;
	call->op = p->op;
	call->binding = p->binding;
	call->deadline_ns = p->deadline_ns;
	call->begin_end = call->last_end = end;
	call->tx.total = p->total;
	call->tx.sent = p->n;
	call->tx.consumed = 0;
	call->tx.opened = call->tx.last = call->tx.complete = true;
	call->tx.want_room = false;
	call->plain = PLAIN_BEGUN;
	slot_give(c, p->slot, call, p->b, false, 0);
	p->b->used = true;
	c->n_own++;
	c->n.begun++;
	calls_arm(c, p->deadline_ns);
	calls_check(c);
}

/* All of the request is in the ring, and the reply is of no concern to others. */
static inline bool plain_was_asked(const struct call *call)
{
	return call->plain == PLAIN_BEGUN || (call->tx.complete && !call->retry && !call->cred &&
					      !(call->flags & CALL_UPGRADE));
}

/* The slot whose call this frame answers with a whole reply, whose data are *ret; NULL:
 * calls_frame(). All events were taken. */
static inline struct call_slot *plain_answered(const struct calls *c, const uint8_t *body,
					       size_t len, struct span *ret)
{
	uint64_t word, total;
	struct call_slot *s;
	struct call *call;
	size_t n = len - CALL_REPLY_HEAD;

	if (!call_is_plain_reply(body, len) || !calls_usual(c) || n > c->plain.taken)
		return NULL;
	word = get_le64(body);
	total = get_le64(body + 8);
	if ((uint16_t)(word >> 16) >= c->cfg.theirs.slots)
		return NULL;
	s = calls_own_slot(c, (uint16_t)(word >> 16));
	call = s->call;
	if (!call || call->gen != (uint32_t)(word >> 32) || call->state != CALL_OPEN ||
	    !plain_was_asked(call) || call->rx.opened || s->due || s->followed ||
	    (total != CALL_TOTAL_UNKNOWN && total != n))
		return NULL;
	assert(s->taken && !s->over && !call->pending);
	*ret = (struct span){ body + CALL_REPLY_HEAD, n };
	return s;
}

/* calls_frame() of it, and both its events were taken, all data consumed. The call is over: nobody
 * asks what was received. */
static inline void plain_answer(struct calls *c, struct call_slot *s)
{
	struct call_binding *b = &c->out_bindings[s->binding];
	struct call *call = s->call;

	assert(call->state == CALL_OPEN && !call->pending && !call->rx.received);
	if (call->plain) {
		assert(!service_is_system(b->service) && !s->depth);
		call->plain = PLAIN_ANSWERED;
		c->held[false][0]--;
	} else {
		c->held[service_is_system(b->service)][s->depth]--;
	}
	call->state = CALL_OVER;
	call->reason = CALLS_REPLIED;
	call->outcome = CALLS_DONE;
	call->slot = CALL_SLOT_NONE;
	c->n.ended[CALLS_DONE]++;
	s->over = true;
	s->call = NULL;
	s->taken = false;
	b->held--;
	c->n_taken--;
	c->n_awaited--;
	slot_push(c, s);
	if (c->n_lined)
		slots_advance(c);
	calls_check(c);
}

/* call_let_go() of a call that was begun and answered plainly; false: take it. The memory is as
 * before the call: its reply has left nothing in it. */
static inline bool plain_let_go(struct call *call)
{
	struct calls *c = call->calls;

	if (call->plain != PLAIN_ANSWERED)
		return false;
	assert(call->state == CALL_OVER && call->slot == CALL_SLOT_NONE && !call->pending);
	assert(call->rx.limit == c->cfg.ours.window && call->rx.window == call->rx.limit);
	call->reason = call->outcome = 0;
	call->accepted = call->asked = false;
	call->state = CALL_FREE;
	c->n_own--;
	calls_check(c);
	return true;
}

/* ---- a call of the peer ---- */

/* calls_frame() of a whole request. False: take it. */
static inline bool plain_begin_came(struct calls *c, const uint8_t *body, size_t len)
{
	size_t n = len - CALL_BEGIN_HEAD;
	uint64_t word, total;
	struct call_binding *b;
	struct call_slot *s;
	struct call *call;
	uint16_t binding;

	if (!call_is_plain_begin(body, len) || !calls_usual(c) || n > c->plain.taken)
		return false;
	word = get_le64(body);
	total = get_le64(body + 8);
	binding = get_le16(body + 28);
	if ((uint16_t)(word >> 16) >= c->cfg.ours.slots || binding >= c->cfg.n_bindings ||
	    body[32] > c->cfg.depth_max || (total != CALL_TOTAL_UNKNOWN && total != n))
		return false;
	b = &c->in_bindings[binding];
	s = calls_peers_slot(c, (uint16_t)(word >> 16));
	call = s->call;
	if (b->state != CALL_BOUND || b->cred || call->state != CALL_FREE ||
	    s->gen + 1 != (uint32_t)(word >> 32))
		return false;
	b->used = true;
	s->gen++;
	tx_init(&call->tx, c->cfg.theirs.window);
	rx_init(&call->rx, c->cfg.ours.window);
	call->rx.opened = call->rx.complete = true;
	call->rx.total = total;
	call->rx.received = n;
	call->rx.fresh[0] = (struct span){ body + CALL_BEGIN_HEAD, n };
	call->rx.n_fresh = 1;
	call->state = CALL_OPEN;
	call->gen = s->gen;
	call->op = get_le32(body + 16);
	call->depth = body[32];
	call->binding = binding;
	call->service = b->service;
	call->begun_ns = c->now_ns;
	call->timer_ns = CALLS_NEVER;
	call->deadline_ns = calls_deadline_in(c, get_le32(body + 20));
	calls_arm(c, call->deadline_ns);
	call->plain = PLAIN_CAME;
	call->pending = P_NEW | P_DATA;
	list_append(&c->unshown, &call->event);
	c->n_in++;
	calls_check(c);
	return true;
}

/* The call whose events NEW and DATA, with the whole request, come next; NULL: calls_event(). */
static inline struct call *plain_new(const struct calls *c)
{
	struct call *call = list_first(&c->events, struct call, event);

	if (list_empty(&c->events) || call->plain != PLAIN_CAME ||
	    call->pending != (P_NEW | P_DATA))
		return NULL;
	assert(call->incoming && call->state == CALL_OPEN && call->rx.complete);
	return call;
}

/* Both were taken, the call accepted, and its data consumed: they are returned. Unless the call is
 * dropped at once, plain_stays() is to follow before time passes. */
static inline struct span plain_accept(struct calls *c, struct call *call, void *user)
{
	struct span data = call->rx.fresh[0];

	assert(call->pending == (P_NEW | P_DATA) && !call->rx.consumed);
	list_remove(&call->event);
	call->pending = 0;
	call->user = user;
	call->rx.fresh[0] = (struct span){ 0 };
	call->rx.n_fresh = 0;
	call->rx.consumed = call->rx.received;
	call->accepted = true;
	call->plain = PLAIN_ACCEPTED;
	call->timer_ns = c->now_ns + CALLS_ACCEPT_NS;
	c->n.shown++;
	calls_check(c);
	return data;
}

/* The call stays open after its functions have returned: the timer of ACCEPT runs from now on,
 * unless the call was answered. */
static inline void plain_stays(struct call *call)
{
	calls_arm(call->calls, call->timer_ns);
}

/* Its request is consumed, and nothing is known of its reply. */
static inline bool plain_is_open(const struct call *call)
{
	return !call->tx.opened && !call->tx.last && !call->cred && !call->final &&
		call->rx.complete && call->rx.consumed == call->rx.received &&
		call->tx.total == CALL_TOTAL_UNKNOWN;
}

/* It was plain until here: that is so. */
static inline bool plain_is_unanswered(const struct call *call)
{
	assert(call->plain != PLAIN_ACCEPTED || call->state != CALL_OPEN || plain_is_open(call));
	return call->plain == PLAIN_ACCEPTED;
}

/* A whole reply of n bytes goes in one frame, at once; false: call_send(). */
static inline bool plain_may_reply(const struct call *call, size_t n)
{
	const struct calls *c = call->calls;

	assert(call->incoming && (!plain_may_send(c) || !calls_peers_slot(c, call->slot)->due));
	return call->state == CALL_OPEN && plain_may_send(c) && n <= c->plain.sent &&
		(plain_is_unanswered(call) || plain_is_open(call)) && !call->pending;
}

static inline void plain_put_reply(const struct call *call, uint8_t *p)
{
	assert(call->incoming && call->state == CALL_OPEN);
	call_put_reply(p, call_word(CALL_PLAIN_REPLY, call->slot, call->gen),
		       CALL_TOTAL_UNKNOWN, call->service);
}

/* call_send() of it, and the frame is in the ring up to the position end. plain_tell_end() or
 * plain_keep_end() is next. */
static inline void plain_replied(struct call *call, size_t n, uint64_t end)
{
	assert(plain_may_reply(call, n));
	call->accepted = true;
	call->tx.opened = call->tx.last = call->tx.complete = true;
	call->tx.sent = n;
	call->last_end = end;
	call->timer_ns = CALLS_NEVER;
	call->state = CALL_OVER;
	call->reason = CALLS_REPLIED;
	call->outcome = CALLS_DONE;
}

/* ENDED is the next event of it. */
static inline void plain_tell_end(struct call *call)
{
	struct calls *c = call->calls;

	assert(call->state == CALL_OVER && !call->pending);
	if (call->plain)
		call->plain = PLAIN_CAME;
	call->pending = P_ENDED;
	list_append(&c->events, &call->event);
	calls_check(c);
}

/* It came plainly, and is likely to be let go at once: plain_drop_kept() or plain_tell_end() is to
 * follow, and call_let_go() may. */
static inline void plain_keep_end(struct call *call)
{
	assert(call->state == CALL_OVER && call->plain == PLAIN_ACCEPTED && !call->pending);
	call->plain = PLAIN_REPLIED;
	calls_check(call->calls);
}

/* A call of the peer was answered, and that is all; false: call_let_go(). */
static inline bool plain_may_drop(const struct call *call)
{
	return call->state == CALL_OVER && call->reason == CALLS_REPLIED &&
		call->pending == P_ENDED && !call->cred;
}

/* peers_clear() of a call that came plainly and was answered, but for what BEGIN fills in. */
static inline void plain_clear(struct call *call)
{
	assert(list_empty(&call->event) && list_empty(&call->queue) && !call->rx.n_fresh);
	assert(!(calls_peers_slot(call->calls, call->slot)->due & ~DUE_STATE) && !call->pending);
	call->user = NULL;
	call->tx.sent = 0;
	call->tx.consumed = 0;
	call->tx.opened = call->tx.last = call->tx.complete = call->tx.want_room = false;
	call->rx.received = call->rx.consumed = 0;
	call->rx.complete = false;
	call->last_end = 0;
	call->state = CALL_FREE;
	call->reason = call->outcome = 0;
	call->accepted = false;
	call->plain = PLAIN_NOT;
}

/* call_let_go() of it. */
static inline void plain_drop(struct call *call)
{
	struct calls *c = call->calls;

	assert(plain_may_drop(call));
	list_remove(&call->event);
	call->pending = 0;
	if (call->plain)
		plain_clear(call);
	else
		peers_clear(call);
	c->n_in--;
	calls_check(c);
}

/* The same behind plain_keep_end(). */
static inline void plain_drop_kept(struct call *call)
{
	struct calls *c = call->calls;

	assert(call->state == CALL_OVER && call->plain == PLAIN_REPLIED);
	plain_clear(call);
	c->n_in--;
	calls_check(c);
}

#endif
