/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of one machine that keep the bounds of messages, with abstract names (unix(7),
 * SOCK_SEQPACKET), none of which ever waits. The kernel says whose the other end is. Knows no
 * message.
 */
#ifndef SINEW_SERVICES_PACKET_H
#define SINEW_SERVICES_PACKET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define PACKET_NAME_MAX	107u	/* of sun_path, without its first byte */
#define PACKET_BACKLOG	128	/* connections that wait to be accepted */

/* name: with or without an @ in front. -EADDRINUSE: another program has it. -ENAMETOOLONG,
 * -EINVAL: "". -EMFILE, -ENFILE, -ENOMEM. */
int packet_listen(const char *name, int *ret_fd);
/* -ECONNREFUSED: nobody has it. -EAGAIN: its backlog is full. Else as above. */
int packet_connect(const char *name, int *ret_fd);
/* -EAGAIN: nobody waits. -EMFILE, -ENFILE. Other errors: of a connection that is gone. */
int packet_accept(int fd, int *ret_fd);
/* Both ends, for two threads. */
int packet_pair(int ret_fds[2]);
/* The process that connected, or that listens, at the time of connect() or listen(). */
int packet_peer(int fd, struct ucred *ret_peer);

/* One whole message. -EAGAIN: no room. -EMSGSIZE: longer than the socket's buffer. -EPIPE and
 * others: the connection is gone. */
int packet_send(int fd, const struct iovec *iov, size_t n);
/* The length of the next message, whose first bytes fill buf: longer than size where it was cut
 * off. -EAGAIN: none. -ECONNRESET and others: the connection is gone, or the message was empty. */
ssize_t packet_take(int fd, void *buf, size_t size);
/*
 * Ends the connection, before close(), and takes it out of that epoll set. A child of fork() may
 * have the descriptor, too: with close() alone it would stay in the set, and the other end would
 * see no end. Not in the child.
 */
void packet_end(int fd, int epoll);

#endif
