/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options and addresses of the nodes that are measured. Knows no callback.
 */
#include "tests/bench/work/node.h"

#include <stdio.h>

#define HOSTS_A_NET 250

static void log_line(void *user, enum sinew_level level, const char *line)
{
	(void)user;
	fprintf(stderr, "%s: %s\n", sinew_level_name(level), line);
}

int node_address(const char *net, uint32_t nodeid, unsigned port, struct sockaddr_storage *ret)
{
	unsigned a, b, c;
	char text[32];

	if (sscanf(net, "%u.%u.%u", &a, &b, &c) != 3)
		return -1;
	c += (nodeid - 1) / HOSTS_A_NET;
	snprintf(text, sizeof text, "%u.%u.%u.%u", a, b, c, (nodeid - 1) % HOSTS_A_NET + 1);
	return sinew_parse_address(text, (uint16_t)port, ret);
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
	return node_address(net, nodeid, port, &opt->addrs[0]);
}

int node_knows(struct sinew_node *node, const char *net, uint32_t nodeid, unsigned port)
{
	struct sockaddr_storage addr;
	int err = node_address(net, nodeid, port, &addr);

	return err ? err : sinew_peer_add(node, nodeid, &addr, 1);
}
