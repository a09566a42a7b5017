/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The publications of one session's peer, from its server into ours: a view of what it owns and
 * gives to the cluster, whose events become rows of the session's owner. Pure. Knows nothing of the
 * stream but its events and its end.
 */
#ifndef SINEW_SERVICES_TOPO_PEER_H
#define SINEW_SERVICES_TOPO_PEER_H

#include <stdint.h>

#include "topo.h"
#include "topo_view.h"

struct topo_peer {
	struct topo *topo;
	struct topo_owner owner;	/* its NODE is published by the user, as TOPO_PUB_NODE */
	struct topo_view view;
};

/* max: publications, TOPO_PEER_MAX but in tests. 0 or -ENOMEM. */
int topo_peer_init(struct topo_peer *p, struct topo *t, uint32_t node, uint64_t incarnation,
		   uint32_t max);
/* The session is over: all of it is withdrawn, as one group, its NODE last. */
void topo_peer_fini(struct topo_peer *p);

/* The request for the peer's server, at first and after topo_peer_lost(). */
void topo_peer_request(const struct topo_peer *p, struct topo_request *ret);
/*
 * Takes an event of its server.
 * Returns 0; -EPROTO: not one that can come, or of what is not the peer's to publish; -ENOSPC: more
 * than the peer, or all, may publish; -ENOMEM. After an error the stream is of no use:
 * topo_peer_lost(), and another one goes on where it was.
 */
int topo_peer_event(struct topo_peer *p, const struct topo_event *e);
/* The stream is over, the session is not. */
void topo_peer_lost(struct topo_peer *p);

#endif
