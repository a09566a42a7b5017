/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory that all processes of a run share: the records of all sessions, who
 * is alive, what was found wrong, and in which phase the run is. Each record has one
 * writer; the conductor alone frees them. Knows not what is good or bad.
 */
#ifndef TOOLS_TORTURE_RUN_LOG_H
#define TOOLS_TORTURE_RUN_LOG_H

#include "tools/torture/record.h"
#include "tools/torture/settings.h"

#define RUN_LOG_PROBLEMS	100	/* told in words; the others are counted */
#define RUN_LOG_PROBLEM_MAX	240
#define RUN_LOG_NODES	(SETTINGS_NODES_MAX + 1)	/* by nodeid, 0 is nobody */
#define RUN_LOG_SESSIONS	6	/* of a pair that may wait to be checked */

enum run_log_phase {
	PHASE_RUN,
	PHASE_SETTLE,	/* no more faults, no more messages, until all are up */
	PHASE_CLOSE,	/* all close */
};

struct run_log_problem {
	_Atomic bool is_there;
	char text[RUN_LOG_PROBLEM_MAX];
};

struct run_log {
	unsigned n_nodes;
	_Atomic int phase;		/* enum run_log_phase */
	_Atomic unsigned n_problems;
	struct run_log_problem problems[RUN_LOG_PROBLEMS];
	_Atomic uint64_t incarnations[RUN_LOG_NODES];	/* of the nodes; 0: none */
	/* Of a node, about its sessions with a peer: one is open at most. */
	struct record records[RUN_LOG_NODES][RUN_LOG_NODES][RUN_LOG_SESSIONS];
};

/* NULL: no memory. */
struct run_log *run_log_new(unsigned n_nodes);
void run_log_free(struct run_log *b);

static inline enum run_log_phase run_log_phase(const struct run_log *b)
{
	return (enum run_log_phase)atomic_load_explicit(&b->phase, memory_order_acquire);
}

/* Something that must not happen; the run fails by it. Any process. */
void run_log_problem(struct run_log *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- by the node ---- */

/* NULL: there is no room, which is told as a problem. */
struct record *run_log_open(struct run_log *b, uint32_t node, uint64_t incarnation, uint32_t peer,
			    uint64_t peer_incarnation);

/* ---- by others ---- */

/* A node ended without a word. stale: so did its process. */
void run_log_crashed(struct run_log *b, uint32_t node, bool stale);
/* Each of the records, from 0; NULL: there are no more. */
struct record *run_log_record(struct run_log *b, unsigned i);
/* The open record of node about its session with peer, or NULL. */
struct record *run_log_present(struct run_log *b, uint32_t node, uint32_t peer);
/* The other end's record of the same session, in any state, or NULL. */
struct record *run_log_other_end(struct run_log *b, const struct record *r);
/* The remains of some more sessions of each pair find room. */
bool run_log_has_room(struct run_log *b);

/* Whether there is a node for which that holds, towards a peer; then both, if wanted. */
typedef bool run_log_test(struct run_log *b, uint32_t node, uint32_t peer);
bool run_log_find(struct run_log *b, run_log_test *holds, uint32_t *ret_node, uint32_t *ret_peer);
/* There is no session of their present incarnations. */
bool run_log_is_down(struct run_log *b, uint32_t node, uint32_t peer);
/* The sender waits for room in its queue. */
bool run_log_is_blocked(struct run_log *b, uint32_t node, uint32_t peer);

/* The open record of one of two nodes with a session, if there are some, with something under way
 * between them; own: that node, 0: any. random is used up. NULL: none was found in a few tries. */
struct record *run_log_aim(struct run_log *b, uint64_t *random, uint32_t own);

#endif
