/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that talks to corosync and drives the membership of the node: it connects,
 * joins the group, updates the view and reports to the node; when corosync is lost it
 * starts again. Knows nothing of corosync's calls; ipc.c does.
 */
#ifndef MEMBERSHIP_FOLLOW_H
#define MEMBERSHIP_FOLLOW_H

/* The thread; arg is a struct sinew_corosync with a reference of its own. */
void *follow_run(void *arg);

#endif
