/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a space, for its files:
 *
 *	dlm_space.c	begin and end, dispatch of packets, time
 *	dlm_table.c	resources and locks, their numbers and queues
 *	dlm_rules.c	compatible modes, queues that are granted, value blocks
 *	dlm_lock.c	operations on our locks, and what their masters say
 *	dlm_master.c	resources that we master, and the directory
 *	dlm_recover.c	steps of recovery, barriers
 *	dlm_rebuild.c	masters and locks after a member left
 */
#ifndef SINEW_TESTS_VM_DLM_STATE_H
#define SINEW_TESTS_VM_DLM_STATE_H

#include "tests/vm/dlm_space.h"

#define DLM_LOCKS_MAX		16384	/* of a space: ours and copies */
#define DLM_RESOURCES_MAX	65536
#define DLM_SAVED_MAX		65536	/* packets kept while locking is stopped */
#define DLM_BUCKETS		256
#define DLM_N_QUEUES		4	/* enum dlm_status */

struct dlm_resource;

/* A lock of ours, or the master's copy of another member's. */
struct dlm_lock {
	struct dlm_lock *next, *before;		/* in its queue */
	struct dlm_resource *resource;
	enum dlm_status status;			/* the queue; DLM_NOT_QUEUED: no master has it */
	uint32_t id, owner;
	uint32_t remid;				/* number at the other end: a copy's at its owner,
						 * ours at the master if that is another */
	uint32_t pid, exflags, sbflags, flags, lvbseq, asts;
	enum dlm_mode grmode, rqmode;
	enum dlm_mode told;			/* highest mode that a BAST told since the grant */
	uint8_t lvb[DLM_LVB];
	/* ours */
	enum dlm_type waits_for;		/* operation without a result yet */
	bool to_send;				/* it begins when recovery is over */
	bool to_cancel;				/* after the reply */
};

struct dlm_queue {
	struct dlm_lock *first, *last;
};

struct dlm_resource {
	struct dlm_resource *next;		/* in its bucket */
	uint64_t number;
	uint8_t name[DLM_NAME_MAX];
	size_t name_len;
	uint32_t hash;
	uint32_t master;			/* 0: not known */
	struct dlm_queue queues[DLM_N_QUEUES];
	uint8_t lvb[DLM_LVB];
	uint32_t lvbseq;
	bool lvb_invalid;
	bool is_remastered;			/* in this recovery */
	bool has_changed;			/* recovery changed its queues: grant afterwards */
	bool asks_master;			/* LOOKUP of recovery without a reply */
	uint64_t toss_ms;			/* unused since a while: forgotten then */
};

struct dlm_member {
	uint32_t nodeid;
	uint16_t slot;
	uint32_t generation;
	bool has_reached;			/* the goal of the present step */
	bool has_complained;
	enum dlm_rcom_type asked;		/* without a reply */
	uint64_t ask_id, due_ms;		/* of the next question, or the same again */
	unsigned n_polls;
	uint8_t last_name[DLM_NAME_MAX];	/* of its names */
	size_t last_len;
};

enum dlm_step {
	DLM_STOPPED, DLM_PING, DLM_WAIT_NODES, DLM_GET_NAMES, DLM_WAIT_DIR, DLM_GET_MASTERS,
	DLM_SEND_LOCKS, DLM_WAIT_LOCKS, DLM_WAIT_DONE, DLM_RUNNING,
};

struct dlm_saved {
	struct dlm_saved *next;
	size_t len;
	uint8_t packet[];
};

struct dlm_space {
	struct dlm_space_options opt;
	struct dlm_host host;
	uint64_t now_ms;

	enum dlm_step step;
	uint64_t seq;				/* of this recovery */
	uint64_t last_id;			/* of questions */
	uint32_t progress;			/* DLM_AT_... */
	uint32_t generation;
	uint16_t slot;
	struct dlm_member members[DLM_MEMBERS_MAX];	/* by nodeid, us included */
	unsigned n_members;
	uint32_t gone[DLM_MEMBERS_MAX];		/* since the last recovery that came to its end */
	unsigned n_gone;
	unsigned n_awaited;			/* LOOKUP_REPLYs or LOCK_REPLYs */

	struct dlm_saved *saved, **saved_end;
	unsigned n_saved;

	struct dlm_resource *buckets[DLM_BUCKETS];
	unsigned n_resources;
	uint64_t last_number;
	uint64_t toss_due_ms;			/* the first resource to be tossed, or before */
	struct dlm_lock *locks[DLM_LOCKS_MAX];
	unsigned n_locks, next_lock;
	uint32_t life;				/* counts the rounds through locks[] */
};

/* ---- dlm_space.c ---- */

void dlm_event(struct dlm_space *s, const struct dlm_event *event);
/* About a lock of ours. */
void dlm_lock_event(struct dlm_space *s, enum dlm_event_kind kind, const struct dlm_lock *lock,
		    int32_t result);
void dlm_error(struct dlm_space *s, uint32_t peer, const char *text);
void dlm_send(struct dlm_space *s, uint32_t nodeid, struct dlm_message *m);
/* A message with all that a lock has, for the lock's other end. */
struct dlm_message dlm_about(const struct dlm_space *s, const struct dlm_lock *lock,
			     enum dlm_type type);
