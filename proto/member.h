/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input of the caller about peers: configuration, membership, memory for sessions; and its effects
 * on sessions and links of the peer, and on HELLOs that are held.
 */
#ifndef SINEW_PROTO_MEMBER_H
#define SINEW_PROTO_MEMBER_H

#include "peer.h"

void peer_addrs(struct peer *p, const struct path_addr *addrs, unsigned n_addrs);
/* Never dials it, nor probes its paths, from now on; what we have dialled ends unless it is the
 * session's link. False: dials it again (R26). */
void peer_set_never_dial(struct peer *p, bool never);
/* Ends its session (SESSION_REMOVED) and forgets it; the block is the caller's
 * again after the next core_poll() loop. */
void peer_remove(struct peer *p);
/* Answer to CORE_PROVIDE, and once after peer_add(). */
void peer_provide(struct peer *p, struct session *s);

/* Membership (not static): idempotent, any order (R14, R16-R18). */
void peer_added(struct peer *p, uint64_t incarnation);
void peer_leaving(struct peer *p, uint64_t incarnation);
void peer_left(struct peer *p, uint64_t incarnation);
/* Also under static membership: the application knows that an incarnation is dead (fenced).
 * incarnation 0: the present one. */
void peer_failed(struct peer *p, uint64_t incarnation);

/* ---- for the other files of the core ---- */

/* Opens a session with that incarnation from the spare; NULL if none is provided. */
struct session *peer_open_session(struct peer *p, uint64_t incarnation);

#endif
