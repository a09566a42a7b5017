/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice of what carries a connection, and sockets of TCP; knows no stream. */
#include "tests/lib/dialled.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/await.h"

void dialled_poll_fd(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	poll(&p, 1, ms);
}

void (*dialled_wait_fd)(int fd, short events, int ms) = dialled_poll_fd;

/* ---- sockets ---- */

static bool tcp_begin(struct dialled *d, const struct sockaddr_storage *from,
		      const struct sockaddr_storage *to)
{
	struct sockaddr_in src = *(const struct sockaddr_in *)from;
	const int on = 1;

	src.sin_port = 0;
	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return false;
	setsockopt(d->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!bind(d->fd, (struct sockaddr *)&src, sizeof src) &&
	    (!connect(d->fd, (const struct sockaddr *)to, sizeof src) || errno == EINPROGRESS))
		return true;
	close(d->fd);
	return false;
}

static bool tcp_stands(struct dialled *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, 0) <= 0)
		return false;
	getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	d->connected = !err;
	d->failed = err != 0;
	return d->connected;
}

static ssize_t tcp_read(struct dialled *d, void *buf, size_t n)
{
	ssize_t got = recv(d->fd, buf, n, 0);

	return got < 0 ? -errno : got;
}

static ssize_t tcp_write(struct dialled *d, const void *data, size_t n)
{
	ssize_t put = send(d->fd, data, n, MSG_NOSIGNAL);

	return put < 0 ? -errno : put;
}

static void tcp_wait(struct dialled *d, short events, int ms)
{
	dialled_wait_fd(d->fd, events, ms);
}

static void tcp_end(struct dialled *d, bool in_order)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!in_order)
		setsockopt(d->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(d->fd);
}

const struct dialled_ops dialled_tcp = {
	.begin = tcp_begin,
	.stands = tcp_stands,
	.read = tcp_read,
	.write = tcp_write,
	.wait = tcp_wait,
	.end = tcp_end,
};

/* ---- of either kind ---- */

bool dialled_over_sctp(void)
{
	const char *v = getenv("TEST_SCTP");

	return v && *v && strcmp(v, "0") != 0;
}

bool dialled_begin(struct dialled *d, const struct sockaddr_storage *from,
		   const struct sockaddr_storage *to)
{
	const struct dialled_ops *ops = dialled_over_sctp() ? &dialled_sctp : &dialled_tcp;

	dialled_end(d, true);
	*d = (struct dialled) { .fd = -1 };
	if (!ops->begin(d, from, to))
		return false;
	d->ops = ops;
	return true;
}

bool dialled_stands(struct dialled *d, int ms)
{
	int64_t end = now_ms() + ms;

	while (d->ops && !d->ops->stands(d) && !d->failed && now_ms() < end)
		d->ops->wait(d, POLLOUT, (int)(end - now_ms()));
	return d->connected;
}

bool dialled_answered(struct dialled *d)
{
	return d->ops && (d->ops->stands(d) || d->failed);
}

ssize_t dialled_read(struct dialled *d, void *buf, size_t n)
{
	return d->ops ? d->ops->read(d, buf, n) : -EPIPE;
}

ssize_t dialled_write(struct dialled *d, const void *data, size_t n)
{
	return d->ops ? d->ops->write(d, data, n) : -EPIPE;
}

void dialled_wait(struct dialled *d, short events, int ms)
{
	if (d->ops)
		d->ops->wait(d, events, ms);
}

void dialled_end(struct dialled *d, bool in_order)
{
	if (d->ops)
		d->ops->end(d, in_order);
	d->ops = NULL;
	d->connected = false;
}
