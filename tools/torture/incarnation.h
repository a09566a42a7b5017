/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One incarnation of one node: its callbacks, what it sends, checks and keeps. It writes
 * down what happens in the run log's records and checks nothing but single messages.
 *
 *	incarnation.c   begin, end, callbacks
 *	traffic.c       sending, checking and keeping messages
 */
#ifndef TOOLS_TORTURE_INCARNATION_H
#define TOOLS_TORTURE_INCARNATION_H

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
	unsigned first_lane;		/* the next turn begins with it */
	struct lane lanes[RUN_LOG_NODES];	/* by nodeid */
	struct kept *kept;		/* a ring of INCARNATION_KEPT_MAX; NULL: no slow reader */
	unsigned kept_head, n_kept;
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

/* A reader that keeps messages. -ENOMEM, after it was said. */
int slow_init(struct incarnation *l);
/* Checks and gives back what was kept long enough; all: everything. */
void slow_release(struct incarnation *l, uint64_t now_ns, bool all);
/* When there is something to give back. */
uint64_t slow_deadline(const struct incarnation *l);

#endif
