/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a view makes of quorum, and who is to be fenced once there is some.
 * Knows nothing of how members come and go.
 */
#include "membership/view_inside.h"

static bool same_ring(const struct view_ring *a, const struct view_ring *b)
{
	return a->nodeid == b->nodeid && a->seq == b->seq;
}

void view_group_ring(struct view *v, const struct view_ring *ring)
{
	v->group_ring = *ring;
}

void view_quorum(struct view *v, bool is_quorate, const struct view_ring *ring)
{
	v->says_quorate = is_quorate;
	v->quorum_ring = *ring;
}

static bool has_process(const struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (v->members[i].process.nodeid == nodeid && !v->members[i].is_observer)
			return true;
	return false;
}

/* Its last life has gone, and whether it failed is for quorum to say. */
static bool is_untold(struct view *v, const struct view_entry *e)
{
	return e->life && !view_joined_of(v, e->node.nodeid);
}

/*
 * Quorum was computed for the group as it is. Where more went than stayed, the word that it
 * gave for the ring before says nothing of them.
 */
static bool is_decided(const struct view *v)
{
	return same_ring(&v->group_ring, &v->quorum_ring) &&
	       !same_ring(&v->group_ring, &v->lesser_ring);
}

static void ask_fences(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++) {
		struct view_entry *e = &v->entries[i];

		if (!e->is_fence_due || is_untold(v, e))
			continue;
		e->is_fence_due = false;
		/* Another process of that node may have been there all the time. */
		if (has_process(v, e->node.nodeid))
			continue;
		e->asked = e->failed.incarnation;
		v->ops->fence(v->arg, e->node.nodeid, e->asked);
	}
}

void view_settle_quorum(struct view *v)
{
	bool is_quorate = v->is_quorate;

	if (!v->says_quorate)
		is_quorate = false;
	else if (v->is_in && same_ring(&v->group_ring, &v->quorum_ring))
		is_quorate = true;
	if (is_quorate == v->is_quorate)
		return;
	v->is_quorate = is_quorate;
	v->ops->quorum(v->arg, is_quorate);
}

/* Of the lesser part: with quorum the others have failed, without it we were away. */
static void settle_untold(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++) {
		if (!is_untold(v, &v->entries[i]))
			continue;
		if (!v->says_quorate && !v->is_closing) {
			view_was_away(v);
			return;
		}
		if (is_decided(v) || v->is_closing)
			view_tell_failed(v, &v->entries[i]);
	}
}

bool view_was_away_from(struct view *v, const struct view_process *p)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++) {
		const struct view_entry *e = &v->entries[i];

		if (e->failed.process.nodeid == p->nodeid && e->failed.process.pid == p->pid)
			return is_untold(v, e) || (e->is_fence_due && !v->is_quorate);
	}
	return false;
}

void view_settle(struct view *v)
{
	view_settle_quorum(v);
	settle_untold(v);
	if (!v->is_renewing && v->is_quorate && is_decided(v))
		ask_fences(v);
}

bool view_is_whole(const struct view *v)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (!v->members[i].has_greeted && !v->members[i].is_observer)
			return false;
	return v->is_in && same_ring(&v->group_ring, &v->quorum_ring);
}
