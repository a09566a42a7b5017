/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plays the scripts of tests/lib/call_scripts.c over the kernel's own AF_RXRPC, both sides in this
 * process, over loopback and without security; prints what each side sees. Knows nothing of sinew.
 *
 *	rxrpc_player			how many scripts there are
 *	rxrpc_player NUMBER		plays that one, from 0
 *
 * -v: each message of the kernel as well, on standard error.
 */
#include "tests/lib/call_script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rxrpc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT		7001
#define LIMIT_MS	15000
#define TURN_MS		10
#define QUIET_MS	300	/* behind the last step: nothing comes any more */
#define BRIEF_S		1
#define BACKLOG		10

static int fds[2] = { -1, -1 };	/* client, server */
static unsigned n_served;	/* calls for which it was ready */
static unsigned service[SCRIPT_ACTORS];
static bool verbose;

static void die(const char *what)
{
	fprintf(stderr, "rxrpc_player: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void turn(struct script_play *p);

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what is sent ---- */

/* A message with its control messages: the call's number first. */
struct out {
	struct msghdr m;
	union {
		struct cmsghdr align;
		char control[256];
	};
};

static void put(struct out *o, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(o->control + o->m.msg_controllen);

	c->cmsg_level = SOL_RXRPC;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	if (len)
		memcpy(CMSG_DATA(c), data, len);
	o->m.msg_control = o->control;
	o->m.msg_controllen += CMSG_SPACE(len);
}

/* The number of a call is that of its side, and one more: 0 is none. */
static void address(struct out *o, unsigned actor)
{
	unsigned long id = actor + 1;

	memset(o, 0, sizeof *o);
	put(o, RXRPC_USER_CALL_ID, &id, sizeof id);
}

static long transmit(struct out *o, unsigned actor, size_t len, unsigned flags)
{
	static uint8_t bytes[SCRIPT_LENGTH];
	struct iovec iov = { bytes, len };
	ssize_t n;

	o->m.msg_iov = &iov;
	o->m.msg_iovlen = 1;
	n = sendmsg(fds[script_serves(actor)], &o->m,
		    MSG_DONTWAIT | (flags & SCRIPT_MORE ? MSG_MORE : 0));
	if (verbose)
		fprintf(stderr, "%s sends %zu: %zd %s\n", script_actors[actor], len, n,
			n < 0 ? strerror(errno) : "");
	return n < 0 ? -errno : n;
}

static struct sockaddr_rxrpc address_of(uint16_t id, uint16_t port)
{
	struct sockaddr_rxrpc a = {
		.srx_family = AF_RXRPC, .srx_service = id, .transport_type = SOCK_DGRAM,
		.transport_len = sizeof a.transport.sin,
	};

	a.transport.sin.sin_family = AF_INET;
	a.transport.sin.sin_port = htons(port);
	a.transport.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static long send_more(struct script_play *p, unsigned actor, size_t len, unsigned flags)
{
	struct out o;

	(void)p;
	address(&o, actor);
	return transmit(&o, actor, len, flags);
}

static int begin(struct script_play *p, unsigned actor, size_t len, unsigned flags)
{
	struct sockaddr_rxrpc to = address_of(flags & SCRIPT_ELSEWHERE ? SCRIPT_NOBODY :
					      SCRIPT_SERVICE, PORT);
	uint32_t hard_s = BRIEF_S;
	struct out o;
	long n;

	address(&o, actor);
	o.m.msg_name = &to;
	o.m.msg_namelen = sizeof to;
	if (flags & SCRIPT_UPGRADE)
		put(&o, RXRPC_UPGRADE_SERVICE, NULL, 0);
	if (flags & SCRIPT_BRIEFLY)
		put(&o, RXRPC_SET_CALL_TIMEOUT, &hard_s, sizeof hard_s);
	n = transmit(&o, actor, len, flags);
	/* The rest, as its window opens. */
	for (int64_t until = now_ms() + LIMIT_MS; n >= 0 || n == -EAGAIN;) {
		len -= n > 0 ? (size_t)n : 0;
		if (!len)
			return 0;
		if (now_ms() > until)
			return -ETIME;
		turn(p);
		n = send_more(p, actor, len, flags);
	}
	/* It has begun, and ended meanwhile: another mark says so. */
	return n == -ECONNABORTED || n == -ESHUTDOWN ? 0 : (int)n;
}

static int abort_call(struct script_play *p, unsigned actor, int code)
{
	int32_t word = code;
	struct out o;
	long n;

	(void)p;
	address(&o, actor);
	put(&o, RXRPC_ABORT, &word, sizeof word);
	n = transmit(&o, actor, 0, 0);
	return n < 0 ? (int)n : 0;
}

static int leave(struct script_play *p, unsigned actor)
{
	int *fd = &fds[script_serves(actor)];

	(void)p;
	if (close(*fd))
		return -errno;
	*fd = -1;
	return 0;
}

/* Calls that come are given the numbers of server and server2, in this order. */
static int serve(struct script_play *p)
{
	unsigned actor = SCRIPT_SERVER + 2 * n_served++;
	struct out o;
	long n;

	(void)p;
	address(&o, actor);
	put(&o, RXRPC_CHARGE_ACCEPT, NULL, 0);
	n = transmit(&o, actor, 0, 0);
	return n < 0 ? (int)n : 0;
}

/* ---- what comes ---- */

static void terminal(struct script_play *p, unsigned actor, const struct cmsghdr *c)
{
	static const char *const names[] = {
		[RXRPC_ABORT] = "ABORT", [RXRPC_NET_ERROR] = "NET_ERROR", [RXRPC_BUSY] = "BUSY",
		[RXRPC_LOCAL_ERROR] = "LOCAL_ERROR",
	};
	int32_t value = 0;

	if (c->cmsg_type == RXRPC_ACK) {
		script_replied(p, actor);
		return;
	}
	if (c->cmsg_len >= CMSG_LEN(sizeof value))
		memcpy(&value, CMSG_DATA(c), sizeof value);
	script_failed(p, actor, names[c->cmsg_type], value);
}

static void take(struct script_play *p, struct msghdr *m, size_t len)
{
	const struct sockaddr_rxrpc *from = m->msg_name;
	const struct cmsghdr *end = NULL;
	unsigned long id = 0;
	unsigned actor;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (verbose)
			fprintf(stderr, "   cmsg %d length %zu\n", c->cmsg_type,
				(size_t)c->cmsg_len - CMSG_LEN(0));
		if (c->cmsg_type == RXRPC_USER_CALL_ID)
			memcpy(&id, CMSG_DATA(c), sizeof id);
		else
			end = c;
	}
	if (verbose)
		fprintf(stderr, "call %lu gets %zu flags %#x\n", id, len, (unsigned)m->msg_flags);
	if (id == 0 || id > SCRIPT_ACTORS)
		return;
	actor = (unsigned)id - 1;
	if (m->msg_namelen >= sizeof *from)
		service[actor] = from->srx_service;
	if (end) {
		terminal(p, actor, end);
		return;
	}
	script_data(p, actor, len, !(m->msg_flags & MSG_MORE));
	if (m->msg_flags & MSG_EOR)
		script_replied(p, actor);
}

/* Whether there was one. */
static bool receive(struct script_play *p, int fd)
{
	static uint8_t bytes[65536];
	struct sockaddr_rxrpc from;
	union {
		struct cmsghdr align;
		char control[256];
	} u;
	struct iovec iov = { bytes, sizeof bytes };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &u, .msg_controllen = sizeof u,
	};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0) {
		if (verbose && errno != EAGAIN)
			fprintf(stderr, "recvmsg: %s\n", strerror(errno));
		return false;
	}
	take(p, &m, (size_t)n);
	return true;
}

