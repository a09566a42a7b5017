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
	struct sinew_corosync_member *members, *before;	/* as they are, as they were */
	unsigned n_members;
};

/* v: zeroed, until there is one. */
void publish(struct published *p, const struct view *v, const struct sinew_config *config,
	     bool is_connected, uint64_t wall_ms);

#endif
