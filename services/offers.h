/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications of a client. Those of a connection that may be lost are kept, to be made again.
 */
#ifndef SINEW_SERVICES_OFFERS_H
#define SINEW_SERVICES_OFFERS_H

#include "services/post.h"
#include "services/topo_wire.h"

struct topo_offered {
	struct topo_post post;
	uint16_t len;
	uint8_t bytes[];		/* of the request */
};

/* Its turn has come. As post_send(). */
int offer_send(struct sinew_topo *t, struct topo_post *p);
/* The server's answer to PUBLISH or WITHDRAW. */
void offer_answered(struct sinew_topo *t, const struct control_head *head);
/* A new connection: all of them are to be sent. */
void offers_again(struct sinew_topo *t);
void offers_free(struct sinew_topo *t);

#endif
