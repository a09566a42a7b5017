/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of one process: one thread drives them all, restarts them in the process, and
 * has the library break its own connections where that is wanted.
 * Knows nothing of other processes but the run log.
 */
#ifndef TOOLS_TORTURE_NODE_GROUP_H
#define TOOLS_TORTURE_NODE_GROUP_H

#include "tools/torture/incarnation.h"

struct node_group {
	const struct settings *settings;
	struct run_log *run_log;
	struct incarnation *incarnations;
	unsigned n;
	uint8_t *buffer;
	uint64_t random;
	uint64_t next_kill_ns;
	uint64_t next_count_ns;
	unsigned next_incarnation;	/* sends first in the next turn */
	bool is_ending;		/* all were told to end */
};

/* Nodes first_id .. first_id + n - 1; salt: of their randomness, different in each incarnation of a
 * process. 0, or a negative errno, after it was said why. */
int node_group_open(struct node_group *c, const struct settings *s, struct run_log *run_log,
		    uint32_t first_id, unsigned n, uint64_t salt);
void node_group_close(struct node_group *c);
/* The first half of a turn: sends, and breaks while that is under way. True: something was
 * sent, so the second half must not wait. */
bool node_group_send(struct node_group *c);
/* The second half: waits at most wait_ms, for more_fd too (-1: none), and runs the nodes. */
void node_group_run(struct node_group *c, int wait_ms, int more_fd);
/* The node ends, by a crash or in order, and comes back. False: it is ending already. */
bool node_group_restart(struct node_group *c, uint32_t id, bool crash);
/* All have closed, in PHASE_CLOSE. */
bool node_group_is_over(const struct node_group *c);

#endif
