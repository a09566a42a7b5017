/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service that callers of the measures find at each node of a second process, and the
 * options that both sides give their calls.
 */
#ifndef BENCH_CALLEE_H
#define BENCH_CALLEE_H

#include "services/sinew-call.h"
#include "tests/bench/sinew/host.h"

#define CALLEE_SERVICE 100
#define BLOCK_BYTES    16384u /* each has its number in its first bytes */

enum callee_op {
	CALLEE_ECHO = 1, /* the request is the reply */
	CALLEE_BULK, /* request: a uint64_t of the machine's order; reply: so many blocks */
	CALLEE_IDLE, /* not answered */
};

/* The calls of a node of a host, before anybody is known. */
int callee_calls_new(const struct hosted *h, struct sinew_calls **ret_calls);

#endif
