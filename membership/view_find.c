/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_find.h"

bool view_same_process(const struct view_process *a, const struct view_process *b)
{
	return a->nodeid == b->nodeid && a->pid == b->pid;
}

struct view_member *view_find_member(struct view *v, const struct view_process *p)
{
	array_each(struct view_member, m, v->members, v->n_members)
		if (view_same_process(&m->process, p))
			return m;
	return NULL;
}

struct view_member *view_find_joined(struct view *v, uint32_t nodeid)
{
	array_each(struct view_member, m, v->members, v->n_members)
		if (m->is_joined && m->process.nodeid == nodeid)
			return m;
	return NULL;
}

struct view_entry *view_find_entry(struct view *v, uint32_t nodeid)
{
	array_each(struct view_entry, e, v->entries, v->n_entries)
		if (e->node.nodeid == nodeid)
			return e;
	return NULL;
}
