/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection: a stream, the core's link, and data read but not yet
 * consumed. Knows no protocol; the transport and the core do.
 */
#ifndef SINEW_LOWCOMMS_CONN_H
#define SINEW_LOWCOMMS_CONN_H

#include "lowcomms/ready.h"
#include "lowcomms/sinew.h"
#include "lowcomms/stream.h"
#include "proto/core.h"
#include "proto/link.h"
#include "proto/wire.h"

enum conn_state {
	CONN_DIALLING,
	CONN_OPEN,
	CONN_DRAINING,		/* the core has forgotten it; it ends in order */
	CONN_DEAD,		/* waits to be freed */
};

/* Conditions that a connection waits for. */
enum {
	AWAIT_WRITABLE	= 1,	/* its stream took less than there was */
	AWAIT_CONSUMED	= 2,	/* the core does not consume */
	AWAIT_ROOM	= 4,	/* nothing to read into: no memory, or read ahead enough */
	AWAIT_END	= 8,	/* its end was read, and what came before is not consumed yet */
};

struct conn {
	struct stream *stream;		/* NULL: it is gone */
	struct link link;
	struct sinew_node *node;
	struct list all;	/* of its node: in conns, or dead */
	enum conn_state state;
	struct list ready;	/* in the list of that name, or in none */
	unsigned can;		/* READY_* */
	unsigned awaits;		/* AWAIT_* */
	uint64_t measure_ns;		/* its round trip is looked at from then on */
	int write_err;		/* it has ended, what came before is still to be read */
	bool was_up;
	bool in_order;		/* dead: its stream is closed, not reset */
	bool shut_sent;		/* everything was written; open: it is read to its end */
	bool final_ack_due;	/* draining: that incarnation had a session with us */
	uint32_t nodeid;		/* draining: of the peer, 0 = unknown */
	uint64_t drain_until_ns;
	size_t drained;
	size_t off, len;	/* not consumed: [off, len) of pre, or of buf */
	size_t scanned;		/* while the core does not consume: looked through for ACKs */
	struct buf *buf;	/* NULL: pre */
	uint8_t pre[WIRE_HELLO_MAX];
};

/* All of a node. Loop thread. */
struct conns {
	struct list all;		/* the newest first */
	struct list dead;		/* freed at the end of the turn */
	struct ready ready;
	unsigned n_all;			/* in all */
	unsigned n_up;			/* of them, that carry a session */
	unsigned n_draining;		/* of them */
	unsigned n_fds;			/* descriptors of their streams */
	uint64_t drain_ns;		/* when a draining one must be looked at */
};

static inline void conns_init(struct conns *all)
{
	list_init(&all->all);
	list_init(&all->dead);
	list_init(&all->ready.conns);
	all->drain_ns = CORE_NEVER;
}

void conn_dial(struct sinew_node *n, struct peer *p, unsigned path, bool probe);
/* Takes the stream over, whatever happens. */
void conn_accepted(struct sinew_node *n, struct stream *s, const struct path_addr *from);
/* STREAM_* */
void conn_event(struct conn *c, unsigned events);
/* Writes what the link has, as far as the kernel takes it. */
void conn_flush(struct conn *c);
/* The same, when something was queued. */
void conn_transmit(struct conn *c);
/* The core asks whether what was written arrives. */
void conn_ask(struct conn *c);
/* The core has shut the link. */
void conn_shut(struct conn *c, enum link_shut how);
/* The connection has ended: err is 0 (end of file) or -errno. */
void conn_fail(struct conn *c, int err);
/* After anything: registers for what is needed now. */
void conn_update(struct conn *c);
void conns_drain_tick(struct sinew_node *n);
void conns_free_dead(struct sinew_node *n);
/* Ends all that lead to a peer, by a reset where that loses nothing; NULL: all. */
void conns_break(struct sinew_node *n, const struct peer *p);
/* There may be memory again. */
void conns_memory(struct sinew_node *n);
/* At the node's end: resets what the core has, closes what drains. */
void conns_close(struct sinew_node *n);

#endif
