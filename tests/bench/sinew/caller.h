/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node that calls the nodes of callee.c, in one loop. Knows nothing of what is measured.
 */
#ifndef BENCH_CALLER_H
#define BENCH_CALLER_H

#include "tests/bench/sinew/callee.h"
#include "tests/bench/work/work.h"

struct caller {
	struct host host;
	struct sinew_calls *calls;
	struct sinew_binding *bindings[HOST_ID_MAX + 1]; /* by nodeid, from 2 on */
	unsigned n_peers;
};

/* Node 1, up with as many peers as the settings have nodes. 0, or a negative errno. */
int caller_open(struct caller *c, const struct settings *s);
void caller_close(struct caller *c);
/* All of the request is in data. As sinew_call_begin(). */
int caller_begin(struct caller *c, uint32_t peer, enum callee_op op,
		 const struct sinew_call_options *opt, const void *data, size_t len, void *user,
		 struct sinew_call **ret_call);

#endif
