/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executes the actions of the core, and calls the application. Knows no frame and no socket.
 * Thread that drives the node.
 */
#ifndef SINEW_LOWCOMMS_ACTIONS_H
#define SINEW_LOWCOMMS_ACTIONS_H

#include "lowcomms/node.h"

/* The slow path of node_actions(). */
void actions_run(struct sinew_node *n);
/* Until the core is at rest, as it mostly is. */
static inline void node_actions(struct sinew_node *n)
{
	if (n->errands.self_lost_due || !core_at_rest(&n->core))
		actions_run(n);
}
/* Gives the core memory for the next session of a peer, or tries again at the next sweep. */
void node_spare(struct sinew_node *n, struct member *m);
/* Asks the application to fence a node. */
void node_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
		enum sinew_fence_reason reason);
/* Takes a new incarnation; every peer goes down. */
void node_renew(struct sinew_node *n);

#endif
