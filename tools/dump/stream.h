/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections: packets of TCP and SCTP in, the bytes of each direction in their order
 * out, with what was sent again and what is missing. An association of SCTP is
 * a stream of bytes, as a kernel's lock manager takes it; its position is the
 * number of its chunk (TSN). Knows nothing of what the bytes mean.
 */
#ifndef TOOLS_DUMP_STREAM_H
#define TOOLS_DUMP_STREAM_H

#include "tools/dump/packet.h"

#define STREAM_CONNECTIONS_MAX	512u		/* the one unused for longest is forgotten */
#define STREAM_AHEAD_MAX	(1u << 20)	/* bytes kept behind a hole of a direction */
#define STREAM_AHEAD_ALL_MAX	(32u << 20)	/* of all directions */
#define STREAM_PIECES_MAX	1024u		/* segments kept behind a hole */
/* A hole is given up after so long in the capture's time: at most, and if its receiver
 * has acknowledged it, so that nobody will send it again. */
#define STREAM_HOLE_NS		UINT64_C(10000000000)
#define STREAM_HOLE_ACKED_NS	UINT64_C(100000000)
/* A segment so far from the others is believed when so many of them came in a row. */
#define STREAM_FAR		(64 << 20)
#define STREAM_FAR_MAX		16u
#define STREAM_BUCKETS		1024u

enum stream_end {
	STREAM_FINISHED,	/* FIN or SHUTDOWN; of one direction */
	STREAM_RESET,		/* RST or ABORT, by the sender of that direction */
	STREAM_REPLACED,	/* a new connection has its addresses and ports */
	STREAM_FORGOTTEN,	/* too many connections */
	STREAM_OVER,		/* the capture ends */
};

struct stream_piece {
	struct stream_piece *next;
	uint32_t seq, units;	/* position, and how far it leads */
	size_t n, missing;	/* bytes that are there, and that were not captured behind them */
	uint8_t p[];
};

struct stream_dir {
	bool known;		/* next counts */
	bool from_start;	/* its first byte was the first of the connection */
	bool has_begin, has_end, ended, has_acked;
	uint32_t begin;		/* number of its SYN or INIT */
	uint32_t next;		/* position of what is wanted next */
	uint32_t end;		/* of the FIN */
	uint32_t acked;		/* by the receiver: all before it */
	uint32_t tag;		/* SCTP: in packets of this direction; 0: not known */
	unsigned n_far;
	struct stream_piece *ahead;	/* behind a hole, by position */
	unsigned n_ahead;
	size_t ahead_bytes;
	uint64_t hole_since_ns;
};

struct stream_conn {
	bool is_sctp;
	bool is_ignored;		/* set by stream_ignore() */
	struct packet_addr addr[2];	/* [d]: what direction d comes from */
	struct stream_dir dir[2];
	void *user;			/* of the caller, NULL at first */
	struct stream_conn *in_bucket, *older, *newer;
};

struct stream_events {
	/* from_start: by the first packet of a connection. */
	void (*opened)(void *arg, struct stream_conn *c, bool from_start);
	void (*bytes)(void *arg, struct stream_conn *c, unsigned dir, const uint8_t *p, size_t n);
	/* n bytes, or chunks of unknown length, are missing; 0: nobody knows how many. */
	void (*hole)(void *arg, struct stream_conn *c, unsigned dir, uint32_t n, bool in_chunks);
	/* n bytes, or chunks of SCTP, were there before. */
	void (*again)(void *arg, struct stream_conn *c, unsigned dir, uint32_t n);
	/* After STREAM_REPLACED and those behind it c is gone; dir is 0 then. */
	void (*ended)(void *arg, struct stream_conn *c, unsigned dir, enum stream_end how);
	void *arg;
};

struct stream;

int stream_new(const struct stream_events *events, struct stream **ret);
/* Gives up all holes and ends all connections, oldest first. */
void stream_end(struct stream *s);
void stream_free(struct stream *s);

/* now_ns: of the capture. The packet is TCP or SCTP. 0 or -ENOMEM. */
int stream_packet(struct stream *s, uint64_t now_ns, const struct packet *p);
/* From now on nothing is told of c but its end. */
void stream_ignore(struct stream *s, struct stream_conn *c);

#endif
