/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets of SCTP on their way: the sockets that carry them, in UDP (RFC 6951) or in IP alone, and
 * their checksum. Knows no pair and no association.
 */
#ifndef SINEW_LOWCOMMS_SCTP_PACKET_H
#define SINEW_LOWCOMMS_SCTP_PACKET_H

#include "lowcomms/stream.h"

#define SCTP_PACKET_MAX	65536u	/* bytes of what a socket gives, with a header of IP */

/* One that came, without what carried it. */
struct sctp_packet {
	uint8_t *bytes;
	size_t n;
};

/* Why this process cannot send and receive them so, and what to do; NULL: it can. */
const char *sctp_packet_lacks(const struct stream_packets *by);

/* One on exactly that address, or -errno. Its UDP port is that of by, or of the address. */
int sctp_packet_socket(const struct stream_packets *by, const struct sockaddr_storage *addr);
/* One for the packets from and to that address alone, beside one of UDP that has all others; or
 * -errno. The kernel looks up no route for each, and they are kept apart from those of others.
 * Packets from before it was connected may be of anybody. */
int sctp_packet_socket_to(int fd, const struct sockaddr_storage *to);
/* In IP alone an address and port are nobody's: that of a listener is kept by a descriptor, or
 * -errno. -EADDRINUSE: another one has it. */
int sctp_packet_keep(const struct sockaddr_storage *addr);
/* Where they go, to a node with that address. */
struct sockaddr_storage sctp_packet_way(const struct stream_packets *by,
					const struct sockaddr_storage *to);
/* Bytes of one on the way there, for the stack: a multiple of 4, without a header of SCTP. */
uint32_t sctp_packet_mtu(const struct stream_packets *by, const struct sockaddr_storage *to);

/* As far as the stack leaves checksums to us. */
void sctp_packet_seal(uint8_t *packet, size_t n);
/* Of bytes that a socket gave: whether there is a packet in them, as it was sent. */
bool sctp_packet_open(const struct stream_packets *by, sa_family_t family, uint8_t *bytes, size_t n,
		      struct sctp_packet *ret_packet);
/* Of a whole one. */
uint16_t sctp_packet_from(const struct sctp_packet *packet);
uint16_t sctp_packet_to(const struct sctp_packet *packet);

/* The error of a dial by that of ICMP. */
int sctp_packet_error(int icmp_errno);

#endif
