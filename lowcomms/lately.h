/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last warnings and errors of a log, for the status. Knows no node.
 */
#ifndef SINEW_LOWCOMMS_LATELY_H
#define SINEW_LOWCOMMS_LATELY_H

#include "lowcomms/lock.h"
#include "lowcomms/sinew-manage.h"

#define LATELY_LEVEL	SINEW_WARNING	/* the least important one that is remembered */

/* Zeroed: none. */
struct lately {
	struct lock lock;
	struct sinew_error_entry all[SINEW_ERRORS_MAX];	/* a ring; lock */
	unsigned n;			/* that ever were; lock */
};

/* Any thread, no lock held. A line about a peer begins with "peer=NODEID ". */
void lately_add(struct lately *l, enum sinew_level level, const char *line);

#endif
