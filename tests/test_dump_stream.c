/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of segments and chunks for `sinew dump`: shuffled streams against
 * what was sent, every limit at it and one over. Knows nothing of frames.
 */
#include "proto/wire.h"
#include "tests/dump.h"
#include "tools/dump/framer.h"
#include "tools/dump/stream.h"

/* The words of a stream. */
struct told {
	uint8_t p[2 * STREAM_AHEAD_MAX];
	size_t n;
	unsigned n_opened, n_again, n_holes, n_chunk_holes, n_ended[STREAM_OVER + 1];
	uint64_t hole;
	struct stream_conn *last;
};

static void on_opened(void *arg, struct stream_conn *c, bool from_start)
{
	struct told *t = arg;

	(void)from_start;
	t->n_opened++;
	t->last = c;
}

static void on_bytes(void *arg, struct stream_conn *c, unsigned dir, const uint8_t *p, size_t n)
{
	struct told *t = arg;

	(void)c;
	(void)dir;
	CHECK_OR_RETURN(n <= sizeof t->p - t->n);
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

static void on_hole(void *arg, struct stream_conn *c, unsigned dir, uint32_t n, bool in_chunks)
{
	struct told *t = arg;

	(void)c;
	(void)dir;
	t->n_holes++;
	t->n_chunk_holes += in_chunks;
	t->hole += n;
}

static void on_again(void *arg, struct stream_conn *c, unsigned dir, uint32_t n)
{
	struct told *t = arg;

	(void)c;
	(void)dir;
	(void)n;
	t->n_again++;
}

static void on_ended(void *arg, struct stream_conn *c, unsigned dir, enum stream_end how)
{
	struct told *t = arg;

	(void)c;
	(void)dir;
	t->n_ended[how]++;
}

static struct stream *open_stream(struct told *t)
{
	struct stream_events events = {
		.opened = on_opened, .bytes = on_bytes, .hole = on_hole, .again = on_again,
		.ended = on_ended, .arg = t,
	};
	struct stream *s = NULL;

	memset(t, 0, sizeof *t);
	CHECK_EQ(stream_new(&events, &s), 0);
	return s;
}

static struct packet segment(uint16_t port, uint32_t seq, const uint8_t *p, size_t n)
{
	return (struct packet) {
		.kind = PACKET_TCP, .seq = seq, .p = p, .n = n,
		.from = { 4, { 10, 0, 0, 1 }, port }, .to = { 4, { 10, 0, 0, 2 }, 21065 },
	};
}

static void syn(struct stream *s, uint16_t port, uint32_t seq)
{
	struct packet p = segment(port, seq - 1, NULL, 0);

	p.syn = true;
	CHECK_EQ(stream_packet(s, 0, &p), 0);
}

static uint32_t draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/* Overlapping segments in any order, some twice: the bytes come once and in order. */
static void shuffled(uint32_t seed)
{
	static struct told told;
	static uint8_t sent[4000];
	struct stream *s = open_stream(&told);
	uint32_t state = seed, first = 0xfffff000u + draw(&state, 4096);
	struct { uint32_t off, n; } parts[200];
	unsigned n_parts = 0;

	for (uint32_t i = 0; i < sizeof sent; i++)
		sent[i] = (uint8_t)draw(&state, 256);
	for (uint32_t off = 0; off < sizeof sent && n_parts < 198;) {
		uint32_t n = 1 + draw(&state, 99), back = draw(&state, 20);

		back = back < off ? back : off;
		if (off + n > sizeof sent || n_parts == 197)
			n = (uint32_t)sizeof sent - off;
		parts[n_parts].off = off - back;
		parts[n_parts++].n = n + back;
		off += n;
	}
	for (unsigned i = n_parts; i-- > 1;) {
		unsigned k = draw(&state, i + 1);
		__typeof__(parts[0]) swap = parts[i];

		parts[i] = parts[k];
		parts[k] = swap;
	}
	syn(s, 1000, first);
	for (unsigned i = 0; i < n_parts; i++) {
		struct packet p = segment(1000, first + parts[i].off, sent + parts[i].off,
					  parts[i].n);

		CHECK_EQ(stream_packet(s, 0, &p), 0);
	}
	CHECK_EQ(told.n, sizeof sent);
	CHECK_MEM(told.p, sent, sizeof sent);
	CHECK_EQ(told.n_holes, 0);
	stream_end(s);
	stream_free(s);
}

static void any_order_gives_the_same_bytes(void)
{
	for (uint32_t seed = 1; seed <= 200; seed++)
		shuffled(seed);
}

/* ---- limits ---- */

static void pieces_behind_a_hole_are_limited(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);
	uint8_t byte = 1;

	syn(s, 1000, 0);
	for (uint32_t i = 0; i <= STREAM_PIECES_MAX; i++) {
		struct packet p = segment(1000, 10 + 2 * i, &byte, 1);

		CHECK_EQ(told.n, 0);
		CHECK_EQ(stream_packet(s, 0, &p), 0);
	}
	/* One over: the first hole is given up, and one byte comes. */
	CHECK_EQ(told.n, 1);
	CHECK_EQ(told.hole, 10);
	stream_free(s);
}

