/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the files of the core of calls alone: their functions for each other.
 *	calls.c		the session: begin, close, end, time
 *	calls_slots.c	slots, bindings, own calls that wait
 *	calls_begin.c	what the application does with own calls and those of the peer
 *	calls_window.c	windows, consumption, whose turn it is
 *	calls_end.c	ends and outcomes
 *	calls_rx.c	frames of the peer
 *	calls_tx.c	frames for the ring
 *	calls_event.c	events for the application
 */
#ifndef SINEW_SERVICES_CALLS_INNER_H
#define SINEW_SERVICES_CALLS_INNER_H

#include "calls.h"

/* Frames that a slot has due. */
enum calls_due {
	DUE_ABORT = 1, DUE_END = 2, DUE_ACCEPT = 4, DUE_CREDIT = 8, DUE_FINAL = 16,
};

/* Events that a call has pending; they are pulled from the lowest bit on. */
enum call_pending {
	P_NEW = 1, P_ACCEPTED = 2, P_DATA = 4, P_ROOM = 8, P_FINAL = 16, P_ENDED = 32,
};

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline void calls_arm(struct calls *c, uint64_t at_ns)
{
	if (at_ns < c->deadline_ns)
		c->deadline_ns = at_ns;
}

/* NULL: it has none, or no more. */
static inline struct call_slot *call_slot(const struct call *call)
{
	if (call->slot == CALL_SLOT_NONE)
		return NULL;
	return &(call->incoming ? call->calls->in : call->calls->out)[call->slot];
}

/* Frames can still go to the peer. */
static inline bool calls_may_send(const struct calls *c)
{
	return !c->down && !c->broken && !c->fin_gone;
}

/* ---- calls_event.c ---- */

void call_tell(struct call *call, enum call_pending what);
/* Drops what is pending. */
void call_tell_nothing(struct call *call);

/* ---- calls_slots.c ---- */

void slots_init(struct calls *c);
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
/* After more slots were granted. */
void slots_advance(struct calls *c);
void slot_mark(struct calls *c, struct call_slot *s, enum calls_due due);
void slot_clean(struct call_slot *s, unsigned due);
/* A call of the peer is over: its struct and slot are free. */
void slot_reset(struct call *call);
/* A call that has not sent its BEGIN needs the binding no more. */
void binding_release(struct calls *c, uint16_t binding);

/* ---- calls_window.c ---- */

void tx_init(struct call_tx *tx, uint32_t window);
void rx_init(struct call_rx *rx, uint32_t window);
/* Offers; -EMSGSIZE, -EINVAL as call_begin(). */
int tx_offer(struct call_tx *tx, struct span data, bool last);
/* Puts the call into the turn, or takes it out. */
void tx_schedule(struct call *call);
/* Bytes of the next piece. */
size_t tx_piece(const struct call *call);
/* n bytes are in the ring. */
void tx_put(struct call *call, size_t n);
/* The peer has consumed, and grants a window beyond that. False: it has not. */
bool tx_credit(struct call *call, uint32_t consumed, uint32_t window);
/* The bytes of a frame. NULL, or the broken rule. */
const char *rx_data(struct call *call, const struct call_frame *f);
/* All that has arrived counts as consumed, and no more will be. */
void rx_close(struct call *call);
/* CREDIT is in the ring. */
void rx_told(struct call *call);

/* ---- calls_end.c ---- */

/* An own call ends, as far as this side knows. */
void own_end(struct call *call, unsigned reason, uint32_t code, enum calls_outcome outcome);
/* An own call is aborted, or its deadline is over: code for the peer. */
void own_abort(struct call *call, unsigned reason, uint32_t code);
enum calls_outcome own_outcome(const struct call *call);
/* A call of the peer is to stop: it keeps its slot until it is let go. */
void peers_stop(struct call *call, unsigned reason, uint32_t code);
/* A call of the peer ends by END. */
void peers_refuse(struct call *call, unsigned reason, uint32_t code);
/* The last piece of its reply is in the ring. */
void peers_replied(struct call *call);
/* END is in the ring. */
void peers_end_sent(struct call *call);
/* Nothing more is heard of a reply that was sent; consumed: all of it was. */
void peers_final(struct call *call, bool consumed);
/* Ends each call of the session, of which nothing from the ring position high on ever left. */
void calls_end_all(struct calls *c, unsigned reason, uint64_t high);

/* ---- calls.c ---- */

/* The peer broke that rule. */
int calls_break(struct calls *c, const char *rule);
void calls_broken(struct calls *c, const char *rule);

#endif
