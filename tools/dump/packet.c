/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The headers of links, IP, TCP and SCTP.
 * Knows nothing of other packets, and nothing of what is carried.
 */
#include "tools/dump/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define TYPE_IPV4	0x0800u
#define TYPE_IPV6	0x86ddu
#define IP_TCP		6
#define IP_SCTP		132
#define IPV4_HEADER	20u
#define IPV6_HEADER	40u
#define TCP_HEADER	20u
#define SCTP_HEADER	12u

/* The rest of a packet: captured bytes, and how many there were on the wire. */
struct rest {
	const uint8_t *p;
	size_t n, len;
};

uint16_t packet_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t packet_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool packet_link(int type, enum packet_link *ret)
{
	static const struct { int type; enum packet_link link; } links[] = {
		{ 0, PACKET_LOOPBACK }, { 1, PACKET_ETHERNET }, { 12, PACKET_RAW },
		{ 14, PACKET_RAW }, { 101, PACKET_RAW }, { 108, PACKET_LOOPBACK },
		{ 113, PACKET_COOKED }, { 228, PACKET_RAW }, { 229, PACKET_RAW },
		{ 276, PACKET_COOKED_2 },
	};
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].type != type)
			continue;
		*ret = links[i].link;
		return true;
	}
	return false;
}

static bool skip(struct rest *r, size_t n)
{
	if (r->n < n)
		return false;
	r->p += n;
	r->n -= n;
	r->len -= n;
	return true;
}

/* Bytes behind the end that a header tells are padding. */
static void shorten(struct rest *r, size_t len)
{
	r->len = len;
	if (r->n > len)
		r->n = len;
}

/* ---- what IP carries ---- */

static enum packet_kind parse_tcp(struct rest r, struct packet *ret)
{
	size_t header;

	if (r.n < TCP_HEADER)
		return r.len < TCP_HEADER ? PACKET_BAD : PACKET_CUT;
	ret->from.port = packet_be16(r.p);
	ret->to.port = packet_be16(r.p + 2);
	ret->seq = packet_be32(r.p + 4);
	ret->ack = packet_be32(r.p + 8);
	header = (size_t)(r.p[12] >> 4) * 4;
	ret->fin = r.p[13] & 0x01;
	ret->syn = r.p[13] & 0x02;
	ret->rst = r.p[13] & 0x04;
	ret->has_ack = r.p[13] & 0x10;
	if (header < TCP_HEADER || header > r.len)
		return PACKET_BAD;
	if (!skip(&r, header))
		return PACKET_CUT;
	ret->p = r.p;
	ret->n = r.n;
	ret->missing = r.len - r.n;
	return PACKET_TCP;
}

static enum packet_kind parse_sctp(struct rest r, struct packet *ret)
{
	if (r.n < SCTP_HEADER)
		return r.len < SCTP_HEADER ? PACKET_BAD : PACKET_CUT;
	ret->from.port = packet_be16(r.p);
	ret->to.port = packet_be16(r.p + 2);
	ret->tag = packet_be32(r.p + 4);
	skip(&r, SCTP_HEADER);
	ret->p = r.p;
	ret->n = r.n;
	ret->missing = r.len - r.n;
	return PACKET_SCTP;
}

static enum packet_kind parse_transport(struct rest r, unsigned protocol, bool is_fragment,
					struct packet *ret)
{
	if (protocol != IP_TCP && protocol != IP_SCTP)
		return PACKET_OTHER;
	if (is_fragment)
		return PACKET_FRAGMENT;
	return protocol == IP_TCP ? parse_tcp(r, ret) : parse_sctp(r, ret);
}

/* ---- IP ---- */

static enum packet_kind parse_ipv4(struct rest r, struct packet *ret)
{
	size_t header, total;
	unsigned fragment;
	uint8_t protocol;

	if (r.n < IPV4_HEADER)
		return r.len < IPV4_HEADER ? PACKET_BAD : PACKET_CUT;
	header = (size_t)(r.p[0] & 15) * 4;
	total = packet_be16(r.p + 2);
	fragment = packet_be16(r.p + 6);
	protocol = r.p[9];
	/* 0: longer than the field can say, handed to the card in one piece. */
	if (!total)
		total = r.len;
	if (header < IPV4_HEADER || header > total || total > r.len)
		return PACKET_BAD;
	ret->from.version = ret->to.version = 4;
	memcpy(ret->from.ip, r.p + 12, 4);
	memcpy(ret->to.ip, r.p + 16, 4);
	shorten(&r, total);
	if (!skip(&r, header))
		return PACKET_CUT;
	return parse_transport(r, protocol, fragment & 0x3fff, ret);
}

