/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a server. Without a note, all of it belongs to its thread. Files of the server; each
 * calls those of the lines below:
 *
 *	server.c		the thread, its turns, the end
 *	server_status.c		its word about itself
 *	server_listen.c		the control socket: who is let in
 *	server_client.c		a program: its requests, what it is told
 *	server_built.c		publications of the library itself
 *	server_member.c		a peer: what it publishes comes into our table
 *	server_feed.c		a peer's subscription: what we publish goes there
 *	server_pubs.c		publications of this node
 *	server_subs.c		subscriptions of programs
 *	server_cells.c		what the loop thread has seen of sessions
 *	server_bell.c		bells of calls, which the loop thread rings
 *	control_wire.c, packet.c, and the core, topo.h
 *
 * Nothing here takes a lock, but by calls of sinew.h and sinew-call.h. Others leave word in the
 * cells, ring a bell, or write to a descriptor. Each turn has a bound for each of them.
 */
#ifndef SINEW_SERVICES_SERVER_BASE_H
#define SINEW_SERVICES_SERVER_BASE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/list.h"
#include "services/control_wire.h"
#include "services/packet.h"
#include "services/server.h"
#include "services/server_bell.h"
#include "services/server_cells.h"
#include "services/server_subs.h"
#include "services/topo.h"

#define SERVER_REQUESTS	25u		/* of one program, taken in one turn */
#define SERVER_WRITES_A_TURN	16u	/* messages to one program, written in one turn */
#define SERVER_GO_ON	256u		/* the same, to one that had no room before */
#define SERVER_EVENTS	64u		/* of descriptors, looked at in one turn */
#define SERVER_ACCEPTS	64u		/* in one turn */
#define SERVER_LOCALS	1024u		/* connections of the program itself */
#define SERVER_SOCKETS	256u		/* of the control socket */
#define SERVER_OF_USER	4u		/* of them of one user, but */
#define SERVER_OF_OWN	64u		/* of root, and of the program's own user; */
#define SERVER_OF_OTHERS (SERVER_SOCKETS - 2 * SERVER_OF_OWN)	/* of all other users */
#define SERVER_HELLO_NS	1000000000u	/* until its first request is complete */
#define SERVER_AGAIN_NS	100000000u	/* until it accepts again, without descriptors */
#define SERVER_SAY_NS	10000000000u	/* and says that again */
#define SERVER_MANY	8u		/* subscribers told in one turn: then a pause */
#define SERVER_PAUSE_NS	4000000u	/* of theirs; the clock of epoll adds up to 1 ms */
#define SERVER_SUBS_OF_USER	256u	/* subscriptions of a connection of another user */
#define SERVER_PUBS_OF_USER	4096u	/* publications of one */

/* A socket or a wake-up, as epoll tells it. */
enum server_source { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_CLIENT };

struct server_listener {
	enum server_source source;
	int fd, spare_fd;		/* -1: none. The spare one gives a place to refuse with */
	uint64_t again_ns;		/* when it is looked at again; UINT64_MAX: it is now */
	uint64_t say_ns;		/* a lack of descriptors is logged from then on; */
	unsigned n_unsaid;		/* refused since the last such line */
	struct list silent;		/* connections without HELLO, oldest first */
};

/* A program, as it publishes. */
struct server_publisher {
	struct topo_owner owner;
	struct list pubs;		/* by the ids it has given */
};

/* Publications of programs, by publisher and id. */
struct server_pubs {
	struct topo_hash found;
};

/* A peer, and the session that this thread knows of; of the same number as its cell. */
struct server_peer {
	uint32_t nodeid;		/* 0: none yet */
	uint32_t n_sessions;		/* as in the cell */
	uint64_t incarnation;
	bool up;
	uint32_t reach_pub, link_pub;	/* of the library; 0: none */
	enum sinew_down reason;		/* of the end of its session before; 0: none */
	struct server_member *member;	/* while it is up; NULL: no memory for it */
};

struct server_due {
	uint64_t news_ns;		/* events go out from then on; 0: at once */
	uint64_t members_ns;		/* not later than any of them is due; UINT64_MAX: never */
};

struct server_counts {
	uint32_t n_clients, n_sockets, n_silent, n_members;
	uint32_t n_subs, n_subs_of_others;	/* of programs; of other users among them */
	uint64_t n_refused, n_requests, n_excess;
};

struct server {
	/* Constant. */
	struct sinew_node *node;
	struct sinew_calls *calls;	/* referenced; NULL: none */
	struct sinew_topo_options opt;
	struct server_gate gate;	/* without a socket: of zeros */
	uint64_t epoch;
	uint32_t nodeid;
	uid_t uid;			/* of the program */

	/* Any thread. */
	struct bells bells;
	struct cells *cells;
	_Atomic(struct server_client *) arrived;	/* of the program itself, last first */
	_Atomic unsigned n_locals;
	_Atomic bool stop;
	_Atomic bool services_changed;

	pthread_t thread;
	int epoll, wake_fd;
	uint64_t incarnation;		/* as our rows have it */
	struct topo topo;
	struct topo_owner library;
	struct server_pubs pubs;
	struct server_subs subs;
	struct server_listener listener;
	struct server_peer *peers;	/* CELLS_MAX */
	uint32_t option_pubs[CELLS_OPTIONS];	/* of the library, by index; 0: none */
	struct list clients;
	struct list members, feeds;
	struct server_due due;
	struct server_counts counts;
	uint8_t *buf;			/* CONTROL_MAX + 1, of what is done just now */
};

#endif
