/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One TCP connection over loopback, driven by epoll. Knows no message but its length.
 */
#include "tests/bench/sockets/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/work/address.h"
#include "tools/clock.h"

#define DIAL_PAUSE_US 1000

static int listen_once(const struct sockaddr_storage *addr)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), got = -1;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)addr, sizeof(struct sockaddr_in)) == 0 &&
	    listen(fd, 1) == 0 && poll(&p, 1, END_WAIT_MS) == 1)
		got = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (got < 0)
		got = errno ? -errno : -ETIMEDOUT;
	close(fd);
	return got;
}

/* Until somebody listens there. */
static int dial(const struct sockaddr_storage *addr)
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int fd, err;

	do {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)addr, sizeof(struct sockaddr_in)) == 0)
			return fd;
		err = -errno;
		close(fd);
		usleep(DIAL_PAUSE_US);
	} while (err == -ECONNREFUSED && clock_now_ns() < limit);
	return err;
}

static int watch(struct socket_end *e, bool outer)
{
	struct epoll_event event = { .events = EPOLLIN };
	const int on = 1;

	setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0 || epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->fd, &event))
		return -errno;
	if (!outer)
		return 0;
	e->outer = epoll_create1(EPOLL_CLOEXEC);
	if (e->outer < 0 || epoll_ctl(e->outer, EPOLL_CTL_ADD, e->epoll, &event))
		return -errno;
	return 0;
}

int socket_open(struct socket_end *e, const struct end_options *opt)
{
	struct sockaddr_storage addr;
	int err;

	*e = (struct socket_end){
		.fd = -1,
		.epoll = -1,
		.outer = -1,
		.spins = opt->busy_poll_us != 0,
		.take = opt->take,
		.arg = opt->arg,
	};
	e->in_size = READ_BYTES;
	if (e->in_size < opt->message_bytes + FRAME_BYTES + COALESCE_BYTES)
		e->in_size = opt->message_bytes + FRAME_BYTES + COALESCE_BYTES;
	e->in = malloc(e->in_size);
	if (!e->in)
		return -ENOMEM;
	err = address_of(opt->net, 2, opt->port, &addr);
	if (err)
		return err;
	e->fd = opt->listens ? listen_once(&addr) : dial(&addr);
	return e->fd < 0 ? e->fd : watch(e, opt->outer);
}

void socket_close(struct socket_end *e)
{
	const int fds[] = { e->fd, e->epoll, e->outer };

	for (unsigned i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(e->in);
	free(e->out);
}

static int wait_for_room(struct socket_end *e)
{
	struct pollfd p = { .fd = e->fd, .events = POLLOUT };

	return poll(&p, 1, END_WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
}

int socket_write(struct socket_end *e, struct iovec *iov, int n)
{
	while (n) {
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
		ssize_t sent = sendmsg(e->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return -errno;
		if (sent < 0) {
			int err = wait_for_room(e);

			if (err)
				return err;
			continue;
		}
		for (; n && (size_t)sent >= iov->iov_len; iov++, n--)
			sent -= (ssize_t)iov->iov_len;
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + sent;
			iov->iov_len -= (size_t)sent;
		}
	}
	return 0;
}

/* All whole messages; what is left moves to the front. */
static int hand_over(struct socket_end *e)
{
	size_t at = 0;

	while (e->n_in - at >= FRAME_BYTES) {
		uint32_t len;

		memcpy(&len, e->in + at, sizeof len);
		if (len > e->in_size - FRAME_BYTES)
			return -EMSGSIZE;
		if (e->n_in - at - FRAME_BYTES < len)
			break;
		e->take(e->arg, e->in + at + FRAME_BYTES, len);
		at += FRAME_BYTES + len;
	}
	if (at)
		memmove(e->in, e->in + at, e->n_in - at);
	e->n_in -= at;
	return 0;
}

static int wait_for_input(struct socket_end *e)
{
	struct epoll_event event;

	if (e->outer < 0)
		return epoll_wait(e->epoll, &event, 1, END_WAIT_MS);
	if (epoll_wait(e->outer, &event, 1, END_WAIT_MS) != 1)
		return 0;
	return epoll_wait(e->epoll, &event, 1, 0);
}

int socket_receive(void *end)
{
	struct socket_end *e = end;
	ssize_t n;

	if (!e->spins && wait_for_input(e) != 1)
		return -ETIMEDOUT;
	n = recv(e->fd, e->in + e->n_in, e->in_size - e->n_in, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	e->n_in += (size_t)n;
	return hand_over(e);
}
