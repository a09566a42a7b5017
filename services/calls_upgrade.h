/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The upgrade of a binding to a newer service of the peer. See calls.h.
 *
 * The first BEGIN by the number of a binding may have the flag UPGRADE: that call is the probe.
 * The called side puts the newer service in place of the one that BIND named, for the probe and all
 * later calls by that number; one that has none, or does not know the flag, changes nothing. The
 * probe's first ACCEPT, REPLY or END of a call that was shown names the service that it has.
 * Meanwhile the caller's other calls by that binding wait as for a slot. If the probe ends without
 * such a word, the caller binds the number anew, so that both sides agree that nothing is decided.
 */
#ifndef SINEW_SERVICES_CALLS_UPGRADE_H
#define SINEW_SERVICES_CALLS_UPGRADE_H

#include "calls.h"

/* The service that calls have which are begun by it now; may change while a probe lasts. */
static inline uint16_t binding_service(const struct calls *c, uint16_t binding)
{
	return c->out_bindings[binding].in_force;
}

/* At the event NEW of a call of the peer: it wants an upgrade. */
static inline bool upgrade_is_wanted(const struct call *call)
{
	return call->incoming && call->flags & CALL_UPGRADE;
}

/* It gets one: the call and later ones of its binding are for that service. */
void upgrade_to(struct call *call, uint16_t service);

/* ---- for the other files of the core ---- */

/* An own call that begins is to ask. */
void upgrade_ask(struct call *call);
/* BEGIN of the probe waits for a number that no other call has used. */
bool upgrade_needs_number(const struct call *call);
/* The first frame back of an own call says that service. NULL, or the rule that it breaks. */
const char *upgrade_answer(struct call *call, uint16_t service);
/* The call ends, and if it asks, without an answer. */
void upgrade_over(struct call *call);
/* The same, but it is begun again, and asks then. */
void upgrade_later(struct call *call);
/* BEGIN of the peer. NULL, or the rule that it breaks. */
const char *upgrade_begin(struct call_binding *b, const struct call_frame *f);

#endif
