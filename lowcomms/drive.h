/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Iterations of the loop: passes time and events to the core. Knows no frame and no socket.
 */
#ifndef SINEW_LOWCOMMS_DRIVE_H
#define SINEW_LOWCOMMS_DRIVE_H

#include "lowcomms/node.h"

/* One turn: waits at most until timeout_ms (-1: for ever) is over. Returns events handled. */
int node_turn(struct sinew_node *n, int timeout_ms);

#endif
