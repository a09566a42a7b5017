/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consequences of the marks, in one place and one order, after each frame and timer that marked
 * something, and after calls of the caller before core_poll() returns an action:
 *
 *	1. a mark that takes a link out of use has acted already: its parser stops before the next
 *	   frame of the batch, its ACKs move nothing;
 *	2. each peer that was marked: is a dial due now, or its timer (R7)?
 *	3. notes, sessions, links, peers: by core_poll().
 *
 * So a dial is decided once, on the state after all of an event.
 */
#ifndef SINEW_PROTO_SETTLE_H
#define SINEW_PROTO_SETTLE_H

#include "core.h"

void core_settle_marked(struct core *core);

static inline void core_settle(struct core *core)
{
	if (core->marked)
		core_settle_marked(core);
}

#endif
