/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's calls about peers and membership, from any thread, and their execution by the loop,
 * in order. Knows no links.
 */
#ifndef SINEW_LOWCOMMS_PEERS_H
#define SINEW_LOWCOMMS_PEERS_H

#include "lowcomms/node.h"

/* The start of every call that leaves a command: takes the directory's lock. 0, -EINVAL without a
 * node, -ECHILD, -ENOMEM. */
int command_begin(struct sinew_node *n, enum command_kind kind, uint32_t nodeid,
		  struct command **ret);
/* Hands the command over, or frees it after an error. Gives the directory's lock back: from then
 * on the command and what it leads to are the loop's, which may have freed them. Returns err. */
int command_end(struct sinew_node *n, struct command *c, int err);
/* Loop thread: the commands of an inbox, which are freed. */
void commands_run(struct sinew_node *n, struct command *list);

#endif
