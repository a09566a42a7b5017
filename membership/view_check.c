/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view_check.h"

#ifndef NDEBUG

#include <assert.h>

#include "membership/view_find.h"

static void check_member(struct view *v, struct view_member *m)
{
	const struct view_entry *e = view_find_entry(v, m->process.nodeid);

	assert(view_find_member(v, &m->process) == m);
	assert(!v->is_in || !view_same_process(&m->process, &v->self));
	assert(m->has_greeted || (!m->has_said_goodbye && !m->is_joined));
	if (!m->is_joined)
		return;
	assert(view_find_joined(v, m->process.nodeid) == m);
	/* Our present incarnation has met it. */
	assert(e && e->incarnation == (v->is_renewing ? 0 : m->greeting.incarnation));
	assert(!e->failed.incarnation);
}

static void check_entry(struct view *v, struct view_entry *e)
{
	const uint64_t failed = e->failed.incarnation;

	assert(view_find_entry(v, e->node.nodeid) == e);
	assert(view_is_observer(v) || e->node.nodeid != v->self.nodeid);
	assert(!e->incarnation || !v->is_renewing);
	/* Whether it has failed is for quorum to say. */
	if (e->incarnation && !view_find_joined(v, e->node.nodeid))
		assert(failed == e->incarnation);
	if (e->is_fence_due)
		assert(failed && failed != e->asked && failed != e->fenced);
}

void view_check(struct view *v)
{
	const struct view_outbox *o = &v->outbox;

	assert(v->n_entries <= VIEW_NODES_MAX && v->n_members <= VIEW_PROCESSES_MAX);
	array_each(struct view_member, m, v->members, v->n_members)
		check_member(v, m);
	array_each(struct view_entry, e, v->entries, v->n_entries)
		check_entry(v, e);
	assert(!v->quorum.is_quorate || v->is_in);
	assert(!v->is_lesser && !v->n_actions && !v->n_polled && !v->n_notes);
	assert(!o->sends_hello && !o->sends_fenced && o->n_fenced <= VIEW_FENCED_MAX);
}

#endif
