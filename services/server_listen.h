/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control socket: who is let in. The kernel names the user at the other end; connections are
 * counted by it, and one that does not say HELLO in time is shut. Knows no requests.
 */
#ifndef SINEW_SERVICES_SERVER_LISTEN_H
#define SINEW_SERVICES_SERVER_LISTEN_H

#include "services/server_base.h"

/*
 * Opens the control socket, once, before the first dispatch. gate is copied, and referred to until
 * its freed() has run; where this fails it is not, and freed() never runs.
 * -EADDRINUSE: another program has that name. -EEXIST: there is one. -ENAMETOOLONG, -EINVAL,
 * -EMFILE, -ENFILE, -ENOMEM.
 */
int server_listen(struct server *s, const char *name, const struct server_gate *gate);

void listener_init(struct server *s);
void listener_close(struct server *s);
/* Some may wait to be accepted. */
void listener_event(struct server *s);
/* When the next one is to be shut, or accepted; UINT64_MAX: never. */
uint64_t listener_deadline(const struct server *s);
/* Shuts those that were silent too long, and looks for others again. */
void listener_tick(struct server *s, uint64_t now_ns);

#endif
