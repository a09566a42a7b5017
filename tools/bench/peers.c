/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two sides of "sinew bench". One measures streams of several sizes, then round trips; the
 * other one counts what comes and sends back what is asked to come back, for any number of peers
 * at a time. Knows nothing of the command line and of how results are shown.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/say.h"

#define BATCH_BYTES (64u << 10) /* sent between two turns */
#define PATIENCE_MS 10000 /* without any progress */
#define TURN_MS	    100
#define PING_BYTES  64
#define WARM_ROUNDS 100

/* ---- heads ---- */

static struct bench_head head_of(enum bench_kind kind, uint32_t stream, uint64_t number)
{
	return (struct bench_head){
		htobe32(BENCH_MAGIC | (uint32_t)kind), htobe32(stream), htobe64(number),
	};
}

/* False: none of ours. */
static bool read_head(const struct sinew_message *msg, enum bench_kind *ret_kind,
		      uint32_t *ret_stream, uint64_t *ret_number)
{
	struct bench_head h;
	uint32_t kind;

	if (msg->len < sizeof(h))
		return false;
	memcpy(&h, msg->data, sizeof(h));
	kind = be32toh(h.kind) ^ BENCH_MAGIC;
	if (kind < BENCH_DATA || kind > BENCH_PONG)
		return false;
	*ret_kind = (enum bench_kind)kind;
	*ret_stream = be32toh(h.stream);
	*ret_number = be64toh(h.number);
	return true;
}

/* ---- the serving side ---- */

static void begin(struct bench_incoming *in, uint32_t stream, size_t len)
{
	*in = (struct bench_incoming){
		.stream = stream,
		.len = len,
		.first_ns = clock_now_ns(),
	};
}

/* The first message begins the time and does not count. */
static void note(struct bench_incoming *in, uint64_t number, size_t len)
{
	if (number != in->next || len != in->len)
		in->wrong++;
	in->next = number + 1;
	if (!number)
		return;
	in->messages++;
	in->bytes += len;
}

static void answer(struct bench *b, struct sinew_session *session, struct bench_incoming *in)
{
	struct bench_count c = {
		.h = head_of(BENCH_COUNT, in->stream, 0),
		.messages = htobe64(in->messages),
		.bytes = htobe64(in->bytes),
		.ns = htobe64(clock_now_ns() - in->first_ns),
		.wrong = htobe64(in->wrong),
	};

	if (sinew_send(session, &c, sizeof(c)))
		say(SINEW_WARNING, "cannot answer node %" PRIu32,
		    sinew_session_nodeid(session));
	if (!b->args.json && in->wrong)
		say(SINEW_ERROR, "%" PRIu64 " unexpected messages from node %" PRIu32,
		    in->wrong, sinew_session_nodeid(session));
}

void bench_serve(struct bench *b, struct sinew_session *session, const struct sinew_message *msg)
{
	struct bench_incoming *in = sinew_session_user(session);
	enum bench_kind kind;
	uint64_t number;
	uint32_t stream;

	if (!in || !read_head(msg, &kind, &stream, &number))
		return;
	switch (kind) {
	case BENCH_DATA:
	case BENCH_END:
		if (!number)
			begin(in, stream, msg->len);
		note(in, number, msg->len);
		if (kind == BENCH_END)
			answer(b, session, in);
		return;
	case BENCH_PING: {
		struct bench_head h = head_of(BENCH_PONG, stream, number);

		/* One is under way at a time: there is room. */
		sinew_sendv(session,
			    (struct iovec[]){
				    { &h, sizeof(h) },
				    { (uint8_t *)(uintptr_t)msg->data + sizeof(h),
				      msg->len - sizeof(h) },
			    },
			    2, NULL);
		return;
	}
	case BENCH_COUNT:
	case BENCH_PONG:
		return;
	}
}

/* ---- the measuring side: what comes ---- */

void bench_take(struct bench *b, const struct sinew_message *msg)
{
	enum bench_kind kind;
	uint64_t number;
	uint32_t stream;

	if (!read_head(msg, &kind, &stream, &number))
		return;
	if (kind == BENCH_COUNT && msg->len == sizeof(b->count)) {
		memcpy(&b->count, msg->data, sizeof(b->count));
		b->counted = stream;
	} else if (kind == BENCH_PONG) {
		if (number != b->pongs || msg->len != PING_BYTES)
			b->wrong_pongs++;
		b->pongs++;
	}
}

/* ---- waiting ---- */

static uint64_t acknowledged(const struct bench *b)
{
	struct sinew_status s = { .size = sizeof(s) };

	return b->session && !sinew_session_status(b->session, &s) ? s.acked : 0;
}

