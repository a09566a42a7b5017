/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots and bindings. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_SLOTS_H
#define SINEW_SERVICES_CALLS_SLOTS_H

#include "calls.h"

/*
 * A number for calls to that service; the same one if it has one. Ends with calls_unbind().
 * -ENOSPC: cfg.n_bindings are in use. -ESTALE: the session is over. -EPROTO: rules were broken.
 */
int calls_bind(struct calls *c, uint16_t service, uint16_t *ret_binding);
/* Those that were begun with it go on. */
void calls_unbind(struct calls *c, uint16_t binding);

/* ---- for the other files of the core ---- */

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
/* An own call that is paused waits for a slot from now on, or gets one. */
void slots_wait(struct calls *c, struct call *call);
/* After more slots were granted. */
void slots_advance(struct calls *c);
void slot_mark(struct calls *c, struct call_slot *s, enum calls_due due);
void slot_clean(struct call_slot *s, unsigned due);
/* A call of the peer is over: its struct and slot are free. */
void slot_reset(struct call *call);
/* A call that has not sent its BEGIN needs the binding no more. */
void binding_release(struct calls *c, uint16_t binding);

#endif
