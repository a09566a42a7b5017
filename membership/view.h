/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The members of the cluster, concluded from the events of a membership service: the
 * members of a process group and how they left, the greetings sent in it, quorum,
 * the list of nodes. Produces the membership events of sinew.h in an order that
 * holds. Pure: no thread, clock, memory or service of its own, so that the
 * simulator drives it too. Knows nothing of corosync's functions.
 *
 * The caller drives it from one thread:
 *
 *	view_*()			events of the service and of the own node
 *	while (view_poll(v, &act))	(view_poll.h) actions to execute; until empty, after each
 *	view_deadline(v)		latest time of the next view_tick()
 *
 *	view.c		members, nodelist, greetings, our own incarnation: conclusions
 *	view_poll.c	the resulting actions
 *	view_find.c	finding members and nodes
 *	view_quorum.c	whether quorum was computed for the ring of the group
 *	view_outbox.c	messages to the group, and their times
 *	view_check.c	invariants of a view
 *
 * The rules
 *  - The group decides about processes; an incarnation about their identity: never
 *    the process id, a ring id or "it left and joined".
 *  - A member counts as joined when it is in the group, its HELLO has come, and the
 *    nodelist has its node; in any order.
 *  - A member that leaves the group after its GOODBYE has left; one that goes in any
 *    other way has failed, unless its node was taken off the nodelist before.
 *  - Who failed is to be fenced, once: when there is quorum, and unless the node has
 *    come back by then, which does not happen to what still runs unseen. An incarnation that came
 *    back before it was asked for, and fails again, is to be fenced.
 *  - When the nodes of more incarnations are no longer heard than stay with us, quorum decides:
 *    with it they have failed; without it, or when they come back meanwhile, we were the ones
 *    away, and take a new incarnation instead of refusing those who go on. So we do when a
 *    process is back that failed without quorum: it was alive all the time.
 *  - The own HELLO goes out once for all the members that join within a short time,
 *    and again when the own incarnation changes.
 *  - From the loss of our incarnation until the next one is in force nothing is told of any node,
 *    and no fence is asked for; then all that are there are met as if they had just come.
 *  - An observer is in the group to look on: it is no member, and its going means
 *    nothing. For itself the processes of its own node are as those of all others.
 *  - Quorum counts when the ring that it was computed for is the ring of the group (both
 *    halves of the ring id). The loss of a node ends that ring, even before the service
 *    reports the next one. The loss of quorum counts at once.
 */
#ifndef MEMBERSHIP_VIEW_H
#define MEMBERSHIP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "membership/array.h"
#include "membership/greeting.h"
#include "membership/view_outbox.h"
#include "membership/view_quorum.h"

#define VIEW_NODES_MAX		128	/* of the nodelist, as corosync's own limit */
#define VIEW_PROCESSES_MAX	128	/* of the group, as corosync's own limit */

struct view_process {
	uint32_t nodeid, pid;
};

enum view_cause {
	VIEW_LEAVE,		/* it left the group */
	VIEW_PROCDOWN,		/* it ended, or its daemon was stopped */
	VIEW_NODEDOWN,		/* its node is no longer heard */
	VIEW_RENEWED,		/* the process itself gave that incarnation up for a new one */
};

struct view_gone {
	struct view_process process;
	enum view_cause cause;
};

struct view_node {
	uint32_t nodeid;
	unsigned n_addrs;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* with the port */
};

enum view_what {
	VIEW_ADD,		/* a node with its addresses */
	VIEW_SET_ADDRS,
	VIEW_REMOVE,
	VIEW_JOINED, VIEW_LEAVING, VIEW_LEFT, VIEW_FAILED,
	VIEW_FENCE,		/* it failed, there is quorum, and nothing of its node is back */
	VIEW_FENCED,		/* a member says that it has fenced that incarnation */
	VIEW_QUORUM,
	VIEW_SELF_LOST,		/* all are gone, and we too; view_renewed() has to follow */
	VIEW_SEND,		/* to all of the group; view_sent() has to follow */
	VIEW_NOTE,		/* something that a person should know */
};

/* An action for the caller. Pointers are valid until the next call of a function of the view. */
struct view_action {
	enum view_what what;
	uint32_t nodeid;		/* unless QUORUM, SELF_LOST, SEND */
	uint64_t incarnation;		/* JOINED to FENCED */
	enum view_cause cause;		/* FAILED */
	bool is_quorate;		/* QUORUM */
	enum sinew_level level;		/* NOTE */
	const char *text;		/* NOTE; static */
	const struct sockaddr_storage *addrs;	/* ADD, SET_ADDRS */
	unsigned n_addrs;
	const uint8_t *bytes;		/* SEND */
	size_t len;
};

