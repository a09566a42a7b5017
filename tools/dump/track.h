/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sequence numbers were seen before, over all connections of a session. A
 * native session is a pair of incarnations, one of kernels is a pair of nodes.
 * Knows nothing of bytes, and judges nobody: a number sent again is as it should be.
 */
#ifndef TOOLS_DUMP_TRACK_H
#define TOOLS_DUMP_TRACK_H

#include "tools/dump/describe.h"
#include "tools/dump/packet.h"

#define TRACK_SESSIONS_MAX	1024u	/* directions; the one unused for longest is forgotten */
#define TRACK_NODES_MAX		256u	/* addresses of kernels of which the nodeid is known */

/* One end of a connection, as a sender. All zeros at first. */
struct track_end {
	struct packet_addr addr;
	uint32_t nodeid;	/* 0: no frame was seen */
	uint64_t mine, yours;	/* of its last HELLO */
	uint32_t next;		/* of the same */
	bool has_expected;
	uint32_t expected;	/* behind its last sequenced frame on this connection */
	unsigned session;	/* where its session was found last */
};

struct track_conn {
	unsigned number;
	enum describe_profile profile;
	struct track_end end[2];
};

struct track_marks {
	bool again;		/* this number was sent before */
	uint32_t gap;		/* so many numbers before it were not sent on this connection */
	bool dup_ack;		/* the number was acknowledged before */
	bool restart;		/* the nodes began to count again */
};

struct track;

int track_new(struct track **ret);
void track_free(struct track *t);
/* Directions of sessions that were forgotten, because there are too many. */
uint64_t track_forgotten(const struct track *t);

/* The nodeid of end dir, 0 if it is not known; of a kernel also from other connections. */
uint32_t track_node(const struct track *t, const struct track_conn *c, unsigned dir);

/* A frame of end dir, of which n bytes at p are there. If there are less than all, and
 * without a hole, it was never sent as a whole, and its number does not count. */
void track_frame(struct track *t, struct track_conn *c, unsigned dir, const struct described *d,
		 const uint8_t *p, size_t n, bool has_hole, struct track_marks *ret);

#endif
