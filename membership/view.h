/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is in the cluster, concluded from what a membership service says: the
 * members of a process group and how they went, the greetings sent in it, quorum,
 * the list of nodes. Gives the membership events of sinew.h in an order that
 * holds. Pure: no thread, clock, memory or service of its own, so that the
 * simulator drives it too. Knows nothing of corosync's functions.
 *
 * The rules
 *  - The group decides about processes; an incarnation about their identity: never
 *    the process id, a ring id or "it left and joined".
 *  - A member counts as joined when it is in the group, its HELLO has come, and the
 *    nodelist has its node; in any order.
 *  - A member that leaves the group after its GOODBYE has left; one that goes in any
 *    other way has failed, unless its node was taken off the nodelist before.
 *  - Who failed is to be fenced, once: when there is quorum, and unless the node has
 *    come back by then, which does not happen to what still runs unseen. A life that came
 *    back before it was asked for, and fails again, is to be fenced.
 *  - When the nodes of more lives are no longer heard than stay with us, quorum decides: with
 *    it they have failed; without it, or when they come back meanwhile, we were the ones
 *    away, and take a new life instead of refusing those who go on. So we do when a
 *    process is back that failed without quorum: it was alive all the time.
 *  - The own HELLO goes out once for all the members that join within a short time,
 *    and again when the own incarnation changes.
 *  - From the loss of our life until the next one is in force nothing is told of any life,
 *    and no fence is asked for; then all that are there are met as if they had just come.
 *  - An observer is in the group to look on: it is no member, and its going means
 *    nothing. For itself the processes of its own node are as those of all others.
 *  - Quorum counts when the ring that it was computed for is the ring of the
 *    group (both halves of the ring id); the loss of quorum counts at once.
 */
#ifndef MEMBERSHIP_VIEW_H
#define MEMBERSHIP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "membership/greeting.h"

#define VIEW_NODES_MAX		128	/* of the nodelist, as corosync's own limit */
#define VIEW_PROCESSES_MAX	128	/* of the group, as corosync's own limit */
#define VIEW_NAME_MAX		256	/* of a node, NUL included */
#define VIEW_FENCED_MAX		16	/* fencings that wait to be told */
#define VIEW_NEVER		UINT64_MAX

struct view_ring {
	uint32_t nodeid;
	uint64_t seq;
};

struct view_process {
	uint32_t nodeid, pid;
};

enum view_cause {
	VIEW_LEAVE,		/* it left the group */
	VIEW_PROCDOWN,		/* it ended, or its daemon was stopped */
	VIEW_NODEDOWN,		/* its node is no longer heard */
	VIEW_RENEWED,		/* the process itself gave that life up for a new one */
};

struct view_gone {
	struct view_process process;
	enum view_cause cause;
};

struct view_node {
	uint32_t nodeid;
	char name[VIEW_NAME_MAX];
	unsigned n_addrs;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];	/* with the port */
};

/* What the view concludes; called from inside its functions. */
struct view_ops {
	void (*add)(void *arg, const struct view_node *node);
	void (*set_addrs)(void *arg, uint32_t nodeid, const struct sockaddr_storage *addrs,
			  unsigned n_addrs);
	void (*remove)(void *arg, uint32_t nodeid);
	void (*joined)(void *arg, uint32_t nodeid, uint64_t incarnation);
	void (*leaving)(void *arg, uint32_t nodeid, uint64_t incarnation);
	void (*left)(void *arg, uint32_t nodeid, uint64_t incarnation);
	void (*failed)(void *arg, uint32_t nodeid, uint64_t incarnation, enum view_cause cause);
	/* That life failed, there is quorum, and nothing of its node has come back. */
	void (*fence)(void *arg, uint32_t nodeid, uint64_t incarnation);
	void (*quorum)(void *arg, bool is_quorate);
	/* A member says that it has fenced that life. */
	void (*fenced)(void *arg, uint32_t nodeid, uint64_t incarnation);
	/* All are gone, and so is our own life; view_renewed() has to follow. */
	void (*self_lost)(void *arg);
	/* To all of the group. 0, or -EAGAIN: it will be tried again. */
	int (*send)(void *arg, const void *bytes, size_t len);
	/* Something that a person should know. */
	void (*note)(void *arg, enum sinew_level level, uint32_t nodeid, const char *text);
};

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
	/* The life that ops->joined() was called for, in our present life, and that is not
	 * over; 0: none. Without a member that is joined, what quorum says is awaited before
	 * ops->failed(). */
	uint64_t life;
	/* The last life, if it failed and no other has joined; incarnation 0: it is not so. */
	struct view_failed {
		uint64_t incarnation;
		struct view_process process;	/* whose it was towards our present life */
		enum view_cause cause;
	} failed;
	bool is_fence_due;	/* failed has to be fenced, once there is quorum */
	uint64_t asked;		/* the life whose fencing was asked for last; 0: none */
	uint64_t fenced;	/* the life that was fenced last; 0: none */
};

struct view {
	const struct view_ops *ops;
	void *arg;
	struct view_process self;
	struct greeting own;		/* what our HELLO says */
	bool is_observer;		/* we are no node of the cluster, but look on */
	bool is_in;			/* we are in the group */
	bool is_closing;		/* GOODBYE instead of HELLO */
	bool is_goodbye_out;		/* it came back: all have it, before we leave */
	bool is_lesser;			/* more go in this change of the group than stay */
	bool is_renewing;		/* between self_lost and view_renewed() */
	struct view_ring group_ring, quorum_ring;
	struct view_ring lesser_ring;	/* the group's when more went than stayed */
	bool says_quorate;		/* of quorum_ring */
	bool is_quorate;		/* what ops->quorum() was told last */
	uint64_t hello_due_ns;		/* VIEW_NEVER: none */
	uint64_t hello_latest_ns;	/* until then it may be put off */
	struct view_life {
		uint32_t nodeid;
		uint64_t incarnation;
	} fenced[VIEW_FENCED_MAX];	/* to be told, the oldest first */
	unsigned n_fenced;
	uint64_t fenced_due_ns;		/* when they are told, while there are any */
	unsigned n_entries, n_members;
	struct view_entry entries[VIEW_NODES_MAX];
	struct view_member members[VIEW_PROCESSES_MAX];
};

/* own: node, incarnation and addresses. Its type: GREETING_OBSERVER to be one, else
 * GREETING_HELLO. */
void view_init(struct view *v, const struct view_ops *ops, void *arg, const struct greeting *own);

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
/* That life has been fenced: all are told, as soon as there is a group. */
void view_fenced(struct view *v, uint32_t nodeid, uint64_t incarnation, uint64_t now_ns);

/* When view_tick() has something to do; VIEW_NEVER: nothing. */
uint64_t view_deadline(const struct view *v);
void view_tick(struct view *v, uint64_t now_ns);

/* The name of a node, or "". */
const char *view_name(const struct view *v, uint32_t nodeid);
/* What is known is the whole: we are in the group, all of it have greeted, and quorum
 * was computed for its ring. */
bool view_is_whole(const struct view *v);

#endif
