/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of a capture file; knows nothing of what its bytes mean. */
#include "tests/lib/pcap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t pcap_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t pcap_be16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t pcap_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static struct pcap_flow *pcap_flow(struct pcap *c, const uint8_t key[12])
{
	for (unsigned i = 0; i < c->n_flows; i++)
		if (memcmp(c->flows[i].key, key, 12) == 0)
			return &c->flows[i];
	if (c->n_flows == PCAP_FLOWS_MAX) {
		c->error = "too many connections";
		return NULL;
	}
	memcpy(c->flows[c->n_flows].key, key, 12);
	return &c->flows[c->n_flows++];
}

static void pcap_tcp(struct pcap *c, struct pcap_flow *f, const uint8_t *p, size_t n)
{
	uint32_t seq = pcap_be32(p + 4), behind;
	size_t header = (size_t)(p[12] >> 4) * 4;

	if (header < 20 || header > n) {
		c->error = "bad TCP header";
		return;
	}
	if (p[13] & 2) {	/* SYN counts as one byte */
		f->next = seq + 1;
		f->known = true;
		return;
	}
	p += header;
	n -= header;
	behind = f->next - seq;
	if (n == 0 || !f->known)
		return;
	if (behind > n) {
		if ((int32_t)behind < 0)
			c->error = "a TCP segment is missing";
		return;
	}
	c->bytes(c->arg, (unsigned)(f - c->flows), p + behind, n - behind);
	f->next = seq + (uint32_t)n;
}

static void pcap_sctp(struct pcap *c, struct pcap_flow *f, const uint8_t *p, size_t n)
{
	size_t off = 12, len;

	for (; off + 4 <= n; off += (len + 3) & ~(size_t)3) {
		const uint8_t *chunk = p + off;

		len = pcap_be16(chunk + 2);
		if (len < 4 || len > n - off) {
			c->error = "bad SCTP chunk";
			return;
		}
		if ((chunk[0] == 1 || chunk[0] == 2) && len >= 20) {	/* INIT, INIT ACK */
			f->next = pcap_be32(chunk + 16);
			f->known = true;
		} else if (chunk[0] == 0 && len >= 16 && f->known) {	/* DATA */
			uint32_t tsn = pcap_be32(chunk + 4);

			if ((int32_t)(tsn - f->next) > 0)
				c->error = "an SCTP chunk is missing";
			if (tsn != f->next)
				continue;
			f->next++;
			c->bytes(c->arg, (unsigned)(f - c->flows), chunk + 16, len - 16);
		}
	}
}

static void pcap_packet(struct pcap *c, const uint8_t *p, size_t n)
{
	const uint8_t *ip = p + 14;
	struct pcap_flow *f;
	uint8_t key[12];
	size_t header, total;

	if (n < 14 + 20 || pcap_be16(p + 12) != 0x0800)
		return;
	header = (size_t)(ip[0] & 15) * 4;
	total = pcap_be16(ip + 2);
	if ((ip[9] != 6 && ip[9] != 132) || header < 20 || total > n - 14 ||
	    total < header + 12 || (ip[9] == 6 && total < header + 20))
		return;
	memcpy(key, ip + 12, 8);
	memcpy(key + 8, ip + header, 4);
	f = pcap_flow(c, key);
	if (!f)
		return;
	if (ip[9] == 6)
		pcap_tcp(c, f, ip + header, total - header);
	else
		pcap_sctp(c, f, ip + header, total - header);
}

bool pcap_read(struct pcap *c, const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t head[24], *packet = NULL;

	if (!file) {
		c->error = "cannot open the capture";
		return false;
	}
	if (fread(head, 1, 24, file) != 24 || pcap_le32(head) != 0xa1b2c3d4)
		c->error = "not a little-endian pcap file";
	while (!c->error && fread(head, 1, 16, file) == 16) {
		size_t n = pcap_le32(head + 8);
		uint8_t *bigger = n <= 262144 ? realloc(packet, n + 1) : NULL;

		if (!bigger) {
			c->error = "a packet is too long";
			break;
		}
		packet = bigger;
		if (fread(packet, 1, n, file) != n)
			c->error = "the file is cut";
		else
			pcap_packet(c, packet, n);
	}
	free(packet);
	fclose(file);
	return !c->error;
}
