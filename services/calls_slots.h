/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots and bindings. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_SLOTS_H
#define SINEW_SERVICES_CALLS_SLOTS_H

#include "calls.h"
#include "calls_clear.h"
#include "calls_window.h"

#include <assert.h>

/* A credential of this side. */
struct calls_cred {
	uint64_t id;		/* of no other one */
	struct span bytes;	/* unchanged while a binding of it is not unbound, or a call without
				 * BEGIN uses one */
	uint16_t kind;
	uint16_t extra;		/* bytes that the seal adds to each of its pieces */
};

/*
 * A number for calls to that service with that credential (NULL: none); the same one if they have
 * one. Ends with calls_unbind(). The peer learns of the credential before its first binding, and of
 * its end when no binding and no call of it is left.
 * -ENOSPC: cfg.n_bindings are in use, or cfg.n_creds credentials. -EMSGSIZE: it is longer than
 * cfg.cred_max, or the pieces of one side hold no such seal and a byte. -ESTALE: the session is
 * over. -EPROTO: rules were broken.
 */
int calls_bind(struct calls *c, uint16_t service, const struct calls_cred *as,
	       uint16_t *ret_binding);
/* Those that were begun with it go on. */
void calls_unbind(struct calls *c, uint16_t binding);

/* ---- for the other files of the core ---- */

static inline bool service_is_system(uint16_t service)
{
	return service < CALLS_SYSTEM;
}

/* The memory of an own call before it begins. */
static inline void own_prepare(struct calls *c, struct call *call)
{
	calls_clear(call, sizeof *call);
	call->calls = c;
	list_init(&call->event);
	list_init(&call->queue);
	tx_init(&call->tx, c->cfg.theirs.window);
	rx_init(&call->rx, c->cfg.ours.window);
	call->timer_ns = CALLS_NEVER;
	call->slot = CALL_SLOT_NONE;
	call->after.slot = CALL_SLOT_NONE;
}

/* It is free from now on. */
static inline void slot_push(struct calls *c, struct call_slot *s)
{
	s->next = c->free;
	c->free = s;
}

/* The call gets that slot, the first of the free ones. b: its binding, whether of a service of the
 * library. */
static inline void slot_give(struct calls *c, struct call_slot *s, struct call *call,
			     struct call_binding *b, bool is_system, uint8_t depth)
{
	assert(b == &c->out_bindings[call->binding] && is_system == service_is_system(b->service));
	assert(!s->taken && !s->due && !s->call && c->n_taken < c->cfg.theirs.slots);
	assert(s == c->free && depth == call->depth);
	c->free = s->next;
	s->taken = true;
	s->over = false;
	s->call = call;
	s->gen++;
	s->depth = depth;
	s->binding = call->binding;
	b->held++;
	c->held[is_system][depth]++;
	c->n_taken++;
	c->n_awaited++;
	call->slot = s->index;
	call->gen = s->gen;
	call->state = CALL_OPEN;
	call->service = b->in_force;
}

/* Its struct is for the next call of its slot; it is in no list. */
static inline void peers_clear(struct call *call)
{
	uint16_t slot = call->slot;

	assert(call->incoming && list_empty(&call->event) && list_empty(&call->queue));
	call->user = NULL;
	calls_clear((char *)call + offsetof(struct call, tx),
		    sizeof *call - offsetof(struct call, tx));
	call->slot = slot;
	call->incoming = true;
}

void slots_init(struct calls *c);
/* So many own slots may be taken from now on. */
void slots_set_target(struct calls *c, uint16_t target);
/* A call of that kind may have a slot now. */
bool slots_may_take(const struct calls *c, uint16_t binding, uint8_t depth);
/* One may: the call gets it, and its turn to send BEGIN. */
void slots_take(struct calls *c, struct call *call);
/* Frees an own slot whose call needs it no more, and gives it to one that waits. */
void slot_check(struct calls *c, struct call_slot *s);
/* The peer has ended its side. */
void slot_over(struct calls *c, struct call_slot *s);
/* The call of an own slot was given up. */
void slot_forget(struct calls *c, struct call_slot *s);
/* A new call, or one that is paused no more, has none: it waits for one. */
void slots_line(struct calls *c, struct call *call);
/* It waits for none any more. */
void slots_unline(struct calls *c, struct call *call);
/* An own call that is paused waits for a slot from now on, or gets one. */
void slots_wait(struct calls *c, struct call *call);
/* After more slots were granted. */
void slots_advance(struct calls *c);
void slot_mark(struct calls *c, struct call_slot *s, enum calls_due due);
void slot_clean(struct call_slot *s, unsigned due);
/* A call of the peer is over: its struct and slot are free. */
void slot_reset(struct call *call);
/* Lets its credential go if it is free now: unbound, and without slots. */
void binding_settle(struct calls *c, struct call_binding *b);
/* Changes the state of an own binding, and counts the frames that are due. */
void binding_becomes(struct calls *c, struct call_binding *b, enum call_bound state);
/* A call that has not sent its BEGIN needs the binding no more. */
void binding_release(struct calls *c, uint16_t binding);

#endif
