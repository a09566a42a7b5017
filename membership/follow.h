/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files behind sinew-corosync.h share. Not for others.
 *
 *	corosync.c   the public functions: open, attach, status, free
 *	follow.c     the thread that talks to corosync and feeds the node
 *	nodelist.c   which nodes corosync's configuration has, and where they are
 *	publish.c    what others may see of it
 */
#ifndef MEMBERSHIP_FOLLOW_H
#define MEMBERSHIP_FOLLOW_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "membership/ipc.h"
#include "membership/names.h"
#include "membership/sinew-corosync.h"
#include "membership/static.h"
#include "membership/view_poll.h"

#define FOLLOW_TEXT_MAX		1024
#define FOLLOW_MS		UINT64_C(1000000)

/*
 * Fields without a note belong to the thread. lock is held while the node is called
 * and never around a call that blocks while corosync hangs, so that
 * sinew_corosync_free() can take the node away from a thread that is in one.
 */
struct sinew_corosync {
	struct sinew_corosync_setup setup;	/* constant from being attached on */
	int wake_fd, change_fd;			/* constant; eventfds */
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;		/* opened, failed or ended; lock */
	unsigned refs;			/* the user's and the thread's; lock */
	bool is_open, has_ended;	/* lock */
	bool is_resolving;		/* corosync has answered; names are looked up; lock */
	int error;			/* why it is not open; lock */
	char text[FOLLOW_TEXT_MAX];	/* that, for people; lock */
	struct sinew_config *first;	/* what it began with; constant once open */
	uint32_t nodeid;		/* constant once open */
	struct sinew_node *node;	/* NULL: not attached; lock */
	char group[SINEW_NAME_MAX + 16];	/* set before node; constant then */
	uint64_t renewed;		/* the new incarnation, 0: none; lock */
	bool is_attached, is_ready;	/* and group and node are set; lock */
	bool wants_close, wants_leave;	/* lock */
	struct view_life fenced[VIEW_FENCED_MAX];	/* to be told to the group; lock */
	unsigned n_fenced;		/* lock */
	_Atomic bool wants_stop;
	_Atomic uint64_t calling_since_ns;	/* a call that may block; 0: none */

	struct sinew_corosync_status status;	/* lock */
	struct sinew_corosync_member *members, *before;	/* as they are, as they were; lock */
	unsigned n_members;			/* lock */

	struct ipc *ipc;		/* NULL: not connected */
	struct sinew_config *config;	/* the latest */
	struct {
		struct sinew_config *config;	/* NULL: nothing is looked up */
		struct names *names;		/* NULL: there are none in it */
		uint32_t local;
		bool is_again;		/* as the latest, but for names that had no address */
		uint64_t until_ns;
	} pending;
	bool has_open_names;		/* of the latest: some have no address */
	uint64_t names_again_ns;	/* these are looked up again then */
	char wrong[FOLLOW_TEXT_MAX];	/* what was said of them last */
	struct view view;
	bool has_view;			/* view_init() was called */
	bool has_joined;		/* ipc_join() was taken */
	bool is_closing, has_left;
	bool is_config_due, is_settle_due;
	uint64_t leave_ns;		/* then without waiting; 0: no leave is wanted */
	uint64_t retry_ns;		/* of connecting or joining */
	uint64_t check_ns;
};

/* The thread; arg is a struct sinew_corosync with a reference of its own. */
void *follow_run(void *arg);
/* Does what the view wants, after each call of it; lock is held. */
void follow_conclude(struct sinew_corosync *c);
/* Copies what the status functions give; lock is held. */
void follow_publish(struct sinew_corosync *c);
void follow_wake(struct sinew_corosync *c);
/* Why it is not open; each other reason is logged. */
void follow_say_error(struct sinew_corosync *c, int error, const char *text);
void follow_unref(struct sinew_corosync *c);
uint64_t follow_now_ns(void);
uint64_t follow_wall_ms(void);
/* Draws an incarnation, where there is no node. False, after it said why: there is no randomness,
 * and no other life will do. */
bool follow_life(struct sinew_corosync *c, uint64_t *ret_life);
void follow_log(struct sinew_corosync *c, enum sinew_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- nodelist.c, for the thread ---- */

/* Reads corosync's configuration and begins to look up its names. An error was told. */
int nodelist_read(struct sinew_corosync *c);
/* Takes it over when the answers are there, or too late. An error was told: nothing to begin with,
 * all is to be tried again. */
int nodelist_tick(struct sinew_corosync *c);
uint64_t nodelist_deadline(const struct sinew_corosync *c);
int nodelist_fd(const struct sinew_corosync *c);	/* -1: none */
/* Waits for no names any more. */
void nodelist_drop(struct sinew_corosync *c);
/* The nodes as the view wants them; lock is held. */
void nodelist_tell(struct sinew_corosync *c);

/* A thread that holds the lock does not take it again, and only that thread gives it back. */
static inline void follow_lock(struct sinew_corosync *c)
{
	int rc = pthread_mutex_lock(&c->lock);

	assert(!rc);
	(void)rc;
}

static inline void follow_unlock(struct sinew_corosync *c)
{
	int rc = pthread_mutex_unlock(&c->lock);

	assert(!rc);
	(void)rc;
}

/* Around each call that blocks while corosync hangs. */
static inline void calling(struct sinew_corosync *c)
{
	atomic_store(&c->calling_since_ns, follow_now_ns());
}

static inline void called(struct sinew_corosync *c)
{
	atomic_store(&c->calling_since_ns, 0);
}

#endif
