/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* When the state of a node became what it is: as published before, or now. */
static uint64_t since_of(const struct published *p, const struct sinew_corosync_member *now,
			 uint64_t wall_ms)
{
	for (unsigned i = 0; i < p->n_members; i++) {
		const struct sinew_corosync_member *was = &p->members[i];

		if (was->nodeid == now->nodeid && was->joined == now->joined &&
		    was->leaving == now->leaving && was->incarnation == now->incarnation)
			return was->since_ms;
	}
	return wall_ms;
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

static void fill_member(const struct published *p, const struct view *v,
			struct sinew_corosync_member *to, uint32_t nodeid, uint64_t wall_ms)
{
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	uint64_t began_ms = 0;
	unsigned n;

	/* All of it, to be compared whole. */
	memset(to, 0, sizeof(*to));
	to->nodeid = nodeid;
	to->listed = true;
	if (nodeid == v->self.nodeid && !view_is_observer(v)) {
		fill_own(to, v);
		began_ms = v->own.began_ms;
	}
	array_each(const struct view_entry, e, v->entries, v->n_entries) {
		if (e->node.nodeid != nodeid)
			continue;
		to->listed = e->is_listed;
		to->failed = e->failed.incarnation != 0;
		to->fenced = e->fenced;
		fill_addrs(to, e->node.addrs, e->node.n_addrs);
	}
	array_each(const struct view_member, m, v->members, v->n_members) {
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
	to->since_ms = since_of(p, to, wall_ms);
	if (to->joined && !to->leaving && began_ms)
		to->since_ms = began_ms;
}

static int by_nodeid(const void *a, const void *b)
{
	const struct sinew_corosync_member *x = a, *y = b;

	return x->nodeid < y->nodeid ? -1 : x->nodeid > y->nodeid;
}

static bool publish_status(struct published *p, const struct view *v, bool is_connected)
{
	struct sinew_corosync_status before;

	memcpy(&before, &p->status, sizeof(before));
	p->status.connected = is_connected;
	p->status.in_group = v->is_in;
	p->status.quorate = v->quorum.is_quorate;
	p->status.whole = view_is_whole(v);
	p->status.ring_nodeid = v->quorum.group.nodeid;
	p->status.ring_seq = v->quorum.group.seq;
	return memcmp(&before, &p->status, sizeof(before)) != 0;
}

static bool publish_members(struct published *p, const struct view *v,
			    const struct sinew_config *config, uint64_t wall_ms)
{
	struct sinew_corosync_member *now = p->now;
	unsigned n = 0;

	if (!view_is_observer(v))
		fill_member(p, v, &now[n++], v->self.nodeid, wall_ms);
	array_each(const struct view_entry, e, v->entries, v->n_entries)
		fill_member(p, v, &now[n++], e->node.nodeid, wall_ms);
	for (unsigned i = 0; i < n; i++)
		snprintf(now[i].name, sizeof(now[i].name), "%s",
			 sinew_config_name(config, now[i].nodeid));
	qsort(now, n, sizeof(*now), by_nodeid);
	if (n == p->n_members && !memcmp(now, p->members, n * sizeof(*now)))
		return false;
	memcpy(p->members, now, n * sizeof(*now));
	p->n_members = n;
	return true;
}

void publish(struct published *p, const struct view *v, const struct sinew_config *config,
	     bool is_connected, uint64_t wall_ms)
{
	const uint64_t one = 1;
	bool is_other = publish_status(p, v, is_connected);

	if (v->self.nodeid)
		is_other |= publish_members(p, v, config, wall_ms);
	/* It can only fail when it is readable already. */
	if (is_other && write(p->change_fd, &one, sizeof(one)) < 0)
		return;
}
