/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes of a configuration file: where they are, and the two files by which
 * they meet at the relay instead. Knows nothing of what happens there.
 */
#ifndef TOOLS_BREAK_RELAY_CONFIG_H
#define TOOLS_BREAK_RELAY_CONFIG_H

#include <stdint.h>
#include <sys/socket.h>

#include "tools/break/relay_plan.h"

/* The first address of each node. Negative errno after it said why. */
int relay_config_ends(const char *file, const uint32_t nodes[RELAY_SIDES],
		      struct sockaddr_storage ret_ends[RELAY_SIDES]);
/*
 * Makes DIR (if it is not there) and in it ID.conf for each of the two: the same
 * text, but the other node has its stand-in as only address. The file must have
 * been good for relay_config_ends(). Negative errno after it said why.
 */
int relay_config_write(const char *file, const char *dir, const uint32_t nodes[RELAY_SIDES],
		       const struct sockaddr_storage stand_ins[RELAY_SIDES]);

#endif
