/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A relay between two nodes that ends, cuts up, joins, delays or swallows what goes over it
 * at an exact byte. Knows of the frames only where each begins, to say where it cut.
 *
 * Direction 0 is from the node that dialled to the one that was dialled.
 */
#ifndef SINEW_TESTS_LIB_RELAY_H
#define SINEW_TESTS_LIB_RELAY_H

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "proto/wire.h"
#include "tests/lib/cluster.h"

#define RELAY_PAIRS	16	/* connections at a time */
#define RELAY_PLANS	3
#define RELAY_FDS	(1 + 2 * RELAY_PAIRS)

enum relay_act {
	RELAY_PASS,
	RELAY_RESET,		/* both sides */
	RELAY_END_RESET,	/* both sides, behind an orderly end: writing gives EPIPE then */
	RELAY_HALF_CLOSE,	/* EOF to the reader of that direction; the other one stays open */
	RELAY_STALL,		/* nothing in any direction for some time */
	RELAY_HOLE,		/* nothing in any direction any more */
};

enum relay_shape {
	RELAY_AS_IT_COMES,
	RELAY_BYTES,		/* every byte a segment of its own */
	RELAY_JOIN,		/* as much as possible in one piece */
};

/* The fate of one connection. */
struct relay_plan {
	enum relay_act act;
	unsigned dir;
	uint64_t after;		/* bytes of that direction */
	unsigned settle;	/* turns in which both nodes may work off what passed */
	int64_t stall_ms;
};

/* Where in which frame a direction is. */
struct relay_place {
	uint8_t head[WIRE_OPTS];
	uint32_t at, length;	/* at == length: between frames */
	uint8_t cmd;		/* the inner one of OPTS */
};

struct relay_dir {
	uint8_t *buf;
	size_t off, len;
	uint64_t passed;
	bool eof, shut;
	int64_t last_ms;
	struct relay_place place;
};

struct relay_pair {
	int fd[2];		/* 0: who dialled */
	struct relay_dir dir[2];
	struct relay_plan plan;
	unsigned number;	/* how many were before */
	bool fired, open;
	int64_t until_ms;	/* stalled */
};

struct relay {
	int listener;
	struct sockaddr_storage to, from;
	enum relay_shape shape;
	struct relay_plan plans[RELAY_PLANS];	/* of the first connections */
	struct relay_plan later;	/* of all others */
	struct relay_pair pairs[RELAY_PAIRS];
	unsigned n_accepted, n_fired;
	struct relay_place cut;	/* where the last plan fired */
	/* A frame has passed whole. */
	void (*on_frame)(struct relay *r, unsigned pair, unsigned dir, const struct relay_place *p);
	void *user;
};

void relay_close(struct relay *r);

/* Listens at one address, dials another from that source. */
bool relay_open(struct relay *r, struct sockaddr_storage at, struct sockaddr_storage from,
		struct sockaddr_storage to);

void relay_turn(struct relay *r);

/* The events to poll for; *wait_ms is lowered if the relay has to act before. */
unsigned relay_fds(const struct relay *r, struct pollfd fds[RELAY_FDS], int *wait_ms);

#endif
