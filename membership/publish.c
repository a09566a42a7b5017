/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What others may see of a membership by corosync: its status and its members,
 * copied out of the thread's own state. Knows nothing of how they come about.
 */
#include "membership/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MS	UINT64_C(1000000)

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / MS;
}

/* When the state of a node was last another. */
static uint64_t since_of(struct sinew_corosync *c, uint32_t nodeid, bool is_joined,
			 bool is_leaving)
{
	struct view_member_time *t = NULL;
	unsigned i;

	for (i = 0; i < c->n_times; i++)
		if (c->times[i].nodeid == nodeid)
			t = &c->times[i];
	if (t && t->is_joined == is_joined && t->is_leaving == is_leaving)
		return t->since_ms;
	if (!t && c->n_times < sizeof(c->times) / sizeof(c->times[0]))
		t = &c->times[c->n_times++];
	if (!t)
		return 0;
	*t = (struct view_member_time){ nodeid, is_joined, is_leaving, wall_ms() };
	return t->since_ms;
}

static void fill_member(struct sinew_corosync *c, struct sinew_corosync_member *to,
			uint32_t nodeid)
{
	const struct view *v = &c->view;
	unsigned i;

	*to = (struct sinew_corosync_member){ .nodeid = nodeid, .listed = true };
	snprintf(to->name, sizeof(to->name), "%s", sinew_static_name(c->config, nodeid));
	if (nodeid == c->nodeid) {
		to->in_group = v->is_in;
		to->joined = v->is_in;
		to->leaving = v->is_closing;
		to->incarnation = v->own.incarnation;
	}
	for (i = 0; i < v->n_entries; i++)
		if (v->entries[i].node.nodeid == nodeid)
			to->listed = v->entries[i].is_listed;
	for (i = 0; i < v->n_members; i++) {
		const struct view_member *m = &v->members[i];

		if (m->process.nodeid != nodeid)
			continue;
		to->in_group = true;
		if (!m->is_joined)
			continue;
		to->joined = true;
		to->leaving = m->has_said_goodbye;
		to->incarnation = m->greeting.incarnation;
	}
	to->since_ms = since_of(c, nodeid, to->joined, to->leaving);
}

static int by_nodeid(const void *a, const void *b)
{
	const struct sinew_corosync_member *x = a, *y = b;

	return x->nodeid < y->nodeid ? -1 : x->nodeid > y->nodeid;
}

void follow_publish(struct sinew_corosync *c)
{
	const struct view *v = &c->view;
	unsigned n = 0, i;

	c->status.connected = c->ipc != NULL;
	c->status.in_group = c->has_view && v->is_in;
	c->status.quorate = c->has_view && v->is_quorate;
	c->status.ring_nodeid = v->group_ring.nodeid;
	c->status.ring_seq = v->group_ring.seq;
	if (!c->has_view)
		return;
	if (!c->members)
		c->members = calloc(VIEW_NODES_MAX + 1, sizeof(*c->members));
	if (!c->members)
		return;
	fill_member(c, &c->members[n++], c->nodeid);
	for (i = 0; i < v->n_entries; i++)
		fill_member(c, &c->members[n++], v->entries[i].node.nodeid);
	qsort(c->members, n, sizeof(*c->members), by_nodeid);
	c->n_members = n;
}
