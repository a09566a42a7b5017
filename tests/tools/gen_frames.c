/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a capture file (pcap) of one TCP connection to port 21065 that carries
 * every frame that we send, for test_tshark.sh. One frame a segment, then
 * all of them once more in segments that cut them anywhere. Prints the number of
 * frames of one pass. Knows nothing of who decodes it.
 *
 *	gen_frames FILE
 */
#include "proto/ring_out.h"
#include "proto/wire.h"

#include <stdio.h>
#include <stdlib.h>

#define NODEID	2u
#define CUT	1000u	/* bytes a segment in the second pass */

static FILE *out;
static uint8_t stream[1u << 20];
static size_t n_stream;
static unsigned n_frames;
static uint32_t tcp_seq = 1000;

static void le32(uint32_t v)
{
	uint8_t b[4];

	put_le32(b, v);
	fwrite(b, 1, 4, out);
}

static void be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t ip_checksum(const uint8_t *p)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* One packet: link type "raw IP", IPv4, TCP without options. */
static void packet(bool from_client, uint8_t flags, const uint8_t *p, size_t n)
{
	static uint32_t now_us;
	uint8_t h[40] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6 };
	static const uint8_t client[4] = { 127, 0, 0, 2 }, server[4] = { 127, 0, 0, 1 };
	uint32_t seq = from_client ? tcp_seq : 5000, ack = from_client ? 5001 : tcp_seq;

	be16(h + 2, 40 + n);
	memcpy(h + 12, from_client ? client : server, 4);
	memcpy(h + 16, from_client ? server : client, 4);
	be16(h + 10, ip_checksum(h));
	be16(h + 20, from_client ? 40000 : 21065);
	be16(h + 22, from_client ? 21065 : 40000);
	be16(h + 24, seq >> 16);
	be16(h + 26, seq);
	be16(h + 28, ack >> 16);
	be16(h + 30, ack);
	h[32] = 5 << 4;
	h[33] = flags;
	be16(h + 34, 60000);
	le32(1700000000);
	le32(now_us += 10);
	le32((uint32_t)(40 + n));
	le32((uint32_t)(40 + n));
	fwrite(h, 1, 40, out);
	if (n)
		fwrite(p, 1, n, out);
	if (from_client)
		tcp_seq += (uint32_t)n;
}

static void frame(const uint8_t *p, size_t n)
{
	memcpy(stream + n_stream, p, n);
	n_stream += n;
	packet(true, 0x18, p, n);
	n_frames++;
}

static void control_frames(void)
{
	struct hello hello = {
		.mine = 0x1112131415161718, .yours = 0x2122232425262728, .next = 7, .gen = 1,
		.flags = WIRE_HELLO_CHOSEN, .vmin = 1, .vmax = 1, .maxframe = WIRE_FRAME_MAX,
		.max_message = 1 << 24, .queue_bytes = 1 << 25, .cluster = "prod",
		.group = "sinew",
	};
	struct refuse refuse = { .mine = 1, .yours = 2, .next = 3, .gen = 4, .wait_ms = 5 };
	struct probe probe = { .cookie = 99, .cluster = "prod" };
	uint8_t p[WIRE_CONTROL_MAX];

	frame(p, wire_put_hello(p, NODEID, &hello));
	memset(hello.cluster, 'c', sizeof hello.cluster);
	memset(hello.group, 'g', sizeof hello.group);
	frame(p, wire_put_hello(p, NODEID, &hello));
	for (uint32_t r = WIRE_REFUSE_STALE; r <= WIRE_REFUSE_CLAIMED; r++) {
		refuse.reason = r;
		frame(p, wire_put_refuse(p, NODEID, &refuse));
	}
	frame(p, wire_put_leaving(p, NODEID));
	frame(p, wire_put_status(p, NODEID, 0));
	frame(p, wire_put_status(p, NODEID, WIRE_STATUS_RX_PAUSED | WIRE_STATUS_SHORT));
	frame(p, wire_put_probe(p, NODEID, &probe, false));
	frame(p, wire_put_probe(p, NODEID, &probe, true));
	frame(p, wire_put_ack(p, NODEID, 0));
	frame(p, wire_put_ack(p, NODEID, 0xffffffff));
}

/* The frames that the ring makes of messages of several lengths, fragments and FIN. */
static void sequenced_frames(void)
{
	static const size_t lengths[] = { 0, 1, 64, 4000, 20000, 50000 };
	static uint8_t memory[RING_MIN], body[50000];
	struct ring *ring = aligned_alloc(64, sizeof *ring);
	struct span spans[3];
	int n;

	if (!ring)
		exit(1);
	memset(body, 0x5a, sizeof body);
	ring_init(ring, memory, sizeof memory, NODEID, 0xfffffffd);
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct span part = { body, lengths[i] };

		/* Frames that fit a packet of IPv4, so that one is one segment. */
		if (ring_send(ring, &part, part.n, 32768, NULL))
			exit(1);
	}
	ring_put_fin(ring);
	ring_unsent(ring, spans, &n, SIZE_MAX);
	for (int i = 0; i < n; i++)
		for (size_t off = 0; off < spans[i].n;) {
			size_t len = (size_t)frame_length(spans[i].p + off, spans[i].n - off);

			frame(spans[i].p + off, len);
			off += len;
		}
	free(ring);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !(out = fopen(argv[1], "wb"))) {
		fprintf(stderr, "gen_frames: cannot write; usage: gen_frames FILE\n");
		return 2;
	}
	le32(0xa1b2c3d4);
	le32(2 | 4 << 16);
	le32(0);
	le32(0);
	le32(262144);
	le32(101);	/* raw IP */
	packet(true, 0x02, NULL, 0);
	tcp_seq++;
	packet(false, 0x12, NULL, 0);
	packet(true, 0x10, NULL, 0);
	control_frames();
	sequenced_frames();
	for (size_t off = 0; off < n_stream; off += CUT)
		packet(true, 0x18, stream + off, n_stream - off < CUT ? n_stream - off : CUT);
	printf("%u\n", n_frames);
	return fclose(out) ? 1 : 0;
}
