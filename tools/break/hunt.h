/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resets connections from outside, many at a time: finds them, provokes their ends, answers
 * what is seen of them with forged resets, and looks whether they are dead. Knows nothing of
 * rounds, and counts nothing.
 */
#ifndef TOOLS_BREAK_HUNT_H
#define TOOLS_BREAK_HUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/break/filter.h"
#include "tools/break/target.h"

#define HUNT_TRY_MS	2000	/* a connection that lives longer than that is given up */

struct hunt;

/*
 * In the current network namespace. Without interface only connections are found that have an
 * end here; with it also those that are seen there. At most max; f outlives it.
 * -EPERM: CAP_NET_RAW is missing. -ENODEV: no such interface. Else as diag_open().
 */
int hunt_open(const struct filter *f, const char *interface, unsigned max, struct hunt **ret_hunt);
void hunt_close(struct hunt *h);
int hunt_fd(const struct hunt *h);	/* readable: hunt_see() */

/* Finds the connections of now, sorted by their ends. 0, or a negative errno. */
int hunt_gather(struct hunt *h, unsigned *ret_n, unsigned *ret_n_left_out);
unsigned hunt_n(const struct hunt *h);
/* The i-th of them; valid until hunt_see() or hunt_gather(). */
struct target *hunt_target(struct hunt *h, unsigned i);
void hunt_start(struct target *t);

/* Takes what was seen, and answers it. 0, or a negative errno. */
int hunt_see(struct hunt *h);
/*
 * Provokes those whose time has come, gives up others; *ret_next_ns is when to call again,
 * CLOCK_NEVER if nothing is hunted any more. 0, or a negative errno.
 */
int hunt_tick(struct hunt *h, uint64_t *ret_next_ns);
/* Was it killed, at one end at least, and by us? */
bool hunt_killed(const struct target *t);

uint64_t hunt_n_sent(const struct hunt *h);
/* Why a segment could not be sent, a negative errno; or 0. */
int hunt_send_error(const struct hunt *h);

#endif
