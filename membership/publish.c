/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What others may see of a membership by corosync: its status and its members,
 * copied out of the thread's own state. Knows nothing of how they come about.
 */
#include "membership/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When the state of a node became what it is: as published before, or now. */
static uint64_t since_of(const struct sinew_corosync *c, const struct sinew_corosync_member *now)
{
	unsigned i;

	for (i = 0; i < c->n_members; i++) {
		const struct sinew_corosync_member *was = &c->members[i];

		if (was->nodeid == now->nodeid && was->joined == now->joined &&
		    was->leaving == now->leaving && was->incarnation == now->incarnation)
			return was->since_ms;
	}
	return follow_wall_ms();
}

static void fill_addrs(struct sinew_corosync_member *to, const struct sockaddr_storage *addrs,
		       unsigned n)
{
	memset(to->addrs, 0, sizeof(to->addrs));
	memcpy(to->addrs, addrs, n * sizeof(addrs[0]));
	to->n_addrs = n;
}

static void fill_own(struct sinew_corosync_member *to, const struct view *v)
{
	to->in_group = v->is_in;
	to->joined = v->is_in;
	to->leaving = view_is_closing(v);
	to->incarnation = v->own.incarnation;
	fill_addrs(to, v->own.addrs, v->own.n_addrs);
}

static void fill_member(struct sinew_corosync *c, struct sinew_corosync_member *to,
			uint32_t nodeid)
{
	const struct view *v = &c->view;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	uint64_t began_ms = 0;
	unsigned i, n;

	/* All of it, to be compared whole. */
	memset(to, 0, sizeof(*to));
	to->nodeid = nodeid;
	to->listed = true;
	snprintf(to->name, sizeof(to->name), "%s", sinew_config_name(c->config, nodeid));
	if (nodeid == c->nodeid && !view_is_observer(v)) {
		fill_own(to, v);
		began_ms = v->own.began_ms;
	}
	for (i = 0; i < v->n_entries; i++) {
		const struct view_entry *e = &v->entries[i];

		if (e->node.nodeid != nodeid)
			continue;
		to->listed = e->is_listed;
		to->failed = e->failed.incarnation != 0;
		to->fenced = e->fenced;
		fill_addrs(to, e->node.addrs, e->node.n_addrs);
	}
	for (i = 0; i < v->n_members; i++) {
		const struct view_member *m = &v->members[i];

		if (m->process.nodeid != nodeid || m->is_observer)
			continue;
		to->in_group = true;
		to->silent |= m->told_silent && !m->has_greeted;
		if (!m->is_joined)
			continue;
		to->joined = true;
		to->leaving = m->has_said_goodbye;
		to->incarnation = m->greeting.incarnation;
		began_ms = m->greeting.began_ms;
		n = greeting_addresses(&m->greeting, to->addrs, to->n_addrs, addrs);
		fill_addrs(to, addrs, n);
	}
	to->since_ms = since_of(c, to);
	if (to->joined && !to->leaving && began_ms)
		to->since_ms = began_ms;
}

static int by_nodeid(const void *a, const void *b)
{
	const struct sinew_corosync_member *x = a, *y = b;

	return x->nodeid < y->nodeid ? -1 : x->nodeid > y->nodeid;
}

static bool publish_status(struct sinew_corosync *c)
{
	const struct view *v = &c->view;
	struct sinew_corosync_status before;

	memcpy(&before, &c->status, sizeof(before));
	c->status.connected = c->ipc != NULL;
	c->status.in_group = c->has_view && v->is_in;
	c->status.quorate = c->has_view && v->quorum.is_quorate;
	c->status.whole = c->has_view && view_is_whole(v);
	c->status.ring_nodeid = v->quorum.group.nodeid;
	c->status.ring_seq = v->quorum.group.seq;
	return memcmp(&before, &c->status, sizeof(before)) != 0;
}

static bool publish_members(struct sinew_corosync *c)
{
	const struct view *v = &c->view;
	struct sinew_corosync_member *now;
	unsigned n = 0, i;
	bool is_other;

	if (!c->members)
		c->members = calloc(VIEW_NODES_MAX + 1, sizeof(*c->members));
	if (!c->before)
		c->before = calloc(VIEW_NODES_MAX + 1, sizeof(*c->before));
	if (!c->members || !c->before)
		return false;
	now = c->before;
	if (!view_is_observer(v))
		fill_member(c, &now[n++], c->nodeid);
	for (i = 0; i < v->n_entries; i++)
		fill_member(c, &now[n++], v->entries[i].node.nodeid);
	qsort(now, n, sizeof(*now), by_nodeid);
	is_other = n != c->n_members || memcmp(now, c->members, n * sizeof(*now)) != 0;
	c->before = c->members;
	c->members = now;
	c->n_members = n;
	return is_other;
}

void follow_publish(struct sinew_corosync *c)
{
	const uint64_t one = 1;
	bool is_other = publish_status(c);

	if (c->has_view)
		is_other |= publish_members(c);
	/* It can only fail when it is readable already. */
	if (is_other && write(c->change_fd, &one, sizeof(one)) < 0)
		return;
}
