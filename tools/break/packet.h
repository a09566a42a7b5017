/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The segments of "sinew break reset": TCP in IPv4 and IPv6 packets, forged ones built and seen
 * ones read; how they come out of a network namespace and go into it; and what those of one
 * connection tell about the sequence numbers that its ends expect.
 *
 *	packet.c  pure: sends nothing, reads no clock    raw.c  sees and sends
 */
#ifndef TOOLS_BREAK_PACKET_H
#define TOOLS_BREAK_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/break/diag.h"
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

/* ---- raw.c ---- */

#define RAW_MAC		6

struct raw;

/*
 * How a segment was seen to travel. If neither end nor a route is ours, it crossed a bridge:
 * then forged ones have to go the same way, to the hardware address of an end.
 */
struct raw_way {
	int interface;		/* index; 0: not known */
	bool is_bridged;
	uint8_t mac[RAW_MAC];	/* of who sent it, or is to get it */
};

/*
 * Listens on one interface, or on all (NULL), to segments with one of these ports (none: all).
 * Of the current network namespace. -EPERM: CAP_NET_RAW is missing. -ENODEV: no such interface.
 */
int raw_open(const char *interface, const struct filter_ports *ports, struct raw **ret_raw);
void raw_close(struct raw *r);
int raw_fd(const struct raw *r);	/* readable when something was seen */

/* 1: a segment that is not ours; 0: none now; or a negative errno. */
int raw_next(struct raw *r, struct packet *ret_packet, struct raw_way *ret_way);

/*
 * Sends a forged segment by the routes of the namespace; or, if the way is bridged, over its
 * interface. Its mark is set here. 0, or a negative errno.
 */
int raw_send(struct raw *r, struct packet *p, const struct raw_way *way);

/* ---- one connection that is to be reset ---- */

enum target_state {
	TARGET_KNOWN,	/* it is there; nobody wants anything of it */
	TARGET_HUNTED,
	TARGET_TRIED,	/* hunted until it was dead, or given up */
	TARGET_ENDED,	/* by itself */
};

/* Ends are numbered as in the connection. */
struct target {
	struct diag_connection connection;	/* first, for diag_compare() */
	enum target_state state;
	struct raw_way ways[2];		/* to that end; over a bridge only once it sent one */
	bool knows_acked[2], knows_next[2];
	uint32_t acked[2];		/* what that end acknowledged last: it has all that */
	uint32_t next[2];		/* what that end expects next, as far as was seen */
	bool has_news;			/* what was learned is not yet answered */
	bool is_dead[2];		/* that end is no more */
	unsigned n_probes, n_resets;
	uint64_t seen_ns;		/* last segment of it; 0: none */
	uint64_t probe_ns, until_ns;	/* of a hunted one: next probe; when it is given up */
};

/* Which end a segment came from: 0 or 1; -1: it is not one of this connection. */
int target_end(const struct target *t, const struct packet *p);

/* Learns from a segment that end `from` sent; those that open or reset tell nothing. */
void target_learn(struct target *t, unsigned from, const struct packet *p);

/*
 * A segment from the other end that makes this end acknowledge, with its true numbers: one that
 * is too old, so that it does no harm if the connection lives on (RFC 9293, 3.10.7.4). While
 * nothing is known its number is a random one and it is empty, and the kernel answers two of
 * these a second; once something is known it has a byte, and is always answered. If this end is
 * no more, the answer is a reset that fits the other end.
 */
void target_probe(const struct target *t, unsigned end, uint32_t random, struct packet *ret_packet);

/*
 * The reset that this end obeys: from the other end, with exactly the number that it expects
 * (RFC 5961, 3.2). False: that number is not known.
 */
bool target_reset(const struct target *t, unsigned end, struct packet *ret_packet);

#endif
