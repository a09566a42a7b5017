/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The credentials of a session, of both directions. See calls.h; bindings name them.
 */
#ifndef SINEW_SERVICES_CALLS_CRED_H
#define SINEW_SERVICES_CALLS_CRED_H

#include "calls.h"
#include "calls_slots.h"

/* The number of a credential of the peer, for the user's table: its place there, from 0 on. */
static inline unsigned calls_cred_place(const struct calls *c, const struct call_cred *cred)
{
	return (unsigned)(cred - c->in_creds);
}

/* ---- for the other files of the core ---- */

/* The number that it has, or may have; -ENOSPC, -EMSGSIZE: see calls_bind(). */
int cred_find(const struct calls *c, const struct calls_cred *as);
/* A binding that was free has that one from now on; a binding that has it is free. */
void cred_use(struct calls *c, uint16_t cred, const struct calls_cred *as);
void cred_left(struct calls *c, uint16_t cred);
/* The next CRED or UNCRED. False: none is due. */
bool cred_due(const struct calls *c, struct call_frame *f, struct span *data);
/* It is in the ring. */
void cred_put(struct calls *c, uint16_t cred);

/* Frames of the peer: NULL, or the broken rule. */
const char *rx_cred(struct calls *c, const struct call_frame *f);
const char *rx_uncred(struct calls *c, const struct call_frame *f);
bool peers_cred_is_known(const struct calls *c, uint16_t cred);
/* A binding or call of the peer has it, or has it no more. The bytes that seal a piece. */
uint16_t peers_cred_use(struct calls *c, uint16_t cred);
void peers_cred_left(struct calls *c, uint16_t cred);
/* The one whose event is due; the user is told of it. */
struct call_cred *peers_cred_told(struct calls *c);
/* The session is over: those of the peer go. */
void creds_down(struct calls *c);

#endif
