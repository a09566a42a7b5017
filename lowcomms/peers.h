/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's calls about peers and membership, from any thread, and their execution by the loop,
 * in order. Knows no links.
 */
#ifndef SINEW_LOWCOMMS_PEERS_H
#define SINEW_LOWCOMMS_PEERS_H

#include "lowcomms/node.h"

/* Loop thread: the commands of an inbox, which are freed. */
void commands_run(struct sinew_node *n, struct command *list);

#endif
