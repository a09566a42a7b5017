/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "lowcomms/addr.h"
#include "lowcomms/record.h"
#include "lowcomms/sctp_packet.h"

#define PACKETS		16u		/* read at once */
#define SINGLES_MAX	16u	/* packets read one by one, until there may be more again */
#define BATCHES		8u		/* in a turn, from one socket */
#define IDLE_PER_HOST	4u		/* pairs without an association, of one other host */
#define CONNECTED_MAX	256u		/* pairs of the process with an inlet of their own */
#define INLETS_MAX	(SCTP_PORTS_MAX + CONNECTED_MAX)
#define DRAIN_NS	1000000000u

/* Under the lock of the stack. */
static struct list wires = { &wires, &wires };
static struct list spare = { &spare, &spare };
static const struct sctp_events *above;
static unsigned n_connected;

/* ---- packets ---- */

/* By the stack, under its lock. A packet that is not sent is lost: the stack sends it again. */
static int output(void *addr, void *buf, size_t n, uint8_t tos, uint8_t df)
{
	const struct sctp_pair *p = addr;
	bool connected = p->inlet.source.fd >= 0;
	int fd = connected ? p->inlet.source.fd : p->port ? p->port->inlet.source.fd : -1;

	assert(n && n < SCTP_PACKET_MAX);
	(void)tos;
	(void)df;
	sctp_packet_seal(buf, n);
	if (fd >= 0)
		sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		       connected ? NULL : (const struct sockaddr *)&p->to,
		       connected ? 0 : addr_len(&p->to));
	return 0;
}

static struct sctp_pair *pair_find(struct sctp_port *port, const struct sockaddr_storage *to)
{
	assert(port->inlet.source.fd >= 0 && addr_len(to));
	list_each(struct sctp_pair, p, &port->pairs, listed)
		if (addr_same(&p->to, to))
			return p;
	return NULL;
}

static bool is_of_dial(const struct sctp_pair *p, const struct sctp_packet *packet)
{
	list_each(struct sctp_dial, d, &p->dials, listed)
		if (d->from == sctp_packet_to(packet) && d->to == sctp_packet_from(packet))
			return true;
	return false;
}

/* Whether the listener of the port has it. */
static bool is_for_listener(const struct sctp_port *port, const struct sctp_packet *packet)
{
	return port->listener && sctp_packet_to(packet) == addr_port(&port->addr);
}

/* Where it came from, if somebody may be there. */
static struct sctp_pair *sender(struct sctp_port *port, const struct sctp_packet *packet,
				struct sockaddr_storage *from)
{
	struct sctp_pair *p;

	addr_normalize(from);
	if (!addr_len(from))
		return NULL;
	assert(above);
	p = pair_find(port, from);
	if (port->wire->by.ip_alone && !is_for_listener(port, packet))
		return p && is_of_dial(p, packet) ? p : NULL;
	if (!port->listener || (p && p->listener))
		return p;
	if (port->listener->expects && !port->listener->expects(port->listener, from))
		return p;
	sctp_enter(&port->wire->seat);
	p = sctp_pair_get(port, from);
	if (p && !p->listener)
		above->invite(p);
	sctp_leave(&port->wire->seat);
	return p;
}

/* One that came. Under no lock. */
static struct sctp_pair *checked(struct sctp_inlet *in, uint8_t *bytes, size_t n,
				 struct sockaddr_storage *from, struct sctp_packet *ret_packet)
{
	struct sctp_port *port = in->port;

	assert(n <= SCTP_PACKET_MAX);
	if (!sctp_packet_open(&port->wire->by, port->addr.ss_family, bytes, n, ret_packet))
		return NULL;
	if (!in->pair)
		return sender(port, ret_packet, from);
	/* One that was dialled may dial, too. */
	if (in->pair->listener || !port->listener)
		return in->pair;
	*from = in->pair->to;
	return sender(port, ret_packet, from);
}

/* Under the lock. A pair may be gone by the one before. */
static void input(struct sctp_port *port, struct sctp_pair *p, const struct sctp_packet *packet)
{
	assert(port->wire->seat.streams);
	if (!p || p->port != port)
		return;
	p->heard_ns = loop_tick_ns();
	sctp_stack_input(p, packet->bytes, packet->n);
}