struct dlm_member *dlm_member(struct dlm_space *s, uint32_t nodeid);
/* The node whose directory has that name. */
uint32_t dlm_directory(const struct dlm_space *s, uint32_t hash);
void dlm_saved_drop(struct dlm_space *s, bool (*is_void)(struct dlm_space *s,
							 const struct dlm_message *m));
void dlm_saved_replay(struct dlm_space *s);

/* ---- dlm_table.c ---- */

struct dlm_resource *dlm_resource_find(struct dlm_space *s, const uint8_t *name, size_t len);
/* NULL: too many, or no memory. */
struct dlm_resource *dlm_resource_get(struct dlm_space *s, const uint8_t *name, size_t len);
struct dlm_resource *dlm_resource_by_number(struct dlm_space *s, uint64_t number);
void dlm_resource_free(struct dlm_space *s, struct dlm_resource *r);
bool dlm_resource_is_used(const struct dlm_resource *r);
/* Calls for each; fn may free the one that it is called for. */
void dlm_resources(struct dlm_space *s, void (*fn)(struct dlm_space *s, struct dlm_resource *r));
/* Forgets resources that nobody has used for toss_ms. */
void dlm_toss(struct dlm_space *s);
/* Sends nothing, keeps nothing. NULL: too many, or no memory. */
struct dlm_lock *dlm_lock_new(struct dlm_space *s, struct dlm_resource *r, uint32_t owner);
void dlm_lock_free(struct dlm_space *s, struct dlm_lock *lock);
struct dlm_lock *dlm_lock_find(struct dlm_space *s, uint32_t id);
void dlm_lock_move(struct dlm_lock *lock, enum dlm_status to);
void dlm_lock_move_first(struct dlm_lock *lock, enum dlm_status to);

/* ---- dlm_rules.c ---- */

bool dlm_is_down(const struct dlm_lock *lock);		/* its conversion needs no reply */
bool dlm_is_middle(const struct dlm_lock *lock);	/* PR to CW or back */
bool dlm_compatible(enum dlm_mode a, enum dlm_mode b);
/* Whether the requested mode can be granted now. is_new: the request is not queued yet. Gives
 * -DLM_EINPROGRESS if not, -DLM_EDEADLK if it never can, as two conversions wait for each other. */
int32_t dlm_try(struct dlm_lock *lock, bool is_new);
/* It has the mode; its value block is read or written. */
void dlm_grant(struct dlm_lock *lock);
/* Value block of a lock that goes. */
void dlm_lvb_unlock(struct dlm_lock *lock);
/* After a master left: modes and value block by the locks that came. */
void dlm_restore(struct dlm_resource *r);

/* ---- dlm_lock.c ---- */

/* Begins the operation that the lock waits for, or notes it while locking is stopped. */
void dlm_begin(struct dlm_space *s, struct dlm_lock *lock, enum dlm_type type);
void dlm_lock_receive(struct dlm_space *s, const struct dlm_message *m);
/* Our lock was granted, or its conversion ended. */
void dlm_lock_done(struct dlm_space *s, struct dlm_lock *lock, int32_t result);

/* ---- dlm_master.c ---- */

/* The operations where we are master, without the reply; effects follow by dlm_master_effects(). */
int32_t dlm_master_request(struct dlm_lock *lock);
int32_t dlm_master_convert(struct dlm_lock *lock);
int32_t dlm_master_cancel(struct dlm_lock *lock);
/* Grants all that can be now, and tells those who block others. */
void dlm_master_effects(struct dlm_space *s, struct dlm_resource *r);
void dlm_master_blocks(struct dlm_space *s, struct dlm_lock *lock);
void dlm_master_receive(struct dlm_space *s, const struct dlm_message *m);

/* ---- dlm_recover.c ---- */

const char *dlm_step_name(enum dlm_step step);
bool dlm_is_gone(const struct dlm_space *s, uint32_t nodeid);
void dlm_rcom_receive(struct dlm_space *s, const struct dlm_rcom *rcom);
void dlm_ask_again(struct dlm_space *s, struct dlm_member *m);
/* Goes on with recovery as far as replies allow. */
void dlm_advance(struct dlm_space *s);
void dlm_rcom_send(struct dlm_space *s, uint32_t nodeid, struct dlm_rcom *rcom, bool bare);

/* ---- dlm_rebuild.c ---- */

/* Before recovery: locks and operations that the gone members take with them. */
void dlm_rebuild_begin(struct dlm_space *s);
void dlm_rebuild_masters(struct dlm_space *s);
void dlm_rebuild_locks(struct dlm_space *s);
/* Afterwards: what waited begins, what is free is granted. */
void dlm_rebuild_end(struct dlm_space *s);
/* LOOKUP, LOCK and their replies; names of NAMES_REPLY. */
void dlm_rebuild_receive(struct dlm_space *s, const struct dlm_rcom *rcom);
void dlm_rebuild_name(struct dlm_space *s, uint32_t master, const uint8_t *name, size_t len);
/* Names that we master for the directory of that node, behind the one that it has. */
void dlm_rebuild_names(struct dlm_space *s, const struct dlm_rcom *names, uint8_t *body);

#endif
