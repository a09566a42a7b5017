/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done on the loop for sinew_peer_close(): its commands wait in a list of the node until
 * their peers can be removed. Knows nothing of the calls.
 */
#ifndef SINEW_LOWCOMMS_LEAVE_H
#define SINEW_LOWCOMMS_LEAVE_H

#include "lowcomms/node.h"

/* The peer is closed from now on; takes the command, whose until_ns is still a time span. */
void leave_begin(struct sinew_node *n, struct command *c, struct member *m);
/* It is removed otherwise. */
void leave_forget(struct sinew_node *n, const struct member *m);
/* Removes those whose handshake, or time, is over. Where callbacks may run. */
void leave_tick(struct sinew_node *n);
/* Something ended that one of them may wait for: leave_tick() comes soon. */
void leave_look(struct sinew_node *n);
/* The node goes. */
void leave_free(struct sinew_node *n);

#endif
