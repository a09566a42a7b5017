/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ends of calls: aborts, refusals, outcomes. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_END_H
#define SINEW_SERVICES_CALLS_END_H

#include "calls.h"

/* Gives the call up; the peer gets the code. ENDED follows: for an own call that settles, when the
 * peer has said what became of it. -EALREADY: it has ended, or was aborted. */
int call_abort(struct call *call, uint32_t code);

/* An own call, of which nothing can be heard before its application knows its end: it ends now,
 * also if it settles, and the peer gets an abort. -EALREADY: it has ended. */
int call_deadlock(struct call *call);

/* A piece of it cannot be sealed or opened: it ends at both sides, with reason CREDENTIAL.
 * -EALREADY: as call_abort(). */
int call_distrust(struct call *call);

/* The user forgets the call, see calls.h. Once for each own call, and for one of the peer unless it
 * got ENDED that was not held; after calls_down(), too. */
void call_let_go(struct call *call);
/* Instead of call_accept(): BUSY, NO_SERVICE, NO_OP, CREDENTIAL, TOO_BIG or CLOSING. The caller
 * learns that it was not executed; ENDED follows. -EALREADY: as call_accept(). */
int call_refuse(struct call *call, enum call_reason reason, uint32_t retry_ms);

/* ---- for the other files of the core ---- */

/* An own call ends, as far as this side knows. */
void own_end(struct call *call, unsigned reason, uint32_t code, enum calls_outcome outcome);
/* An own call is aborted, or its deadline is over: code for the peer. */
void own_abort(struct call *call, unsigned reason, uint32_t code);
/* The peer refused an own call for now: true if it is begun again later. */
bool own_retry(struct call *call, uint32_t retry_ms);
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

#endif
