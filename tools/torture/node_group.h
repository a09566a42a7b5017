/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nodes of one process: one thread drives them all, restarts them in the process, and
 * has the library break its own connections where that is wanted. An incarnation of a node writes
 * down what happens in the run log's records and checks nothing but single messages.
 * Knows nothing of other processes but the run log.
 *
 *	node_group.c    all of a process        traffic.c  sending, checking and keeping messages
 *	incarnation.c   one node: begin, end, callbacks
 */
#ifndef TOOLS_TORTURE_NODE_GROUP_H
#define TOOLS_TORTURE_NODE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "tools/torture/run_log.h"
#include "tools/torture/content.h"

#define INCARNATION_KEPT_MAX	1024	/* messages that a slow reader has at once */

enum incarnation_state {
	INCARNATION_NONE,
	INCARNATION_RUNNING,
	INCARNATION_FINISHING,		/* half-closed to all; closes when all have ended */
	INCARNATION_CLOSING,		/* sinew_close() was called */
	INCARNATION_OVER,		/* it closed */
};

/* Towards one peer. */
struct lane {
	struct sinew_session *session;	/* present session, referenced; NULL: none */
	struct record *record;
	bool told_fault, told_stall;	/* that the library blames the peer */
	uint64_t quiet_until_ns;
};

struct kept {
	struct sinew_kept *message;
	struct content content;
	uint64_t until_ns;
};

struct incarnation {
	const struct settings *settings;
	struct run_log *run_log;
	uint8_t *buffer;		/* of settings->size bytes; for one call at a time */
	uint32_t id;
	enum incarnation_state state;
	struct sinew_node *node;
	uint64_t random;
	struct lane lanes[RUN_LOG_NODES];	/* by nodeid */
	struct kept kept[INCARNATION_KEPT_MAX];	/* by a slow reader: a ring */
	unsigned kept_head, n_kept;
};

struct node_group {
	const struct settings *settings;
	struct run_log *run_log;
	struct incarnation *incarnations;
	unsigned n;
	uint8_t *buffer;
	uint64_t random;
	uint64_t next_kill_ns;
	uint64_t next_count_ns;
	bool is_ending;		/* all were told to end */
};

/* ---- incarnation.c ---- */

/* A new node. 0, or a negative errno, after it was said why. */
int incarnation_begin(struct incarnation *l);
/* The remains of one that closed. Of any other the sockets are reset, no one is told: it crashed,
 * and that is written down. */
void incarnation_free(struct incarnation *l);
/* Ends in order; half_close: each session for itself at first. */
void incarnation_end(struct incarnation *l, bool half_close);
/* Runs it; to be called when its descriptor is readable, and now and then. */
void incarnation_turn(struct incarnation *l);
/* Copies counters of the sessions to the records. */
void incarnation_count(struct incarnation *l);

/* ---- traffic.c ---- */

/* Sends some messages to some peers, at most *budget bytes. True: some were sent. */
bool traffic_send(struct incarnation *l, uint64_t now_ns, size_t *budget);
/* A message that came. */
void traffic_take(struct incarnation *l, struct lane *lane, const struct sinew_message *m);

/* Checks and gives back what was kept long enough; all: everything. */
void slow_release(struct incarnation *l, uint64_t now_ns, bool all);
/* When there is something to give back. */
uint64_t slow_deadline(const struct incarnation *l);

/* ---- node_group.c ---- */

/* Nodes first_id .. first_id + n - 1; salt: of their randomness, different in each incarnation of a
 * process. 0, or a negative errno, after it was said why. */
int node_group_open(struct node_group *c, const struct settings *s, struct run_log *run_log,
		    uint32_t first_id, unsigned n, uint64_t salt);
void node_group_close(struct node_group *c);
/* A turn: sends and breaks while that is under way, waits, for more_fd too (-1: none), and runs the
 * nodes. It waits at most busy_ms where something was sent, else idle_ms. */
void node_group_turn(struct node_group *c, int busy_ms, int idle_ms, int more_fd);
/* The node ends, by a crash or in order, and comes back. False: it is ending already. */
bool node_group_restart(struct node_group *c, uint32_t id, bool crash);
/* All have closed, in PHASE_CLOSE. */
bool node_group_is_over(const struct node_group *c);

#endif