#define VIEW_NOTES_MAX		128	/* after one event; more say the same */
/* One event gives at most seven others for each node: two that remove one, five for another that
 * is added, or is back after its last incarnation: addresses, failed, joined, leaving. */
#define VIEW_ACTIONS_MAX	(VIEW_NOTES_MAX + 7 * VIEW_NODES_MAX)

/* A process of the group. */
struct view_member {
	struct view_process process;
	bool has_greeted;		/* greeting is its latest HELLO */
	bool has_said_goodbye;
	bool is_joined;			/* it counts: complete, and the first of its node */
	bool is_observer;
	bool told_silent;
	uint64_t since_ns;
	struct greeting greeting;
};

/* A node of the nodelist, or one that was taken off it and is still there. */
struct view_entry {
	struct view_node node;
	bool is_listed;
	/* The one of which VIEW_JOINED was told to our present incarnation, and which is not over;
	 * 0: none. Without a member that is joined, what quorum says is awaited before
	 * VIEW_FAILED. */
	uint64_t incarnation;
	/* The last one, if it failed and no other has joined; incarnation 0: it is not so. */
	struct view_failed {
		uint64_t incarnation;
		struct view_process process;	/* whose it was towards our present incarnation */
		enum view_cause cause;
	} failed;
	bool is_fence_due;	/* failed has to be fenced, once there is quorum */
	uint64_t asked;		/* the incarnation whose fencing was asked for last; 0: none */
	uint64_t fenced;	/* the incarnation that was fenced last; 0: none */
};

struct view {
	struct view_process self;
	/* The content of our HELLO. Its type is ours: GREETING_OBSERVER, no node of the cluster;
	 * else GREETING_HELLO, and GREETING_GOODBYE from the beginning of our close. */
	struct greeting own;
	bool is_in;			/* we are in the group */
	bool is_goodbye_out;		/* it came back: all have it, before we leave */
	bool is_lesser;			/* more go in this change of the group than stay */
	bool is_renewing;		/* between VIEW_SELF_LOST and view_renewed() */
	struct view_quorum quorum;
	struct view_outbox outbox;
	unsigned n_entries, n_members;
	struct view_entry entries[VIEW_NODES_MAX];
	struct view_member members[VIEW_PROCESSES_MAX];
	unsigned n_polled, n_actions, n_notes;
	struct view_action actions[VIEW_ACTIONS_MAX];
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* of the last action */
	uint8_t bytes[GREETING_MAX];			/* the same */
};

/* own: node, incarnation and addresses. Its type: GREETING_OBSERVER to be one, else
 * GREETING_HELLO. */
void view_init(struct view *v, const struct greeting *own);

/* The process group changed: who is in it now, and who went; on joining: everybody.
 * pid: of the own process, to find it among the others. */
void view_group(struct view *v, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		const struct view_gone *gone, unsigned n_gone, uint64_t now_ns);
/* The ring for which the group's next changes hold. */
void view_group_ring(struct view *v, const struct view_ring *ring);
void view_quorum(struct view *v, bool is_quorate, const struct view_ring *ring);
/* All is read that had come: what was concluded may be told. To be called
 * after each batch of the functions above. */
void view_settle(struct view *v);
/* The whole nodelist, the own node included. */
void view_nodelist(struct view *v, const struct view_node *nodes, unsigned n_nodes);
/* A message of the group, those of the own process too. */
void view_message(struct view *v, const struct view_process *from, const uint8_t *bytes,
		  size_t len);
/* The service is gone: forgets everything but the nodelist. */
void view_lost(struct view *v);
/* The own incarnation is now this one, for whatever cause. */
void view_renewed(struct view *v, uint64_t incarnation, uint64_t now_ns);
/* The own node begins to close: says GOODBYE from now on. */
void view_closing(struct view *v, uint64_t now_ns);
/* That incarnation has been fenced: all are told, as soon as there is a group. */
void view_fenced(struct view *v, uint32_t nodeid, uint64_t incarnation, uint64_t now_ns);

/* When view_tick() has something to do; VIEW_NEVER: nothing. */
uint64_t view_deadline(const struct view *v);
void view_tick(struct view *v, uint64_t now_ns);

/* The picture is complete: we are in the group, all of it have greeted, and quorum
 * was computed for its ring. */
bool view_is_whole(const struct view *v);

static inline bool view_is_observer(const struct view *v)
{
	return v->own.type == GREETING_OBSERVER;
}

static inline bool view_is_closing(const struct view *v)
{
	return v->own.type == GREETING_GOODBYE;
}

#endif