/* Bytes of an extension header, 0 if next is none; *ret_fragment is only ever set. */
static size_t extension(unsigned next, const uint8_t *p, bool *ret_fragment)
{
	switch (next) {
	case 0:		/* hop by hop */
	case 43:	/* routing */
	case 60:	/* destination */
		return ((size_t)p[1] + 1) * 8;
	case 44:	/* fragment; offset 0 and no more of them is a whole packet */
		if (packet_be16(p + 2) & 0xfff9)
			*ret_fragment = true;
		return 8;
	case 51:	/* authentication */
		return ((size_t)p[1] + 2) * 4;
	}
	return 0;
}

static enum packet_kind parse_ipv6(struct rest r, struct packet *ret)
{
	bool is_fragment = false;
	unsigned next, i;
	size_t payload;

	if (r.n < IPV6_HEADER)
		return r.len < IPV6_HEADER ? PACKET_BAD : PACKET_CUT;
	payload = packet_be16(r.p + 4);
	next = r.p[6];
	if (payload > r.len - IPV6_HEADER)
		return PACKET_BAD;
	ret->from.version = ret->to.version = 6;
	memcpy(ret->from.ip, r.p + 8, 16);
	memcpy(ret->to.ip, r.p + 24, 16);
	/* 0: a jumbogram. */
	if (payload)
		shorten(&r, IPV6_HEADER + payload);
	skip(&r, IPV6_HEADER);
	for (i = 0; i < PACKET_EXTENSIONS_MAX; i++) {
		bool has_extension = next == 0 || next == 43 || next == 60 || next == 44 ||
				     next == 51;
		size_t n;

		/* Behind the header of a later fragment are not headers but data. */
		if (!has_extension || is_fragment)
			return parse_transport(r, next, is_fragment, ret);
		if (r.n < 8)
			return r.len < 8 ? PACKET_BAD : PACKET_CUT;
		n = extension(next, r.p, &is_fragment);
		next = r.p[0];
		if (n > r.len)
			return PACKET_BAD;
		if (!skip(&r, n))
			return PACKET_CUT;
	}
	return PACKET_BAD;
}

static enum packet_kind parse_ip(struct rest r, struct packet *ret)
{
	if (!r.n)
		return r.len ? PACKET_CUT : PACKET_BAD;
	switch (r.p[0] >> 4) {
	case 4:
		return parse_ipv4(r, ret);
	case 6:
		return parse_ipv6(r, ret);
	}
	return PACKET_OTHER;
}

/* ---- links ---- */

/* r begins behind the type. */
static enum packet_kind parse_typed(struct rest r, unsigned type, struct packet *ret)
{
	unsigned i;

	for (i = 0; i <= PACKET_TAGS_MAX; i++) {
		if (type == TYPE_IPV4 || type == TYPE_IPV6)
			return parse_ip(r, ret);
		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			return PACKET_OTHER;
		if (r.n < 4)
			return r.len < 4 ? PACKET_BAD : PACKET_CUT;
		type = packet_be16(r.p + 2);
		skip(&r, 4);
	}
	return PACKET_BAD;
}

static enum packet_kind parse_link(enum packet_link link, struct rest r, struct packet *ret)
{
	/* Bytes of the header, and where in it the type is. */
	static const struct { uint8_t n, type; } headers[] = {
		[PACKET_ETHERNET] = { 14, 12 },
		[PACKET_LOOPBACK] = { 4, 0 },
		[PACKET_RAW] = { 0, 0 },
		[PACKET_COOKED] = { 16, 14 },
		[PACKET_COOKED_2] = { 20, 0 },
	};
	const uint8_t *p = r.p;
	size_t len = r.len;

	if (!skip(&r, headers[link].n))
		return len < headers[link].n ? PACKET_BAD : PACKET_CUT;
	/* The family of a loopback is a number of the capturing system: IP says its own. */
	if (link == PACKET_RAW || link == PACKET_LOOPBACK)
		return parse_ip(r, ret);
	return parse_typed(r, packet_be16(p + headers[link].type), ret);
}

void packet_parse(enum packet_link link, const uint8_t *p, size_t caplen, size_t len,
		  struct packet *ret)
{
	struct rest r = { p, caplen, len > caplen ? len : caplen };

	*ret = (struct packet) { .kind = PACKET_OTHER };
	ret->kind = parse_link(link, r, ret);
}

/* ---- addresses ---- */

bool packet_addr_equal(const struct packet_addr *a, const struct packet_addr *b)
{
	return a->version == b->version && a->port == b->port &&
	       !memcmp(a->ip, b->ip, sizeof(a->ip));
}

void packet_addr_text(const struct packet_addr *a, char text[PACKET_ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (a->version)
		inet_ntop(a->version == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof(ip));
	if (a->port)
		snprintf(text, PACKET_ADDR_TEXT, a->version == 6 ? "[%s]:%u" : "%s:%u", ip,
			 a->port);
	else
		snprintf(text, PACKET_ADDR_TEXT, "%s", ip);
}
