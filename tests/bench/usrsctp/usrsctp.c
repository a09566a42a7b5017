/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contestant usrsctp: SCTP in user land without a library above it, one record for each
 * message. It has no thread of its own, packets go by one UDP socket in an epoll set, buffers and
 * times are those that sinew sets. The one file here that knows libusrsctp. Knows nothing of what
 * is measured.
 */
#include "tests/bench/work/work.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <usrsctp.h>

#include "tests/bench/work/address.h"
#include "tools/clock.h"

#define BUFFER_BYTES	(1024u * 1024)	/* each direction */
#define SOCKET_BYTES	(4 * 1024 * 1024) /* of the UDP socket */
#define CHUNKS_MAX	16384
#define PACKET_MAX	65536
#define PACKET_BYTES	65492	/* that one of loopback carries: 65,535 without headers */
#define PACKETS		128	/* read at once */
#define TICK_NS		(10 * CLOCK_MS)
#define TURN_BYTES	(256u << 10) /* sent between two looks at what has come */
#define SPARE_BYTES	4096	/* of a message that is longer than it should be */
#define ASK_MS		200	/* until a dial that nobody has answered asks again */

struct end {
	int udp, epoll;
	struct sockaddr_storage to; /* the other end */
	struct socket *so;
	uint64_t ticked_ns;
	take_fn take;
	void *arg;
	bool is_inside;
	size_t sent; /* since the last turn */
	uint8_t *in; /* the start of a message */
	size_t in_size, n_in;
	uint8_t packet[PACKET_MAX];
};

static int output(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df)
{
	struct end *e = addr;

	(void)tos;
	(void)df;
	sendto(e->udp, buf, n, MSG_DONTWAIT, (const struct sockaddr *)&e->to,
	       sizeof(struct sockaddr_in));
	return 0;
}

/* Waits at most so long for a packet; what is there is read, and timers run. */
static void turn(struct end *e, int wait_ms)
{
	struct epoll_event event;
	uint64_t now;
	ssize_t n;

	e->sent = 0;
	if (wait_ms)
		epoll_wait(e->epoll, &event, 1, wait_ms);
	for (unsigned i = 0; i < PACKETS; i++) {
		n = recv(e->udp, e->packet, sizeof e->packet, MSG_DONTWAIT);
		if (n <= 0)
			break;
		usrsctp_conninput(e, e->packet, (size_t)n, 0);
	}
	now = clock_now_ns();
	if (now - e->ticked_ns < TICK_NS)
		return;
	usrsctp_handle_timers((uint32_t)((now - e->ticked_ns) / CLOCK_MS));
	e->ticked_ns = now;
}

/* Turns until the socket has that event. */
static int wait_for(struct end *e, struct socket *so, int event)
{
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;

	while (!(usrsctp_get_events(so) & (event | SCTP_EVENT_ERROR))) {
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
		turn(e, TICK_NS / CLOCK_MS);
	}
	return usrsctp_get_events(so) & event ? 0 : -ECONNRESET;
}

/* ---- begin ---- */

static void tune(void)
{
	usrsctp_sysctl_set_sctp_sendspace(BUFFER_BYTES);
	usrsctp_sysctl_set_sctp_recvspace(BUFFER_BYTES);
	usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_MAX);
	usrsctp_sysctl_set_sctp_init_rto_max_default(ASK_MS);
	usrsctp_sysctl_set_sctp_init_rtx_max_default(END_WAIT_MS / ASK_MS);
	usrsctp_sysctl_set_sctp_rto_initial_default(ASK_MS);
	usrsctp_sysctl_set_sctp_rto_min_default(100);
	usrsctp_sysctl_set_sctp_rto_max_default(1000);
	usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
	usrsctp_sysctl_set_sctp_max_burst_default(0);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_pr_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auto_asconf(0);
	usrsctp_sysctl_set_sctp_reconfig_enable(0);
	usrsctp_sysctl_set_sctp_nrsack_enable(0);
	usrsctp_sysctl_set_sctp_pktdrop_enable(0);
}

