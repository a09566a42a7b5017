/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One captured packet: from the link's header down to what TCP or SCTP carry.
 * Knows nothing of files, of other packets, or of what is carried.
 */
#ifndef TOOLS_DUMP_PACKET_H
#define TOOLS_DUMP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_TAGS_MAX		4	/* VLAN tags */
#define PACKET_EXTENSIONS_MAX	8	/* extension headers of IPv6 */
#define PACKET_ADDR_TEXT	56	/* bytes for "[address]:port" */

enum packet_link {
	PACKET_ETHERNET, PACKET_LOOPBACK, PACKET_RAW, PACKET_COOKED, PACKET_COOKED_2,
};

enum packet_kind {
	PACKET_TCP,
	PACKET_SCTP,
	PACKET_FRAGMENT,	/* of IP: a part of a packet of TCP or SCTP */
	PACKET_OTHER,		/* neither TCP nor SCTP over IP */
	PACKET_CUT,		/* captured so short that a header is missing */
	PACKET_BAD,		/* a header that contradicts itself */
};

struct packet_addr {
	uint8_t version;	/* 4 or 6; 0: none */
	uint8_t ip[16];		/* 4 of them used by version 4, the rest is 0 */
	uint16_t port;
};

struct packet {
	enum packet_kind kind;
	struct packet_addr from, to;
	bool syn, fin, rst, has_ack;	/* of TCP, as the next two */
	uint32_t seq, ack;
	uint32_t tag;			/* verification tag of SCTP */
	const uint8_t *p;		/* payload of TCP, chunks of SCTP: into the packet */
	size_t n;			/* captured bytes of it */
	size_t missing;			/* that were on the wire behind them */
};

/* A number of the registry of link types (pcap, pcapng). False: not known here. */
bool packet_link(int type, enum packet_link *ret);

/* caplen bytes of a packet that had len bytes on the wire. */
void packet_parse(enum packet_link link, const uint8_t *p, size_t caplen, size_t len,
		  struct packet *ret);

bool packet_addr_equal(const struct packet_addr *a, const struct packet_addr *b);
/* "192.0.2.1:21065", "[2001:db8::1]:21065"; the address alone if the port is 0. */
void packet_addr_text(const struct packet_addr *a, char text[PACKET_ADDR_TEXT]);

uint16_t packet_be16(const uint8_t *p);
uint32_t packet_be32(const uint8_t *p);

#endif
