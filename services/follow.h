/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subscriptions of a client: what its functions are told. Each has a view, which outlives
 * connections.
 */
#ifndef SINEW_SERVICES_FOLLOW_H
#define SINEW_SERVICES_FOLLOW_H

#include "services/post.h"
#include "services/topo_view.h"

struct sinew_subscription {
	struct topo_post post;
	struct sinew_topo *topo;
	sinew_topo_fn fn;
	void *user;
	struct topo_view view;
	uint64_t until_ns;		/* the end of its time; UINT64_MAX: none */
	uint64_t n_events, n_collapsed, n_snapshots;
	uint64_t newest;		/* index of the end of the server's log */
	bool asked;			/* the server of this connection knows of it */
	bool ended;			/* its last event was told */
	bool cancelled;			/* gone for the user: the server is to be told, if asked */
};

/* Its turn has come. As post_send(); behind it it may be gone. */
int follow_send(struct sinew_topo *t, struct topo_post *p);
/* The server's answer to SUBSCRIBE. Returns how many events were told. */
unsigned follow_answered(struct sinew_topo *t, const struct control_head *head);
/* EVENTS. The same. */
unsigned follow_events(struct sinew_topo *t, uint32_t id, const uint8_t *body, size_t len);
/* The connection is lost, or with it the node: then nothing follows. The same. */
unsigned follows_lost(struct sinew_topo *t, int err);
/* A new connection: all of them are to be sent. */
void follows_again(struct sinew_topo *t);
/* Behind a dispatch: those that were cancelled in it go. */
void follows_bury(struct sinew_topo *t);
void follows_free(struct sinew_topo *t);

#endif
