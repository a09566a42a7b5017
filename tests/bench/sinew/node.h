/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node of sinew as every measure opens it: static membership, an address of NET for each
 * nodeid, what its callbacks say. The public interface alone, with all its guarantees.
 * Knows nothing of what is measured.
 */
#ifndef BENCH_NODE_H
#define BENCH_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "lowcomms/sinew.h"

/* Options as they are by default, for that node. */
int node_options(struct sinew_options *opt, const char *net, uint32_t nodeid, unsigned port);
/* Makes the other known. */
int node_knows(struct sinew_node *node, const char *net, uint32_t nodeid, unsigned port);

#endif
