/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settle.h"

#include <assert.h>

void core_settle_marked(struct core *core)
{
	core->marked = false;
	list_each(struct peer, p, &core->peers_pending, pending) {
		if (!(p->pending_what & PEER_P_LOOK))
			continue;
		p->pending_what &= ~(unsigned)PEER_P_LOOK;
		peer_dial_check(p);
		assert(!core->marked);
	}
}