static void bytes_behind_a_hole_are_limited(void)
{
	static struct told told;
	static uint8_t big[32768];
	struct stream *s = open_stream(&told);
	struct packet p;

	syn(s, 1000, 0);
	for (uint32_t off = 0; off < STREAM_AHEAD_MAX; off += sizeof big) {
		p = segment(1000, 1 + off, big, sizeof big);
		CHECK_EQ(stream_packet(s, 0, &p), 0);
	}
	CHECK_EQ(told.n_holes, 0);
	p = segment(1000, 1 + STREAM_AHEAD_MAX, big, 1);
	CHECK_EQ(stream_packet(s, 0, &p), 0);
	CHECK_EQ(told.hole, 1);
	CHECK_EQ(told.n, STREAM_AHEAD_MAX + 1);
	stream_free(s);
}

static void bytes_of_all_connections_are_limited(void)
{
	static struct told told;
	static uint8_t big[32768];
	struct stream *s = open_stream(&told);
	uint32_t n_each = STREAM_AHEAD_MAX / sizeof big, n = STREAM_AHEAD_ALL_MAX / sizeof big;
	struct packet p;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(1000 + i / n_each);

		if (i % n_each == 0)
			syn(s, port, 0);
		p = segment(port, 1 + i % n_each * (uint32_t)sizeof big, big, sizeof big);
		CHECK_EQ(stream_packet(s, 0, &p), 0);
	}
	CHECK_EQ(told.n_holes, 0);
	/* One byte more, on a connection that has nothing else. */
	syn(s, 999, 0);
	p = segment(999, 1, big, 1);
	CHECK_EQ(stream_packet(s, 0, &p), 0);
	CHECK_EQ(told.n_holes, 1);
	CHECK_EQ(told.n, 1);
	stream_free(s);
}

static void a_hole_has_its_time(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);
	uint8_t byte = 1;
	struct packet p = segment(1000, 5, &byte, 1), ack = segment(1000, 0, NULL, 0);

	syn(s, 1000, 0);
	CHECK_EQ(stream_packet(s, 50, &p), 0);
	CHECK_EQ(stream_packet(s, 50 + STREAM_HOLE_NS, &ack), 0);
	CHECK_EQ(told.n_holes, 0);
	CHECK_EQ(stream_packet(s, 51 + STREAM_HOLE_NS, &ack), 0);
	CHECK_EQ(told.n_holes, 1);
	CHECK_EQ(told.hole, 5);
	stream_free(s);
}

