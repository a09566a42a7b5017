/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options and addresses of the nodes that are measured. Knows no callback.
 */
#include "tests/bench/sinew/node.h"

#include <stdio.h>

#include "tests/bench/work/address.h"

static void log_line(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	fprintf(stderr, "%s: %s\n", sinew_level_name(level), line);
}

int node_options(struct sinew_options *opt, const char *net, uint32_t nodeid, unsigned port)
{
	SINEW_OPTIONS_INIT(opt);
	opt->nodeid = nodeid;
	opt->cluster = "bench";
	opt->port = (uint16_t)port;
	opt->n_addrs = 1;
	opt->log = log_line;
	opt->log_level = SINEW_ERROR;
	return address_of(net, nodeid, port, &opt->addrs[0]);
}

int node_knows(struct sinew_node *node, const char *net, uint32_t nodeid, unsigned port)
{
	struct sockaddr_storage addr;
	int err = address_of(net, nodeid, port, &addr);

	return err ? err : sinew_peer_add(node, nodeid, &addr, 1);
}
