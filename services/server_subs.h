/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subscriptions of programs, by program and the id that it has given. Finding one takes the same
 * time among few and many. Knows no event.
 */
#ifndef SINEW_SERVICES_SERVER_SUBS_H
#define SINEW_SERVICES_SERVER_SUBS_H

#include "proto/list.h"
#include "services/server_taker.h"
#include "services/topo_hash.h"

struct server_client;

/* A subscription of a program. */
struct server_sub {
	struct server_taker taker;
	struct topo_link found;
	struct server_client *conn;
	struct list of;			/* the program's */
	struct list blocked;		/* in its list, while the socket takes no events */
	uint32_t id;
};

struct server_subs {
	struct topo_hash found;
};

/* 0 or -ENOMEM. */
int subs_init(struct server_subs *subs);
void subs_fini(struct server_subs *subs);

/* By its program and id, which stay; that program has none of that id. */
void subs_add(struct server_subs *subs, struct server_sub *sub);
void subs_remove(struct server_subs *subs, struct server_sub *sub);
/* NULL: that program has none. *ret_n: subscriptions that were looked at; may be NULL. */
struct server_sub *subs_find(const struct server_subs *subs, const struct server_client *conn,
			     uint32_t id, unsigned *ret_n);

#endif
