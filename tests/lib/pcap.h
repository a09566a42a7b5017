/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a capture file (little-endian pcap of Ethernet frames with IPv4) and
 * gives the bytes that TCP or SCTP carried, in order, per direction. Knows
 * nothing of what the bytes mean. For captures without loss: a hole is an error.
 */
#ifndef SINEW_TESTS_LIB_PCAP_H
#define SINEW_TESTS_LIB_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAP_FLOWS_MAX 16	/* directions of connections in one file */

struct pcap_flow {
	uint8_t key[12];	/* both addresses and ports */
	uint32_t next;		/* TCP: next byte; SCTP: next TSN */
	bool known;
};

struct pcap {
	struct pcap_flow flows[PCAP_FLOWS_MAX];
	unsigned n_flows;
	/* Bytes in order: flow is an index below PCAP_FLOWS_MAX. */
	void (*bytes)(void *arg, unsigned flow, const uint8_t *p, size_t n);
	void *arg;
	const char *error;	/* NULL, or what was wrong with the file */
};

/* Returns false, with c->error set, if the file is missing or damaged. */
bool pcap_read(struct pcap *c, const char *path);

#endif
