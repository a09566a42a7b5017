/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions for the command about a membership by corosync, beyond sinew-corosync.h.
 * Knows nothing of their implementation.
 */
#ifndef MEMBERSHIP_COROSYNC_H
#define MEMBERSHIP_COROSYNC_H

#include "membership/sinew-corosync.h"
#include "membership/static.h"

/* The configuration that it began with, resolved; belongs to cs. */
const struct sinew_config *sinew_corosync_config(const struct sinew_corosync *cs);
uint32_t sinew_corosync_nodeid(const struct sinew_corosync *cs);
/* As hold_failed of the setup, which the configuration may decide. Before it is attached. */
void sinew_corosync_hold(struct sinew_corosync *cs);

#endif
