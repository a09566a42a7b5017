/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP segments in IPv4 and IPv6 packets, and the numbers that they tell of a connection.
 * Pure: sends nothing, reads no clock.
 */
#include "tools/break/packet.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define IPV4_HEADER	20
#define IPV6_HEADER	40
#define TCP_HEADER	20
#define HOPS		64
#define FORGED_WINDOW	1024
#define TOO_OLD		2		/* a byte there ends before what was acknowledged */
#define FRAGMENT_BITS	0x3fff		/* of the 16 bits with them: more fragments, offset */

static void put16(uint8_t *to, uint32_t n)
{
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
}

static void put32(uint8_t *to, uint32_t n)
{
	put16(to, n >> 16);
	put16(to + 2, n);
}

static uint32_t get16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from)
{
	return get16(from) << 16 | get16(from + 2);
}

/* ---- building ---- */

static uint32_t sum_of(const uint8_t *data, size_t n, uint32_t sum)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += get16(data + i);
	if (n % 2)
		sum += (uint32_t)data[n - 1] << 8;
	return sum;
}

uint16_t packet_checksum(const void *data, size_t n, uint32_t carry)
{
	uint32_t sum = sum_of(data, n, carry);

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void build_tcp(const struct packet *p, uint8_t *tcp)
{
	size_t n_address = p->from.address.family == AF_INET ? 4 : 16;
	size_t n = TCP_HEADER + p->n_payload;
	uint32_t pseudo = IPPROTO_TCP + (uint32_t)n;

	memset(tcp, 0, n);
	put16(tcp, p->from.port);
	put16(tcp + 2, p->to.port);
	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->flags & PACKET_ACK ? p->ack : 0);
	tcp[12] = TCP_HEADER / 4 << 4;
	tcp[13] = p->flags;
	put16(tcp + 14, FORGED_WINDOW);
	put16(tcp + 18, p->mark);
	pseudo = sum_of(p->from.address.bytes, n_address, pseudo);
	pseudo = sum_of(p->to.address.bytes, n_address, pseudo);
	put16(tcp + 16, packet_checksum(tcp, n, pseudo));
}

size_t packet_build(const struct packet *p, uint8_t out[PACKET_FORGED_MAX])
{
	size_t n = TCP_HEADER + p->n_payload;

	assert(p->n_payload <= 1);
	assert(p->from.address.family == p->to.address.family);
	if (p->from.address.family == AF_INET) {
		memset(out, 0, IPV4_HEADER);
		out[0] = 4 << 4 | IPV4_HEADER / 4;
		put16(out + 2, IPV4_HEADER + (uint32_t)n);
		put16(out + 6, 0x4000);		/* not to be fragmented */
		out[8] = HOPS;
		out[9] = IPPROTO_TCP;
		memcpy(out + 12, p->from.address.bytes, 4);
		memcpy(out + 16, p->to.address.bytes, 4);
		put16(out + 10, packet_checksum(out, IPV4_HEADER, 0));
		build_tcp(p, out + IPV4_HEADER);
		return IPV4_HEADER + n;
	}
	memset(out, 0, IPV6_HEADER);
	out[0] = 6 << 4;
	put16(out + 4, (uint32_t)n);
	out[6] = IPPROTO_TCP;
	out[7] = HOPS;
	memcpy(out + 8, p->from.address.bytes, 16);
	memcpy(out + 24, p->to.address.bytes, 16);
	build_tcp(p, out + IPV6_HEADER);
	return IPV6_HEADER + n;
}

/* ---- reading ---- */

/* The length of the IP header, 0 for what is refused; *ret_total: with all that it carries. */
static size_t read_ipv4(const uint8_t *data, size_t n, size_t *ret_total, struct packet *p)
{
	size_t header = (size_t)(data[0] & 0xf) * 4;

	if (n < IPV4_HEADER || header < IPV4_HEADER || data[9] != IPPROTO_TCP ||
	    get16(data + 6) & FRAGMENT_BITS)
		return 0;
	*ret_total = get16(data + 2);
	p->from.address = filter_address_of(AF_INET, data + 12);
	p->to.address = filter_address_of(AF_INET, data + 16);
	return header;
}

