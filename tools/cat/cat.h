/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew cat": the run, its peers and its phases.
 * Not for other subcommands.
 *
 *	cat.c    start, loop and end        peers.c  callbacks, what became of peers
 *	phase.c  what is done when           fencing.c  fence requests
 */
#ifndef TOOLS_CAT_CAT_H
#define TOOLS_CAT_CAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "tools/cat/arguments.h"
#include "tools/cat/input.h"
#include "tools/cat/output.h"
#include "tools/cat/printer.h"
#include "tools/cat/stats.h"
#include "tools/clock.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/fence.h"

#define CAT_SAY_BLOCKED_MS	1000	/* a full queue is told after that */
#define CAT_LEAVE_MS	2000		/* linger where nothing was sent */

enum cat_phase {
	CAT_WAITING,	/* for the targets to come up */
	CAT_RECEIVING,	/* without targets, until a peer has finished */
	CAT_SENDING,	/* standard input to the targets */
	CAT_FINISHING,	/* we have finished; until all peers have and took all */
	CAT_CLOSING,	/* sinew_close() was called */
	CAT_CLOSED,
};

struct cat_peer {
	uint32_t nodeid;
	struct sinew_session *session;	/* its present session, or NULL */
	bool is_target;
	bool is_lost;		/* a target that is given up */
	bool was_up;
	bool has_finished;	/* in its present incarnation */
	bool is_leaving;	/* and takes no more messages, in its present incarnation */
	bool has_taken;		/* the present piece of input */
	bool told_dropped;	/* that its messages are not printed */
	bool told_report;	/* that something was not delivered */
	struct stats_peer *stats;
};

struct cat {
	struct arguments args;
	struct cluster cluster;
	struct sinew_node *node;
	struct output *out;
	struct printer printer;
	struct input input;
	enum cat_phase phase;
	int status;
	int signal_fd;
	unsigned n_signals;
	int last_signal;
	uint64_t incarnation;
	uint64_t losses;	/* of corosync, when our own incarnation ended last */
	uint64_t began_ns, now_ns;
	uint64_t wait_until_ns;
	uint64_t next_break_ns;
	uint64_t blocked_since_ns;	/* a target took no more; CLOCK_NEVER: no */
	bool told_blocked;
	bool is_blocked;		/* the piece waits for a target */
	uint64_t progress_ns;		/* when less was unacknowledged than before */
	uint64_t progress_left;		/* then */
	uint64_t drain_until_ns;	/* after a signal: for the output */
	bool told_output;
	bool told_ready;		/* to the service manager */
	struct cat_peer *peers;
	struct stats_peer *stats;
	unsigned n_peers;
	struct fence fence;		/* without a command: nothing is run */
};

/* The exit status is the gravest that happened. */
void cat_set_status(struct cat *c, enum command_status status);
/* -ENOMEM. A record for each node of the configuration but the own one. */
int cat_peers_init(struct cat *c);
struct cat_peer *cat_peer_find(struct cat *c, uint32_t nodeid);
/* The same, or a new record: corosync may have got a node since. */
struct cat_peer *cat_peer_of(struct cat *c, uint32_t nodeid);
void cat_peers_callbacks(struct sinew_callbacks *ret_callbacks);
/* Every peer that is up has finished. */
bool cat_peers_finished(const struct cat *c);
/* A target that can get no more, for a cause that was said. */
void cat_peer_lose(struct cat *c, struct cat_peer *p);
/* Says what was not delivered when the node closed. */
void cat_peers_report(struct cat *c);
/* Adds the counters of the sessions that stand. */
void cat_peers_count(struct cat *c);

void cat_fence_begin(struct cat *c);
void cat_fence_ask(struct cat *c, uint32_t nodeid, uint64_t incarnation,
		   enum sinew_fence_reason reason);
/* Waits for a program that runs; signals that come go to take_signal. */
void cat_fence_end(struct cat *c, void (*take_signal)(struct cat *c));

/* Names the targets that are not up, and why. since: "is not up after ...", "was not up". */
void cat_say_not_up(struct cat *c, const char *since);
/* Does what is due; to be called until the phase is CAT_CLOSED. */
void cat_step(struct cat *c);
/* Whether standard input is wanted now. */
bool cat_wants_input(struct cat *c);
/* When cat_step() has something to do without an event. */
uint64_t cat_deadline(struct cat *c);
/* No more input: half-close. */
void cat_end_input(struct cat *c);
/* No more input: close, with so much time for it. */
void cat_close(struct cat *c, uint32_t linger_ms);

#endif
