/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of a configuration become peers of a node. Knows nothing of the file's syntax.
 */
#ifndef MEMBERSHIP_JOIN_H
#define MEMBERSHIP_JOIN_H

#include "membership/sinew-config.h"

/* Adds a node of the file as a peer, with these addresses, and not dialled if the file says so.
 * Errors of sinew_peer_add(). */
int join_add(const struct sinew_config *config, struct sinew_node *node, uint32_t nodeid,
	     const struct sockaddr_storage *addrs, unsigned n_addrs);
/* Whether its peers are dialled, as another file says it. */
void join_set_dial(const struct sinew_config *config, struct sinew_node *node);
/* The names of its peers, and its own. One that lacks memory has the name that it had. */
void join_set_names(const struct sinew_config *config, struct sinew_node *node);

#endif