static int open_udp(struct end *e, const struct end_options *opt)
{
	struct epoll_event event = { .events = EPOLLIN };
	const int size = SOCKET_BYTES;
	struct sockaddr_storage own;

	if (address_of(opt->net, opt->listens ? 2 : 1, opt->port, &own) ||
	    address_of(opt->net, opt->listens ? 1 : 2, opt->port, &e->to))
		return -EINVAL;
	e->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (e->udp < 0)
		return -errno;
	if (setsockopt(e->udp, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		setsockopt(e->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	e->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (e->epoll < 0 || epoll_ctl(e->epoll, EPOLL_CTL_ADD, e->udp, &event) ||
	    bind(e->udp, (struct sockaddr *)&own, sizeof(struct sockaddr_in)))
		return -errno;
	return 0;
}

/* An accepted one has the same. */
static int prepare(struct socket *so)
{
	struct sctp_paddrparams mtu = {
		.spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = PACKET_BYTES & ~3u,
	};
	const int on = 1;

	usrsctp_set_non_blocking(so, 1);
	if (usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &mtu, sizeof mtu) ||
	    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on))
		return -errno;
	return 0;
}

static int accept_one(struct end *e, struct socket *listener)
{
	struct sockaddr_conn from;
	socklen_t len = sizeof from;
	int err = usrsctp_listen(listener, 1) ? -errno : wait_for(e, listener, SCTP_EVENT_READ);

	if (err)
		return err;
	e->so = usrsctp_accept(listener, (struct sockaddr *)&from, &len);
	usrsctp_close(listener);
	return e->so ? 0 : -errno;
}

static int connect_one(struct end *e, struct sockaddr_conn *to)
{
	if (usrsctp_connect(e->so, (struct sockaddr *)to, sizeof *to) && errno != EINPROGRESS)
		return -errno;
	return wait_for(e, e->so, SCTP_EVENT_WRITE);
}

static int open_socket(struct end *e, const struct end_options *opt)
{
	struct sockaddr_conn at = {
		.sconn_family = AF_CONN, .sconn_port = htons((uint16_t)opt->port), .sconn_addr = e,
	};
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	int err;

	if (!so)
		return -errno;
	err = prepare(so);
	if (!err && usrsctp_bind(so, (struct sockaddr *)&at, sizeof at))
		err = -errno;
	if (!err && opt->listens)
		return accept_one(e, so);
	e->so = so;
	return err ? err : connect_one(e, &at);
}

static void close_end(void *end)
{
	struct end *e = end;

	if (e->so)
		usrsctp_close(e->so);
	if (e->udp >= 0)
		close(e->udp);
	if (e->epoll >= 0)
		close(e->epoll);
	free(e->in);
	free(e);
}

static int open_end(const struct end_options *opt, void **ret_end)
{
	struct end *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return -ENOMEM;
	*ret_end = e;
	e->udp = e->epoll = -1;
	e->take = opt->take;
	e->arg = opt->arg;
	e->in_size = opt->message_bytes + SPARE_BYTES;
	e->in = malloc(e->in_size);
	e->ticked_ns = clock_now_ns();
	err = open_udp(e, opt);
	if (!err && !e->in)
		err = -ENOMEM;
	if (!err) {
		usrsctp_init_nothreads(0, output, NULL);
		usrsctp_register_address(e);
		tune();
		err = open_socket(e, opt);
	}
	if (err)
		close_end(e);
	return err;
}

/* ---- messages ---- */

static int send_one(void *end, const void *data, size_t len)
{
	struct end *e = end;
	int err;

	while (usrsctp_sendv(e->so, data, len, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0) < 0) {
		if ((errno != EAGAIN && errno != ENOBUFS) || e->is_inside)
			return -errno;
		turn(e, TICK_NS / CLOCK_MS);
		err = wait_for(e, e->so, SCTP_EVENT_WRITE);
		if (err)
			return err;
	}
	e->sent += len;
	if (e->sent >= TURN_BYTES && !e->is_inside)
		turn(e, 0);
	return 0;
}

static int nothing(void *end)
{
	(void)end;
	return 0;
}

/* Bytes; 0: the end. */
static ssize_t read_piece(struct end *e, int *ret_flags)
{
	socklen_t from_len = 0, info_len = 0;
	unsigned kind;

	*ret_flags = 0;
	return usrsctp_recvv(e->so, e->in + e->n_in, e->in_size - e->n_in, NULL, &from_len, NULL,
			     &info_len, &kind, ret_flags);
}

/* All messages that are there. 1: there were some, 0: none. */
static int hand_over(struct end *e)
{
	int flags, n_handed = 0;
	ssize_t n;

	while ((n = read_piece(e, &flags)) > 0) {
		e->n_in += (size_t)n;
		if (e->n_in == e->in_size)
			return -EMSGSIZE;
		if (flags & MSG_EOR) {
			e->is_inside = true;
			e->take(e->arg, e->in, e->n_in);
			e->is_inside = false;
			e->n_in = 0;
		}
		n_handed = 1;
	}
	return n == 0 ? -ECONNRESET : errno != EAGAIN ? -errno : n_handed;
}

static int receive(void *end)
{
	struct end *e = end;
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int n;

	while ((n = hand_over(e)) == 0) {
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
		turn(e, TICK_NS / CLOCK_MS);
	}
	return n < 0 ? n : 0;
}

/* The end of both sides comes behind all that was sent. */
static int drain(void *end)
{
	struct end *e = end;
	uint64_t limit = clock_now_ns() + END_WAIT_MS * CLOCK_MS;
	int flags;

	usrsctp_shutdown(e->so, SHUT_WR);
	while (read_piece(e, &flags) != 0) {
		if (errno != EAGAIN)
			break;
		if (clock_now_ns() >= limit)
			return -ETIMEDOUT;
		turn(e, TICK_NS / CLOCK_MS);
	}
	return 0;
}

static const struct contestant usrsctp = {
	.name = "usrsctp",
	.open = open_end,
	.send = send_one,
	.flush = nothing,
	.receive = receive,
	.drain = drain,
	.close = close_end,
};

const struct program program = { .contestants = { &usrsctp } };
