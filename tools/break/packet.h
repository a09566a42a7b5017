/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP segments in IPv4 and IPv6 packets: forged ones are built, seen ones are read.
 * Knows nothing of sockets, and of what a segment is good for.
 */
#ifndef TOOLS_BREAK_PACKET_H
#define TOOLS_BREAK_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/break/filter.h"

#define PACKET_FORGED_MAX	64	/* bytes of a forged packet: IPv6, TCP and a byte */
#define PACKET_SEEN_MAX		128	/* bytes of a packet that are enough to read its headers */

enum packet_flags {
	PACKET_FIN = 0x01, PACKET_SYN = 0x02, PACKET_RST = 0x04, PACKET_ACK = 0x10,
	PACKET_URG = 0x20,
};

struct packet {
	struct filter_end from, to;
	uint32_t seq;
	uint32_t ack;		/* only of account with PACKET_ACK */
	uint8_t flags;
	uint32_t n_payload;	/* bytes; a forged one has at most 1, of value 0 */
	uint16_t mark;		/* the urgent pointer; without PACKET_URG nobody else sets it */
};

/* Both ends are of one family. Returns the length. */
size_t packet_build(const struct packet *p, uint8_t out[PACKET_FORGED_MAX]);

/*
 * From the first byte of the IP header: n bytes are there, n_wire were on the wire. False: it
 * is no TCP segment, a fragment, or its headers are not whole. Checksums are not looked at.
 */
bool packet_read(const uint8_t *data, size_t n, size_t n_wire, struct packet *ret_packet);

/* The sum that makes one's complement sums over it 0xffff; carry: what was summed before. */
uint16_t packet_checksum(const void *data, size_t n, uint32_t carry);

#endif
