/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's word about itself and its subscribers, on its thread. Knows no form of it.
 */
#ifndef SINEW_SERVICES_SERVER_STATUS_H
#define SINEW_SERVICES_SERVER_STATUS_H

#include "services/server.h"

struct server_status {
	uint64_t epoch, index;	/* of the log's end */
	uint32_t n_publications, max_publications;
	uint32_t n_subscriptions, max_subscriptions;
	uint32_t log_entries;
	uint64_t bytes;		/* of table and log */
	uint32_t n_connections;	/* of the socket, and of the program itself */
	uint32_t n_silent;	/* of them have not said HELLO */
	uint64_t n_refused;	/* connections */
	uint64_t n_requests;
	uint64_t n_excess;	/* publications of members beyond their bound, not taken */
};
void server_status(struct server *s, struct server_status *ret);

/* One subscriber. */
struct server_subscriber {
	uint32_t node;		/* a member; 0: a program of this machine: */
	pid_t pid;
	uid_t uid;
	uint32_t type, lower, upper;
	uint64_t lag;		/* changes of the log that it has not been given */
	uint64_t n_collapsed;	/* times that it was given the state in their place */
	bool waits;		/* it takes no more at present */
};
/* Each of them, up to max; returns how many there are. */
unsigned server_subscribers(struct server *s, struct server_subscriber *ret, unsigned max);

#endif
