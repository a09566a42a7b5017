/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "sinew members": who is in the cluster: the picture of a file, with those of its addresses that
 * answer now; or that which corosync gives, once or again and again.
 * Knows nothing of how it is printed, nor of the bytes on the wire.
 */
#include "tools/members/members.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/clock.h"
#include "tools/command.h"
#include "tools/notify.h"
#include "tools/options.h"
#include "tools/say.h"
#include "tools/signals.h"

#define WAIT_MS		2000
#define SILENT_MS	2000	/* corosync has not answered for so long: that is said */
#define CHECK_MS	1000

static const struct option_row rows[] = {
	CLUSTER_OPTIONS(struct members_arguments, cluster, "own node in that file"),
	OPTION_FLAG("follow", struct members_arguments, follow,
		    "keep running and print each change (corosync)"),
	OPTION_FLAG("matrix", struct members_arguments, matrix,
		    "print who has a session with whom, as a running node of this\n"
		    "machine knows; with --node that one"),
	OPTION_TEXT("socket", struct members_arguments, socket, "NAME",
		    "with --matrix: name of its control socket"),
	OPTION_FLAG("json", struct members_arguments, json,
		    "print JSON; with --follow one more document line per change"),
	OPTION_SECONDS("wait", struct members_arguments, wait_ms, 1, OPTIONS_SECONDS_MAX_MS,
		       "seconds to wait for all nodes to report or answer (2)"),
	CLUSTER_OPTION_LOG(struct members_arguments, cluster,
			   "error (default), warning, info or debug"),
	OPTION_END,
};

static const struct option_table table = {
	.name = "sinew members",
	.usage =
		"usage: sinew members [--config FILE --node ID] [OPTION...]\n"
		"\n"
		"Prints the members of the cluster as reported by corosync and the programs of\n"
		"the cluster; with a file, which of its addresses answer. A passive observer:\n"
		"it does not count as a node, and the own node may be running or not.\n"
		"\n",
	.rows = rows,
	.end =
		"\n"
		"Exit status: 0 all listed nodes present and quorate, 1 writing standard output\n"
		"failed, 2 usage or configuration, or corosync not running, 3 a node or quorum\n"
		"missing, or with --matrix a session. With --follow 0, 1 or 2.\n",
};

static int parse(struct members_arguments *args, int argc, char **argv)
{
	*args = (struct members_arguments){
		.cluster = { .level = SINEW_ERROR, .observes = true },
		.wait_ms = WAIT_MS,
	};
	return options_parse(&table, args, argc, argv);
}

/* ---- a file ---- */

/* Which of the paths are those of a node, one behind the other. */
static void add_member(struct members *m, uint32_t nodeid, unsigned first)
{
	struct member *to = &m->now.members[m->now.n_members++];
	unsigned i;

	to->nodeid = nodeid;
	snprintf(to->name, sizeof(to->name), "%s", sinew_config_name(m->cluster.config, nodeid));
	to->state = MEMBER_LISTED;
	to->is_listed = true;
	to->n_addrs = m->paths.n - first;
	for (i = 0; i < to->n_addrs; i++)
		to->addrs[i] = m->paths.list[first + i].to;
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
		first = m->paths.n;
		status = paths_add(&m->paths, m->cluster.config, m->cluster.node, ids[i]);
		if (status)
			return status;
		add_member(m, ids[i], first);
	}
	/* Now they stay where they are. */
	for (i = 0, first = 0; i < n; first += m->now.members[i++].n_addrs)
		if (ids[i] != m->cluster.node)
			m->now.members[i].paths = &m->paths.list[first];
	return STATUS_OK;
}

static bool is_answer_missing(const struct members *m)
{
	unsigned i;

	for (i = 0; i < m->paths.n; i++)
		if (path_is_under_way(&m->paths.list[i]))
			return true;
	return false;
}

static void ask_all(struct members *m)
{
	const uint64_t began = clock_now_ns(), until = began + m->args.wait_ms * CLOCK_MS;
	unsigned i;

	for (i = 0; i < m->paths.n; i++)
		if (m->paths.list[i].nodeid != m->cluster.node)
			path_ask(&m->paths.list[i], clock_now_ns());
	while (is_answer_missing(m) && clock_now_ns() < until &&
	       !paths_wait(&m->paths, until)) {
		for (i = 0; i < m->paths.n; i++)
			if (path_has_events(&m->paths.list[i]))
				path_ready(&m->paths.list[i], clock_now_ns());
	}
	for (i = 0; i < m->paths.n; i++)
		if (path_is_under_way(&m->paths.list[i]))
			path_late(&m->paths.list[i], clock_now_ns() - began);
}

static int ask(struct members *m)
{
	int status, lacking;
	unsigned i;

	status = add_members(m);
	if (status)
		return status;
	lacking = paths_open(&m->paths, m->cluster.config, m->cluster.node, m->signal_fd);
	if (!lacking)
		ask_all(m);
	status = options_written(members_print(m));
	if (status || lacking)
		return status ? status : lacking;
	for (i = 0; i < m->paths.n; i++)
		if (m->paths.list[i].asked && !m->paths.list[i].answered)
			return STATUS_NOT_UP;
	for (i = 0; i < m->now.n_members; i++)
		if (!m->now.members[i].n_addrs && m->now.members[i].nodeid != m->cluster.node)
			return STATUS_NOT_UP;
	return STATUS_OK;
}

/* ---- corosync ---- */

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
		status = options_written(members_print_changes(m));
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

static int watch(struct members *m)
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
		status = options_written(members_print(m));
	if (!status)
		status = m->args.follow ? follow(m, members) : status_of(&m->now);
	free(members);
	return status;
}

/* ---- either ---- */

static int run(struct members *m)
{
	if (!m->cluster.file)
		return watch(m);
	if (!m->args.follow)
		return ask(m);
	say(SINEW_ERROR, "--follow: the nodes of a file do not change; use \"sinew ping\" to "
	    "monitor them");
	return STATUS_USAGE;
}

int members_main(int argc, char **argv)
{
	struct members m = { .signal_fd = -1 };
	int status;

	status = parse(&m.args, argc, argv);
	if (status >= 0)
		return status;
	if (m.args.matrix)
		return members_matrix(&m.args);
	/* Blocked before the first thread starts, so that they all come by the descriptor. */
	status = signals_start(0, &m.signal_fd);
	if (status)
		return status;
	status = cluster_open(&m.cluster, &m.args.cluster, m.signal_fd);
	if (!status)
		status = run(&m);
	paths_close(&m.paths);
	cluster_close(&m.cluster);
	close(m.signal_fd);
	free(m.now.members);
	free(m.before.members);
	return status;
}
