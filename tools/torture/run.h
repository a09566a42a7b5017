/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run as its conductor sees it: phases, restarts, what was checked so far.
 * Not for other subcommands.
 *
 *	torture.c   start, phases, end      injector.c kills by the kernel
 *	count.c     judging as it goes      children.c nodes in processes of their own
 *	verdict.c   what is printed
 */
#ifndef TOOLS_TORTURE_RUN_H
#define TOOLS_TORTURE_RUN_H

#include <sys/types.h>

#include "tools/torture/run_log.h"
#include "tools/torture/node_group.h"
#include "tools/torture/checker.h"

struct run {
	struct settings settings;
	struct run_log *run_log;
	struct injector *injector;		/* NULL: not by us */
	struct node_group node_group;		/* of this process; none with --processes */
	pid_t children[RUN_LOG_NODES];	/* by nodeid; 0: none */
	unsigned n_spawned;
	int signal_fd;
	unsigned n_signals;
	int last_signal;
	bool is_broken;			/* cannot go on: a process died */
	bool cannot_start;		/* a process could not begin, and has said why */
	bool is_terminal;		/* standard error */
	bool has_line;			/* an unfinished line of progress stands there */
	uint64_t random;
	uint64_t began_ns, now_ns, ended_ns;	/* ended: the faults */
	uint64_t phase_until_ns;
	uint64_t next_restart_ns, next_check_ns, next_line_ns;
	uint64_t n_restarts, n_crashes;
	uint64_t restarted_ns;		/* since then not all are up; 0: they are */
	uint64_t recovery_ns;		/* the longest time from restarts until all were up */
	unsigned n_told;		/* problems */
	struct pair pairs[RUN_LOG_NODES][RUN_LOG_NODES];	/* checked: from, to */
	struct pair total;		/* checked and open, each kill once */
};

/* ---- count.c ---- */

/* Judges the sessions that are over, and makes room; last: nobody writes any more. */
void count_checker(struct run *r, bool last);
/* A session in which nothing moves for the linger time is a problem. */
void count_watch(struct run *r);
/* Adds up the sessions already checked and those still open. */
void count_total(struct run *r);
/* Problems that were not told yet. */
void count_tell(struct run *r);
/* One line of progress. */
void count_line(struct run *r);
/* Finishes the line of progress, so that another can be printed. */
void count_end_line(struct run *r);

/* ---- children.c ---- */

/* 0, or a negative errno. */
int children_spawn(struct run *r, uint32_t id);
/* By SIGKILL, and a new one. */
void children_restart(struct run *r, uint32_t id);
/* Those that have ended; what must not have is a problem. */
void children_reap(struct run *r);
bool children_are_over(const struct run *r);
/* Ends those that are left. */
void children_kill(struct run *r);

/* ---- injector.c ---- */

/* Has the kernel destroy connections: of BREAKER_DESTROY. STATUS_OK, or it says why not. */
int injector_open(struct injector **ret_injector, const struct settings *s,
		  struct run_log *run_log);
void injector_close(struct injector *k);
/* Destroys those that are due. */
void injector_step(struct injector *k, uint64_t now_ns);
/* When the next ones are due. */
uint64_t injector_deadline(const struct injector *k);

/* ---- verdict.c ---- */

/* The exit status. */
int verdict_status(const struct run *r);
/* The table and the sum, or the document. False: standard output does not take it. */
bool verdict_print(const struct run *r);

#endif
