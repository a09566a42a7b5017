/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removal of peers: at once, or in order, while they wait in a list for the end of their handshake
 * or of their time. Knows no calls and no links; the core reports the progress of the other end.
 * Loop thread.
 */
#ifndef SINEW_LOWCOMMS_LEAVE_H
#define SINEW_LOWCOMMS_LEAVE_H

#include "lowcomms/node.h"

/* The peer is closed from now on; a second call can only shorten the time. */
void leave_begin(struct sinew_node *n, struct member *m, uint64_t linger_ns);
/* Removes those whose handshake, or time, is over. Where callbacks may run. */
void leave_tick(struct sinew_node *n);
/* Something ended that one of them may wait for: leave_tick() comes soon. */
static inline void leave_check(struct sinew_node *n)
{
	if (!list_empty(&n->directory.leaving))
		node_sweep_in(n, 0);
}
/* Ends the rest of its session. The table does not have it any more; it is forgotten. */
void member_remove(struct sinew_node *n, struct member *m);

#endif
