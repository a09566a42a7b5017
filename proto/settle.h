/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consequences of the marks, in one place and one order, after each frame and timer that marked
 * something, and after calls of the caller before core_poll() returns an action:
 *
 *	1. a mark that takes a link out of use has acted already: its parser stops before the next
 *	   frame of the batch, its ACKs move nothing;
 *	2. each peer that was marked: a session that lost the link it was sent on goes to
 *	   another one, or owes its ACK to the HELLO of the next;
 *	3. is a dial due now, or its timer (R7)?
 *	4. notes, sessions, links, peers: by core_poll().
 *
 * So a dial is decided once, on the state after all of an event, and the end of a link leads to
 * nothing else before its entry is over.
 *
 * An action is taken at once where the same event reads its result. The end of a session does all
 * of its own: another session of that peer may begin (R20), its tombstone be forgotten (R22), the
 * peer removed or all links reset (the linger time) before core_settle() is called. TIME_WAIT is
 * a time of the peer, which the same REFUSE may set and end. A FIN closes the ring before the
 * caller can send behind it.
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
