/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP: the only file that makes socket calls of it. Knows descriptors and
 * addresses, no links.
 */
#include "lowcomms/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/addr.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define PROBES_UNANSWERED 2 /* window probes in a row; one is always under way */
#define FLAT_MAX 512u /* bytes: a message of usual length with the ACK before it */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int new_socket(const struct sockaddr_storage *addr)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	return fd < 0 ? -errno : fd;
}

static int fail_close(int fd)
{
	int err = errno;

	close(fd);
	return -err;
}

static int tcp_listen(const struct sockaddr_storage *addr)
{
	int fd = new_socket(addr);

	if (fd < 0)
		return fd;
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return fail_close(fd);
	if (addr->ss_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return fail_close(fd);
	if (bind(fd, (const struct sockaddr *)addr, addr_len(addr)))
		return fail_close(fd);
	if (listen(fd, SOMAXCONN))
		return fail_close(fd);
	return fd;
}

static int tcp_accept(int listener, struct sockaddr_storage *ret_from)
{
	socklen_t len = sizeof *ret_from;
	int fd;

	memset(ret_from, 0, sizeof *ret_from);
	fd = accept4(listener, (struct sockaddr *)ret_from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Without it a connection is slow, not wrong: no reason to drop it. */
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return fd;
}

/* 1: connected, 0: not, or -errno. *ret_same: to itself. */
static int connected(int fd, bool *ret_same)
{
	struct sockaddr_storage own, other;
	socklen_t own_len = sizeof own, other_len = sizeof other;

	*ret_same = false;
	if (getsockname(fd, (struct sockaddr *)&own, &own_len))
		return -errno;
	if (getpeername(fd, (struct sockaddr *)&other, &other_len))
		return 0;
	*ret_same = addr_same(&own, &other);
	return 1;
}

static int tcp_dial(const struct sockaddr_storage *to, const struct sockaddr_storage *from,
		    bool *ret_done)
{
	struct sockaddr_storage src;
	int fd = new_socket(to), is_up;
	bool same;

	if (fd < 0)
		return fd;
	if (set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
		return fail_close(fd);
	if (from) {
		src = *from;
		addr_set_port(&src, 0);
		/* The port is chosen by connect(), which knows both ends: an old
		 * kernel without the option merely has fewer ports. */
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (const struct sockaddr *)&src, addr_len(&src)))
			return fail_close(fd);
	}
	if (connect(fd, (const struct sockaddr *)to, addr_len(to)) && errno != EINPROGRESS)
		return fail_close(fd);
	is_up = connected(fd, &same);
	if (is_up < 0) {
		close(fd);
		return is_up;
	}
	*ret_done = is_up && !same;
	return fd;
}

static int tcp_dialled(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;
	bool same;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	if (err)
		return -err;
	err = connected(fd, &same);
	/* A dial to a port of the own machine that nobody listens on can meet itself: as any
	 * other that was answered by nobody. */
	return same ? -ECONNREFUSED : err < 0 ? err : 0;
}

static ssize_t tcp_read(int fd, void *buf, size_t n)
{
	ssize_t got = recv(fd, buf, n, 0);

	return got < 0 ? -errno : got;
}

/* All of it in one piece, which the kernel takes for less than a list. False: it is too long. */
static bool flatten(uint8_t *to, const struct iovec *iov, int n, struct iovec *ret_one)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > FLAT_MAX - sum)
			return false;
		memcpy(to + sum, iov[i].iov_base, iov[i].iov_len);
		sum += iov[i].iov_len;
	}
	*ret_one = (struct iovec) { to, sum };
	return true;
}

static ssize_t tcp_writev(int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	uint8_t flat[FLAT_MAX];
	struct iovec one = iov[0];
	ssize_t put;

	if (n == 1 || flatten(flat, iov, n, &one))
		put = send(fd, one.iov_base, one.iov_len, MSG_NOSIGNAL);
	else
		put = sendmsg(fd, &msg, MSG_NOSIGNAL);
	return put < 0 ? -errno : put;
}

static bool tcp_waits(int fd, uint64_t *ret_silent_ns)
{
	struct tcp_info info = { .tcpi_unacked = 0 };
	socklen_t len = sizeof info;

	/* A socket that has ended says so when it is read. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return false;
	*ret_silent_ns = (uint64_t)info.tcpi_last_ack_recv * 1000000u;
	return info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES_UNANSWERED;
}

static int tcp_shutdown(int fd)
{
	return shutdown(fd, SHUT_WR) ? -errno : 0;
}

static void tcp_reset(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static void tcp_close(int fd)
{
	close(fd);
}

const struct transport transport_tcp = {
	.name = "tcp",
	.listen = tcp_listen,
	.accept = tcp_accept,
	.dial = tcp_dial,
	.dialled = tcp_dialled,
	.read = tcp_read,
	.writev = tcp_writev,
	.waits = tcp_waits,
	.shutdown = tcp_shutdown,
	.reset = tcp_reset,
	.close = tcp_close,
};

const struct transport *transport_find(const char *name)
{
	static const struct transport *const all[] = { &transport_tcp };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(name, all[i]->name) == 0)
			return all[i];
	return NULL;
}
