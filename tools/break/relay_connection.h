/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One relayed connection: two sockets, a pipe for each direction, and what the
 * end of one side means for the other. Knows nothing of how it came about.
 */
#ifndef TOOLS_BREAK_RELAY_CONNECTION_H
#define TOOLS_BREAK_RELAY_CONNECTION_H

#include <poll.h>

#include "tools/break/relay_pipe.h"

struct relay_connection {
	bool open;
	enum relay_side dialler;
	int fd[RELAY_SIDES];
	bool gone[RELAY_SIDES];			/* its socket is of no more use */
	struct relay_pipe pipes[RELAY_SIDES];	/* by whose bytes */
};

/* Takes both descriptors, also when it fails: -ENOMEM. */
int relay_connection_open(struct relay_connection *c, const struct relay_faults *faults,
			  enum relay_side dialler, uint32_t number, const int fd[RELAY_SIDES]);
/* With reset: RST to both sides. */
void relay_connection_end(struct relay_connection *c, bool reset);
/* Passes what may pass, does the acts that are due; perhaps the connection ends. */
void relay_connection_turn(struct relay_connection *c, struct relay_turn *t);

/* The events to poll for on behalf of a side; fd -1: nothing. */
struct pollfd relay_connection_wish(const struct relay_connection *c, enum relay_side side,
				    const struct relay_turn *t);
/* Its result. */
void relay_connection_told(struct relay_connection *c, enum relay_side side,
			   const struct pollfd *told);

/* Closes a descriptor so that the other end gets a RST; -1 is ignored. */
void relay_reset_fd(int fd);

#endif
