/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links whose transport no longer carries data.
 */
#ifndef SINEW_PROTO_STUCK_H
#define SINEW_PROTO_STUCK_H

#include "core.h"
#include "ring_out.h"

/*
 * The answer to CORE_ASK. waits: the transport has sent what the other kernel has not
 * acknowledged (what a zero window holds back was not sent). silent_ns: since that kernel
 * was last heard of.
 */
void link_transport(struct link *l, bool waits, uint64_t silent_ns);
/* ---- for the other files of the core ---- */

/* The link carries our bytes again: the dial beside it ends. */
void link_alive(struct link *l);
/* Before the ring hears of it: whether that arrives is looked at in time. */
/* Something was written since the peer was last heard of: ask whether it arrives. */
static inline uint64_t stuck_ask_every(const struct link *l)
{
	return l->core->cfg.path_dead_ns / 8;
}
/* Bytes went out: an idle link's ACKs and keep-alives are not worth a timer. */
static inline void stuck_written(struct link *l)
{
	if (l->session && ring_has_unsent(&l->session->ring))
		core_arm(l->core, l->core->now_ns + stuck_ask_every(l));
}
void stuck_tick(struct link *l);

#endif
