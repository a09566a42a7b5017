/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's TCP connections, by its socket diagnostics: lists those that a filter
 * means and destroys single ones. Sees one network namespace, that in which it was opened.
 * Of what carries links beside TCP it sees by /proc/net that there is some.
 * Knows nothing of when a connection is to be destroyed, and counts nothing.
 */
#ifndef TOOLS_BREAK_DIAG_H
#define TOOLS_BREAK_DIAG_H

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/break/filter.h"

#define DIAG_ANSWER_MS	2000	/* the kernel answers at once, or something is very wrong */

struct diag;

/* One end that is a socket of this namespace. */
struct diag_socket {
	bool is_there;
	uint8_t family;			/* of the socket: AF_INET6 perhaps with IPv4 ends */
	uint32_t n_unacked;		/* not yet acknowledged by the other end, in bytes */
	struct inet_diag_sockid id;	/* with the cookie that tells it from later ones */
};

/* Both ends, and the sockets of those that are in this namespace: one, or two. */
struct diag_connection {
	struct filter_end ends[2];	/* by filter_compare_ends(): the lower one first */
	struct diag_socket sockets[2];	/* of ends[0], of ends[1] */
};

/* Of two connections, for qsort(): the order of their ends. */
int diag_compare(const void *a, const void *b);

/*
 * A diagnostics socket of the current network namespace, closed by diag_close().
 * One thread at a time. -ENOMEM, or what socket() says.
 */
int diag_open(struct diag **ret_diag);
void diag_close(struct diag *d);

/*
 * Lists the established connections that f means, IPv4 and IPv6, each once and sorted by
 * their ends. At most max; *ret_n_left_out tells how many ends found no room.
 * -ETIMEDOUT: no answer. -EOPNOTSUPP: a kernel without socket diagnostics.
 */
int diag_collect(struct diag *d, const struct filter *f, struct diag_connection *found,
		 unsigned max, unsigned *ret_n, unsigned *ret_n_left_out);

/*
 * Destroys one socket: its process sees ECONNABORTED, the other end gets a reset.
 * -ENOENT: it had gone already. -EPERM: CAP_NET_ADMIN is missing. -EOPNOTSUPP: a kernel
 * without CONFIG_INET_DIAG_DESTROY. -ETIMEDOUT: no answer.
 */
int diag_destroy(struct diag *d, const struct diag_socket *s);

/* 1: that very socket is still connected; 0: it has gone, or is in TIME_WAIT. Errors as above. */
int diag_is_alive(struct diag *d, const struct diag_socket *s);

/* "SCTP", or "UDP (it may carry SCTP)", if a socket of that has one of these ports, which is
 * *ret_port then; else NULL. For a hint where no connection was found. */
const char *diag_carrier(const struct filter_ports *ports, uint16_t *ret_port);

/* A TCP connection of our own over loopback, to try a fault on. */
struct self {
	int listener, dialler;
};

/*
 * From 127.0.0.2 to 127.0.0.1, which are in each namespace, established and idle; *ret_filter
 * means it alone. -ENETDOWN: there is no loopback here. To be closed in any case.
 */
int self_open(struct self *s, struct filter *ret_filter);
void self_close(struct self *s);
/* Errno that the dialler's process finds: 0 while the connection lives. */
int self_error(const struct self *s);

/*
 * Tries to destroy a connection of its own on the loopback addresses of this namespace.
 * Errors as above; -ENETDOWN: there is no loopback to try it on.
 */
int diag_probe(void);

#endif
