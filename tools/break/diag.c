/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's TCP connections, by its socket diagnostics.
 * Knows nothing of when a connection is to be destroyed, and counts nothing.
 */
#include "tools/break/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES		65536	/* of one datagram; the kernel makes 32 KiB at most */

struct diag {
	int fd;
	uint32_t seq;		/* of the last request: older answers are thrown away */
	uint8_t answer[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Takes the messages of a dump. */
struct collection {
	const struct filter *filter;
	struct diag_connection *found;
	unsigned n, max;
	unsigned n_left_out;
};

int diag_open(struct diag **ret_diag)
{
	struct timeval limit = { .tv_sec = DIAG_ANSWER_MS / 1000 };
	struct diag *d = malloc(sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->seq = 0;
	d->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (d->fd < 0) {
		rc = errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
		free(d);
		return rc;
	}
	setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	*ret_diag = d;
	return 0;
}

void diag_close(struct diag *d)
{
	if (!d)
		return;
	close(d->fd);
	free(d);
}

/* ---- questions and answers ---- */

/* Given each socket of an answer. */
typedef void take_fn(void *arg, const struct inet_diag_msg *m);

static int ask(struct diag *d, int type, int flags, int family, const struct inet_diag_sockid *id)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = (uint16_t)type,
			.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
			.nlmsg_seq = ++d->seq,
		},
		.body = {
			.sdiag_family = (uint8_t)family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1u << TCP_ESTABLISHED,
		},
	};

	if (id)
		request.body.id = *id;
	return send(d->fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/* Bytes of the next datagram, or a negative errno. */
static int receive(struct diag *d)
{
	ssize_t got;

	do
		got = recv(d->fd, d->answer, sizeof(d->answer), 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (int)got;
}

/* One datagram. 1: there is more; 0: that was all; or a negative errno. */
static int take_datagram(struct diag *d, int got, take_fn *take, void *arg)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)d->answer;
	unsigned left = (unsigned)got;

	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_seq != d->seq)
			continue;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			return -EIO;
		take(arg, NLMSG_DATA(h));
		if (!(h->nlmsg_flags & NLM_F_MULTI))
			return 0;
	}
	return 1;
}

/* Asks for one socket, or for all of a family (id NULL), and takes the answer. */
static int exchange(struct diag *d, int type, int flags, int family,
		    const struct inet_diag_sockid *id, take_fn *take, void *arg)
{
	int rc = ask(d, type, flags, family, id);

	if (rc)
		return rc;
	do {
		rc = receive(d);
		if (rc >= 0)
			rc = take_datagram(d, rc, take, arg);
	} while (rc > 0);
	return rc;
}

/* ---- lists ---- */

int diag_compare(const void *a, const void *b)
{
	const struct diag_connection *x = a, *y = b;
	int order = filter_compare_ends(&x->ends[0], &y->ends[0]);

	return order ? order : filter_compare_ends(&x->ends[1], &y->ends[1]);
}

/* Sorts, and puts the two sockets of one connection together. */
static void merge(struct collection *c)
{
	unsigned i, kept = 0;

	qsort(c->found, c->n, sizeof(*c->found), diag_compare);
	for (i = 0; i < c->n; i++) {
		struct diag_connection *last = kept ? &c->found[kept - 1] : NULL;

		if (!last || diag_compare(last, &c->found[i])) {
			c->found[kept++] = c->found[i];
			continue;
		}
		if (!last->sockets[0].is_there)
			last->sockets[0] = c->found[i].sockets[0];
		if (!last->sockets[1].is_there)
			last->sockets[1] = c->found[i].sockets[1];
	}
	c->n = kept;
}

static void take(void *arg, const struct inet_diag_msg *m)
{
	struct collection *c = arg;
	struct filter_end own = { .port = ntohs(m->id.idiag_sport) };
	struct filter_end other = { .port = ntohs(m->id.idiag_dport) };
	struct diag_connection *connection;
	unsigned side;

	own.address = filter_address_of(m->idiag_family, m->id.idiag_src);
	other.address = filter_address_of(m->idiag_family, m->id.idiag_dst);
	if (!filter_match(c->filter, &own, &other))
		return;
	if (c->n == c->max && !c->n_left_out)
		merge(c);
	if (c->n == c->max) {
		c->n_left_out++;
		return;
	}
	side = filter_compare_ends(&own, &other) > 0;
	connection = &c->found[c->n++];
	*connection = (struct diag_connection){ .ends[0] = side ? other : own,
						.ends[1] = side ? own : other };
	connection->sockets[side] = (struct diag_socket){
		.is_there = true,
		.family = m->idiag_family,
		.n_unacked = m->idiag_wqueue,
		.id = m->id,
	};
}

