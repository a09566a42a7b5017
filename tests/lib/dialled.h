/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection that a test dials without a node: over TCP a socket, over SCTP in user land a
 * stream of the library's transport. Knows nothing of what is said on it.
 *
 * TEST_SCTP=1: over SCTP. That has one stack in a process, and one loop here for all connections.
 */
#ifndef SINEW_TESTS_LIB_DIALLED_H
#define SINEW_TESTS_LIB_DIALLED_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct dialled;
struct stream;

struct dialled_ops {
	bool (*begin)(struct dialled *d, const struct sockaddr_storage *from,
		      const struct sockaddr_storage *to);
	bool (*stands)(struct dialled *d);
	ssize_t (*read)(struct dialled *d, void *buf, size_t n);
	ssize_t (*write)(struct dialled *d, const void *data, size_t n);
	void (*wait)(struct dialled *d, short events, int ms);
	void (*end)(struct dialled *d, bool in_order);
};

/* Stays where it is while it is open. */
struct dialled {
	const struct dialled_ops *ops;	/* NULL: there is none */
	int fd;				/* over TCP */
	struct stream *stream;		/* over SCTP; what that has told: */
	bool connected, failed, ready;
};

extern const struct dialled_ops dialled_tcp, dialled_sctp;

void dialled_poll_fd(int fd, short events, int ms);

/* Waits a while for the descriptor, and drives what must be driven. */
extern void (*dialled_wait_fd)(int fd, short events, int ms);

/* Whether TEST_SCTP says so. */
bool dialled_over_sctp(void);

/* From any port of that address. False: refused at once, or it cannot leave from there. */
bool dialled_begin(struct dialled *d, const struct sockaddr_storage *from,
		   const struct sockaddr_storage *to);
/* Waits until it stands; false: it is refused, or nobody has answered within that time. */
bool dialled_stands(struct dialled *d, int ms);
/* Whether anybody has answered so far. */
bool dialled_answered(struct dialled *d);

/* Bytes; 0: the end; or -errno. -EAGAIN: nothing there, or no room. Without a connection -EPIPE. */
ssize_t dialled_read(struct dialled *d, void *buf, size_t n);
ssize_t dialled_write(struct dialled *d, const void *data, size_t n);
/* For one of POLLIN and POLLOUT, or for its end; it may return earlier. */
void dialled_wait(struct dialled *d, short events, int ms);

/* In order, or by a reset. Nothing where there is none. */
void dialled_end(struct dialled *d, bool in_order);

/* Connections over SCTP share one descriptor: it is readable when any of them needs a turn, and
 * timers of the stack need a turn every few milliseconds. -1: there are none. */
int dialled_fd(void);
/* One turn of that loop. */
void dialled_turn(void);
/* Gives back what they share: all have ended. */
void dialled_close_all(void);

#endif
