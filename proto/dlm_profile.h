/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The caller's function for peers of the dlm profile, beside profile.h.
 */
#ifndef SINEW_PROTO_DLM_PROFILE_H
#define SINEW_PROTO_DLM_PROFILE_H

#include "core.h"

/* An incoming connection from an address of such a peer. */
void link_accept_dlm(struct core *core, struct link *l, struct peer *p,
		     const struct path_addr *from);

#endif
