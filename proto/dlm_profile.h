/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions for the caller of the core about peers of the dlm profile, beside profile.h.
 */
#ifndef SINEW_PROTO_DLM_PROFILE_H
#define SINEW_PROTO_DLM_PROFILE_H

#include "core.h"

/* An incoming connection from an address of such a peer. */
void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from);
/* Loop thread: queue a packet that travels without OPTS, between
 * whole frames. -EAGAIN: no room or no link now. -EMSGSIZE: over 512 bytes; send it wrapped. */
int peer_send_bare(struct peer *p, const void *packet, size_t len);

#endif
