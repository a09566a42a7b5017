/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The picture of a file: its nodes, and which of their addresses answer now.
 * Knows nothing of how it is printed, nor of the bytes on the wire.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/members/members.h"
#include "tools/ping/targets.h"
#include "tools/say.h"
#include "tools/signals.h"

/* Which of the paths are those of a node, one behind the other. */
static void add_member(struct members *m, uint32_t nodeid, unsigned first)
{
	struct member *to = &m->now.members[m->now.n_members++];
	unsigned i;

	to->nodeid = nodeid;
	snprintf(to->name, sizeof(to->name), "%s", sinew_config_name(m->cluster.config, nodeid));
	to->state = MEMBER_LISTED;
	to->is_listed = true;
	to->n_addrs = m->n_paths - first;
	for (i = 0; i < to->n_addrs; i++)
		to->addrs[i] = m->paths[first + i].to;
}

static int add_members(struct members *m)
{
	uint32_t ids[STATIC_NODES_MAX];
	unsigned n = sinew_config_nodes(m->cluster.config, ids, STATIC_NODES_MAX), i, first;
	int status;

	m->now.members = calloc(n, sizeof(*m->now.members));
	if (!m->now.members) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	for (i = 0; i < n; i++) {
		first = m->n_paths;
		status = targets_add(m->cluster.config, m->cluster.node, ids[i], &m->paths,
				     &m->n_paths);
		if (status)
			return status;
		add_member(m, ids[i], first);
	}
	/* Now they stay where they are. */
	for (i = 0, first = 0; i < n; first += m->now.members[i++].n_addrs)
		if (ids[i] != m->cluster.node)
			m->now.members[i].paths = &m->paths[first];
	return STATUS_OK;
}

static bool is_under_way(const struct path *p)
{
	return p->phase == PATH_CONNECTING || p->phase == PATH_ASKED ||
		p->phase == PATH_ASKED_PADDED;
}

/* How many wait for an answer; their descriptors. */
static unsigned fill(const struct members *m, struct pollfd *fds)
{
	unsigned n = 0, i;

	for (i = 0; i < m->n_paths; i++) {
		fds[i] = (struct pollfd){ .fd = -1 };
		if (!is_under_way(&m->paths[i]))
			continue;
		fds[i].fd = m->paths[i].fd;
		fds[i].events = path_wants(&m->paths[i]);
		n++;
	}
	fds[i] = (struct pollfd){ .fd = m->signal_fd, .events = POLLIN };
	return n;
}

static void wait_for_answers(struct members *m, struct pollfd *fds)
{
	const uint64_t began = clock_now_ns(), until = began + m->args.wait_ms * CLOCK_MS;
	unsigned i;

	while (fill(m, fds) && clock_now_ns() < until) {
		if (poll(fds, m->n_paths + 1, clock_timeout_ms(until)) <= 0)
			continue;
		if (fds[m->n_paths].revents && signals_take(m->signal_fd))
			break;
		for (i = 0; i < m->n_paths; i++)
			if (fds[i].revents)
				path_ready(&m->paths[i], clock_now_ns());
	}
	for (i = 0; i < m->n_paths; i++)
		if (is_under_way(&m->paths[i]))
			path_late(&m->paths[i], clock_now_ns() - began);
}

static int ask_all(struct members *m)
{
	struct pollfd *fds = calloc(m->n_paths + 1, sizeof(*fds));
	unsigned i;

	if (!fds) {
		say(SINEW_ERROR, "out of memory");
		return STATUS_USAGE;
	}
	for (i = 0; i < m->n_paths; i++)
		if (m->paths[i].nodeid != m->cluster.node)
			path_ask(&m->paths[i], clock_now_ns());
	wait_for_answers(m, fds);
	free(fds);
	return STATUS_OK;
}

int members_ask(struct members *m)
{
	unsigned i;
	int status, rc;

	status = add_members(m);
	if (!status)
		status = ask_all(m);
	if (status)
		return status;
	rc = members_print(m);
	if (rc) {
		say(SINEW_ERROR, "cannot write standard output: %s", strerror(-rc));
		return STATUS_UNDELIVERED;
	}
	for (i = 0; i < m->n_paths; i++)
		if (m->paths[i].asked && !m->paths[i].answered)
			return STATUS_NOT_UP;
	for (i = 0; i < m->now.n_members; i++)
		if (!m->now.members[i].n_addrs && m->now.members[i].nodeid != m->cluster.node)
			return STATUS_NOT_UP;
	return STATUS_OK;
}
