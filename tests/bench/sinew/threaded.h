/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A node that the library's own thread drives, with one peer, for senders on other threads.
 * Knows nothing of what is measured.
 */
#ifndef BENCH_THREADED_H
#define BENCH_THREADED_H

#include <pthread.h>

#include "tests/bench/work/work.h"

struct threaded {
	struct sinew_node *node;
	struct sinew_session *session; /* referenced */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_down;
	unsigned n_writable; /* callbacks so far */
};

/* Node 1, whose peer is node 2. Returns at once. */
int threaded_open(struct threaded *t, const struct settings *s, uint32_t queue_bytes);
/* Until the peer is up. */
int threaded_wait_up(struct threaded *t);
/* Waits while there is no room. Any thread. */
int threaded_send(struct threaded *t, const void *data, size_t len);
/* No more is sent; until the peer has everything. */
int threaded_finish(struct threaded *t);
void threaded_close(struct threaded *t);

#endif
