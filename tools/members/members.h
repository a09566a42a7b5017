/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew members": the picture of a cluster at one moment.
 * Not for other subcommands.
 *
 *	members.c  the picture of a file, or of corosync    print.c  as text and JSON
 *	matrix.c  who reaches whom, as a running node knows
 */
#ifndef TOOLS_MEMBERS_MEMBERS_H
#define TOOLS_MEMBERS_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/cluster.h"
#include "tools/ping/path.h"

#define MEMBERS_COROSYNC_MAX	129	/* as many as the library gives */

enum member_state {
	MEMBER_UNKNOWN,		/* we are not in the group, and hear nothing */
	MEMBER_ABSENT,		/* in the nodelist, and no process of it in the group */
	MEMBER_SILENT,		/* in the group, but it has not said who it is */
	MEMBER_JOINED,
	MEMBER_LEAVING,
	MEMBER_FAILED,		/* gone without a goodbye */
	MEMBER_LISTED,		/* in a file, which says no more */
};

struct member {
	uint32_t nodeid;
	char name[64];
	enum member_state state;
	bool is_listed;
	uint64_t incarnation;	/* 0: not known */
	uint64_t since_ms;	/* since 1970; 0: not known */
	unsigned n_addrs;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	const struct path *paths;	/* n_addrs of them, with what they answered; or NULL */
};

struct picture {
	bool is_connected;	/* to corosync */
	bool is_whole;		/* nothing of it is still to come */
	bool is_quorate;
	uint32_t ring_nodeid;
	uint64_t ring_seq;
	struct member *members;	/* by nodeid, or in the order of the file */
	unsigned n_members;
};

struct members_arguments {
	struct cluster_arguments cluster;
	bool follow, json, matrix;
	uint32_t wait_ms;
	const char *socket;	/* with matrix: of the node that is asked, or NULL */
};

struct members {
	struct members_arguments args;
	struct cluster cluster;
	int signal_fd;
	struct picture now, before;
	struct paths paths;	/* of a file */
};

/* 0 or the negative errno of writing. */
int members_print(const struct members *m);
/* The differences from before, a line or an object each. */
int members_print_changes(const struct members *m);
/* The matrix of sessions, by the topology of a running node. A status. */
int members_matrix(const struct members_arguments *args);

#endif
