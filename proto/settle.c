/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settle.h"

#include "profile.h"

#include <assert.h>

/* A session that is sent on no link. */
static void settle_session(struct session *s)
{
	struct peer *p = s->peer;

	if (p->profile->send_on_other)
		p->profile->send_on_other(p);
	if (p->up)
		return;
	/* The HELLO of the next link acknowledges. */
	s->ack_now = false;
	s->ack_at_ns = 0;
}

void core_settle_marked(struct core *core)
{
	core->marked = false;
	list_each(struct peer, p, &core->peers_pending, pending) {
		if (!(p->pending_what & PEER_P_LOOK))
			continue;
		p->pending_what &= ~(unsigned)PEER_P_LOOK;
		if (p->session && !p->up)
			settle_session(p->session);
		peer_dial_check(p);
		assert(!core->marked);
	}
}
