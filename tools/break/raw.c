/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sees the TCP segments of a network namespace and sends forged ones into it.
 * Knows nothing of connections.
 */
#include "tools/break/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/random.h"

#define BUFFER_BYTES	(8 << 20)	/* of segments that were not yet looked at */
#define PROGRAM_MAX	(20 + 2 * FILTER_PORTS_MAX)
#define NET		SKF_NET_OFF	/* from the first byte of the IP header */

struct raw {
	int seen_fd;
	int ipv4_fd, ipv6_fd;		/* ipv6_fd -1: a kernel without IPv6 */
	uint16_t mark;			/* of our own segments; not 0 */
};

/* ---- what is seen ---- */

/* Jumps are counted from the next instruction on. */
static void filter_ports(struct sock_filter *program, unsigned *n, const struct filter_ports *ports)
{
	unsigned side, i, left;

	for (side = 0; side < 2; side++) {
		program[(*n)++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_IND,
							       NET + 2 * side);
		for (i = 0; i < ports->n; i++) {
			/* To the end: over the rest, the second load perhaps, and the no. */
			left = (ports->n - 1 - i) + (side ? 0 : 1 + ports->n) + 1;
			program[(*n)++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, ports->list[i], (uint8_t)left, 0);
		}
	}
	program[(*n)++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

/* Lets TCP over IPv4 and IPv6 through, no fragments; with ports only those. */
static int attach_filter(int fd, const struct filter_ports *ports)
{
	static const struct sock_filter is_tcp[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)NET + 6),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 7, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		/* IPv4 */
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)NET + 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 3, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, (uint32_t)NET),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)NET + 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter program[PROGRAM_MAX];
	struct sock_fprog all = { .filter = program };
	unsigned n = sizeof(is_tcp) / sizeof(is_tcp[0]);

	memcpy(program, is_tcp, sizeof(is_tcp));
	if (ports->n)
		filter_ports(program, &n, ports);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	all.len = (unsigned short)n;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof(all)) ? -errno : 0;
}

static int see_all_of(int fd, int interface)
{
	struct packet_mreq all = { .mr_ifindex = interface, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ? -errno : 0;
}

/* Bound last: before that nothing is seen, filtered or not. */
static int open_seen(const char *interface, const struct filter_ports *ports, int *ret_fd)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int size = BUFFER_BYTES, rc, fd;

	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	rc = attach_filter(fd, ports);
	if (!rc && interface) {
		address.sll_ifindex = (int)if_nametoindex(interface);
		rc = address.sll_ifindex ? see_all_of(fd, address.sll_ifindex) : -ENODEV;
	}
	if (!rc && bind(fd, (struct sockaddr *)&address, sizeof(address)))
		rc = -errno;
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

/* ---- open and close ---- */

int raw_open(const char *interface, const struct filter_ports *ports, struct raw **ret_raw)
{
	struct raw *r = malloc(sizeof(*r));
	int one = 1, rc;

	if (!r)
		return -ENOMEM;
	*r = (struct raw){
		.seen_fd = -1, .ipv4_fd = -1, .ipv6_fd = -1, .mark = (uint16_t)(random_seed() | 1),
	};
	rc = open_seen(interface, ports, &r->seen_fd);
	if (rc)
		goto failed;
	/* Packets sent by these have their IP header already. */
	r->ipv4_fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (r->ipv4_fd < 0 ||
	    setsockopt(r->ipv4_fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one))) {
		rc = -errno;
		goto failed;
	}
	r->ipv6_fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (r->ipv6_fd < 0 && errno != EAFNOSUPPORT) {
		rc = -errno;
		goto failed;
	}
	*ret_raw = r;
	return 0;
failed:
	raw_close(r);
	return rc;
}

void raw_close(struct raw *r)
{
	if (!r)
		return;
	if (r->seen_fd >= 0)
		close(r->seen_fd);
	if (r->ipv4_fd >= 0)
		close(r->ipv4_fd);
	if (r->ipv6_fd >= 0)
		close(r->ipv6_fd);
	free(r);
}

int raw_fd(const struct raw *r)
{
	return r->seen_fd;
}

/* ---- seeing ---- */

/* 1: read; 0: not for us; or a negative errno. */
static int receive(struct raw *r, struct packet *p, struct raw_way *way)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);
	uint8_t data[PACKET_SEEN_MAX];
	size_t n, n_wire;
	ssize_t got;

	got = recvfrom(r->seen_fd, data, sizeof(data), MSG_TRUNC, (struct sockaddr *)&address,
		       &len);
	if (got < 0)
		return -errno;
	/* On loopback each comes a second time, as one that was received. */
	if (address.sll_hatype == ARPHRD_LOOPBACK && address.sll_pkttype == PACKET_OUTGOING)
		return 0;
	n_wire = (size_t)got;
	n = n_wire < sizeof(data) ? n_wire : sizeof(data);
	if (!packet_read(data, n, n_wire, p))
		return 0;
	if (p->mark == r->mark && !(p->flags & PACKET_URG))
		return 0;
	*way = (struct raw_way){
		.interface = address.sll_ifindex,
		.is_bridged = address.sll_pkttype == PACKET_OTHERHOST &&
			      address.sll_halen == RAW_MAC,
	};
	memcpy(way->mac, address.sll_addr, RAW_MAC);
	return 1;
}

int raw_next(struct raw *r, struct packet *ret_packet, struct raw_way *ret_way)
{
	int rc;

	do
		rc = receive(r, ret_packet, ret_way);
	while (!rc || rc == -EINTR);
	/* An interface that went down is no reason to end. */
	return rc == -EAGAIN || rc == -ENETDOWN ? 0 : rc;
}

/* ---- sending ---- */

static int send_routed(struct raw *r, const struct packet *p, const struct raw_way *way,
		       const uint8_t *data, size_t n)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	ssize_t sent;

	if (p->to.address.family == AF_INET) {
		memcpy(&v4.sin_addr, p->to.address.bytes, 4);
		sent = sendto(r->ipv4_fd, data, n, 0, (struct sockaddr *)&v4, sizeof(v4));
		return sent < 0 ? -errno : 0;
	}
	if (r->ipv6_fd < 0)
		return -EAFNOSUPPORT;
	memcpy(&v6.sin6_addr, p->to.address.bytes, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) && way)
		v6.sin6_scope_id = (uint32_t)way->interface;
	sent = sendto(r->ipv6_fd, data, n, 0, (struct sockaddr *)&v6, sizeof(v6));
	return sent < 0 ? -errno : 0;
}

static int send_bridged(struct raw *r, const struct packet *p, const struct raw_way *way,
			const uint8_t *data, size_t n)
{
	bool is_ipv4 = p->to.address.family == AF_INET;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(is_ipv4 ? ETHERTYPE_IP : ETHERTYPE_IPV6),
		.sll_ifindex = way->interface,
		.sll_halen = RAW_MAC,
	};

	memcpy(to.sll_addr, way->mac, RAW_MAC);
	return sendto(r->seen_fd, data, n, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

int raw_send(struct raw *r, struct packet *p, const struct raw_way *way)
{
	uint8_t data[PACKET_FORGED_MAX];
	size_t n;

	p->mark = r->mark;
	n = packet_build(p, data);
	if (way && way->is_bridged)
		return send_bridged(r, p, way, data, n);
	return send_routed(r, p, way, data, n);
}
