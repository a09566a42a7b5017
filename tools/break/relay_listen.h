/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the dials of one side come in, and the dial on to the other one: one at
 * a time, so that connections are numbered in the order in which they came. While
 * nobody listens there, nobody listens here. Knows nothing of what a connection carries.
 */
#ifndef TOOLS_BREAK_RELAY_LISTEN_H
#define TOOLS_BREAK_RELAY_LISTEN_H

#include <poll.h>
#include <sys/socket.h>

#include "tools/break/relay_pipe.h"

#define RELAY_DIAL_MS	2000	/* longest dial */

struct relay_listener {
	enum relay_side side;		/* who dials here */
	struct sockaddr_storage at;	/* the other side's stand-in */
	struct sockaddr_storage only;	/* who may: the address of this side; no port */
	struct sockaddr_storage to;	/* the other side */
	struct sockaddr_storage from;	/* the stand-in of this side; no port */
	int fd;				/* -1: not open */
	int in, out;			/* the dial under way; -1: there is none */
	uint64_t until_ns;		/* when it fails, or when it may be tried again */
	bool away;			/* the other side refuses: it is tried until it does not */
	bool told_error;		/* and then that the listener cannot come back */
	uint32_t n_connections;		/* that stood on both sides */
	uint64_t n_strangers, n_failed;	/* refused: from elsewhere; because the dial on failed */
	uint64_t n_full;		/* because there were too many */
};

/* Negative errno after it said why. */
int relay_listener_open(struct relay_listener *l);
void relay_listener_close(struct relay_listener *l);

/* Two of these: the listener and the dial. */
void relay_listener_wish(const struct relay_listener *l, struct relay_turn *t,
			 struct pollfd wishes[2]);
/* Accepts, dials on. True: both stand, ret_fd has them by side and is the caller's. */
bool relay_listener_turn(struct relay_listener *l, struct relay_turn *t, bool is_full,
			 int ret_fd[RELAY_SIDES]);

#endif
