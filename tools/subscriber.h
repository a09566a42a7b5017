/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subscribers to the topology of a node on this machine, for subcommands: how one begins, waits and
 * ends. Knows nothing of what is published.
 */
#ifndef TOOLS_SUBSCRIBER_H
#define TOOLS_SUBSCRIBER_H

#include "services/sinew-topo.h"
#include "tools/local.h"

struct subscriber {
	int status;		/* the first that was not STATUS_OK */
	bool is_over;
};

/* A status, after it said what is wrong. */
int subscriber_connect(const struct local_arguments *args, struct sinew_topo **ret_topo);
/* Waits until a signal comes or *is_over. more_fd: -1, or readable() is called when it is. */
void subscriber_wait(struct sinew_topo *topo, int signal_fd, const bool *is_over, int more_fd,
		     void (*readable)(void *arg), void *arg);
/* Connects and subscribes; fn gets the events, with user, until a signal comes or *s is over. Its
 * status, or that of what failed before. */
int subscriber_run(struct subscriber *s, const struct local_arguments *args,
		   const struct sinew_topo_filter *filter, sinew_topo_fn fn, void *user);
/* From within fn. */
void subscriber_end(struct subscriber *s, int status);
/* The same for changes: prints each event, until printing gives another status than STATUS_OK, too.
 * Tells the service manager when it is current. */
int subscriber_follow(const struct local_arguments *args, const struct sinew_topo_filter *filter,
		      int (*print)(const struct sinew_topo_msg *msg, void *user), void *user);

#endif
