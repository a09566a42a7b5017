/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the modes of "sinew break": their entries, their exit statuses, the end of their
 * results, the advice for those who are not root, network namespaces, and when a round is due.
 * Knows nothing of what a mode does.
 */
#ifndef TOOLS_BREAK_BREAK_H
#define TOOLS_BREAK_BREAK_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/clock.h"

struct json_object;

enum break_status {
	BREAK_OK = 0,		/* something was hit, as many as were asked for */
	BREAK_NOTHING = 1,	/* nothing was hit, or less than was asked for */
	BREAK_USAGE = 2,	/* command line, or the results could not be written */
	BREAK_REFUSED = 3,	/* the kernel does not allow it, or cannot do it */
};

#define BREAK_WITHOUT_ROOT \
	"without it: \"sinew break relay\" between two nodes, or \"sinew cat --break-every MS\""

int destroy_main(int argc, char **argv);
int reset_main(int argc, char **argv);
int block_main(int argc, char **argv);
int relay_main(int argc, char **argv);

/*
 * Prints a document, if there is one, and releases it. The status if standard output has got
 * everything; else another one than 0, after it said why.
 */
int break_print(struct json_object *document, int status);

/* ---- network namespaces ---- */

/*
 * From here on all sockets of this thread are made in that namespace: a name of
 * "ip netns", or with a "/" in it the path of one, /proc/PID/ns/net for example.
 * NULL: stays. Says why it failed; 0, or the exit status.
 */
int netns_enter(const char *name);

/*
 * A number that tells the namespace of a process from others: that of "thread-self" is the current
 * one, that of "1" the one in which the machine (or the container) has its own connections. 0, or a
 * negative errno.
 */
int netns_number(const char *process, uint64_t *ret_number);

/* ---- pace: when the next round is due, and when all is over; signals end it in order ---- */

enum pace_event {
	PACE_ROUND,	/* the next round is due; n_rounds counts it */
	PACE_READABLE,	/* the descriptor is */
	PACE_TIME,	/* the time that the caller named has come */
	PACE_OVER,	/* the time is over, or a signal came */
};

struct pace {
	int signal_fd;
	bool was_told;		/* a signal has ended it */
	uint64_t began_ns;
	uint64_t every_ns;	/* 0: one round */
	uint64_t next_ns;
	uint64_t end_ns;	/* or CLOCK_NEVER */
	uint64_t n_rounds;
};

/*
 * The first round is due at once; every_ms 0: it is the only one; for_ms 0: no end. From here
 * on the signals that end a run come as PACE_OVER. 0, or a negative errno.
 */
int pace_open(struct pace *p, uint32_t every_ms, uint32_t for_ms);
void pace_close(struct pace *p);

/* Waits for the next of them; fd -1: no descriptor; until_ns CLOCK_NEVER: no such time. */
enum pace_event pace_wait(struct pace *p, int fd, uint64_t until_ns);
/* The same within a round: no other round begins meanwhile. */
enum pace_event pace_wait_in_round(struct pace *p, int fd, uint64_t until_ns);

#endif
