/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/addr.h"
#include "lowcomms/stream_fd.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define PROBES_UNANSWERED 2 /* window probes in a row; one is always under way */
#define FLAT_MAX 512u /* bytes: a message of usual length with the ACK before it */

struct tcp_stream {
	struct stream stream;
	bool dialling;
	int err;		/* it failed, and the kernel has said so; 0: not */
};

static const struct stream_ops tcp_ops;

static struct tcp_stream *tcp_of(struct stream *s)
{
	return (struct tcp_stream *)s;	/* its first field */
}

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

/* ---- listeners ---- */

static int open_listener(const struct sockaddr_storage *addr)
{
	int fd = new_socket(addr);

	if (fd < 0)
		return fd;
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    (addr->ss_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
	    bind(fd, (const struct sockaddr *)addr, addr_len(addr)) || listen(fd, SOMAXCONN))
		return fail_close(fd);
	return fd;
}

static int tcp_listen(struct streams *ss, struct stream_listener *l,
		      const struct sockaddr_storage *addrs, unsigned n)
{
	int fd = n == 1 ? open_listener(addrs) : -EINVAL;

	return fd < 0 ? fd : stream_fd_listen(ss, l, &transport_tcp, fd);
}

/* ---- begin ---- */

static void stream_event(struct source *source, uint32_t events);

static int begin(struct streams *ss, int fd, const struct sockaddr_storage *other, bool dialling,
		 struct stream **ret_stream)
{
	int err = stream_fd_begin(ss, &tcp_ops, sizeof(struct tcp_stream), fd, other, stream_event,
				  dialling, ret_stream);

	if (!err)
		tcp_of(*ret_stream)->dialling = dialling;
	return err;
}

static int tcp_accept(struct stream_listener *l, struct stream **ret_stream)
{
	struct sockaddr_storage from;
	int fd = stream_fd_accept(l, &from);

	if (fd < 0)
		return fd;
	/* Without it a connection is slow, not wrong: no reason to drop it. */
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return begin(l->streams, fd, &from, false, ret_stream);
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

/* The descriptor, or -errno. */
static int start_dial(const struct sockaddr_storage *to, const struct sockaddr_storage *from,
		      enum dial_step *ret_step)
{
	struct sockaddr_storage src;
	int fd = new_socket(to), is_up;
	bool same;

	*ret_step = DIAL_SOCKET;
	if (fd < 0)
		return fd;
	if (set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
		return fail_close(fd);
	*ret_step = DIAL_SOURCE;
	if (from) {
		src = *from;
		addr_set_port(&src, 0);
		/* The port is chosen by connect(), which knows both ends: an old
		 * kernel without the option merely has fewer ports. */
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (const struct sockaddr *)&src, addr_len(&src)))
			return fail_close(fd);
	}
	*ret_step = DIAL_CONNECT;
	if (connect(fd, (const struct sockaddr *)to, addr_len(to)) && errno != EINPROGRESS)
		return fail_close(fd);
	is_up = connected(fd, &same);
	if (is_up < 0)
		return fail_close(fd);
	if (is_up && !same)
		*ret_step = DIAL_DONE;
	return fd;
}

static int tcp_dial(struct streams *ss, const struct stream_route *route,
		    struct stream **ret_stream, enum dial_step *ret_step)
{
	int fd = start_dial(route->to, route->n_from ? route->from : NULL, ret_step);

	assert(route->n_to == 1 && route->n_from <= 1);
	return fd < 0 ? fd : begin(ss, fd, route->to, *ret_step != DIAL_DONE, ret_stream);
}

/* ---- events ---- */

/* How a dial ended: 0 or why it failed. */
static int dialled(int fd)
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

static void stream_event(struct source *source, uint32_t events)
{
	struct stream *s = list_entry(source, struct stream, source);
	struct tcp_stream *t = tcp_of(s);

	assert(s->source.fd >= 0);
	if (t->dialling) {
		t->err = dialled(source->fd);
		t->dialling = t->err != 0;
		s->event(s, t->err ? STREAM_FAILED : STREAM_CONNECTED);
		return;
	}
	s->event(s, stream_fd_events(events));
}

static int tcp_error(struct stream *s)
{
	struct tcp_stream *t = tcp_of(s);

	assert(s->source.fd >= 0);
	if (!t->err)
		t->err = dialled(s->source.fd);
	return t->err;
}

/* ---- bytes ---- */

static ssize_t tcp_read(struct stream *s, void *buf, size_t n)
{
	ssize_t got = recv(s->source.fd, buf, n, 0);

	assert(n && s->source.fd >= 0);
	return got < 0 ? -errno : got;
}

/* All of it in one piece, which the kernel takes for less than a list. False: it is too long. */
static bool flatten(uint8_t *to, const struct iovec *iov, int n, struct iovec *ret_one)
{
	size_t sum = 0;

	assert(n > 1);
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > FLAT_MAX - sum)
			return false;
		memcpy(to + sum, iov[i].iov_base, iov[i].iov_len);
		sum += iov[i].iov_len;
	}
	*ret_one = (struct iovec) { to, sum };
	return true;
}

static ssize_t tcp_writev(struct stream *s, const struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n };
	uint8_t flat[FLAT_MAX];
	struct iovec one = iov[0];
	ssize_t put;

	assert(n > 0 && !tcp_of(s)->dialling);
	if (n == 1 || flatten(flat, iov, n, &one))
		put = send(s->source.fd, one.iov_base, one.iov_len, MSG_NOSIGNAL);
	else
		put = sendmsg(s->source.fd, &msg, MSG_NOSIGNAL);
	return put < 0 ? -errno : put;
}

/* False: the socket has ended, and says so when it is read. */
static bool ask(struct stream *s, struct tcp_info *ret_info)
{
	socklen_t len = sizeof *ret_info;

	assert(!tcp_of(s)->dialling);
	*ret_info = (struct tcp_info) { .tcpi_rtt = 0 };
	return !getsockopt(s->source.fd, IPPROTO_TCP, TCP_INFO, ret_info, &len);
}

static bool tcp_stuck(struct stream *s, uint64_t *ret_silent_ns)
{
	struct tcp_info info;

	if (!ask(s, &info))
		return false;
	*ret_silent_ns = (uint64_t)info.tcpi_last_ack_recv * 1000000u;
	return info.tcpi_unacked > 0 || info.tcpi_probes >= PROBES_UNANSWERED;
}

static uint64_t tcp_round_trip(struct stream *s)
{
	struct tcp_info info;

	return ask(s, &info) ? (uint64_t)info.tcpi_rtt * 1000u : 0;
}

static const struct stream_ops tcp_ops = {
	.read = tcp_read,
	.writev = tcp_writev,
	.set_interest = stream_fd_set_interest,
	.error = tcp_error,
	.stuck = tcp_stuck,
	.round_trip = tcp_round_trip,
	.finish = stream_fd_finish,
	.reset = stream_fd_reset,
	.close = stream_fd_close,
};

const struct transport transport_tcp = {
	.name = "tcp",
	.traits = STREAM_HALF_CLOSE | STREAM_DESCRIPTOR | STREAM_RESET_REPEATS,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.rest = stream_fd_rest,
	.unlisten = stream_fd_unlisten,
	.dial = tcp_dial,
};
