/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer: a configured node, apart from its sessions and links. The time and address of its dials,
 * its paths.
 */
#ifndef SINEW_PROTO_PEER_H
#define SINEW_PROTO_PEER_H

#include "list.h"
#include "path.h"
#include "session.h"
#include "tombstones.h"

struct core;
struct link;
struct profile;

/* Work pending in the list of peers, beside dials and probes. */
enum peer_pending {
	PEER_P_LOOK = 1,	/* core_settle(): its link, its dial */
	PEER_P_PROVIDE = 2, PEER_P_FENCE = 4,	/* core_poll() */
};

struct peer {
	struct core *core;
	struct list all;	/* peers of the core */
	struct list links;	/* that are known to be of this peer */
	struct list pending;
	struct peer *hash_next;
	unsigned pending_what;	/* enum peer_pending */
	bool never_dial;	/* it dials us (R26) */
	bool dial_pending, dial_polled;
	bool dial_beside;	/* the dial that is raised does not end because a link is up */
	uint32_t probe_pending;	/* bit per path */
	uint32_t probing;	/* bit per path */
	uint32_t nodeid;
	const struct profile *profile;
	struct session *session;	/* NULL or alive */
	struct session *spare;	/* provided for the next incarnation */
	struct link *up;	/* the link that the session sends on */
	uint64_t lost_ns;	/* when there was one for the last time */
	struct paths paths;
	struct tombstones tombstones;
	uint64_t member;	/* incarnation that membership has added, 0 = none */
	bool member_leaving;
	uint32_t epoch;		/* sessions opened so far */
	uint64_t dial_at_ns;
	uint64_t backoff_ns;
	unsigned dial_path;
	uint32_t mismatch;	/* enum wire_reason: refused for its configuration, 0 = not */
	unsigned stale_in_row;	/* dials refused as STALE since the last link */
	bool asks;		/* an unknown incarnation said that we failed: dial to hear it */
	uint64_t violation_ns;	/* when a violation on its link was answered last */
	uint64_t rival_incarnation;	/* static: another incarnation that showed itself ... */
	uint64_t rival_ns;	/* ... at first then, while the session's was alive */
	uint64_t time_wait_until_ns;	/* our last ACK may be lost: stay for a redial ... */
	uint64_t time_wait_incarnation;	/* ... of that incarnation */
	unsigned time_wait_refused;	/* dials since that nobody listened to */
	uint64_t stale_incarnation;	/* said STALE, and there is no session with it yet: */
	uint32_t stale_gen;	/* its latest choice */
	int fence_reason;	/* enum fence_reason */
	uint64_t fence_incarnation;
	uint64_t refused;	/* HELLOs of this nodeid refused */
};

/* 3 is one that only the caller uses. */
enum fence_reason { FENCE_STALLED = 1, FENCE_PROTOCOL = 2, FENCE_LOST = 4 };

/* Block and spare session are provided until peer_remove()'s CORE_PEER_DOWN and core_destroy. */
void peer_add(struct core *core, struct peer *p, uint32_t nodeid, const struct profile *profile,
	      const struct path_addr *addrs, unsigned n_addrs);
/* After peer_add() of a peer that was removed before: the incarnations known to be over. */
void peer_remember(struct peer *p, const struct tombstones *tombstones);
struct peer *peer_find(struct core *core, uint32_t nodeid);
/* A link that was shut LINK_ORDERLY has ended in order on the other side as well:
 * the peer with that nodeid and incarnation (struct link) has read everything. */
void peer_drained(struct core *core, uint32_t nodeid, uint64_t incarnation);

/* ---- for the other files of the core ---- */

/* The peer of a living session has broken the protocol. */
void peer_fault(struct session *s);
/* Timers (timers.def); the second also when something changed: dial, or arm it (R7). */
void peer_time_wait_tick(struct peer *p);
void peer_dial_check(struct peer *p);
/* A dial or a young link failed: wait longer. */
void peer_backoff(struct peer *p, bool to_the_cap);
/* Its links are gone: out of the table. */
void peer_forget(struct peer *p);
void peer_dial_soon(struct peer *p, uint64_t delay_ns);
bool peer_has_path(const struct peer *p, const struct path_addr *from);
/* A link that is up says more of its path than what fails beside it. */
void peer_path_failed(struct peer *p, unsigned path);
/* The tombstone of the incarnation whose session has just ended (R19). */
void peer_bury(const struct session *s);
void peer_time_wait(struct peer *p, uint64_t incarnation);
bool peer_in_time_wait(const struct peer *p);
/* Refused for its configuration: dials go on, rarely. */
void peer_dial_slowly(struct peer *p);
/* No listener there. */
void peer_absent(struct peer *p);
/* A dial came to nothing, without a word from the other end. */
void peer_dial_failed(struct peer *p, uint64_t began_ns);
/* How long a dial that begins now may take. */
uint64_t peer_dial_ns(const struct peer *p);
/* Whether we probe its paths, and leave one for another: not where a link uses all of them. */
bool peer_changes_paths(const struct peer *p);
/* Once for a session; FENCE_LOST, which the caller asks for once, behind another reason, too. */
void peer_ask_fence(struct session *s, enum fence_reason reason);

#endif
