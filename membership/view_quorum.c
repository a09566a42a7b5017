/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_quorum.h"

static bool same_ring(const struct view_ring *a, const struct view_ring *b)
{
	return a->nodeid == b->nodeid && a->seq == b->seq;
}

void view_quorum_forget(struct view_quorum *q)
{
	*q = (struct view_quorum){ .is_quorate = q->is_quorate };
}

bool view_quorum_is_present(const struct view_quorum *q)
{
	return q->group.nodeid && !q->is_over && same_ring(&q->group, &q->computed);
}

bool view_quorum_settle(struct view_quorum *q, bool is_in_group)
{
	const bool was_quorate = q->is_quorate;

	if (!q->says_quorate)
		q->is_quorate = false;
	else if (is_in_group && view_quorum_is_present(q))
		q->is_quorate = true;
	return q->is_quorate != was_quorate;
}
