/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packets of the SCTP stack of this process: sockets of ours, and pairs, one for each of them
 * and each address of another node, which stand for an address in the stack. Strangers have no
 * pair, and no answer. Knows no stream.
 */
#ifndef SINEW_LOWCOMMS_SCTP_WIRE_H
#define SINEW_LOWCOMMS_SCTP_WIRE_H

#include "lowcomms/sctp_seat.h"
#include "lowcomms/sinew.h"

#define SCTP_PORTS_MAX	(SINEW_ADDRS_MAX + 2)	/* one each family that is of no address */

struct sctp_wire;

/* A socket that packets come by. */
struct sctp_inlet {
	struct source source;		/* fd -1: closed */
	struct sctp_port *port;
	struct sctp_pair *pair;		/* all are of it; NULL: of whoever sent them */
	unsigned singles;		/* turns in a row that found one packet */
};

/* One of our addresses. */
struct sctp_port {
	struct sctp_wire *wire;
	struct sctp_inlet inlet;
	int kept_fd;			/* it keeps the address; -1: that of the inlet does */
	struct sockaddr_storage addr;	/* with the port of SCTP */
	struct stream_listener *listener;	/* NULL: we only dial from it */
	struct list pairs;
};

/* Its address is one of the stack, for as long as the process runs: spare ones are used again. */
struct sctp_pair {
	struct sctp_item item;		/* of the listener in the stack */
	struct list listed;		/* of the port; or spare */
	struct list dials;		/* struct sctp_dial */
	struct sctp_port *port;		/* NULL: spare */
	struct sctp_inlet inlet;	/* of its own, connected; closed: that of the port */
	struct sockaddr_storage to;	/* where packets go: with a port of UDP, or none */
	struct sctp_socket *listener;	/* in the stack; NULL: none */
	uint32_t mtu;			/* what one packet of IP carries */
	unsigned n_sockets;		/* associations, accepted and dialled */
	uint64_t heard_ns;		/* of the other host */
};

/* Ports of SCTP. In IP alone all sockets on an address get its packets: one that is neither for
 * the listener nor of a dial is for somebody else. */
struct sctp_dial {
	struct list listed;	/* of the pair */
	uint16_t from, to;
};

/* Of one loop. */
struct sctp_wire {
	struct sctp_seat seat;		/* its streams are NULL: free */
	struct list all;
	struct stream_packets by;
	struct sctp_port ports[SCTP_PORTS_MAX];
	struct list sockets;		/* of those above: associations that dial or stand */
	struct list lingering;		/* and those that nobody uses any more */
	uint8_t *packets;
	uint8_t *record;		/* RECORD_MAX bytes: one that is put together */
};

/* Done by those above, on the thread of the wire. */
struct sctp_events {
	/* Under the lock: opens the pair's listener in the stack, or not. */
	void (*invite)(struct sctp_pair *p);
	/* The other host has nobody at that port, or is not reached. */
	void (*unreachable)(struct sctp_pair *p, int err);
};

/* That of these streams; begins one if there is none and ret_err is not NULL. */
struct sctp_wire *sctp_wire_of(struct streams *ss, const struct sctp_events *events, int *ret_err);
/* Nothing is left on it, nor listens. */
void sctp_wire_close(struct sctp_wire *w);
bool sctp_wire_listens(const struct sctp_wire *w);
/* Reads and lets timers run until nothing lingers, for a second at most. */
void sctp_wire_drain(struct sctp_wire *w);

/* In a child of fork(): closes its descriptors, but for those of sctp_port_fd(). */
void sctp_wire_forget(const struct streams *ss);

/* A socket on exactly that address. Without a port it is one to dial from: nobody can dial it. */
int sctp_port_listen(struct sctp_wire *w, const struct sockaddr_storage *addr,
		     struct stream_listener *l, struct sctp_port **ret_port);
/* One to dial from: on that address, or on none (NULL), but of the family of to. */
int sctp_port_from(struct sctp_wire *w, const struct sockaddr_storage *from,
		   const struct sockaddr_storage *to, struct sctp_port **ret_port);
void sctp_port_close(struct sctp_port *port);
/* The descriptor that keeps its address from others. */
int sctp_port_fd(const struct sctp_port *port);

/* Under the lock. NULL: no memory. to: where packets go. */
struct sctp_pair *sctp_pair_get(struct sctp_port *port, const struct sockaddr_storage *to);
/* An association is established: it gets an inlet of its own, unless there are too many. */
void sctp_pair_connect(struct sctp_pair *p);
/* One association less. */
void sctp_pair_leave(struct sctp_pair *p);

#endif
