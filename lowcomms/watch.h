/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one observer of a node, a membership back-end, and its notifications. Knows nothing of its
 * reaction.
 */
#ifndef SINEW_LOWCOMMS_WATCH_H
#define SINEW_LOWCOMMS_WATCH_H

#include "lowcomms/lock.h"
#include "lowcomms/sinew.h"

struct observer {
	struct lock lock;		/* around its functions, too */
	struct sinew_watch watch;	/* size 0: none; lock */
	void *arg;			/* lock */
};

void watch_renewed(struct observer *o, uint64_t incarnation);
void watch_closing(struct observer *o);
void watch_closed(struct observer *o);

#endif
