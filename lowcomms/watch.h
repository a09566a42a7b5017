/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The observers of a node, and their notifications. Knows nothing of their reactions.
 */
#ifndef SINEW_LOWCOMMS_WATCH_H
#define SINEW_LOWCOMMS_WATCH_H

#include "lowcomms/lock.h"
#include "lowcomms/sinew-manage.h"

struct observer {
	struct sinew_watch watch;
	void *arg;
};

struct observers {
	struct lock lock;		/* around their functions, too */
	struct observer all[SINEW_WATCHES_MAX];	/* lock */
	unsigned n;			/* lock */
};

/* The loop thread, without a lock. */
void watch_renewed(struct observers *o, uint64_t incarnation);
void watch_closing(struct observers *o);
void watch_closed(struct observers *o);
void watch_session_up(struct observers *o, uint32_t nodeid, uint64_t incarnation);
void watch_session_down(struct observers *o, uint32_t nodeid, uint64_t incarnation,
			enum sinew_down reason);
void watch_link(struct observers *o, uint32_t nodeid, uint64_t incarnation, bool up);
void watch_peer(struct observers *o, uint32_t nodeid);
void watch_quorum(struct observers *o, bool quorate);
void watch_option(struct observers *o, const char *name);

#endif
