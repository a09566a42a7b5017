/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of a client: each goes at once, or is refused to the user, or waits in line until there
 * is room. Knows no meaning of any.
 */
#ifndef SINEW_SERVICES_POST_H
#define SINEW_SERVICES_POST_H

#include "services/connection.h"

/* A number for a request, used by no post. */
uint32_t post_id(struct sinew_topo *t);
void post_add(struct topo_hash *by_id, struct list *all, struct topo_post *p, uint32_t id);
void post_remove(struct topo_hash *by_id, struct topo_post *p);
/* NULL: none. */
struct topo_post *post_find(const struct topo_hash *by_id, uint32_t id);

/* -EAGAIN: there is no room, or others wait before it, or the connection is not up. */
int post_send(struct sinew_topo *t, const struct control_head *head, const void *body, size_t len);
/* It is to be sent in its turn: epoll tells when. */
void post_wait(struct sinew_topo *t, struct topo_post *p);
/* epoll looks for room where something waits for it. 0 or a negative errno. */
int post_watch(struct sinew_topo *t);

#endif
