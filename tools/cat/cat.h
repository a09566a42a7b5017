/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew cat": the run, its peers and its phases.
 * Not for other subcommands.
 *
 *	cat.c      command line, start, loop, end    peers.c  callbacks, what became of peers
 *	phase.c    what is done when                 stats.c  what is written at the end
 *	printer.c  received messages to the output   input.c  with a header of its own
 */
#ifndef TOOLS_CAT_CAT_H
#define TOOLS_CAT_CAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"
#include "tools/cat/input.h"
#include "tools/clock.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/fence.h"
#include "tools/output.h"

#define CAT_SAY_BLOCKED_MS	1000	/* a full queue is told after that */
#define CAT_LEAVE_MS	2000		/* linger where nothing was sent */

struct arguments {
	struct cluster_arguments cluster;
	struct option_nodes to;
	uint32_t wait_ms;
	uint32_t linger_ms;
	const char *stats;	/* or NULL */
	size_t chunk;		/* 0: lines */
	bool raw;
	uint32_t from;		/* 0: from all */
	bool keep_going;
	uint32_t break_ms;	/* 0: never */
	uint64_t rate;		/* 0: no limit */
};

/* ---- stats.c: the statistics of a run, added up over the incarnations of each peer ---- */

struct stats_peer {
	struct sinew_status sum;	/* counters of all sessions, else of the present one */
	unsigned sessions;		/* that began */
	uint64_t undelivered;		/* messages of ended sessions, certainly not delivered */
	uint64_t unknown;		/* and delivered once or not at all */
	uint64_t discarded;		/* received, but not written */
	enum sinew_down down;		/* how the last session ended; 0: it did not */
};

struct stats {
	uint32_t node;
	uint64_t incarnation;	/* 0: the node did not start */
	const char *cluster;	/* or "" */
	int status;		/* the exit status */
	double seconds;
	struct stats_peer *peers;
	unsigned n_peers;
};

/* Adds the counters of one session; state, errors and paths are taken over. */
void stats_add(struct stats_peer *peer, const struct sinew_status *status);

/* As tools/file.h has it. Negative errno. */
int stats_write(const char *file, const struct stats *stats);

/*
 * ---- printer.c: received messages on their way to the output, in the order in which they came:
 * those for which there is no room are kept and hold back their senders ----
 */

#define PRINTER_COPIED_MAX	(16 << 20)	/* bytes, see printer_is_full() */

struct printer_kept;

struct printer {
	struct output *out;
	bool raw;			/* the payload alone, no node, no newline */
	bool is_terminal;		/* what it would not just show is escaped */
	struct printer_kept *first, **last;
	uint64_t n_waiting;		/* messages kept */
	size_t copied;			/* bytes that sinew_keep() did not want to keep */
};

/* Each line begins with the node that it is of: a message's first with "ID<TAB>", those behind a
 * newline in it with "ID+<TAB>". raw: neither that nor escapes. */
void printer_init(struct printer *p, struct output *out, bool raw, bool is_terminal);
/* Forgets what waits; returns how many messages. */
uint64_t printer_clear(struct printer *p);
/* In the message callback. -ENOMEM: it is lost. */
int printer_message(struct printer *p, struct sinew_session *session,
		    const struct sinew_message *msg);
/* Moves on what waits, as far as there is room. */
void printer_pump(struct printer *p);
/* Too much is held that does not hold back its sender: dispatch no more now. */
bool printer_is_full(const struct printer *p);

/* ---- the run ---- */

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
