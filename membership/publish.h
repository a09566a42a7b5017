/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public state of a membership by corosync: its status and its members, copied out of the
 * thread's own state. Draws no conclusions.
 */
#ifndef MEMBERSHIP_PUBLISH_H
#define MEMBERSHIP_PUBLISH_H

#include "membership/sinew-config.h"
#include "membership/sinew-corosync.h"
#include "membership/view.h"

struct published {
	int change_fd;			/* constant; an eventfd */
	struct sinew_corosync_status status;
	unsigned n_members;
	struct sinew_corosync_member members[VIEW_NODES_MAX + 1];	/* and ourselves */
	struct sinew_corosync_member now[VIEW_NODES_MAX + 1];	/* as they are, to be compared */
};

/* v: zeroed, until there is one. */
void publish(struct published *p, const struct view *v, const struct sinew_config *config,
	     bool is_connected, uint64_t wall_ms);

#endif
