/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the dials of one side come in, and the dial on to the other one.
 * Knows nothing of what a connection carries.
 */
#include "tools/break/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lowcomms/sockaddr.h"
#include "membership/host.h"
#include "tools/clock.h"
#include "tools/say.h"

#define BACKLOG		64
#define DIAL_MS		2000	/* longest dial */
#define REST_MS		100	/* when no descriptor is left, and until a side is tried again */

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static int new_socket(const struct sockaddr_storage *addr)
{
	return socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void set(int fd, int level, int option)
{
	int one = 1;

	setsockopt(fd, level, option, &one, sizeof(one));
}

static int listen_at(struct relay_listener *l)
{
	int rc = 0;

	l->fd = new_socket(&l->at);
	if (l->fd >= 0) {
		set(l->fd, SOL_SOCKET, SO_REUSEADDR);
		if (l->at.ss_family == AF_INET6)
			set(l->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	}
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&l->at, addr_len(&l->at)) ||
	    listen(l->fd, BACKLOG))
		rc = -errno;
	if (rc && l->fd >= 0)
		close(l->fd);
	if (rc)
		l->fd = -1;
	return rc;
}

int relay_listener_open(struct relay_listener *l)
{
	char text[HOST_TEXT_MAX];
	int rc = listen_at(l);

	l->in = l->out = -1;
	if (rc)
		say(SINEW_ERROR, "cannot listen at %s, the stand-in of %s: %s%s",
		    host_text(&l->at, true, text), RELAY_SIDE_NAME(!l->side), strerror(-rc),
		    rc == -EADDRINUSE ? "; end what has that port, or name another stand-in" :
		    rc == -EADDRNOTAVAIL ? "; name an address of this machine, for example of "
		    "127.0.0.0/8, or add it: ip address add ADDRESS dev lo" : "");
	return rc;
}

static void end_dial(struct relay_listener *l)
{
	relay_reset_fd(l->in);
	relay_reset_fd(l->out);
	l->in = l->out = -1;
}

