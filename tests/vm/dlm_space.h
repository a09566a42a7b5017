/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lockspace as one of its members has it: recovery, directory, locks as their owner and as their
 * master. Pure: packets and commands come by calls, packets and events go by struct dlm_host, time
 * is told. Knows no sessions and no sockets; all calls are made by one thread.
 */
#ifndef SINEW_TESTS_VM_DLM_SPACE_H
#define SINEW_TESTS_VM_DLM_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/vm/dlm_packet.h"

#define DLM_SPACES_MAX	16	/* of a node */
#define DLM_MEMBERS_MAX	DLM_SLOTS_MAX
#define DLM_NEVER	UINT64_MAX

struct dlm_space;

enum dlm_event_kind {
	DLM_EVENT_LOCK,		/* a lock got its number: id */
	DLM_EVENT_QUEUED,	/* its request or conversion waits at the master: id, mode */
	DLM_EVENT_AST,		/* an operation is over: id, result, mode, sbflags, lvb */
	DLM_EVENT_BAST,		/* the lock blocks one of that mode: id, mode */
	DLM_EVENT_CANCEL,	/* it was too late to cancel, AST came or comes: id */
	DLM_EVENT_RECOVERY,	/* a step of recovery begins: text */
	DLM_EVENT_JOINED,	/* recovery is over: generation */
	DLM_EVENT_PURGE,	/* a peer asks to drop orphans: peer, result is the process */
	DLM_EVENT_ERROR,	/* peer, text: what is wrong and what follows */
};

struct dlm_event {
	enum dlm_event_kind kind;
	uint32_t space, peer, id;
	int32_t result;			/* 0, or a negative number of dlm_packet.h */
	enum dlm_mode mode;
	uint32_t sbflags, generation;
	const uint8_t *lvb;		/* DLM_LVB bytes, or NULL */
	const char *text;
};

/* The surroundings of a space. None of them may call it back. */
struct dlm_host {
	void *arg;
	/* bare: lost with its link, then dlm_space_link_up() repeats it. */
	void (*send)(void *arg, uint32_t nodeid, const uint8_t *packet, size_t len, bool bare);
	void (*event)(void *arg, const struct dlm_event *event);
};

struct dlm_space_options {
	uint32_t id;		/* global id */
	uint32_t nodeid, pid;	/* our own */
	unsigned number;	/* < DLM_SPACES_MAX, another one in each space of the node: the
				 * numbers of locks begin with it */
	uint64_t seq;		/* of recoveries, random */
	uint32_t recover_ms;	/* until a bare request is repeated */
	uint32_t toss_ms;	/* that an unused resource is kept */
};

/* -ENOMEM. */
int dlm_space_new(const struct dlm_space_options *opt, const struct dlm_host *host,
		  struct dlm_space **ret_space);
void dlm_space_free(struct dlm_space *space);
uint32_t dlm_space_id(const struct dlm_space *space);

/* Locking stops, packets about locks are kept. All members stop before the first of them starts. */
void dlm_space_stop(struct dlm_space *space);
/* Recovery with these members, us included, begins: after dlm_space_stop(), which it calls where
 * that was forgotten. -EINVAL: we are not among them, or one is there twice. -ENOSPC. */
int dlm_space_start(struct dlm_space *space, const uint32_t *members, unsigned n, uint64_t now_ms);
/* That member failed or left, and is to be recovered from even if it is a member again at the next
 * start. */
void dlm_space_gone(struct dlm_space *space, uint32_t nodeid);
bool dlm_space_has(const struct dlm_space *space, uint32_t nodeid);

/* A packet for this space that dlm_header_decode() has taken. */
void dlm_space_receive(struct dlm_space *space, const uint8_t *packet, size_t len,
		       uint64_t now_ms);
void dlm_space_link_up(struct dlm_space *space, uint32_t nodeid, uint64_t now_ms);
/* The time at which dlm_space_tick() has something to do. */
uint64_t dlm_space_deadline(const struct dlm_space *space);
void dlm_space_tick(struct dlm_space *space, uint64_t now_ms);

/* The operations begin; their result is an event. flags: DLM_NOQUEUE and so on. lvb: DLM_LVB bytes,
 * or NULL. -EINVAL: name, or no such mode. -ENOENT: no lock of ours has that number. -EBUSY: it
 * has another operation going on. -ENOSPC: too many locks. -ENOMEM. */
int dlm_space_lock(struct dlm_space *space, const uint8_t *name, size_t len, enum dlm_mode mode,
		   uint32_t flags, const uint8_t *lvb, uint64_t now_ms);
int dlm_space_convert(struct dlm_space *space, uint32_t id, enum dlm_mode mode, uint32_t flags,
		      const uint8_t *lvb, uint64_t now_ms);
int dlm_space_unlock(struct dlm_space *space, uint32_t id, uint32_t flags, const uint8_t *lvb,
		     uint64_t now_ms);
/* -EINVAL: nothing to cancel. */
int dlm_space_cancel(struct dlm_space *space, uint32_t id, uint64_t now_ms);
/* The number of the space of which the lock is. */
unsigned dlm_lock_space(uint32_t id);

struct dlm_space_status {
	const char *step;
	uint32_t generation;
	unsigned n_members, n_locks, n_copies;	/* our locks, and those of others that we master */
	unsigned n_mastered, n_directory;	/* resources; entries of others in our directory */
	uint32_t members[DLM_MEMBERS_MAX];
};
void dlm_space_status(const struct dlm_space *space, struct dlm_space_status *ret);

/* The answer to a STATUS about a space that we do not have: length of the packet. */
size_t dlm_no_space_reply(uint8_t *packet, uint32_t nodeid, const struct dlm_rcom *status);

#endif
