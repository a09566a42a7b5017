/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The measuring side of "sinew bench": streams of several sizes, then round trips.
 * Knows nothing of the command line and of how results are shown.
 */
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

/* ---- what comes ---- */

void bench_take(struct bench *b, const struct sinew_message *msg)
{
	enum bench_kind kind;
	uint64_t number;
	uint32_t stream;

	if (!bench_get(msg->data, msg->len, &kind, &stream, &number))
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
	bench_put((struct bench_head *)(void *)b->message, kind, stream, number);
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
	seconds = (double)bench_get64(b->count.ns) / CLOCK_S;
	s->wrong = bench_get64(b->count.wrong);
	s->messages_s = seconds > 0 ? (double)bench_get64(b->count.messages) / seconds : 0;
	s->bytes_s = seconds > 0 ? (double)bench_get64(b->count.bytes) / seconds : 0;
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
