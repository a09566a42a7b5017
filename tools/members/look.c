/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The picture that corosync gives, once or again and again.
 * Knows nothing of how it is printed.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/members/members.h"
#include "tools/notify.h"
#include "tools/say.h"
#include "tools/signals.h"

#define SILENT_MS	2000	/* corosync has not answered for so long: that is said */
#define CHECK_MS	1000

/* A node that has just joined the group has not greeted yet, which is no change to follow. */
static enum member_state state_of(const struct sinew_corosync_member *from, bool is_in_group,
				  bool is_following)
{
	if (!is_in_group)
		return MEMBER_UNKNOWN;
	if (from->joined)
		return from->leaving ? MEMBER_LEAVING : MEMBER_JOINED;
	if (from->silent || (from->in_group && !is_following))
		return MEMBER_SILENT;
	return from->failed ? MEMBER_FAILED : MEMBER_ABSENT;
}

static void take_member(struct member *to, const struct sinew_corosync_member *from,
			bool is_in_group, bool is_following)
{
	memset(to, 0, sizeof(*to));
	to->nodeid = from->nodeid;
	memcpy(to->name, from->name, sizeof(to->name));
	to->state = state_of(from, is_in_group, is_following);
	to->is_listed = from->listed;
	to->incarnation = from->incarnation;
	to->since_ms = from->since_ms;
	to->n_addrs = from->n_addrs;
	memcpy(to->addrs, from->addrs, sizeof(to->addrs));
}

/* The present picture; the one before is kept. */
static void look(struct members *m, struct sinew_corosync_member *members)
{
	const struct picture kept = m->before;
	struct sinew_corosync_status s;
	unsigned i;

	m->before = m->now;
	m->now = kept;
	m->now.n_members = cluster_members(&m->cluster, members, MEMBERS_COROSYNC_MAX);
	cluster_status(&m->cluster, &s);
	m->now.is_connected = s.connected;
	m->now.is_whole = s.whole;
	m->now.is_quorate = s.quorate;
	m->now.ring_nodeid = s.ring_nodeid;
	m->now.ring_seq = s.ring_seq;
	for (i = 0; i < m->now.n_members; i++)
		take_member(&m->now.members[i], &members[i], s.in_group, m->args.follow);
}

/* False: a signal came. */
static bool sleep_until(const struct members *m, uint64_t until_ns)
{
	struct pollfd p[] = {
		{ .fd = m->signal_fd, .events = POLLIN },
		{ .fd = cluster_fd(&m->cluster), .events = POLLIN },
	};

	if (poll(p, 2, clock_timeout_ms(until_ns)) <= 0)
		return true;
	return !p[0].revents || !signals_take(m->signal_fd);
}

/* 0, or the status of an end by a signal. */
static int wait_for_whole(struct members *m, struct sinew_corosync_member *members)
{
	const uint64_t until = clock_now_ns() + m->args.wait_ms * CLOCK_MS;

	for (;;) {
		look(m, members);
		if (m->now.is_whole)
			return STATUS_OK;
		if (clock_now_ns() >= until)
			break;
		if (!sleep_until(m, until))
			return STATUS_NOT_UP;
	}
	say(SINEW_WARNING, "incomplete after %.3f s: %s",
	    (double)m->args.wait_ms / 1000, m->now.is_connected ?
	    "corosync is forming a new ring, or a group member is hung" :
	    "corosync connection lost");
	return STATUS_OK;
}

static int printed(int rc)
{
	if (!rc)
		return STATUS_OK;
	say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
	return STATUS_UNDELIVERED;
}

/* That it hangs is no event: nothing comes any more. */
static void check_silence(const struct members *m, bool *told)
{
	struct sinew_corosync_status s;

	cluster_status(&m->cluster, &s);
	if (s.silent_ms < SILENT_MS) {
		*told = false;
	} else if (!*told) {
		*told = true;
		say(SINEW_WARNING, "corosync has not answered for %.1f s, the output may be "
		    "out of date", (double)s.silent_ms / 1000);
	}
}

static int follow(struct members *m, struct sinew_corosync_member *members)
{
	int status = STATUS_OK;
	bool told = false;

	notify("READY=1");
	while (!status && sleep_until(m, clock_now_ns() + CHECK_MS * CLOCK_MS)) {
		check_silence(m, &told);
		look(m, members);
		status = printed(members_print_changes(m));
	}
	return status;
}

static int status_of(const struct picture *p)
{
	unsigned i;

	for (i = 0; i < p->n_members; i++)
		if (p->members[i].is_listed && p->members[i].state != MEMBER_JOINED)
			return STATUS_NOT_UP;
	return p->is_whole && p->is_quorate ? STATUS_OK : STATUS_NOT_UP;
}

int members_look(struct members *m)
{
	struct sinew_corosync_member *members = calloc(MEMBERS_COROSYNC_MAX, sizeof(*members));
	int status = STATUS_USAGE;

	m->now.members = calloc(MEMBERS_COROSYNC_MAX, sizeof(*m->now.members));
	m->before.members = calloc(MEMBERS_COROSYNC_MAX, sizeof(*m->before.members));
	if (!members || !m->now.members || !m->before.members)
		say(SINEW_ERROR, "out of memory");
	else
		status = cluster_observe(&m->cluster);
	if (!status)
		status = wait_for_whole(m, members);
	if (!status)
		status = printed(members_print(m));
	if (!status)
		status = m->args.follow ? follow(m, members) : status_of(&m->now);
	free(members);
	return status;
}
