/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop's part of sinew_peer_close(): closed peers wait in a list of the node until they can be
 * removed. Knows nothing of the calls.
 */
#ifndef SINEW_LOWCOMMS_LEAVE_H
#define SINEW_LOWCOMMS_LEAVE_H

#include "lowcomms/node.h"

/* The peer is closed from now on; a second call can only shorten the time. */
void leave_begin(struct sinew_node *n, struct member *m, uint64_t linger_ns);
/* Removes those whose handshake, or time, is over. Where callbacks may run. */
void leave_tick(struct sinew_node *n);
/* Something ended that one of them may wait for: leave_tick() comes soon. */
void leave_look(struct sinew_node *n);

#endif
