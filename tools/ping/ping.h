/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of "sinew ping": the run and its paths.
 * Not for other subcommands.
 *
 *	ping.c     start, loop and end        path.c     one address of one node
 *	report.c   lines, table and JSON       targets.c  addresses of a node
 */
#ifndef TOOLS_PING_PING_H
#define TOOLS_PING_PING_H

#include "tools/cluster.h"
#include "tools/ping/path.h"

struct ping_arguments {
	struct cluster_arguments cluster;
	struct option_nodes to;
	uint64_t count;		/* PROBEs to each address; 0: until a signal */
	uint32_t interval_ms, timeout_ms;
	uint32_t size;		/* of a PROBE; 0: small ones and full ones */
	bool quiet, json;
};

struct ping {
	struct ping_arguments args;
	struct cluster cluster;
	struct path *paths;
	unsigned n_paths;
	struct pollfd *fds;
	int signal_fd;
	bool is_stopped;
	uint64_t began_ns;
};

/* The result of one try, for people. */
void ping_say(const struct ping *ping, const struct path *p, enum path_event event);
/* The end: a table or a document. Negative errno of writing. */
int ping_report(const struct ping *ping);

#endif