void relay_listener_close(struct relay_listener *l)
{
	end_dial(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* Said once for each cause: the summary has the count. */
static void refuse(struct relay_listener *l, uint64_t *count, const char *why)
{
	char text[HOST_TEXT_MAX];

	if (!*count)
		say(SINEW_WARNING, "refused a connection to %s: %s; further ones are only counted",
		    host_text(&l->at, true, text), why);
	++*count;
	l->until_ns = 0;
	end_dial(l);
}

static bool is_stranger(const struct relay_listener *l, const struct sockaddr_storage *from)
{
	struct sockaddr_storage addr = *from;

	addr_set_port(&addr, 0);
	if (addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&addr)->sin6_scope_id =
			((const struct sockaddr_in6 *)&l->only)->sin6_scope_id;
	return !addr_same(&addr, &l->only);
}

static int dial(struct relay_listener *l, uint64_t now_ns)
{
	l->out = new_socket(&l->to);
	if (l->out < 0)
		return -errno;
	l->until_ns = now_ns + DIAL_MS * CLOCK_MS;
	set(l->out, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	if (bind(l->out, (struct sockaddr *)&l->from, addr_len(&l->from)) ||
	    (connect(l->out, (struct sockaddr *)&l->to, addr_len(&l->to)) &&
	     errno != EINPROGRESS))
		return -errno;
	return 0;
}

static void refuse_unreached(struct relay_listener *l, int error, uint64_t now_ns)
{
	char text[HOST_TEXT_MAX], why[HOST_TEXT_MAX + 128];

	snprintf(why, sizeof(why), "cannot connect to node %s at %s: %s",
		 RELAY_SIDE_NAME(!l->side), host_text(&l->to, true, text), strerror(-error));
	refuse(l, &l->n_failed, why);
	if (error != -ECONNREFUSED)
		return;
	/* From now on the dialler is to see the same. */
	l->away = true;
	l->until_ns = now_ns + REST_MS * CLOCK_MS;
	close(l->fd);
	l->fd = -1;
}

static void take(struct relay_listener *l, const struct sockaddr_storage *from, bool is_full,
		 uint64_t now_ns)
{
	char text[HOST_TEXT_MAX], why[2 * HOST_TEXT_MAX + 64];
	char only[HOST_TEXT_MAX];
	int rc;

	if (is_stranger(l, from)) {
		snprintf(why, sizeof(why), "source is %s, expected %s (node %s)",
			 host_text(from, false, text), host_text(&l->only, false, only),
			 RELAY_SIDE_NAME(l->side));
		refuse(l, &l->n_strangers, why);
	} else if (is_full) {
		refuse(l, &l->n_full, "too many connections");
	} else {
		rc = dial(l, now_ns);
		if (rc)
			refuse_unreached(l, rc, now_ns);
	}
}

static void accept_one(struct relay_listener *l, bool is_full, uint64_t now_ns)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);

	l->in = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (l->in >= 0) {
		take(l, &from, is_full, now_ns);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	refuse(l, &l->n_failed, strerror(errno));
	l->until_ns = now_ns + REST_MS * CLOCK_MS;
}

/* 0, -EINPROGRESS, or why the dial has failed. */
static int dialled(const struct relay_listener *l, const struct relay_turn *t)
{
	struct pollfd look = { .fd = l->out, .events = POLLOUT };
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&look, 1, 0) <= 0)
		return t->now_ns < l->until_ns ? -EINPROGRESS : -ETIMEDOUT;
	getsockopt(l->out, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		return -error;
	/* A dial to a port of the own machine that nobody listens on can meet itself. */
	len = sizeof(own);
	if (getsockname(l->out, (struct sockaddr *)&own, &len) || addr_same(&own, &l->to))
		return -ECONNREFUSED;
	return 0;
}

/* Dials for nobody, until the other side is there again. */
static void try_again(struct relay_listener *l, struct relay_turn *t)
{
	char text[HOST_TEXT_MAX];
	int rc;

	if (l->out < 0 && t->now_ns < l->until_ns)
		return;
	rc = l->out < 0 ? dial(l, t->now_ns) : 0;
	if (!rc)
		rc = dialled(l, t);
	if (rc == -EINPROGRESS)
		return;
	end_dial(l);
	l->until_ns = t->now_ns + REST_MS * CLOCK_MS;
	if (rc)
		return;
	rc = listen_at(l);
	l->away = rc != 0;
	if (rc && !l->told_error)
		say(SINEW_ERROR, "cannot listen again at %s: %s; retrying",
		    host_text(&l->at, true, text), strerror(-rc));
	l->told_error = rc != 0;
	if (!rc)
		l->until_ns = 0;
}

/* True: both stand. */
static bool accept_and_dial(struct relay_listener *l, struct relay_turn *t, bool is_full)
{
	int rc;

	if (l->out < 0 && t->now_ns >= l->until_ns)
		accept_one(l, is_full, t->now_ns);
	if (l->out < 0)
		return false;
	rc = dialled(l, t);
	if (rc && rc != -EINPROGRESS)
		refuse_unreached(l, rc, t->now_ns);
	return !rc;
}

static void wish(struct relay_listener *l, struct relay_turn *t)
{
	bool rests = t->now_ns < l->until_ns;

	l->polls[0] = (struct pollfd){
		.fd = l->out < 0 && !rests ? l->fd : -1, .events = POLLIN
	};
	l->polls[1] = (struct pollfd){ .fd = l->out, .events = POLLOUT };
	if (rests && t->wake_ns > l->until_ns)
		t->wake_ns = l->until_ns;
}

bool relay_listener_turn(struct relay_listener *l, struct relay_turn *t, bool is_full,
			 int ret_fd[RELAY_SIDES])
{
	bool stands = !l->away && accept_and_dial(l, t, is_full);

	if (l->away)
		try_again(l, t);
	if (stands) {
		ret_fd[l->side] = l->in;
		ret_fd[!l->side] = l->out;
		l->in = l->out = -1;
		l->until_ns = 0;
		l->n_connections++;
	}
	wish(l, t);
	return stands;
}
