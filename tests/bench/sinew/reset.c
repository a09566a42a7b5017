/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The jobs of a broken connection: from a reset under load to the next delivery; and what sockets
 * need for a new connection and a first byte. Knows nothing of how that is judged.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/sinew/host.h"
#include "tests/bench/sinew/jobs.h"
#include "tests/bench/work/address.h"
#include "tools/clock.h"
#include "tools/histogram.h"

#define LOAD_MESSAGES 2000 /* between a delivery and the next reset */
#define BATCH	      64
#define WARM_DIALS    20

/* ---- the sender: always something to send ---- */

int job_load(const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 1,
		.n = 1,
		.first = 2,
		.last = 2,
	};
	uint8_t *buf = calloc(1, s->size);
	struct host host;
	int err = buf ? host_open(&host, &opt) : -ENOMEM;

	if (!err)
		err = host_meet(&host, &opt);
	if (!err)
		err = host_until(&host, host_is_up);
	while (!err && !host.is_released) {
		for (unsigned i = 0; i < BATCH && !err; i++)
			err = host_send(&host.nodes[0], 2, buf, s->size, false);
		if (err == -ESTALE)
			break;
		err = host_turn(&host, err == -EAGAIN ? 10 : 0);
	}
	if (err && err != -ESTALE)
		return trouble("cannot send under resets", err);
	host_close(&host);
	free(buf);
	return 0;
}

/* ---- the receiver: resets ---- */

struct resets {
	uint64_t reconnects; /* before the reset that is watched */
	uint64_t began_ns; /* 0: none is watched */
	uint64_t due; /* messages until the next */
	struct histogram h;
};

static void saw_message(struct hosted *hosted, struct sinew_session *session, void *arg)
{
	struct resets *r = arg;
	struct sinew_status st = { .size = sizeof st };

	if (r->due)
		r->due--;
	if (!r->began_ns || sinew_session_status(session, &st) || st.reconnects == r->reconnects)
		return;
	histogram_add(&r->h, clock_now_ns() - r->began_ns);
	r->began_ns = 0;
	r->due = LOAD_MESSAGES;
	(void)hosted;
}

static int reset_once(struct host *host, struct resets *r)
{
	struct sinew_status st = { .size = sizeof st };

	if (sinew_session_status(host->nodes[0].peers[1], &st))
		return -ECONNRESET;
	r->reconnects = st.reconnects;
	r->began_ns = clock_now_ns();
	return sinew_break(host->nodes[0].node, 1);
}

int job_resets(const struct settings *s)
{
	struct host_options opt = {
		.net = s->end.net,
		.port = s->end.port,
		.id = 2,
		.n = 1,
		.first = 1,
		.last = 1,
		.message_bytes = s->size,
	};
	struct resets *r = calloc(1, sizeof *r);
	struct host host;
	int err = r ? host_open(&host, &opt) : -ENOMEM;

	host.on_message = saw_message;
	host.arg = r;
	if (!err)
		err = host_meet(&host, &opt);
	if (!err)
		err = host_until(&host, host_is_up);
	if (err)
		return trouble("not up", err);
	r->due = LOAD_MESSAGES;
	while (!err && r->h.n < s->count && !host.n_wrong) {
		if (!r->due && !r->began_ns)
			err = reset_once(&host, r);
		if (!err)
			err = host_turn(&host, 1000);
	}
	if (err)
		return trouble("no delivery after a reset", err);
	if (host.n_wrong || host.n_down)
		return trouble("messages were lost by a reset", 0);
	result_histogram(&r->h);
	host_close(&host);
	free(r);
	return 0;
}

/* ---- the same by sockets ---- */

/* Each dialler gets a byte. */
int job_greeter(const struct settings *s)
{
	const struct sockaddr_storage any = { 0 };
	struct sockaddr_storage addr = any;
	struct epoll_event events[2], event = { .events = EPOLLIN };
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC), n, peer;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (address_of(s->end.net, 2, s->end.port, &addr) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(struct sockaddr_in)) || listen(fd, 16))
		return trouble("cannot listen", -errno);
	event.data.fd = fd;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	event.data.fd = STDIN_FILENO;
	epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		n = epoll_wait(epoll, events, 2, END_WAIT_MS);
		if (n < 1)
			return trouble("nobody dials", -ETIMEDOUT);
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == STDIN_FILENO)
				return 0;
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (peer >= 0 && send(peer, "x", 1, MSG_NOSIGNAL) == 1)
			close(peer);
	}
}

/* A connection and its first byte; false: nobody listens there yet. */
static bool dial_once(const struct sockaddr_storage *addr, uint64_t *ret_ns)
{
	uint64_t began = clock_now_ns();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_done = connect(fd, (const struct sockaddr *)addr, sizeof(struct sockaddr_in)) == 0;
	char byte;

	is_done = is_done && recv(fd, &byte, 1, 0) == 1;
	*ret_ns = clock_now_ns() - began;
	close(fd);
	return is_done;
}

int job_dials(const struct settings *s)
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS, ns;
	struct histogram *h = calloc(1, sizeof *h);
	struct sockaddr_storage addr;

	if (!h || address_of(s->end.net, 2, s->end.port, &addr))
		return trouble("cannot dial", 0);
	while (!dial_once(&addr, &ns))
		if (clock_now_ns() >= limit)
			return trouble("nobody listens", -ETIMEDOUT);
	for (uint64_t i = 0; i < s->count + WARM_DIALS; i++) {
		if (!dial_once(&addr, &ns))
			return trouble("cannot dial", -errno);
		if (i >= WARM_DIALS)
			histogram_add(h, ns);
	}
	result_histogram(h);
	free(h);
	return 0;
}
