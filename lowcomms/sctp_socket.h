/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of the kernel's SCTP, one for each association: the only file that calls libsctp. They do
 * not block, and are closed by exec(). Knows addresses, no streams but their routes.
 */
#ifndef SINEW_LOWCOMMS_SCTP_SOCKET_H
#define SINEW_LOWCOMMS_SCTP_SOCKET_H

#include "lowcomms/stream.h"

/* Whether this kernel has SCTP; its module is loaded if that is allowed. */
bool sctp_socket_possible(void);

/* The descriptor of a listener on all of these addresses, or -errno. -EINVAL: their ports differ.
 * -EADDRNOTAVAIL: none is of this machine; where one is, the others may come later. */
int sctp_socket_listen(const struct sockaddr_storage *addrs, unsigned n);
/* That of a dial, from all and to all addresses of the route; *ret_step is set either way. */
int sctp_socket_dial(const struct stream_route *route, enum dial_step *ret_step);

/* Addresses of the other end; how many. */
unsigned sctp_socket_peers(int fd, struct sockaddr_storage *ret_addrs, unsigned max);
/* Whether that address of the other end works, to ret_works. False: it is not known yet. */
bool sctp_socket_path(int fd, const struct sockaddr_storage *addr, bool *ret_works);
/* Why it failed, which the kernel says once, to whoever asks first; 0: it has not. */
int sctp_socket_error(int fd);
/* The number of packets that came. False: the association has ended. */
bool sctp_socket_packets(int fd, uint64_t *ret_n);
/* Whether the other host has still to acknowledge bytes. */
bool sctp_socket_owed(int fd);

#endif
