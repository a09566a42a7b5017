/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers of links and of IP, for `sinew dump`: each link type, tags, extension
 * headers, fragments, and every packet cut at every byte. Knows nothing of streams.
 */
#include "tests/dump.h"
#include "tools/dump/packet.h"

static uint8_t p[300];

/* An IPv4 packet of TCP with 5 bytes of data behind the link's header of n bytes. */
static size_t put_ipv4(size_t n)
{
	struct dump_flow f = { { 1000, 21065 }, { 7, 9 } };

	return n + dump_tcp(p + n, &f, 0, 7, TCP_ACK, (const uint8_t *)"hello", 5);
}

static void check_tcp(enum packet_link link, size_t n)
{
	struct packet packet;

	packet_parse(link, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_TCP);
	CHECK_EQ(packet.from.port, 1000);
	CHECK_EQ(packet.to.port, 21065);
	CHECK_EQ(packet.seq, 7);
	CHECK_EQ(packet.n, 5);
	CHECK_EQ(packet.missing, 0);
	CHECK(packet.kind == PACKET_TCP && !memcmp(packet.p, "hello", 5));
	/* Cut anywhere, never more is said than is there. */
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		CHECK_OR_RETURN(copy != NULL);
		memcpy(copy, p, cut);
		packet_parse(link, copy, cut, n, &packet);
		if (cut < n - 5)
			CHECK_EQ(packet.kind, PACKET_CUT);
		else
			CHECK(packet.kind == PACKET_TCP && packet.n + packet.missing == 5 &&
			      packet.n == 5 - (n - cut));
		free(copy);
	}
}

static void links_and_tags(void)
{
	static const int types[] = { 0, 1, 12, 101, 113, 228, 229, 276 };
	enum packet_link link;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		CHECK(packet_link(types[i], &link));
	CHECK(!packet_link(105, &link));
	check_tcp(PACKET_RAW, put_ipv4(0));
	memset(p, 2, 4);
	check_tcp(PACKET_LOOPBACK, put_ipv4(4));
	dump_be16(p + 12, 0x0800);
	check_tcp(PACKET_ETHERNET, put_ipv4(14));
	dump_be16(p + 12, 0x88a8);
	dump_be16(p + 16, 0x8100);
	dump_be16(p + 20, 0x0800);
	check_tcp(PACKET_ETHERNET, put_ipv4(22));
	dump_be16(p + 14, 0x0800);
	check_tcp(PACKET_COOKED, put_ipv4(16));
	dump_be16(p, 0x0800);
	check_tcp(PACKET_COOKED_2, put_ipv4(20));
}

static void too_many_tags_are_refused(void)
{
	struct packet packet;
	size_t n = 14 + 4 * (PACKET_TAGS_MAX + 1);

	for (size_t at = 12; at < n - 2; at += 4)
		dump_be16(p + at, 0x8100);
	dump_be16(p + n - 2, 0x0800);
	packet_parse(PACKET_ETHERNET, p, put_ipv4(n), put_ipv4(n), &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
	for (size_t at = 12; at < n - 6; at += 4)
		dump_be16(p + at, 0x8100);
	dump_be16(p + n - 6, 0x0800);
	packet_parse(PACKET_ETHERNET, p, put_ipv4(n - 4), put_ipv4(n - 4), &packet);
	CHECK_EQ(packet.kind, PACKET_TCP);
}

static void padding_is_left_out(void)
{
	struct packet packet;
	size_t n = put_ipv4(0);

	packet_parse(PACKET_RAW, p, n + 6, n + 6, &packet);
	CHECK_EQ(packet.kind, PACKET_TCP);
	CHECK_EQ(packet.n, 5);
	/* 0: the card makes several packets of it, whose lengths are not there yet. */
	dump_be16(p + 2, 0);
	packet_parse(PACKET_RAW, p, n + 6, n + 6, &packet);
	CHECK_EQ(packet.n, 11);
}

static void fragments_are_named(void)
{
	struct packet packet;
	size_t n = put_ipv4(0);

	dump_be16(p + 6, 0x2000);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_FRAGMENT);
	dump_be16(p + 6, 0x0001);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_FRAGMENT);
	p[9] = 17;
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_OTHER);
}

static void headers_that_cannot_be(void)
{
	struct packet packet;
	size_t n = put_ipv4(0);

	p[0] = 0x44;
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
	p[0] = 0x45;
	p[32] = 4 << 4;
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
	p[32] = 15 << 4;
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
	put_ipv4(0);
	packet_parse(PACKET_RAW, p, n - 1, n - 1, &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
}

/* ---- IPv6 ---- */

/* Extension headers of 8 bytes each, then TCP. Gives the length. */
static size_t put_ipv6(const uint8_t *extensions, size_t n_extensions)
{
	struct dump_flow f = { { 1000, 21065 }, { 7, 9 } };
	uint8_t ipv4[100];
	size_t tcp = dump_tcp(ipv4, &f, 0, 7, TCP_ACK, (const uint8_t *)"hello", 5) - 20, at = 40;

	memset(p, 0, sizeof p);
	p[0] = 0x60;
	p[6] = n_extensions ? extensions[0] : 6;
	p[8] = 0x20;
	p[9] = 0x01;
	p[23] = 1;
	p[39] = 2;
	for (size_t i = 0; i < n_extensions; i++, at += 8)
		p[at] = i + 1 < n_extensions ? extensions[i + 1] : 6;
	memcpy(p + at, ipv4 + 20, tcp);
	dump_be16(p + 4, at - 40 + tcp);
	return at + tcp;
}

static void ipv6_and_its_extensions(void)
{
	static const uint8_t some[] = { 0, 60, 43, 44, 51 };
	uint8_t many[PACKET_EXTENSIONS_MAX];
	char text[PACKET_ADDR_TEXT];
	struct packet packet;
	size_t n;

	check_tcp(PACKET_RAW, put_ipv6(NULL, 0));
	check_tcp(PACKET_RAW, put_ipv6(some, sizeof some));
	n = put_ipv6(NULL, 0);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	packet_addr_text(&packet.from, text);
	CHECK_STR(text, "[2001::1]:1000");
	packet.from.port = 0;
	packet_addr_text(&packet.from, text);
	CHECK_STR(text, "2001::1");
	memset(many, 60, sizeof many);
	n = put_ipv6(many, sizeof many - 1);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_TCP);
	n = put_ipv6(many, sizeof many);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_BAD);
}

static void fragments_of_ipv6_are_named(void)
{
	static const uint8_t fragment = 44;
	struct packet packet;
	size_t n = put_ipv6(&fragment, 1);

	dump_be16(p + 42, 1);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_FRAGMENT);
	dump_be16(p + 42, 8);
	packet_parse(PACKET_RAW, p, n, n, &packet);
	CHECK_EQ(packet.kind, PACKET_FRAGMENT);
}

int main(void)
{
	RUN(links_and_tags);
	RUN(too_many_tags_are_refused);
	RUN(padding_is_left_out);
	RUN(fragments_are_named);
	RUN(headers_that_cannot_be);
	RUN(ipv6_and_its_extensions);
	RUN(fragments_of_ipv6_are_named);
	return check_done();
}
