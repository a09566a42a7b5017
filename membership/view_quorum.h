/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether there is quorum, as far as it was computed for the ring of the group: the two come
 * on connections of their own. Knows nothing of members.
 */
#ifndef MEMBERSHIP_VIEW_QUORUM_H
#define MEMBERSHIP_VIEW_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

struct view_ring {
	uint32_t nodeid;
	uint64_t seq;
};

/* Zeroed: nothing is known. */
struct view_quorum {
	struct view_ring group;		/* of the group; node 0: not known yet */
	struct view_ring computed;	/* says_quorate is about it */
	bool is_over;			/* a node of group has gone: another ring follows */
	bool says_quorate;
	bool is_quorate;		/* what was told last */
};

/* The service is gone. One that is back may count its rings anew. */
void view_quorum_forget(struct view_quorum *q);
/* True: is_quorate has changed. */
bool view_quorum_settle(struct view_quorum *q, bool is_in_group);
/* It was computed for the ring of the group. */
bool view_quorum_is_present(const struct view_quorum *q);

#endif
