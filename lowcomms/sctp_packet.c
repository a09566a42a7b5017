/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/sctp_packet.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "lowcomms/addr.h"
#include "lowcomms/crc32c.h"
#include "proto/wire.h"

#define SOCKET_BYTES	(4 * 1024 * 1024)	/* of its receive buffer */
#define SCTP_LEAST	16u		/* bytes: header and one chunk */
#define IP_MAX		65535	/* bytes of a packet, where loopback says one more */
#define IP_LEAST	20u
#define MTU_USUAL	1500
#define MTU_LEAST	576
#define SCTP_HEADER	12u
#define SUM_AT		8u	/* its checksum in the header */
#define UDP_HEADER	8u
#define IP_HEADER4	20u
#define IP_HEADER6	40u

/* The kernel's SCTP answers a packet of an association that it does not know by an ABORT, which
 * the other side takes for ours. The folder is there while that is loaded. */
static bool kernel_answers(void)
{
	return access("/proc/net/sctp", F_OK) == 0;
}

const char *sctp_packet_lacks(const struct stream_packets *by)
{
	int fd;

	if (!by->ip_alone)
		return NULL;
	if (kernel_answers())
		return "the kernel's own SCTP is loaded, and would abort associations of this "
		       "process: set sctp_backend to kernel, or sctp_encap to udp, or remove the "
		       "module (modprobe -r sctp)";
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
	if (fd < 0)
		return "sctp_encap none needs raw sockets, which this process may not open: give "
		       "it CAP_NET_RAW, or set sctp_encap to udp";
	close(fd);
	return NULL;
}

/* ---- sockets ---- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* Fewer bytes would be slow, a packet that IP cuts as well, errors that are not told take longer:
 * no reason to fail. */
static void tune(int fd, bool six)
{
	assert(fd >= 0);
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BYTES))
		set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
	set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	set(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (six)
		set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

/* shared: beside another one that allows it. */
static int bound(int type, int protocol, const struct sockaddr_storage *addr, bool shared)
{
	int fd = socket(addr->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	bool six = addr->ss_family == AF_INET6;
	int err;

	if (fd < 0)
		return -errno;
	if ((type == SOCK_DGRAM && six && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
	    (shared && set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
	    bind(fd, (const struct sockaddr *)addr, addr_len(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int sctp_packet_socket(const struct stream_packets *by, const struct sockaddr_storage *addr)
{
	struct sockaddr_storage own = *addr;
	int fd;

	/* One that only dials has any port. */
	if (by->ip_alone)
		addr_set_port(&own, 0);
	else if (by->udp_port && addr_port(addr))
		addr_set_port(&own, by->udp_port);
	fd = by->ip_alone ? bound(SOCK_RAW, IPPROTO_SCTP, &own, false) :
		bound(SOCK_DGRAM, IPPROTO_UDP, &own, false);
	if (fd >= 0)
		tune(fd, addr->ss_family == AF_INET6);
	return fd;
}

/* The address is shared for as long as it takes, and with sockets of the same user alone, unlike by
 * SO_REUSEADDR: no stranger gets it meanwhile. */
int sctp_packet_socket_to(int fd, const struct sockaddr_storage *to)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	int one, err;

	if (getsockname(fd, (struct sockaddr *)&own, &len) ||
	    set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return -errno;
	one = bound(SOCK_DGRAM, IPPROTO_UDP, &own, true);
	set(fd, SOL_SOCKET, SO_REUSEPORT, 0);
	if (one < 0)
		return one;
	if (connect(one, (const struct sockaddr *)to, addr_len(to))) {
		err = -errno;
		close(one);
		return err;
	}
	tune(one, to->ss_family == AF_INET6);
	return one;
}

/* Of UDP, where the same is said of the port: nothing is read there. */
int sctp_packet_keep(const struct sockaddr_storage *addr)
{
	int fd = bound(SOCK_DGRAM, IPPROTO_UDP, addr, false);

	assert(addr_port(addr));
	if (fd >= 0)
		set(fd, SOL_SOCKET, SO_RCVBUF, 0);
	return fd;
}

struct sockaddr_storage sctp_packet_way(const struct stream_packets *by,
					const struct sockaddr_storage *to)
{
	struct sockaddr_storage way = *to;

	/* A raw socket takes a port of IPv6 for a protocol. */
	if (by->ip_alone || by->udp_port)
		addr_set_port(&way, by->ip_alone ? 0 : by->udp_port);
	return way;
}

/* Asks the route. A part of the way that has less cuts the packets of IPv4. */
uint32_t sctp_packet_mtu(const struct stream_packets *by, const struct sockaddr_storage *to)
{
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP), mtu = MTU_USUAL;
	bool six = to->ss_family == AF_INET6;
	uint32_t headers = six ? IP_HEADER6 : IP_HEADER4;
	socklen_t len = sizeof mtu;

	if (fd >= 0) {
		if (connect(fd, (const struct sockaddr *)to, addr_len(to)) ||
		    getsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_MTU : IP_MTU, &mtu,
			       &len) || mtu < MTU_LEAST)
			mtu = MTU_USUAL;
		close(fd);
	}
	if (mtu > IP_MAX)
		mtu = IP_MAX;
	if (!by->ip_alone)
		headers += UDP_HEADER;
	return ((uint32_t)mtu - SCTP_HEADER - headers) & ~3u;
}

/* ---- bytes ---- */

/* Of a packet, which it changes. */
static uint32_t sum_of(uint8_t *packet, size_t n)
{
	assert(n >= SCTP_HEADER);
	put_le32(packet + SUM_AT, 0);
	return crc32c(packet, n);
}

void sctp_packet_seal(uint8_t *packet, size_t n)
{
	assert(n >= SCTP_HEADER);
	if (crc32c_is_fast())
		put_le32(packet + SUM_AT, sum_of(packet, n));
}

static bool is_whole(uint8_t *packet, size_t n)
{
	uint32_t said;

	if (n < SCTP_LEAST || !crc32c_is_fast())
		return n >= SCTP_LEAST;
	said = get_le32(packet + SUM_AT);
	return sum_of(packet, n) == said;
}

/* A raw IPv4 socket delivers the IP header too, a raw IPv6 socket does not. */
bool sctp_packet_open(const struct stream_packets *by, sa_family_t family, uint8_t *bytes, size_t n,
		      struct sctp_packet *ret_packet)
{
	size_t header = 0;

	assert(n <= SCTP_PACKET_MAX);
	if (by->ip_alone && family == AF_INET) {
		header = n < IP_LEAST ? 0 : (bytes[0] & 15u) * 4u;
		if (header < IP_LEAST || header > n)
			return false;
	}
	*ret_packet = (struct sctp_packet) { bytes + header, n - header };
	return is_whole(ret_packet->bytes, ret_packet->n);
}

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint16_t sctp_packet_from(const struct sctp_packet *packet)
{
	assert(packet->n >= SCTP_LEAST);
	return get_be16(packet->bytes);
}

uint16_t sctp_packet_to(const struct sctp_packet *packet)
{
	assert(packet->n >= SCTP_LEAST);
	return get_be16(packet->bytes + 2);
}

int sctp_packet_error(int icmp_errno)
{
	assert(icmp_errno > 0);
	/* Nobody speaks SCTP there, which is nobody at the port. */
	return icmp_errno == ENOPROTOOPT ? -ECONNREFUSED : -icmp_errno;
}
