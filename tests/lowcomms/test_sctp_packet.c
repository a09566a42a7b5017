/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the test of packets of SCTP: what is one, by its header of IP and its checksum, and where it
 * goes. Knows no socket.
 */
#include "lowcomms/sctp_packet.h"

#include <errno.h>
#include <string.h>

#include "lowcomms/crc32c.h"
#include "lowcomms/sinew.h"
#include "lowcomms/sockaddr.h"
#include "tests/lib/check.h"

#define PORT_FROM	0x1234
#define PORT_TO		0x5678
#define LENGTH		20u
#define HEADERS		60u	/* the longest one of IP */

static const struct stream_packets in_udp = { .ip_alone = false };
static const struct stream_packets one_port = { .udp_port = 9899 };
static const struct stream_packets in_ip = { .ip_alone = true };

static uint8_t buf[HEADERS + LENGTH];

/* A packet behind a header of IP with so many bytes. */
static void put_packet(unsigned header)
{
	uint8_t *p = buf + header;

	memset(buf, 0xee, sizeof buf);
	buf[0] = (uint8_t)(0x40 | header / 4);
	memset(p, 7, LENGTH);
	p[0] = PORT_FROM >> 8;
	p[1] = PORT_FROM & 255;
	p[2] = PORT_TO >> 8;
	p[3] = PORT_TO & 255;
	sctp_packet_seal(p, LENGTH);
}

static bool opens(const struct stream_packets *by, sa_family_t family, size_t n)
{
	struct sctp_packet packet;

	return sctp_packet_open(by, family, buf, n, &packet) && packet.n == LENGTH &&
		sctp_packet_from(&packet) == PORT_FROM && sctp_packet_to(&packet) == PORT_TO;
}

static void a_packet_is_found(void)
{
	put_packet(0);
	CHECK(opens(&in_udp, AF_INET, LENGTH));
	put_packet(0);
	CHECK(opens(&in_udp, AF_INET6, LENGTH));
	put_packet(0);
	CHECK(opens(&in_ip, AF_INET6, LENGTH));
	put_packet(20);
	CHECK(opens(&in_ip, AF_INET, 20 + LENGTH));
	put_packet(HEADERS);
	CHECK(opens(&in_ip, AF_INET, HEADERS + LENGTH));
}

static void what_is_none_is_not_taken(void)
{
	struct sctp_packet packet;

	put_packet(20);
	for (size_t n = 0; n < 20 + 16; n++)
		CHECK(!sctp_packet_open(&in_ip, AF_INET, buf, n, &packet));
	for (size_t n = 0; n < 16; n++)
		CHECK(!sctp_packet_open(&in_udp, AF_INET, buf, n, &packet));
	/* A header that is shorter than any, and one that is longer than all. */
	buf[0] = 0x44;
	CHECK(!sctp_packet_open(&in_ip, AF_INET, buf, 20 + LENGTH, &packet));
	buf[0] = 0x4f;
	CHECK(!sctp_packet_open(&in_ip, AF_INET, buf, 20 + LENGTH, &packet));
}

/* Where the stack has no part in it: each bit of it counts. */
static void a_damaged_one_is_not_taken(void)
{
	if (!crc32c_is_fast())
		return;
	for (unsigned i = 0; i < LENGTH * 8; i++) {
		struct sctp_packet packet;

		put_packet(0);
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		CHECK(!sctp_packet_open(&in_udp, AF_INET, buf, LENGTH, &packet));
	}
}

static uint16_t way_port(const struct stream_packets *by, const char *text)
{
	struct sockaddr_storage to, way;

	if (!CHECK_EQ(sinew_parse_address(text, 21065, &to), 0))
		return 1;
	way = sctp_packet_way(by, &to);
	return addr_port(&way);
}

static void the_way_has_a_port_of_udp(void)
{
	CHECK_EQ(way_port(&in_udp, "127.0.0.1"), 21065);
	CHECK_EQ(way_port(&one_port, "127.0.0.1"), 9899);
	CHECK_EQ(way_port(&in_ip, "127.0.0.1"), 0);
	CHECK_EQ(way_port(&in_ip, "::1"), 0);
}

/* The stack wants a multiple of 4, and adds its own header of 12 bytes. */
static void it_fits_in_a_packet_of_ip(void)
{
	struct sockaddr_storage to;
	uint32_t udp, ip;

	CHECK_EQ(sinew_parse_address("127.0.0.1", 21065, &to), 0);
	udp = sctp_packet_mtu(&in_udp, &to);
	ip = sctp_packet_mtu(&in_ip, &to);
	CHECK_EQ(ip, udp + 8);
	CHECK(udp % 4 == 0 && udp >= 500 && ip + 12 + 20 <= 65535);
}

static void errors_of_icmp_are_those_of_a_dial(void)
{
	CHECK_EQ(sctp_packet_error(ENOPROTOOPT), -ECONNREFUSED);
	CHECK_EQ(sctp_packet_error(EHOSTUNREACH), -EHOSTUNREACH);
}

int main(void)
{
	RUN(a_packet_is_found);
	RUN(what_is_none_is_not_taken);
	RUN(a_damaged_one_is_not_taken);
	RUN(the_way_has_a_port_of_udp);
	RUN(it_fits_in_a_packet_of_ip);
	RUN(errors_of_icmp_are_those_of_a_dial);
	return check_done();
}
