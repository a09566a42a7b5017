/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller's functions for peers of the dlm profile, beside profile.h.
 */
#ifndef SINEW_PROTO_DLM_PROFILE_H
#define SINEW_PROTO_DLM_PROFILE_H

#include "core.h"

/* An incoming connection from an address of such a peer. */
void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from);
/* The caller ends a living one. True: in order, so that nothing of the kernel's is lost: no more is
 * written to it, and it is read to its end. False: by a reset and link_dead(). */
bool link_end_dlm(struct link *l);

#endif
