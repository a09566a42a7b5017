/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of peers to the server: subscriptions to what this node publishes for the cluster, each one
 * reply without an end, and the status. Bytes that a call does not take wait here, one buffer of
 * them. Knows nothing of what peers publish.
 */
#ifndef SINEW_SERVICES_SERVER_FEED_H
#define SINEW_SERVICES_SERVER_FEED_H

#include "services/server_base.h"
#include "services/server_taker.h"

#define FEED_BYTES	16384u		/* of events at once */
#define FEEDS_OF_PEER	4u		/* calls of one peer at once */
#define FEEDS_MAX	4096u

struct server_feed {
	struct server_taker taker;
	struct bell bell;
	struct list all;		/* once begun */
	struct server *s;
	struct sinew_call *call;
	uint8_t *request;		/* malloc() */
	size_t request_len;
	uint8_t *rest;			/* what the call has not taken: from at to len; malloc() */
	size_t at, len;
	uint32_t nodeid, op;
	bool last;			/* nothing follows the rest */
	bool over;			/* aborted, its end is awaited */
};

/* Offers the service to peers. As sinew_service_bind(). */
int feeds_offer(struct server *s);

/* Its bell was rung. True: it has more to send at once. */
bool feed_answer(struct server_feed *f);
/* Sends what is there, as much as goes in a turn. True: there is more that may go. */
bool feed_send(struct server_feed *f);
/* The node closes: all are aborted. Those of a session end with it. */
void feeds_end(struct server *s);
/* The node is gone: so is f. */
void feed_free(struct server_feed *f);

#endif
