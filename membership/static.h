/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static membership: functions of a configuration for our own programs and for membership by
 * corosync, beyond sinew-config.h. Knows nothing of corosync itself, nor of messages.
 */
#ifndef MEMBERSHIP_STATIC_H
#define MEMBERSHIP_STATIC_H

#include "membership/config.h"
#include "membership/sinew-config.h"

#define STATIC_FILE_MAX		(4 << 20)	/* bytes of a file */
#define STATIC_AGAIN_MS		5000	/* between two searches for names that have no address */
#define STATIC_NODES_MAX	1025		/* max_peers at its limit, and the own node */

struct sinew_config *static_copy(const struct sinew_config *config);
/* -EINVAL after config_fail(): that node and another one of the file are never dialled. */
int static_check_dial(const struct sinew_config *config, uint32_t nodeid,
		      struct config_error *err);

#endif
