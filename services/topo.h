/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core of a topology server: publications of all owners, their log, subscriptions. Pure as
 * proto/: no socket, clock, thread, lock; memory and random numbers are its user's. Knows owners,
 * not where they are. One thread uses it.
 *
 *	topo_wire.h	bytes of requests, publications, events
 *	topo.h		owners: publish, withdraw, leave
 *	topo_sub.h	subscriptions; they use the member subs of struct topo
 *	topo_view.h	the other end: events of a server to exact ones, for its subscriber
 *	topo_peer.h	the publications of another node, from its server into this one
 *
 * An owner is what publications go with: the library itself, a connection of a local program, the
 * session with a peer. An identity is (node, incarnation, pub); pub counts from 1 in each life of a
 * server. TOPO_PUB_NODE is the publication NODE of that incarnation, made by each server for itself
 * and never taken from a peer.
 */
#ifndef SINEW_SERVICES_TOPO_H
#define SINEW_SERVICES_TOPO_H

#include <stdint.h>

#include "topo_log.h"
#include "topo_memory.h"
#include "topo_sub.h"
#include "topo_table.h"

#include "proto/list.h"

#define TOPO_PUB_NODE	0u
#define TOPO_RESERVED	4096u	/* publications of the library's types, beyond the limit */
#define TOPO_PEER_MAX	4096u	/* publications of a session; in the limits of its owner */

struct topo_limits {
	uint32_t log_entries;		/* not 0 */
	uint32_t max_publications, max_subscriptions;
};

struct topo_config {
	struct topo_limits limits;
	struct topo_memory memory;
	uint64_t epoch;		/* random, of this life of the server */
	uint64_t own_incarnation;
	uint32_t own_node;
	/* Where it counts from: 1 and 0; in tests near the wrap. */
	uint32_t first_pub;
	uint64_t first_index;
};

enum topo_owner_kind {
	TOPO_LIBRARY,		/* any type */
	TOPO_LOCAL,		/* types from TOPO_TYPE_FIRST on */
	TOPO_PEER,		/* of scope cluster: those, REACH, SERVICE; its NODE, here */
};

struct topo_owner {
	struct list rows;	/* oldest first */
	uint64_t incarnation;
	uint32_t node;
	uint32_t n, max;	/* publications */
	enum topo_owner_kind kind;
};

struct topo {
	struct topo_config cfg;
	struct topo_table table;
	struct topo_log log;
	struct topo_subs subs;
	uint32_t next_pub;
};

/* 0 or -ENOMEM: then nothing is kept. */
int topo_init(struct topo *t, const struct topo_config *cfg);
/* With all that is left. No owner is to leave any more. */
void topo_fini(struct topo *t);

/* The library or a local connection: of this node. */
void topo_owner_init(struct topo_owner *o, const struct topo *t, enum topo_owner_kind kind,
		     uint32_t max);
/* A session. */
void topo_owner_init_peer(struct topo_owner *o, uint32_t node, uint64_t incarnation,
			  uint32_t max);

/*
 * Publishes what was offered, copied.
 * Returns 0; -EINVAL: range upside down, unknown scope, TOPO_TYPE_ANY, pub TOPO_PUB_NODE of another
 * type than NODE or NODE with another pub; -EMSGSIZE: attributes longer than TOPO_ATTR_MAX; -EPERM:
 * not a publication of such an owner; -EEXIST: the owner's node has published with that pub;
 * -ENOSPC: as many as the owner, or the server, may have; -ENOMEM.
 */
int topo_publish(struct topo *t, struct topo_owner *o, const struct topo_offer *offer,
		 uint32_t pub);
/* The same with the next pub of this node. */
int topo_publish_next(struct topo *t, struct topo_owner *o, const struct topo_offer *offer,
		      uint32_t *ret_pub);
/* -ENOENT: there is none; -EPERM: it is another owner's. */
int topo_withdraw(struct topo *t, struct topo_owner *o, uint32_t pub);
/*
 * Gives it other attributes, copied: it is withdrawn and published again, as one group. One that
 * has them is left alone.
 * Returns as topo_withdraw(); -EMSGSIZE: longer than TOPO_ATTR_MAX; -ENOMEM: it stays as it was.
 */
int topo_change(struct topo *t, struct topo_owner *o, uint32_t pub, const uint8_t *attr,
		size_t len);
/* Withdraws all of them, as one group, NODE last. The owner may go. */
void topo_leave(struct topo *t, struct topo_owner *o);

#endif
