/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions of a transport whose streams and listeners each are a socket in the loop. Knows no
 * protocol.
 */
#ifndef SINEW_LOWCOMMS_STREAM_FD_H
#define SINEW_LOWCOMMS_STREAM_FD_H

#include "lowcomms/stream.h"

/* fd listens already; it is taken over, whatever happens. */
int stream_fd_listen(struct streams *ss, struct stream_listener *l, const struct transport *t,
		     int fd);
/* As struct transport has them. */
int stream_fd_rest(struct stream_listener *l, bool on);
void stream_fd_unlisten(struct stream_listener *l);
/* The next waiting connection, not blocking, and from where it is; or -errno. */
int stream_fd_accept(struct stream_listener *l, struct sockaddr_storage *ret_from);

/* A stream of that socket to that address, which is taken over, whatever happens. size: that of the
 * struct that it is the first field of. One that is dialled is told by ready() when it can be
 * written. */
int stream_fd_begin(struct streams *ss, const struct stream_ops *ops, size_t size, int fd,
		    const struct sockaddr_storage *other,
		    void (*ready)(struct source *source, uint32_t events), bool dialling,
		    struct stream **ret_stream);
/* Its events as those of a stream, once it is connected. */
static inline unsigned stream_fd_events(uint32_t events)
{
	return (events & EPOLLIN ? STREAM_READABLE : 0) |
	       (events & EPOLLOUT ? STREAM_WRITABLE : 0) |
	       (events & (EPOLLERR | EPOLLHUP) ? STREAM_FAILED : 0);
}
/* As struct stream_ops has them. */
int stream_fd_set_interest(struct stream *s, unsigned events);
int stream_fd_finish(struct stream *s);
void stream_fd_reset(struct stream *s);
void stream_fd_close(struct stream *s);

#endif
