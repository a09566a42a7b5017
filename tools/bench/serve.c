/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The serving side of "sinew bench": counts what comes, sends back what is asked to come back.
 * Any number of peers may measure at a time. Knows nothing of how long they do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/say.h"

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
	struct bench_count c;

	in->last_ns = clock_now_ns();
	bench_put(&c.h, BENCH_COUNT, in->stream, 0);
	bench_put64(c.messages, in->messages);
	bench_put64(c.bytes, in->bytes);
	bench_put64(c.ns, in->last_ns - in->first_ns);
	bench_put64(c.wrong, in->wrong);
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

	if (!in || !bench_get(msg->data, msg->len, &kind, &stream, &number))
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
		struct bench_head h;

		/* One is under way at a time: there is room. */
		bench_put(&h, BENCH_PONG, stream, number);
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
