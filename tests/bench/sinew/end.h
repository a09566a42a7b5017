/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node with one peer, driven by sinew_dispatch() on the thread that sends: what the contestants
 * of sinew share. Knows nothing of how a message is carried, and nothing of what is measured.
 */
#ifndef BENCH_END_H
#define BENCH_END_H

#include "services/sinew-call.h"
#include "tests/bench/work/contestant.h"

struct end {
	struct sinew_node *node;
	struct sinew_session *session;
	int outer; /* epoll set around the node's, or -1 */
	bool is_writable, is_inside; /* inside of a callback */
	size_t sent; /* since the last turn */
	take_fn take;
	void *arg;
	/* Of calls.c. */
	struct sinew_calls *calls;
	struct sinew_binding *binding;
	struct sinew_call *asked; /* the one that is being answered */
	int err; /* a call that did not end in order */
};

/* Node 1 or 2, until its peer is up. sctp: over that in user land. prepare, or NULL: before anybody
 * is known. */
int end_open(const struct end_options *o, bool sctp, int (*prepare)(struct end *e), void **ret_end);
void end_close(void *end);
/* Waits at most so long for what comes, or looks only. Negative: an errno. */
int end_turn(struct end *e, int wait_ms);
/* Turns until done says so; -ETIMEDOUT after END_WAIT_MS. */
int end_wait_until(struct end *e, bool (*done)(struct end *e));

/* As struct contestant has them. */
int end_flush(void *end);
int end_receive(void *end);
int end_drain(void *end);
uint64_t end_acks(void *end);

#endif
