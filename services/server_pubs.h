/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications of this node: of programs, by the ids that they have given, and of the library
 * itself. Knows no connection but its part here.
 */
#ifndef SINEW_SERVICES_SERVER_PUBS_H
#define SINEW_SERVICES_SERVER_PUBS_H

#include "services/server_base.h"

/* Of a program; in the table there is a row for it. */
struct server_pub {
	struct topo_link found;
	struct list of;			/* its publisher's */
	struct server_publisher *by;
	uint32_t id, pub;
};

/* 0 or -ENOMEM. */
int pubs_init(struct server *s);
void pubs_fini(struct server *s);

void publisher_init(struct server *s, struct server_publisher *by, uint32_t max);
/* Withdraws all of it, as one group. */
void publisher_leave(struct server *s, struct server_publisher *by);
/* The same publications under the present incarnation of the node, when that is a new one. */
void publisher_renew(struct server *s, struct server_publisher *by);

/* -EEXIST: the publisher has that id. -ENOSPC: it, or the table, has as many as there may be.
 * Others, as topo_publish(). */
int pubs_add(struct server *s, struct server_publisher *by, uint32_t id,
	     const struct topo_offer *offer, uint32_t *ret_pub);
/* -ENOENT: that publisher has none of that id. */
int pubs_withdraw(struct server *s, struct server_publisher *by, uint32_t id);

/* The library's, of one instance. Returns the number; 0: there is no room or memory for it. */
uint32_t pubs_publish(struct server *s, uint32_t type, uint32_t instance, enum sinew_scope scope,
		      const char *attr);
/* One of the library has those attributes. */
bool pubs_has(const struct server *s, uint32_t pub, const char *attr);
/* Withdraws it, and clears the number; 0: nothing. */
void pubs_end(struct server *s, uint32_t *pub);
/* The library's, too, but NODE, which goes last. */
void pubs_renew(struct server *s);

#endif
