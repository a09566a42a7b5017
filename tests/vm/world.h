/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a lockspace (tests/vm/dlm_space.h) in one process: packets go through a queue in
 * memory, in order, and time is what the test says. Knows no locks but those that it is told of.
 */
#ifndef SINEW_TESTS_VM_WORLD_H
#define SINEW_TESTS_VM_WORLD_H

#include "tests/vm/dlm_space.h"

#define SPACE		0x11223344u
#define NODES		4		/* by nodeid; 0 is none */
#define ALL		0xeu
#define LOCKS		64
#define RECOVER_MS	5000
#define TOSS_MS		10000

/* A lock of its own, as a node saw it. */
struct seen {
	uint32_t id;
	uint8_t name;
	enum dlm_mode mode, bast;
	int32_t result;
	unsigned n_asts, n_queued, n_cancels;
	char lvb[DLM_LVB + 1];
	uint32_t sbflags;
};

struct node {
	uint32_t nodeid;
	struct dlm_space *space;
	struct seen seen[LOCKS];
	unsigned n_seen, n_joined, n_errors;
	uint32_t generation;
	char error[200];
};

struct packet {
	struct packet *next;
	uint32_t from, to;
	size_t len;
	uint8_t bytes[];
};

extern struct world {
	struct node nodes[NODES];
	struct packet *first, **end;
	unsigned n_packets;
	uint32_t seed;
	uint64_t now_ms;
	uint32_t lose_bare_to;		/* a node to which no link stands */
	unsigned n_removes;
	struct dlm_message last;	/* to a node that is not there */
} world;

/* Sets of nodes have the bit 1 << nodeid. All of the set join one lockspace. */
void world_begin(unsigned set);
/* Nothing is left, and no node has seen an error. */
void world_end(void);
void world_boot(unsigned node);
void world_shut(unsigned node);
/* As a cluster's membership service does: all stop, then all start. */
void world_start(unsigned set);
void world_check_joined(unsigned set, unsigned times);

/* Hands over a packet that was taken out of the queue. */
void world_deliver(struct packet *p);
/* Until no packet is under way. */
void world_settle(void);
/* Advances the time to then, through all deadlines before it. */
void world_run_ms(uint64_t ms);

/* Operations, and all that follows from them. */
struct seen *world_lock(unsigned node, const char *name, enum dlm_mode mode, uint32_t flags);
void world_convert(unsigned node, const struct seen *s, enum dlm_mode mode, uint32_t flags,
		   const char *lvb);
void world_unlock(unsigned node, const struct seen *s);

#endif
