/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets made by hand, and what the dump says of them: for the tests of
 * tools/dump. Knows no frame.
 */
#ifndef SINEW_TESTS_DUMP_H
#define SINEW_TESTS_DUMP_H

#include "tests/check.h"
#include "tools/dump/engine.h"

#include <stdlib.h>

#define DUMP_PACKET_MAX	70000u
#define DUMP_MS		UINT64_C(1000000)

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PUSH = 8, TCP_ACK = 16 };

/* One connection between 10.0.0.1 and 10.0.0.2; direction 0 comes from 10.0.0.1. */
struct dump_flow {
	uint16_t port[2];
	uint32_t seq[2];	/* of the next byte */
};

struct dump {
	struct engine_options options;
	struct engine *engine;
	char *text;
	size_t n;
	FILE *out;
	uint64_t now_ns;
	size_t snaplen;		/* 0: no limit */
};

static inline void dump_be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void dump_be32(uint8_t *p, uint32_t v)
{
	dump_be16(p, v >> 16);
	dump_be16(p + 2, v & 0xffff);
}

/* After the options are set. */
static inline bool dump_open(struct dump *d)
{
	d->out = open_memstream(&d->text, &d->n);
	d->now_ns = 1000 * DUMP_MS;
	return d->out && !engine_new(&d->options, d->out, &d->engine);
}

/* Ends it and compares all that it said. */
static inline void dump_expect(struct dump *d, const char *expected)
{
	const char *a, *b = expected;

	CHECK_EQ(engine_end(d->engine), 0);
	engine_free(d->engine);
	fclose(d->out);
	for (a = d->text; *a && *a == *b; a++)
		b++;
	if (*a || *b) {
		while (a > d->text && a[-1] != '\n')
			a--;
		while (b > expected && b[-1] != '\n')
			b--;
		printf("# line:     %.*s\n", (int)strcspn(a, "\n"), a);
		printf("# expected: %.*s\n", (int)strcspn(b, "\n"), b);
		CHECK(!"the lines are those expected");
	}
	free(d->text);
}

/* IPv4 before n bytes at p + 20, whose protocol is known. Gives the length. */
static inline size_t dump_ipv4(uint8_t *p, uint8_t protocol, unsigned dir, size_t n)
{
	static const uint8_t ip[2][4] = { { 10, 0, 0, 1 }, { 10, 0, 0, 2 } };

	memset(p, 0, 20);
	p[0] = 0x45;
	dump_be16(p + 2, 20 + n);
	p[8] = 64;
	p[9] = protocol;
	memcpy(p + 12, ip[dir], 4);
	memcpy(p + 16, ip[!dir], 4);
	return 20 + n;
}

/* A packet of TCP with the sequence number seq; gives its length. */
static inline size_t dump_tcp(uint8_t *p, const struct dump_flow *f, unsigned dir, uint32_t seq,
			      uint8_t flags, const uint8_t *data, size_t n)
{
	uint8_t *tcp = p + 20;

	memset(tcp, 0, 20);
	dump_be16(tcp, f->port[dir]);
	dump_be16(tcp + 2, f->port[!dir]);
	dump_be32(tcp + 4, seq);
	dump_be32(tcp + 8, f->seq[!dir]);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	if (n)
		memcpy(tcp + 20, data, n);
	return dump_ipv4(p, 6, dir, 20 + n);
}

static inline void dump_packet(struct dump *d, const uint8_t *p, size_t n)
{
	size_t caplen = d->snaplen && d->snaplen < n ? d->snaplen : n;

	d->now_ns += DUMP_MS;
	CHECK_EQ(engine_packet(d->engine, PACKET_RAW, d->now_ns, p, caplen, n), 0);
}

/* Data at a position behind, before or at the present one; does not move it. */
static inline void dump_data_at(struct dump *d, const struct dump_flow *f, unsigned dir,
				uint32_t seq, const uint8_t *data, size_t n)
{
	static uint8_t p[DUMP_PACKET_MAX];

	dump_packet(d, p, dump_tcp(p, f, dir, seq, TCP_ACK | TCP_PUSH, data, n));
}

/* Data, or only flags. */
static inline void dump_send(struct dump *d, struct dump_flow *f, unsigned dir, uint8_t flags,
			     const uint8_t *data, size_t n)
{
	static uint8_t p[DUMP_PACKET_MAX];

	dump_packet(d, p, dump_tcp(p, f, dir, f->seq[dir], flags, data, n));
	f->seq[dir] += (uint32_t)n + !!(flags & (TCP_SYN | TCP_FIN));
}

static inline void dump_handshake(struct dump *d, struct dump_flow *f)
{
	dump_send(d, f, 0, TCP_SYN, NULL, 0);
	dump_send(d, f, 1, TCP_SYN | TCP_ACK, NULL, 0);
	dump_send(d, f, 0, TCP_ACK, NULL, 0);
}

#endif