static void a_far_segment_is_believed_late(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);
	uint8_t byte = 1;

	syn(s, 1000, 0);
	for (uint32_t i = 0; i < STREAM_FAR_MAX; i++) {
		struct packet p = segment(1000, 0x70000000 + i, &byte, 1);

		CHECK_EQ(told.n, 0);
		CHECK_EQ(stream_packet(s, 0, &p), 0);
	}
	CHECK_EQ(told.n, 1);
	CHECK_EQ(told.hole, 0x70000000 + STREAM_FAR_MAX - 1);
	stream_free(s);
}

static void the_oldest_connection_is_forgotten(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);

	for (uint32_t i = 0; i < STREAM_CONNECTIONS_MAX; i++)
		syn(s, (uint16_t)(1 + i), 0);
	CHECK_EQ(told.n_ended[STREAM_FORGOTTEN], 0);
	/* Used again, so that another one is the oldest. */
	syn(s, 1, 0);
	CHECK_EQ(told.n_opened, STREAM_CONNECTIONS_MAX);
	syn(s, 9999, 0);
	CHECK_EQ(told.n_ended[STREAM_FORGOTTEN], 1);
	syn(s, 1, 0);
	CHECK_EQ(told.n_opened, STREAM_CONNECTIONS_MAX + 1);
	syn(s, 2, 0);
	CHECK_EQ(told.n_opened, STREAM_CONNECTIONS_MAX + 2);
	stream_end(s);
	CHECK_EQ(told.n_ended[STREAM_OVER], STREAM_CONNECTIONS_MAX);
	stream_free(s);
}

static void a_guessed_reset_is_not_believed(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);
	struct packet p = segment(1000, 4, (const uint8_t *)"abc", 3), rst;

	syn(s, 1000, 4);
	CHECK_EQ(stream_packet(s, 0, &p), 0);
	rst = segment(1000, 6, NULL, 0);
	rst.rst = true;
	CHECK_EQ(stream_packet(s, 0, &rst), 0);
	CHECK_EQ(told.n_ended[STREAM_RESET], 0);
	rst.seq = 7;
	CHECK_EQ(stream_packet(s, 0, &rst), 0);
	CHECK_EQ(told.n_ended[STREAM_RESET], 1);
	stream_free(s);
}

/* ---- SCTP ---- */

static size_t put_chunk(uint8_t *p, uint32_t tsn, const char *data)
{
	size_t n = strlen(data);

	memset(p, 0, 16 + n + 3);
	dump_be16(p + 2, 16 + n);
	dump_be32(p + 4, tsn);
	memcpy(p + 16, data, n);
	return (16 + n + 3) & ~(size_t)3;
}

static struct packet chunks(uint8_t host, uint32_t tag, const uint8_t *p, size_t n)
{
	return (struct packet) {
		.kind = PACKET_SCTP, .tag = tag, .p = p, .n = n,
		.from = { 4, { 10, 0, host, 1 }, 5000 }, .to = { 4, { 10, 0, host, 2 }, 21064 },
	};
}

static void chunks_come_in_order_over_all_addresses(void)
{
	static struct told told;
	struct stream *s = open_stream(&told);
	uint8_t p[200];
	size_t n = put_chunk(p, UINT32_MAX, "ab");
	struct packet packet;

	n += put_chunk(p + n, 0, "c");
	packet = chunks(0, 77, p, n);
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	/* By another address of both; one number is left out at first. */
	packet = chunks(1, 77, p, put_chunk(p, 2, "efg"));
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	packet = chunks(0, 77, p, put_chunk(p, 1, "d"));
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	CHECK_EQ(told.n_opened, 1);
	CHECK_EQ(told.n_again, 1);
	CHECK_EQ(told.n, 7);
	CHECK_MEM(told.p, "abcdefg", 7);
	/* Another association between the same ends. */
	packet = chunks(0, 78, p, put_chunk(p, 1, "x"));
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	CHECK_EQ(told.n_opened, 2);
	CHECK_EQ(told.n_ended[STREAM_REPLACED], 1);
	packet = chunks(0, 78, p, put_chunk(p, 5, "x"));
	CHECK_EQ(stream_packet(s, 0, &packet), 0);
	stream_end(s);
	CHECK_EQ(told.n_chunk_holes, 1);
	CHECK_EQ(told.hole, 3);
	stream_free(s);
}

