/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One TCP connection, as the contestants of bare sockets share it: connecting, writing all,
 * and the receiving half, which is the same for all of them. Messages are framed by four
 * bytes of length. Knows nothing of when somebody writes.
 */
#ifndef BENCH_SOCKET_H
#define BENCH_SOCKET_H

#include <sys/uio.h>

#include "tests/bench/work/contestant.h"

#define FRAME_BYTES    4
#define COALESCE_BYTES (64u << 10) /* of one write */
#define READ_BYTES     (256u << 10) /* of one read */

extern const struct contestant contestant_bare;
extern const struct contestant contestant_coalesced;
extern const struct contestant contestant_ring;

struct socket_end {
	int fd, epoll, outer; /* outer: an epoll set around the other, or -1 */
	bool spins; /* reads until there is something, and never sleeps */
	take_fn take;
	void *arg;
	uint8_t *in; /* bytes that have come and are not handed over */
	size_t in_size, n_in;
	/* The sender's own state. */
	uint8_t *out;
	size_t out_size, out_at, n_out; /* where the next byte goes; bytes before it */
};

/* Connected, non-blocking, without delay. e is zeroed first. */
int socket_open(struct socket_end *e, const struct end_options *opt);
/* Frees what it has, not e. */
void socket_close(struct socket_end *e);
/* Changes iov; waits while the kernel takes no more. */
int socket_write(struct socket_end *e, struct iovec *iov, int n);
int socket_receive(void *end);

#endif
