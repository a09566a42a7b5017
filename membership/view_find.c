/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_find.h"

bool view_same_process(const struct view_process *a, const struct view_process *b)
{
	return a->nodeid == b->nodeid && a->pid == b->pid;
}

struct view_member *view_find_member(struct view *v, const struct view_process *p)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (view_same_process(&v->members[i].process, p))
			return &v->members[i];
	return NULL;
}

struct view_member *view_find_joined(struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (v->members[i].is_joined && v->members[i].process.nodeid == nodeid)
			return &v->members[i];
	return NULL;
}

struct view_entry *view_find_entry(struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++)
		if (v->entries[i].node.nodeid == nodeid)
			return &v->entries[i];
	return NULL;
}

bool view_has_process(const struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (v->members[i].process.nodeid == nodeid && !v->members[i].is_observer)
			return true;
	return false;
}