/* ---- frames, whatever the pieces ---- */

struct frames {
	uint64_t lengths[16];
	unsigned n, n_lost;
	uint64_t n_skipped;
};

static void on_frame(void *arg, const struct framer_frame *f)
{
	struct frames *t = arg;

	if (CHECK(t->n < 16))
		t->lengths[t->n++] = f->n == f->length ? f->length : 0;
}

static void on_lost(void *arg, const char *why, uint64_t offset)
{
	struct frames *t = arg;

	(void)why;
	(void)offset;
	t->n_lost++;
}

static void on_headless(void *arg, size_t n, uint64_t offset)
{
	(void)arg;
	(void)offset;
	CHECK_EQ(n, 0);
}

static void on_skipped(void *arg, uint64_t n, uint64_t offset)
{
	struct frames *t = arg;

	(void)offset;
	t->n_skipped += n;
}

static void check_pieces(const uint8_t *p, size_t n, size_t piece)
{
	struct frames t = { .n = 0 };
	struct framer_events events = { on_frame, on_lost, on_headless, on_skipped, &t };
	struct framer f;

	framer_init(&f, false);
	for (size_t off = 0; off < n; off += piece) {
		size_t len = n - off < piece ? n - off : piece;
		uint8_t *copy = malloc(len);

		CHECK_OR_RETURN(copy != NULL);
		memcpy(copy, p + off, len);
		CHECK_EQ(framer_bytes(&f, copy, len, &events), 0);
		free(copy);
	}
	framer_flush(&f, &events);
	framer_free(&f);
	CHECK_EQ(t.n, 4);
	CHECK_EQ(t.lengths[0], 57);
	CHECK_EQ(t.lengths[1], 16);
	CHECK_EQ(t.lengths[2], WIRE_FRAME_MAX);
	CHECK_EQ(t.lengths[3], 40);
	CHECK_EQ(t.n_lost, 1);
	CHECK_EQ(t.n_skipped, 30 + 25);
}

/* Joined in the middle of a frame, garbage between two others, the longest frame. */
static void pieces_of_any_size_give_the_same_frames(void)
{
	static uint8_t p[WIRE_FRAME_MAX + 1000];
	uint8_t whole[100];
	size_t n = 30;

	wire_put_msg(whole, 1, 0, 30);
	memset(whole + 40, 2, 30);
	memcpy(p, whole + 40, n);
	n += wire_put_msg(p + n, 1, 1, 17) + 17;
	n += wire_put_ack(p + n, 1, 0);
	memset(p + n, 0x5a, 25);
	n += 25;
	n += wire_put_msg(p + n, 1, 2, WIRE_FRAME_MAX - 40) + WIRE_FRAME_MAX - 40;
	n += wire_put_fin(p + n, 1, 3);
	for (size_t piece = 1; piece < 300; piece++)
		check_pieces(p, n, piece);
	check_pieces(p, n, n);
}

int main(void)
{
	RUN(any_order_gives_the_same_bytes);
	RUN(pieces_behind_a_hole_are_limited);
	RUN(bytes_behind_a_hole_are_limited);
	RUN(bytes_of_all_connections_are_limited);
	RUN(a_hole_has_its_time);
	RUN(a_far_segment_is_believed_late);
	RUN(the_oldest_connection_is_forgotten);
	RUN(a_guessed_reset_is_not_believed);
	RUN(chunks_come_in_order_over_all_addresses);
	RUN(pieces_of_any_size_give_the_same_frames);
	return check_done();
}
