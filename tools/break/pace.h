/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When the next round is due, and when all is over; signals end it in order. Knows nothing of
 * what a round does.
 */
#ifndef TOOLS_BREAK_PACE_H
#define TOOLS_BREAK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/clock.h"

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
