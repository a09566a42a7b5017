/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of the kernel's SCTP, one for each association: the only file that calls libsctp, and
 * the only one with what the kernel notifies of. They do not block, and are closed by exec(). Knows
 * addresses, no streams but their routes.
 */
#ifndef SINEW_LOWCOMMS_SCTP_SOCKET_H
#define SINEW_LOWCOMMS_SCTP_SOCKET_H

#include "lowcomms/stream.h"

#define SCTP_NOTE_MAX	160u	/* bytes of a notification that are looked at */

/* The sense of a notification. */
enum sctp_news {
	SCTP_NEWS_NONE,		/* nothing that matters; or it is not all there yet */
	SCTP_NEWS_ENDED,	/* the association, in order */
	SCTP_NEWS_LOST,		/* the association, or another one has taken its place */
	SCTP_NEWS_WORKS,	/* an address of the other end */
	SCTP_NEWS_FAILED,	/* an address of the other end */
};

/* One that is being read; zero before the first. */
struct sctp_note {
	enum sctp_news news;
	struct sockaddr_storage addr;	/* that works or has failed */
	size_t n;
	uint8_t bytes[SCTP_NOTE_MAX];
};

/* Whether this kernel has SCTP; its module is loaded if that is allowed. */
bool sctp_socket_possible(void);

/* The descriptor of a listener on all of these addresses, or -errno. -EINVAL: their ports differ.
 * -EADDRNOTAVAIL: none is of this machine; where one is, the others may come later. */
int sctp_socket_listen(const struct sockaddr_storage *addrs, unsigned n);
/* That of a dial, from all and to all addresses of the route; *ret_step is set either way. */
int sctp_socket_dial(const struct stream_route *route, enum dial_step *ret_step);

/* The next record, or a part of it: its bytes, 0 for the end, or -errno. A notification is no part
 * of the stream: *ret_is_note says that buf has a piece of one, and then note has its news. */
ssize_t sctp_socket_read(int fd, void *buf, size_t n, struct sctp_note *note, bool *ret_is_note);

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
