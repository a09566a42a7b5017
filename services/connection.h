/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to a topology server, as its user has it. Files of the client; each calls those of
 * the lines below:
 *
 *	connection.c		the user's connection: open, dispatch, close
 *	follow.c		subscriptions
 *	offers.c		publications
 *	post.c		requests: those that go, and those that wait
 *	control_link.c, the views of topo_view.h
 *
 * Without a note, all of it is its user's thread's.
 */
#ifndef SINEW_SERVICES_CONNECTION_H
#define SINEW_SERVICES_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/list.h"
#include "services/control_wire.h"
#include "services/packet.h"
#include "services/sinew-topo.h"
#include "services/topo_hash.h"

#define TOPO_OFFERS_MAX	131072u		/* publications of a connection */
#define TOPO_FOLLOWS_MAX 65536u		/* subscriptions of one */
#define TOPO_AGAIN_NS	250000000u	/* between attempts to connect */
#define TOPO_GREET_NS	2000000000u	/* until HELLO is answered */

enum topo_link_state {
	TOPO_LINK_AWAY,			/* to be tried again */
	TOPO_LINK_GREETS,		/* HELLO is on its way */
	TOPO_LINK_UP,
	TOPO_LINK_OVER,			/* of the same process: its node is gone */
};

/* A publication of a connection that may be lost, to be made again; or a subscription: its first
 * member. */
struct topo_post {
	struct list unsent;		/* of the connection, while its request is not sent */
	struct topo_link found;		/* by id */
	struct list all;
	uint32_t id;
};

struct topo_counts {
	int64_t n_offers;		/* in the same process below 0 between a refusal of both
					 * the publication and its withdrawal */
	uint32_t n_follows, n_pending;
	uint64_t n_refused, n_events, n_collapsed, n_losses;
	int refusal;
};

struct sinew_topo {
	unsigned generation;		/* of the process; differs after fork() */
	bool is_local;			/* to a node of this process */
	bool dispatches;
	bool has_dead;			/* subscriptions cancelled meanwhile */
	enum topo_link_state state;
	int fd, epoll, timer;		/* fd -1: away; timer -1: local */
	uint32_t events;		/* that epoll looks for */
	int error;			/* why it is away: negative errno */
	uint64_t greet_ns;		/* until when HELLO is to be answered */
	uint32_t last_id;
	struct list unsent;		/* posts, in their order */
	struct list offers, follows;
	struct topo_hash offers_by_id, follows_by_id;
	struct topo_counts counts;
	struct control_hello server;
	char name[PACKET_NAME_MAX + 2];
	uint8_t *buf;			/* CONTROL_MAX + 1 */
};

#endif