static bool turn_for(struct script_play *p, int wait_ms)
{
	struct pollfd polls[2] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };
	bool any = false;

	if (poll(polls, 2, wait_ms) < 0)
		die("poll");
	for (unsigned i = 0; i < 2; i++)
		while (fds[i] >= 0 && receive(p, fds[i]))
			any = true;
	return any;
}

static void turn(struct script_play *p)
{
	turn_for(p, TURN_MS);
}

static unsigned service_of(struct script_play *p, unsigned actor)
{
	(void)p;
	return service[actor];
}

/* ---- the sockets ---- */

static void open_sockets(const struct call_script *script)
{
	static const uint16_t pair[2] = { SCRIPT_SERVICE, SCRIPT_UPGRADED };
	struct sockaddr_rxrpc a = address_of(SCRIPT_SERVICE, PORT);

	for (unsigned i = 0; i < 2; i++)
		if ((fds[i] = socket(AF_RXRPC, SOCK_DGRAM, PF_INET)) < 0)
			die("socket");
	if (bind(fds[1], (struct sockaddr *)&a, sizeof a))
		die("bind");
	if (script->paired) {
		a.srx_service = SCRIPT_UPGRADED;
		if (bind(fds[1], (struct sockaddr *)&a, sizeof a))
			die("bind of the second service");
		if (setsockopt(fds[1], SOL_RXRPC, RXRPC_UPGRADEABLE_SERVICE, pair, sizeof pair))
			die("RXRPC_UPGRADEABLE_SERVICE");
	}
	if (listen(fds[1], BACKLOG))
		die("listen");
}

static const struct script_player player = {
	.begin = begin, .send = send_more, .abort = abort_call, .leave = leave, .serve = serve,
	.service = service_of, .turn = turn, .now_ms = now_ms,
};

static int play(const struct call_script *script)
{
	struct script_play p = { .script = script, .player = &player, .limit_ms = LIMIT_MS };

	open_sockets(script);
	for (unsigned i = 0; i < script->handlers; i++)
		if (serve(&p))
			die("RXRPC_CHARGE_ACCEPT");
	script_play(&p);
	while (turn_for(&p, QUIET_MS))
		;
	script_flush(&p);
	printf("script %s\n", script->name);
	for (unsigned i = 0; i < SCRIPT_ACTORS; i++)
		if (p.seen[i].marks[0])
			printf("%s: %s\n", script_actors[i], p.seen[i].marks);
	if (p.fault[0])
		fprintf(stderr, "rxrpc_player: %s\n", p.fault);
	return p.fault[0] != '\0';
}

int main(int argc, char **argv)
{
	unsigned number;

	verbose = argc > 1 && !strcmp(argv[1], "-v");
	argc -= verbose;
	argv += verbose;
	if (argc < 2) {
		printf("%u\n", n_call_scripts);
		return 0;
	}
	number = (unsigned)strtoul(argv[1], NULL, 10);
	if (number >= n_call_scripts) {
		fprintf(stderr, "rxrpc_player: no script %s: there are %u\n", argv[1],
			n_call_scripts);
		return 1;
	}
	return play(&call_scripts[number]);
}
