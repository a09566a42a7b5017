/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a connection needs from the kernel, so that the rest does not know
 * which protocol carries it. Implementations own no state; every descriptor that they give is
 * non-blocking and close-on-exec. Results are 0 (or a count) or -errno.
 */
#ifndef SINEW_LOWCOMMS_TRANSPORT_H
#define SINEW_LOWCOMMS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct transport {
	const char *name;
	/* A listener on exactly that address: the descriptor, or -errno. */
	int (*listen)(const struct sockaddr_storage *addr);
	/* The next waiting connection: the descriptor, or -errno; -EAGAIN: none. */
	int (*accept)(int listener, struct sockaddr_storage *ret_from);
	/* Starts to connect from that source address (NULL: any; its port is not
	 * used). The descriptor, or -errno. *ret_done: it is connected already; else it
	 * becomes writable when that is decided. */
	int (*dial)(const struct sockaddr_storage *to, const struct sockaddr_storage *from,
		    bool *ret_done);
	/* After it became writable: 0 or why it failed. */
	int (*dialled)(int fd);
	/* 0: end of file. -EAGAIN: nothing there. */
	ssize_t (*read)(int fd, void *buf, size_t n);
	/* Never raises SIGPIPE. -EAGAIN: no room. */
	ssize_t (*writev)(int fd, const struct iovec *iov, int n);
	/*
	 * Whether the other kernel owes an acknowledgement of what was sent to it, and how long
	 * ago it was last heard of. What its full receive buffer holds back was not sent; but a
	 * question about that buffer that nobody answers counts.
	 */
	bool (*waits)(int fd, uint64_t *ret_silent_ns);
	/* No more from us; the peer reads an end of file behind what was written. */
	int (*shutdown)(int fd);
	/* End it as a fault would: what is not delivered is thrown away. Closes. */
	void (*reset)(int fd);
	/* End it in order. Closes. */
	void (*close)(int fd);
};

/* NULL: no such transport. */
const struct transport *transport_find(const char *name);

extern const struct transport transport_tcp;

#endif