/* Extension headers are refused: nobody puts them before TCP. */
static size_t read_ipv6(const uint8_t *data, size_t n, size_t *ret_total, struct packet *p)
{
	size_t n_payload;

	if (n < IPV6_HEADER || data[6] != IPPROTO_TCP)
		return 0;
	n_payload = get16(data + 4);
	*ret_total = n_payload ? IPV6_HEADER + n_payload : 0;
	p->from.address = filter_address_of(AF_INET6, data + 8);
	p->to.address = filter_address_of(AF_INET6, data + 24);
	return IPV6_HEADER;
}

bool packet_read(const uint8_t *data, size_t n, size_t n_wire, struct packet *ret_packet)
{
	struct packet p = { .seq = 0 };
	size_t ip = 0, tcp, total = 0;

	if (n && data[0] >> 4 == 4)
		ip = read_ipv4(data, n, &total, &p);
	else if (n && data[0] >> 4 == 6)
		ip = read_ipv6(data, n, &total, &p);
	if (!ip || n < ip + TCP_HEADER)
		return false;
	/* Within a machine packets may be longer than their header can say. */
	if (!total)
		total = n_wire;
	data += ip;
	tcp = (size_t)(data[12] >> 4) * 4;
	if (tcp < TCP_HEADER || total < ip + tcp)
		return false;
	p.from.port = (uint16_t)get16(data);
	p.to.port = (uint16_t)get16(data + 2);
	p.seq = get32(data + 4);
	p.ack = get32(data + 8);
	p.flags = data[13];
	p.mark = (uint16_t)get16(data + 18);
	p.n_payload = (uint32_t)(total - ip - tcp);
	*ret_packet = p;
	return true;
}

/* ---- one connection ---- */

int target_end(const struct target *t, const struct packet *p)
{
	const struct filter_end *ends = t->connection.ends;

	if (!filter_compare_ends(&p->from, &ends[0]) && !filter_compare_ends(&p->to, &ends[1]))
		return 0;
	if (!filter_compare_ends(&p->from, &ends[1]) && !filter_compare_ends(&p->to, &ends[0]))
		return 1;
	return -1;
}

/*
 * The latest word counts, not the highest: what an end has sent may get lost, and then the
 * other end says that it still expects less.
 */
void target_learn(struct target *t, unsigned from, const struct packet *p)
{
	unsigned other = !from;

	if (p->flags & (PACKET_SYN | PACKET_RST))
		return;
	t->next[other] = p->seq + p->n_payload + (p->flags & PACKET_FIN ? 1 : 0);
	t->knows_next[other] = true;
	if (!(p->flags & PACKET_ACK))
		return;
	t->acked[from] = t->next[from] = p->ack;
	t->knows_acked[from] = t->knows_next[from] = true;
}

static struct packet segment_to(const struct target *t, unsigned end)
{
	return (struct packet){
		.from = t->connection.ends[!end],
		.to = t->connection.ends[end],
		.flags = PACKET_ACK,
	};
}

void target_probe(const struct target *t, unsigned end, uint32_t random, struct packet *ret_packet)
{
	struct packet p = segment_to(t, end);

	p.seq = random;
	if (t->knows_acked[end]) {
		p.seq = t->acked[end] - TOO_OLD;
		p.n_payload = 1;
	}
	/* A reset in answer has this number. */
	p.ack = t->knows_next[!end] ? t->next[!end] : random;
	*ret_packet = p;
}

bool target_reset(const struct target *t, unsigned end, struct packet *ret_packet)
{
	struct packet p = segment_to(t, end);

	if (!t->knows_next[end])
		return false;
	p.flags = PACKET_RST;
	p.seq = t->next[end];
	if (t->knows_next[!end]) {
		p.flags |= PACKET_ACK;
		p.ack = t->next[!end];
	}
	*ret_packet = p;
	return true;
}
