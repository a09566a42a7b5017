/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One membership by corosync: the state shared by the public functions and the thread that talks to
 * corosync, and the state of each. Has no logic of either.
 *
 *	corosync.c   the public functions: open, attach, status, free
 *	follow.c     the thread that talks to corosync and drives the node's membership
 *	nodelist.c   the nodes of corosync's configuration, and their addresses
 *	publish.c    status and members for others
 *	instance.c   memory, lock, log, time
 */
#ifndef MEMBERSHIP_INSTANCE_H
#define MEMBERSHIP_INSTANCE_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "membership/nodelist.h"
#include "membership/publish.h"
#include "membership/view_poll.h"

#define INSTANCE_MS		UINT64_C(1000000)
#define INSTANCE_TEXT_MAX	1024

/* How far it has come, and how far it is to come. */
enum instance_phase {
	PHASE_OPENING,		/* no configuration has been read yet */
	PHASE_OPEN,
	PHASE_ATTACHED,		/* group and node are known: there is a view */
	PHASE_CLOSING,		/* the node closes: GOODBYE */
	PHASE_LEAVING,		/* the node has closed: out of the group, behind the GOODBYE */
	PHASE_LEFT,
	PHASE_ENDED,		/* the thread uses nothing any more */
};

/*
 * Order of locks: that of the node around its watch; lock; all others of the node. lock is held
 * while the node is called and never around a call that blocks while corosync hangs, so that
 * sinew_corosync_free() can take the node away from a thread that is in one.
 */
struct sinew_corosync {
	/* Constant: setup from being attached on, the last two once open. */
	struct sinew_corosync_setup setup;
	int wake_fd;			/* an eventfd */
	pthread_t thread;
	struct sinew_config *first;	/* what it began with */
	uint32_t nodeid;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* phase, error or is_resolving */
	enum instance_phase wanted;	/* by the calls and by the node: OPEN to LEAVING */
	enum instance_phase phase;	/* by the thread, which reads it as its own */
	bool is_freed;			/* leave, with or without GOODBYE, and end */
	bool is_resolving;		/* corosync has answered; names are looked up */
	int error;			/* why it is not open */
	char text[INSTANCE_TEXT_MAX];	/* that, for people */
	char group[SINEW_NAME_MAX + 16];	/* "": not attached; constant then */
	struct sinew_node *node;	/* NULL: there is none, or not any more */
	uint64_t renewed;		/* the new incarnation, 0: none */
	struct view_incarnation fenced[VIEW_FENCED_MAX];	/* to be told to the group */
	unsigned n_fenced;
	struct published published;

	_Atomic unsigned refs;			/* the user's and the thread's */
	_Atomic uint64_t calling_since_ns;	/* a call that may block; 0: none */

	/* Of the thread. view: with the lock, too, as the node is told what it concludes. */
	struct ipc *ipc;		/* NULL: not connected */
	struct nodelist nodelist;
	struct view view;
};

/* setup: of the size that is known here. One reference. NULL: no memory or no descriptors. */
struct sinew_corosync *instance_new(const struct sinew_corosync_setup *setup);
void instance_unref(struct sinew_corosync *c);
void instance_wake(struct sinew_corosync *c);
/* Why it is not open; each other reason is logged. */
void instance_say_error(struct sinew_corosync *c, int error, const char *text);
void instance_log(struct sinew_corosync *c, enum sinew_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t instance_now_ns(void);
uint64_t instance_wall_ms(void);

static inline bool instance_has_view(const struct sinew_corosync *c)
{
	return c->phase >= PHASE_ATTACHED;
}

/* A thread that holds the lock does not take it again, and only that thread gives it back. */
static inline void instance_lock(struct sinew_corosync *c)
{
	int rc = pthread_mutex_lock(&c->lock);

	assert(!rc);
	(void)rc;
}

static inline void instance_unlock(struct sinew_corosync *c)
{
	int rc = pthread_mutex_unlock(&c->lock);

	assert(!rc);
	(void)rc;
}

/* For each call that blocks while corosync hangs. */
#define INSTANCE_CALL(c, call) \
	do { \
		atomic_store(&(c)->calling_since_ns, instance_now_ns()); \
		call; \
		atomic_store(&(c)->calling_since_ns, 0); \
	} while (0)

#endif
