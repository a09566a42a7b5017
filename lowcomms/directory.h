/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peers of a node: the table of configured ones, and removed ones while their ended
 * incarnations must be known. Knows no command and no link.
 */
#ifndef SINEW_LOWCOMMS_DIRECTORY_H
#define SINEW_LOWCOMMS_DIRECTORY_H

#include <sys/socket.h>

#include "lowcomms/inbox.h"
#include "lowcomms/lock.h"
#include "lowcomms/sinew-manage.h"
#include "lowcomms/snapshot.h"
#include "proto/list.h"
#include "proto/peer.h"

#define MEMBER_HASH	256
#define REFUSAL_MAX	192

/* Whether an address of a peer is reached; times are 0 where there is none. reach.c */
struct reach {
	uint64_t since_ns;	/* the first of the dials that failed in a row began */
	uint64_t failed_ns;	/* the last of them failed */
	uint64_t said_ns;	/* one failed for the reason that was said */
	const char *said;	/* its text, which tells it from others; NULL: nothing was said */
};

/* Incarnations of a peer that took each other's place. reach.c */
struct turns {
	struct path_addr addr;	/* of the present incarnation */
	uint64_t since_ns;	/* the first of several in a row ended */
	unsigned n;
};

/* For its status. reach.c */
struct reach_view {
	uint64_t rtt_ns[PATHS_MAX];
	enum path_state path_state[PATHS_MAX];
	uint64_t last_error_ms;
	int last_error;
	bool link_up;
	unsigned path;		/* of the link */
	unsigned n_links;	/* that carry its session */
};

/* A peer as configured; the core's block is part of it. */
struct member {
	struct peer peer;
	uint32_t nodeid;
	struct list table;		/* of the directory, or its former ones; lock */
	bool in_core;
	bool spare_due;			/* a handle could not be allocated */
	bool closing;			/* sinew_peer_close() was called; lock */
	bool leaves;			/* the loop knows; no session is opened any more */
	struct list leaving;		/* of the directory, until the peer is removed */
	uint64_t leave_ns;		/* the end of the linger time */
	struct sinew_session *handle;	/* present incarnation, or NULL; written under lock */
	bool has_link;			/* it has one, as the observers know; loop */
	unsigned link_path;		/* and on which path, as they know */
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* written under lock */
	unsigned n_addrs;
	const struct command *asked;	/* of the last call that sets them; NULL: was run; lock */
	bool never_dial;		/* sinew_peer_set_dial(); lock */
	char *name;			/* sinew_peer_set_name(), NULL: none; lock */
	char refusal[REFUSAL_MAX];	/* or why it is not reached; lock */
	struct reach reach[SINEW_ADDRS_MAX];
	struct turns turns;
	int last_error;
	uint64_t last_error_ms;
	struct snapshot snapshot;	/* of a reach_view */
};

struct directory {
	struct lock lock;		/* the table, and what others read of members */
	char *own_name;			/* NULL: none; lock */
	struct list members[MEMBER_HASH];
	unsigned n_members;
	unsigned n_closing;		/* of them: sinew_peer_close() was called */
	struct list leaving;		/* members that are closed, leave.c; loop */
	struct list former;		/* removed, newest first; loop */
};

static inline void directory_lock(struct directory *d)
{
	lock_take(&d->lock, LOCK_DIRECTORY);
}
static inline void directory_unlock(struct directory *d)
{
	lock_give(&d->lock, LOCK_DIRECTORY);
}

/* NULL is ignored. */
void member_free(struct member *m);
/* Empty. */
void directory_init(struct directory *d);
/* Frees the members. */
void directory_clear(struct directory *d);

/* ---- the table; lock ---- */

struct member *directory_find(struct directory *d, uint32_t nodeid);
/* At most so many, and as many again that are being closed: 0, -EEXIST, -ENOSPC. */
int directory_add(struct directory *d, struct member *m, unsigned most);
/* It is being closed. */
void directory_close(struct directory *d, struct member *m);
/* Out of the table; NULL: it is not there. */
struct member *directory_take(struct directory *d, uint32_t nodeid);

/* ---- without the lock ---- */

/* Takes it out of the table, unless it is no more in it. */
bool directory_withdraw(struct directory *d, struct member *m);
/* Why its links are refused. */
void directory_refusal(struct directory *d, uint32_t nodeid, const char *text);

/* ---- removed ones; loop ---- */

/*
 * One that is added again may still be in the incarnation with which our session has ended. So what
 * was removed is kept, as far as the peer's block knows of ended incarnations.
 */
void directory_keep_former(struct directory *d, struct member *m);
struct member *directory_take_former(struct directory *d, uint32_t nodeid);
void directory_forget_former(struct directory *d);

#endif