static void give_up(struct bench *b)
{
	say(SINEW_ERROR,
	    "node %" PRIu32 " is up but does not answer; does \"sinew bench --serve\" "
	    "run there?",
	    b->args.to);
	b->status = STATUS_NOT_UP;
}

/* Turns until done; false: it is over, or nothing moves any more. */
static bool wait_until(struct bench *b, bool (*done)(const struct bench *b, uint64_t what),
		       uint64_t what)
{
	uint64_t until = clock_now_ns() + PATIENCE_MS * CLOCK_MS, acked = 0, now;

	while (!done(b, what)) {
		if (!bench_turn(b, TURN_MS))
			return false;
		if (done(b, what))
			break;
		now = acknowledged(b);
		if (now != acked)
			until = clock_now_ns() + PATIENCE_MS * CLOCK_MS;
		acked = now;
		if (clock_now_ns() < until)
			continue;
		give_up(b);
		return false;
	}
	return true;
}

static bool is_counted(const struct bench *b, uint64_t stream)
{
	return b->counted == stream;
}

static bool has_come_back(const struct bench *b, uint64_t n)
{
	return b->pongs >= n;
}

static bool has_room(const struct bench *b, uint64_t what)
{
	(void)what;
	return b->is_writable;
}

/* Waits while there is no room. */
static bool send_message(struct bench *b, size_t len)
{
	int rc;

	while ((rc = sinew_send(b->session, b->message, len)) == -EAGAIN) {
		b->is_writable = false;
		if (!wait_until(b, has_room, 0))
			return false;
	}
	if (!rc)
		return true;
	say(SINEW_ERROR, "cannot send to node %" PRIu32 ": %s", b->args.to, sinew_error_name(rc));
	b->status = STATUS_UNDELIVERED;
	return false;
}

/* ---- streams ---- */

static bool send_numbered(struct bench *b, enum bench_kind kind, uint32_t stream, uint64_t number,
			  size_t len)
{
	*(struct bench_head *)(void *)b->message = head_of(kind, stream, number);
	return send_message(b, len);
}

static bool send_stream(struct bench *b, uint32_t stream, size_t len)
{
	uint64_t end = clock_now_ns() + b->args.seconds_ms * CLOCK_MS, number = 0;
	size_t batch = len < BATCH_BYTES ? BATCH_BYTES / len : 1, i;

	do {
		for (i = 0; i < batch; i++)
			if (!send_numbered(b, BENCH_DATA, stream, number++, len))
				return false;
		if (!bench_turn(b, 0))
			return false;
	} while (clock_now_ns() < end);
	return send_numbered(b, BENCH_END, stream, number, len);
}

static bool measure_stream(struct bench *b, uint32_t stream)
{
	struct bench_stream *s = &b->streams[stream - 1];
	double seconds;

	if (s->bytes > sinew_session_max_message(b->session)) {
		s->is_skipped = true;
		return true;
	}
	bench_progress(b, s->name);
	if (!send_stream(b, stream, s->bytes) || !wait_until(b, is_counted, stream))
		return false;
	seconds = (double)be64toh(b->count.ns) / CLOCK_S;
	s->wrong = be64toh(b->count.wrong);
	s->messages_s = seconds > 0 ? (double)be64toh(b->count.messages) / seconds : 0;
	s->bytes_s = seconds > 0 ? (double)be64toh(b->count.bytes) / seconds : 0;
	s->is_done = true;
	return true;
}

/* ---- round trips ---- */

static bool round_trip(struct bench *b)
{
	uint64_t number = b->pongs;

	return send_numbered(b, BENCH_PING, 0, number, PING_BYTES) &&
	       wait_until(b, has_come_back, number + 1);
}

static bool measure_round_trips(struct bench *b)
{
	uint64_t end, began, i;

	bench_progress(b, "round trips");
	for (i = 0; i < WARM_ROUNDS; i++)
		if (!round_trip(b))
			return false;
	end = clock_now_ns() + b->args.seconds_ms * CLOCK_MS;
	do {
		began = clock_now_ns();
		if (!round_trip(b))
			return false;
		histogram_add(&b->round_trip, clock_now_ns() - began);
	} while (clock_now_ns() < end);
	return true;
}

void bench_measure(struct bench *b)
{
	uint32_t i;

	for (i = 1; i <= BENCH_STREAMS; i++)
		if (!measure_stream(b, i))
			return;
	if (!measure_round_trips(b))
		return;
	for (i = 0; i < BENCH_STREAMS; i++)
		if (b->streams[i].wrong || b->wrong_pongs)
			b->status = STATUS_UNDELIVERED;
}
