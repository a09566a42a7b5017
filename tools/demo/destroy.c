/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the cruelty of `make demo`: has the kernel destroy the TCP connections
 * between 127.0.0.1, .2 and .3 that use one given port, again and again. Knows nothing
 * of what goes over them, and touches no other connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NODES 3
#define TARGETS_MAX 256
#define STATE_ESTABLISHED 1	/* of the kernel's TCP states */
#define NS_PER_S 1000000000L

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

struct target {
	struct inet_diag_sockid id;
	unsigned from, to;	/* node numbers of both ends */
};

static unsigned long kills[NODES + 1][NODES + 1];
static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

/* 1..3 for 127.0.0.1..3, else 0. */
static unsigned node_of(__be32 addr)
{
	uint32_t n = ntohl(addr) - 0x7f000000u;

	return n >= 1 && n <= NODES ? n : 0;
}

static int netlink_open(void)
{
	struct timeval limit = { .tv_sec = 2 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

static int ask(int fd, int type, int flags, const struct inet_diag_sockid *id)
{
	struct request req = {
		.head = { .nlmsg_len = sizeof req, .nlmsg_type = (unsigned short)type,
			  .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags) },
		.body = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1u << STATE_ESTABLISHED },
	};

	if (id != NULL)
		req.body.id = *id;
	if (send(fd, &req, sizeof req, 0) < 0)
		return -errno;
	return 0;
}

/* One of the two ends of each connection: which one alternates by round. */
static bool wanted(const struct inet_diag_sockid *id, unsigned port, unsigned round,
		   struct target *ret)
{
	unsigned from = node_of(id->idiag_src[0]), to = node_of(id->idiag_dst[0]);

	if (from == 0 || to == 0 || (from < to) != (round % 2 == 0))
		return false;
	if (ntohs(id->idiag_sport) != port && ntohs(id->idiag_dport) != port)
		return false;
	*ret = (struct target){ .id = *id, .from = from, .to = to };
	return true;
}

/* Fills targets; returns how many or a negative errno. */
static int collect(int fd, unsigned port, unsigned round, struct target *targets)
{
	static char buf[65536] __attribute__((aligned(8)));
	int n = 0, err = ask(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, NULL);

	if (err < 0)
		return err;
	for (;;) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
		unsigned left = got > 0 ? (unsigned)got : 0;

		if (got < 0)
			return -errno;
		for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct inet_diag_msg *m = NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_DONE)
				return n;
			if (h->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (n < TARGETS_MAX && wanted(&m->id, port, round, &targets[n]))
				n++;
		}
	}
}

/* 0, or a negative errno; -ENOENT: it had gone already. */
static int destroy(int fd, const struct inet_diag_sockid *id)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	int err = ask(fd, SOCK_DESTROY, NLM_F_ACK, id);

	if (err < 0)
		return err;
	if (recv(fd, buf, sizeof buf, 0) < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return -EIO;
	if (h->nlmsg_type != NLMSG_ERROR)
		return -EIO;
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static int one_round(int fd, unsigned port, unsigned round)
{
	static struct target targets[TARGETS_MAX];
	int n = collect(fd, port, round, targets);

	for (int i = 0; i < n; i++) {
		int err = destroy(fd, &targets[i].id);

		if (err < 0 && err != -ENOENT)
			return err;
		if (err == 0) {
			kills[targets[i].from][targets[i].to]++;
			kills[targets[i].to][targets[i].from]++;
		}
	}
	return n;
}

static void print_kills(FILE *f)
{
	for (unsigned a = 1; a <= NODES; a++)
		for (unsigned b = 1; b <= NODES; b++)
			if (a != b)
				fprintf(f, "%u %u %lu\n", a, b, kills[a][b]);
}

/* The file always holds a whole table. */
static void write_kills(const char *path)
{
	char temp[4096];
	FILE *f;

	snprintf(temp, sizeof temp, "%s.new", path);
	f = fopen(temp, "w");
	if (f == NULL)
		return;
	print_kills(f);
	if (fclose(f) == 0)
		rename(temp, path);
}

static void later(struct timespec *t, long ns)
{
	t->tv_nsec += ns;
	t->tv_sec += t->tv_nsec / NS_PER_S;
	t->tv_nsec %= NS_PER_S;
}

/* Does the kernel let us? Tries it on a connection of our own. */
static int probe(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
	socklen_t len = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), dialler = socket(AF_INET, SOCK_STREAM, 0);
	int fd = netlink_open(), n = fd;

	if (fd >= 0 && listener >= 0 && dialler >= 0 &&
	    bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 1) == 0 &&
	    bind(dialler, (struct sockaddr *)&b, sizeof b) == 0 &&
	    getsockname(listener, (struct sockaddr *)&a, &len) == 0 &&
	    connect(dialler, (struct sockaddr *)&a, sizeof a) == 0)
		n = one_round(fd, ntohs(a.sin_port), 0);
	close(listener);
	close(dialler);
	if (fd >= 0)
		close(fd);
	return n == 1 && kills[1][2] == 1 ? 0 : n < 0 ? n : -EIO;
}

static int run(unsigned port, long period_ns, double seconds, const char *path)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct timespec next;
	int fd = netlink_open();
	unsigned long rounds = (unsigned long)(seconds * 1e9 / (double)period_ns);

	if (fd < 0)
		return fd;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned round = 0; round < rounds && !stopped; round++) {
		int err = one_round(fd, port, round);

		if (err < 0)
			return err;
		write_kills(path);
		later(&next, period_ns);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int err;

	if (argc == 2 && strcmp(argv[1], "--probe") == 0) {
		err = probe();
	} else if (argc == 5 && atoi(argv[1]) > 0 && atof(argv[2]) >= 1 && atof(argv[3]) > 0) {
		err = run((unsigned)atoi(argv[1]), (long)(atof(argv[2]) * 1e6), atof(argv[3]),
			  argv[4]);
	} else {
		fprintf(stderr, "usage: destroy --probe | destroy PORT PERIOD_MS SECONDS FILE\n");
		return 2;
	}
	if (err < 0)
		fprintf(stderr, "destroy: %s\n", strerror(-err));
	return err < 0;
}