/* The number of packets. */
static unsigned read_batch(struct sctp_inlet *in)
{
	struct sctp_port *port = in->port;
	struct sockaddr_storage from[PACKETS];
	struct sctp_pair *pairs[PACKETS];
	struct sctp_packet packets[PACKETS];
	struct mmsghdr msgs[PACKETS];
	struct iovec iov[PACKETS];
	int n;

	for (unsigned i = 0; i < PACKETS; i++) {
		iov[i] = (struct iovec) { port->wire->packets + i * SCTP_PACKET_MAX,
					  SCTP_PACKET_MAX };
		msgs[i] = (struct mmsghdr) { .msg_hdr = {
			.msg_name = in->pair ? NULL : &from[i], .msg_iov = &iov[i],
			.msg_namelen = in->pair ? 0 : sizeof from[i], .msg_iovlen = 1 } };
	}
	n = recvmmsg(in->source.fd, msgs, PACKETS, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	for (int i = 0; i < n; i++)
		pairs[i] = checked(in, iov[i].iov_base, msgs[i].msg_len, &from[i],
				   &packets[i]);
	sctp_enter(&port->wire->seat);
	for (int i = 0; i < n; i++)
		input(port, pairs[i], &packets[i]);
	sctp_leave(&port->wire->seat);
	return (unsigned)n;
}

/* For less than a batch of one. */
static unsigned read_one(struct sctp_inlet *in)
{
	struct sctp_port *port = in->port;
	uint8_t *bytes = port->wire->packets;
	struct sctp_packet packet;
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(in->source.fd, bytes, SCTP_PACKET_MAX, MSG_DONTWAIT,
			     in->pair ? NULL : (struct sockaddr *)&from, in->pair ? NULL : &len);
	struct sctp_pair *p = n > 0 ? checked(in, bytes, (size_t)n, &from, &packet) : NULL;

	if (!p)
		return n >= 0;
	sctp_enter(&port->wire->seat);
	input(port, p, &packet);
	sctp_leave(&port->wire->seat);
	return 1;
}

/* Answers by ICMP to packets of ours. */
static void read_errors(struct sctp_inlet *in)
{
	struct sockaddr_storage to = { 0 };
	union {
		struct cmsghdr head;
		uint8_t room[512];
	} control;
	struct msghdr msg = { .msg_name = &to, .msg_control = &control };
	struct sctp_pair *p;

	for (unsigned i = 0; i < PACKETS; i++) {
		int err = 0;

		msg.msg_namelen = sizeof to;
		msg.msg_controllen = sizeof control;
		if (recvmsg(in->source.fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
			if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
				err = (int)((struct sock_extended_err *)CMSG_DATA(c))->ee_errno;
		addr_normalize(&to);
		p = err && addr_len(&to) ? pair_find(in->port, &to) : NULL;
		if (p)
			above->unreachable(p, sctp_packet_error(err));
	}
}

static void readable(struct source *source, uint32_t events)
{
	struct sctp_inlet *in = list_entry(source, struct sctp_inlet, source);
	unsigned n = 0;

	if (source->fd < 0)
		return;		/* closed in this turn */
	assert(in->port->wire->seat.streams);
	if (events & EPOLLERR)
		read_errors(in);
	/* One, where one came before: there is none behind it most of the time. */
	if (in->singles && in->singles < SINGLES_MAX) {
		in->singles += read_one(in);
		return;
	}
	for (unsigned i = 0; i < BATCHES && (n = read_batch(in)) == PACKETS; i++)
		;
	in->singles = n == 1;
	/* All packets from before it was connected are read. */
	if (in != &in->port->inlet && n && n < PACKETS)
		in->pair = list_entry(in, struct sctp_pair, inlet);
}

static int inlet_open(struct sctp_inlet *in, struct sctp_port *port, int fd)
{
	int err;

	assert(fd >= 0 && in->source.fd < 0);
	*in = (struct sctp_inlet) { .source = { .ready = readable, .fd = fd }, .port = port };
	err = loop_add(port->wire->seat.streams->loop, &in->source, EPOLLIN);
	if (err) {
		close(fd);
		in->source.fd = -1;
	}
	return err;
}

static void inlet_close(struct sctp_inlet *in)
{
	assert(in->source.fd >= 0);
	loop_remove(in->port->wire->seat.streams->loop, &in->source);
	close(in->source.fd);
	in->source.fd = -1;
}

/* ---- pairs ---- */

/* Without one its packets go by that of the port. */
void sctp_pair_connect(struct sctp_pair *p)
{
	int fd;

	if (p->inlet.source.fd >= 0 || !p->port || p->port->wire->by.ip_alone ||
	    n_connected == CONNECTED_MAX)
		return;
	assert(p->n_sockets && p->port->inlet.source.fd >= 0);
	fd = sctp_packet_socket_to(p->port->inlet.source.fd, &p->to);
	if (fd >= 0 && !inlet_open(&p->inlet, p->port, fd))
		n_connected++;
}

static void pair_retire(struct sctp_pair *p)
{
	assert(p->port && !list_empty(&p->listed));
	if (p->inlet.source.fd >= 0) {
		assert(n_connected);
		inlet_close(&p->inlet);
		n_connected--;
	}
	if (p->listener) {
		sctp_unwatch(p->listener, &p->item);
		sctp_stack_close(p->listener, true);
		p->listener = NULL;
	}
	p->port = NULL;
	list_remove(&p->listed);
	if (!p->n_sockets)
		list_append(&spare, &p->listed);
}

void sctp_pair_leave(struct sctp_pair *p)
{
	assert(p->n_sockets);
	p->n_sockets--;
	if (!p->n_sockets && !p->port)
		list_append(&spare, &p->listed);
}

/* A host that changes its port again and again, or seems to, has few of them. */
static void bound_idle(struct sctp_port *port, const struct sockaddr_storage *to)
{
	struct sctp_pair *oldest = NULL;
	struct path_addr host, other;
	unsigned n = 0;

	addr_to_path(to, &host);
	list_each(struct sctp_pair, p, &port->pairs, listed) {
		addr_to_path(&p->to, &other);
		if (p->n_sockets || !path_addr_same_host(&host, &other))
			continue;
		if (!oldest)
			oldest = p;
		n++;
	}
	if (n >= IDLE_PER_HOST)
		pair_retire(oldest);
}

static struct sctp_pair *pair_alloc(void)
{
	struct sctp_pair *p;

	if (!list_empty(&spare)) {
		p = list_first(&spare, struct sctp_pair, listed);
		list_remove(&p->listed);
		return p;
	}
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	list_init(&p->listed);
	list_init(&p->dials);
	p->inlet.source.fd = -1;
	sctp_stack_add_address(p);
	return p;
}

struct sctp_pair *sctp_pair_get(struct sctp_port *port, const struct sockaddr_storage *to)
{
	struct sctp_pair *p = pair_find(port, to);

	if (p)
		return p;
	bound_idle(port, to);
	p = pair_alloc();
	if (!p)
		return NULL;
	assert(!p->n_sockets && !p->listener && list_empty(&p->dials));
	p->port = port;
	p->to = *to;
	p->mtu = sctp_packet_mtu(&port->wire->by, to);
	p->heard_ns = loop_now_ns();
	list_init(&p->item.marked);
	p->item.seat = &port->wire->seat;
	list_append(&port->pairs, &p->listed);
	return p;
}

/* ---- sockets ---- */

static int port_open(struct sctp_wire *w, const struct sockaddr_storage *addr,
		     struct sctp_port **ret_port)
{
	struct sctp_port *port = w->ports;
	int fd, err;

	while (port < w->ports + SCTP_PORTS_MAX && port->inlet.source.fd >= 0)
		port++;
	if (port == w->ports + SCTP_PORTS_MAX)
		return -EMFILE;
	fd = sctp_packet_socket(&w->by, addr);
	if (fd < 0)
		return fd;
	port->wire = w;
	err = inlet_open(&port->inlet, port, fd);
	if (err)
		return err;
	port->kept_fd = -1;
	port->addr = *addr;
	port->listener = NULL;
	list_init(&port->pairs);
	*ret_port = port;
	return 0;
}

int sctp_port_listen(struct sctp_wire *w, const struct sockaddr_storage *addr,
		     struct stream_listener *l, struct sctp_port **ret_port)
{
	bool keeps = w->by.ip_alone && addr_port(addr);
	int kept_fd = keeps ? sctp_packet_keep(addr) : -1, err;

	if (keeps && kept_fd < 0)
		return kept_fd;
	err = port_open(w, addr, ret_port);
	if (err) {
		if (kept_fd >= 0)
			close(kept_fd);
		return err;
	}
	(*ret_port)->kept_fd = kept_fd;
	(*ret_port)->listener = l;
	return 0;
}

int sctp_port_fd(const struct sctp_port *port)
{
	assert(port->inlet.source.fd >= 0);
	return port->kept_fd >= 0 ? port->kept_fd : port->inlet.source.fd;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct path_addr one, other;

	addr_to_path(a, &one);
	addr_to_path(b, &other);
	return path_addr_same_host(&one, &other);
}

int sctp_port_from(struct sctp_wire *w, const struct sockaddr_storage *from,
		   const struct sockaddr_storage *to, struct sctp_port **ret_port)
{
	struct sockaddr_storage any = { .ss_family = to->ss_family };

	for (struct sctp_port *p = w->ports; p < w->ports + SCTP_PORTS_MAX; p++) {
		if (p->inlet.source.fd < 0 || p->addr.ss_family != to->ss_family)
			continue;
		if (from ? p->listener && same_host(&p->addr, from) : addr_is_any(&p->addr)) {
			*ret_port = p;
			return 0;
		}
	}
	/* Its own address is not there yet, or not any more: it is opened again elsewhere. */
	return from ? -EADDRNOTAVAIL : port_open(w, &any, ret_port);
}

void sctp_port_close(struct sctp_port *port)
{
	struct sctp_wire *w = port->wire;

	assert(port->inlet.source.fd >= 0);
	sctp_enter(&w->seat);
	list_each(struct sctp_pair, p, &port->pairs, listed)
		pair_retire(p);
	inlet_close(&port->inlet);
	if (port->kept_fd >= 0)
		close(port->kept_fd);
	port->kept_fd = -1;
	port->listener = NULL;
	sctp_leave(&w->seat);
}

/* ---- wires ---- */

static struct sctp_wire *wire_open(struct streams *ss, int *ret_err)
{
	struct sctp_wire *w = NULL;

	list_each(struct sctp_wire, other, &wires, all)
		if (!other->seat.streams)
			w = other;
	if (!w) {
		w = calloc(1, sizeof *w);
		if (w)
			list_append(&wires, &w->all);
	}
	*ret_err = -ENOMEM;
	if (!w)
		return NULL;
	w->packets = malloc((size_t)PACKETS * SCTP_PACKET_MAX + RECORD_MAX);
	if (!w->packets)
		return NULL;
	w->record = w->packets + (size_t)PACKETS * SCTP_PACKET_MAX;
	*ret_err = sctp_seat_open(&w->seat, ss);
	if (*ret_err) {
		free(w->packets);
		return NULL;
	}
	for (unsigned i = 0; i < SCTP_PORTS_MAX; i++)
		w->ports[i].inlet.source.fd = -1;
	w->by = ss->packets;
	list_init(&w->sockets);
	list_init(&w->lingering);
	return w;
}

struct sctp_wire *sctp_wire_of(struct streams *ss, const struct sctp_events *events, int *ret_err)
{
	struct sctp_wire *w = NULL;

	if (ret_err) {
		*ret_err = sctp_begin(output);
		if (*ret_err)
			return NULL;
		above = events;
	}
	sctp_lock();
	list_each(struct sctp_wire, other, &wires, all)
		if (other->seat.streams == ss)
			w = other;
	if (!w && ret_err)
		w = wire_open(ss, ret_err);
	sctp_unlock();
	return w;
}

bool sctp_wire_listens(const struct sctp_wire *w)
{
	for (unsigned i = 0; i < SCTP_PORTS_MAX; i++)
		if (w->ports[i].inlet.source.fd >= 0 && w->ports[i].listener)
			return true;
	return false;
}

void sctp_wire_close(struct sctp_wire *w)
{
	assert(list_empty(&w->sockets) && list_empty(&w->lingering));
	for (unsigned i = 0; i < SCTP_PORTS_MAX; i++)
		if (w->ports[i].inlet.source.fd >= 0)
			sctp_port_close(&w->ports[i]);
	free(w->packets);
	sctp_lock();
	sctp_seat_close(&w->seat);
	sctp_unlock();
}

/* Those of its ports and pairs that are open. */
static unsigned inlets_of(struct sctp_wire *w, struct sctp_inlet *ret_inlets[INLETS_MAX])
{
	unsigned n = 0;

	for (struct sctp_port *port = w->ports; port < w->ports + SCTP_PORTS_MAX; port++) {
		if (port->inlet.source.fd < 0)
			continue;
		ret_inlets[n++] = &port->inlet;
		list_each(struct sctp_pair, p, &port->pairs, listed)
			if (p->inlet.source.fd >= 0)
				ret_inlets[n++] = &p->inlet;
	}
	assert(n <= INLETS_MAX);
	return n;
}

void sctp_wire_drain(struct sctp_wire *w)
{
	uint64_t until = loop_now_ns() + DRAIN_NS;
	struct sctp_inlet *inlets[INLETS_MAX];
	struct pollfd fds[INLETS_MAX];
	unsigned n;

	while (!list_empty(&w->lingering) && loop_now_ns() < until) {
		n = inlets_of(w, inlets);
		for (unsigned i = 0; i < n; i++)
			fds[i] = (struct pollfd) { inlets[i]->source.fd, POLLIN, 0 };
		poll(fds, n, SCTP_TICK_NS / 1000000u);
		for (unsigned i = 0; i < n; i++)
			readable(&inlets[i]->source, fds[i].revents & POLLERR ? EPOLLERR : 0);
		sctp_enter(&w->seat);
		sctp_tick(loop_now_ns());
		sctp_leave(&w->seat);
	}
}

/* The lock may be held for ever here, by a thread of the parent. A listener shows its own. */
void sctp_wire_forget(const struct streams *ss)
{
	struct sctp_inlet *inlets[INLETS_MAX];
	unsigned n;

	list_each(struct sctp_wire, w, &wires, all) {
		if (w->seat.streams != ss)
			continue;
		n = inlets_of(w, inlets);
		for (unsigned i = 0; i < n; i++) {
			struct sctp_inlet *in = inlets[i];

			if (!in->port->listener || in->source.fd != sctp_port_fd(in->port))
				close(in->source.fd);
		}
		close(w->seat.wake.fd);
	}
}