int diag_collect(struct diag *d, const struct filter *f, struct diag_connection *found,
		 unsigned max, unsigned *ret_n, unsigned *ret_n_left_out)
{
	struct collection c = { .filter = f, .found = found, .max = max };
	int rc;

	rc = exchange(d, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, AF_INET, NULL, take, &c);
	if (rc == -ENOENT)
		return -EOPNOTSUPP;
	if (!rc)
		rc = exchange(d, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, AF_INET6, NULL, take, &c);
	/* A kernel without IPv6. */
	if (rc && rc != -ENOENT)
		return rc;
	merge(&c);
	*ret_n = c.n;
	*ret_n_left_out = c.n_left_out;
	return 0;
}

/* ---- single sockets ---- */

static void take_state(void *arg, const struct inet_diag_msg *m)
{
	*(uint8_t *)arg = m->idiag_state;
}

int diag_destroy(struct diag *d, const struct diag_socket *s)
{
	uint8_t state;
	int rc;

	rc = exchange(d, SOCK_DESTROY, NLM_F_ACK, s->family, &s->id, take_state, &state);
	/* A later socket has its addresses and ports by now. */
	return rc == -ESTALE ? -ENOENT : rc;
}

int diag_is_alive(struct diag *d, const struct diag_socket *s)
{
	uint8_t state = TCP_CLOSE;
	int rc;

	rc = exchange(d, SOCK_DIAG_BY_FAMILY, 0, s->family, &s->id, take_state, &state);
	if (rc == -ENOENT || rc == -ESTALE)
		return 0;
	return rc ? rc : state != TCP_TIME_WAIT && state != TCP_CLOSE;
}

/* ---- carriers of links beside TCP ---- */

/* Lists, and how the line of a socket begins, up to its own port. */
static const struct carrier {
	const char *name, *list, *line;
} carriers[] = {
	{ "SCTP", "/proc/net/sctp/eps", "%*s %*s %*s %*s %*s %u" },
	{ "UDP (it may carry SCTP)", "/proc/net/udp", "%*s %*[0-9A-F]:%x" },
	{ "UDP (it may carry SCTP)", "/proc/net/udp6", "%*s %*[0-9A-F]:%x" },
};

/* 0: none of these ports is in it. */
static uint16_t port_in(const struct carrier *c, const struct filter_ports *ports)
{
	FILE *list = fopen(c->list, "re");
	unsigned port, found = 0;
	char line[512];

	if (!list)
		return 0;	/* the kernel has no such sockets */
	while (!found && fgets(line, sizeof line, list))
		if (sscanf(line, c->line, &port) == 1 && filter_has_port(ports, port))
			found = port;
	fclose(list);
	return (uint16_t)found;
}

const char *diag_carrier(const struct filter_ports *ports, uint16_t *ret_port)
{
	for (unsigned i = 0; i < sizeof carriers / sizeof *carriers; i++) {
		uint16_t port = ports->n ? port_in(&carriers[i], ports) : 0;

		if (!port)
			continue;
		*ret_port = port;
		return carriers[i].name;
	}
	return NULL;
}

/* ---- a connection of our own ---- */

static int connect_both(struct self *s, struct sockaddr_in *a, struct sockaddr_in *b)
{
	socklen_t len = sizeof(*a);

	if (bind(s->listener, (struct sockaddr *)a, sizeof(*a)) || listen(s->listener, 1) ||
	    bind(s->dialler, (struct sockaddr *)b, sizeof(*b)) ||
	    getsockname(s->listener, (struct sockaddr *)a, &len) ||
	    getsockname(s->dialler, (struct sockaddr *)b, &len) ||
	    connect(s->dialler, (struct sockaddr *)a, sizeof(*a)))
		return errno == ENETUNREACH || errno == EADDRNOTAVAIL ? -ENETDOWN : -errno;
	return 0;
}

int self_open(struct self *s, struct filter *ret_filter)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
	struct filter f = { .ports.n = 1 };
	int rc;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->dialler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || s->dialler < 0)
		return -errno;
	rc = connect_both(s, &a, &b);
	if (rc)
		return rc;
	f.ports.list[0] = ntohs(b.sin_port);
	if (filter_take_pair(&f, "127.0.0.1,127.0.0.2"))
		return -EINVAL;
	*ret_filter = f;
	return 0;
}

void self_close(struct self *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->dialler >= 0)
		close(s->dialler);
}

int self_error(const struct self *s)
{
	char byte;

	if (recv(s->dialler, &byte, 1, MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN ? 0 : errno;
}

int diag_probe(void)
{
	struct diag_connection found[2];
	unsigned n = 0, n_left_out;
	struct diag *d = NULL;
	struct filter f;
	struct self self;
	int rc;

	rc = self_open(&self, &f);
	if (!rc)
		rc = diag_open(&d);
	/* Each end is found by itself, then both are merged; the dialler has the upper address. */
	if (!rc)
		rc = diag_collect(d, &f, found, 2, &n, &n_left_out);
	if (!rc)
		rc = n ? diag_destroy(d, &found[0].sockets[1]) : -EOPNOTSUPP;
	if (!rc && self_error(&self) != ECONNABORTED)
		rc = -EIO;
	diag_close(d);
	self_close(&self);
	return rc;
}
