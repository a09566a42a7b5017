/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#define FLAGS	(SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK)

_Static_assert(PACKET_NAME_MAX + 1 == sizeof(((struct sockaddr_un *)0)->sun_path),
	       "the first byte of an abstract name is 0");

/* The length of the address, or a negative errno. */
static int address_of(const char *name, struct sockaddr_un *ret_addr)
{
	size_t len;

	if (name[0] == '@')
		name++;
	len = strlen(name);
	if (!len)
		return -EINVAL;
	if (len > PACKET_NAME_MAX)
		return -ENAMETOOLONG;
	*ret_addr = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(ret_addr->sun_path + 1, name, len);
	return (int)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

/* A socket that has the name, or is connected to it. */
static int open_as(const char *name, bool listens, int *ret_fd)
{
	struct sockaddr_un addr;
	int len = address_of(name, &addr), fd, err;

	assert(len <= (int)sizeof addr);
	if (len < 0)
		return len;
	fd = socket(AF_UNIX, FLAGS, 0);
	if (fd < 0)
		return -errno;
	if (listens)
		err = bind(fd, (struct sockaddr *)&addr, (socklen_t)len) ||
			listen(fd, PACKET_BACKLOG);
	else
		err = connect(fd, (struct sockaddr *)&addr, (socklen_t)len);
	if (err) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int packet_listen(const char *name, int *ret_fd)
{
	return open_as(name, true, ret_fd);
}

int packet_connect(const char *name, int *ret_fd)
{
	return open_as(name, false, ret_fd);
}

int packet_accept(int fd, int *ret_fd)
{
	int got;

	assert(fd >= 0);
	got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (got < 0)
		return -errno;
	*ret_fd = got;
	return 0;
}

int packet_pair(int ret_fds[2])
{
	_Static_assert(FLAGS & SOCK_NONBLOCK, "nothing waits");
	return socketpair(AF_UNIX, FLAGS, 0, ret_fds) ? -errno : 0;
}

int packet_peer(int fd, struct ucred *ret_peer)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	assert(len == sizeof peer);
	*ret_peer = peer;
	return 0;
}

int packet_send(int fd, const struct iovec *iov, size_t n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n };

	assert(fd >= 0 && n);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t packet_take(int fd, void *buf, size_t size)
{
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	assert(fd >= 0 && size);
	n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	return n ? n : -ECONNRESET;
}

void packet_end(int fd, int epoll)
{
	assert(fd >= 0 && fd != epoll);
	epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	shutdown(fd, SHUT_RDWR);
}
