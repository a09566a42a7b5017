/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the core of calls with a hostile peer. The input is all that the peer sends, as
 * bytes or as frames with fields in range, and the doings of the application here in between. The
 * invariants always hold (services/calls_check.h), each call of ours ends once, and at the end of
 * the session nothing is left.
 */
#define FUZZ_NAME "calls"
/* fuzz.sh: max_len=1000 */
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_event.h"
#include "services/calls_rx.h"
#include "services/calls_slots.h"
#include "services/calls_tx.h"
#include "services/calls_window.h"

#include "tests/fuzz/input.h"

#define SLOTS 3
#define OWN 6
#define CREDS 2
#define WINDOW 64
#define FRAME_MAX 200

static struct calls calls;
static struct call own[OWN];
static bool in_use[OWN], ended[OWN];
static struct call *held[SLOTS];	/* calls of the peer that are shown */
static uint8_t *read_last;		/* the bytes of the last frames, until events are taken */
static uint64_t position;
static const uint8_t sent[256];

static void own_event(const struct calls_event *ev)
{
	unsigned i = (unsigned)(ev->call - own);

	MUST(i < OWN && in_use[i] && !ended[i]);
	if (ev->what == CALLS_EV_ENDED)
		ended[i] = true;
}

static void peers_event(const struct calls_event *ev)
{
	unsigned i = (unsigned)(ev->call - calls.in_calls);

	MUST(i < SLOTS && (ev->what == CALLS_EV_NEW) == !held[i]);
	held[i] = ev->call;
	if (ev->what == CALLS_EV_ENDED && !ev->held)
		held[i] = NULL;
}

static void take_events(void)
{
	struct calls_event ev;
	unsigned sum = 0;

	while (calls_event(&calls, &ev)) {
		for (size_t i = 0; ev.what == CALLS_EV_DATA && i < ev.data.n; i++)
			sum += ev.data.p[i];
		if (ev.call && ev.call->incoming)
			peers_event(&ev);
		else if (ev.call)
			own_event(&ev);
	}
	MUST(sum < UINT32_MAX);
}

/* New calls are shown before the bytes of the frame go. */
static void frame(const uint8_t *p, size_t n)
{
	read_last = input_copy(p, n);
	calls_frame(&calls, read_last, n);
	take_events();
	calls_batch_end(&calls);
	take_events();
	free(read_last);
}

/* Fields in range, so that most of them pass the first checks. */
static void plausible(struct input *in)
{
	struct call_frame f = {
		.kind = (uint8_t)(1 + input_below(in, CALL_SLOTS)),
		.flags = input_u8(in) & CALL_FLAGS,
		.slot = (uint16_t)input_below(in, SLOTS + 1), .gen = input_below(in, 8),
		.total = input_below(in, 2) ? input_below(in, 100) : CALL_TOTAL_UNKNOWN,
		.deadline_ms = input_below(in, 2) ? input_u8(in) : CALL_DEADLINE_NONE,
		.binding = (uint16_t)input_below(in, 3), .depth = (uint8_t)input_below(in, 3),
		.service = input_u8(in), .reason = (uint8_t)input_below(in, 12),
		.seen = (uint8_t)input_below(in, 4), .target = (uint16_t)input_below(in, SLOTS + 2),
		.consumed = input_u8(in), .window = input_u8(in),
	};
	uint8_t body[FRAME_MAX] = { 0 };
	size_t n;

	if (f.kind == CALL_REPLY || f.kind == CALL_ACCEPT || f.kind == CALL_END)
		f.flags |= CALL_CALLEE;
	if (f.kind == CALL_BEGIN || f.kind == CALL_ABORT)
		f.flags &= (uint8_t)~CALL_CALLEE;
	/* Most often the next call, or the present one. */
	if (f.gen > 2 && f.slot < SLOTS)
		f.gen = (f.flags & CALL_CALLEE ? calls.out : calls.in)[f.slot].gen +
			(f.kind == CALL_BEGIN);
	if (f.kind == CALL_CRED || f.kind == CALL_UNCRED || f.kind == CALL_BIND)
		f.cred = (uint16_t)input_below(in, CREDS + 2);
	if (f.kind == CALL_CRED) {
		f.extra = (uint16_t)input_below(in, 42);
		f.n_data = input_below(in, 10);
	}
	n = call_put(body, &f);
	frame(body, n + input_below(in, WINDOW + 2));
}

static void raw(struct input *in)
{
	const uint8_t *p;
	size_t n = input_bytes(in, &p, input_below(in, FRAME_MAX));

	frame(p, n);
}

static void begin(struct input *in)
{
	unsigned i = input_below(in, OWN);
	struct calls_begin b = {
		.binding = input_below(in, 4) == 0,
		.depth = (uint8_t)input_below(in, 3), .nowait = input_below(in, 2),
		.settle = input_below(in, 2), .endless = input_below(in, 2),
		.total = CALL_TOTAL_UNKNOWN, .last = input_below(in, 2),
		.data = { sent, input_u8(in) },
		.deadline_ns = CALLS_NEVER,
	};

	if (input_below(in, 2))
		b.deadline_ns = calls.now_ns + input_u8(in) * UINT64_C(1000000);
	if (!in_use[i] && call_begin(&calls, &own[i], &b) == 0)
		in_use[i] = true;
}

static void ours(struct input *in)
{
	unsigned i = input_below(in, OWN), what = input_below(in, 5);

	if (!in_use[i])
		return;
	if (what == 0)
		call_abort(&own[i], input_u8(in));
	if (what == 1)
		call_consumed(&own[i], input_u8(in));
	if (what == 2)
		call_send(&own[i], sent, input_u8(in), input_below(in, 2));
	if (what == 3)
		call_want_room(&own[i]);
	if (what != 4)
		return;
	call_let_go(&own[i]);
	in_use[i] = ended[i] = false;
}

static void peers(struct input *in)
{
	unsigned i = input_below(in, SLOTS), what = input_below(in, 8);
	struct call *call = held[i];

	if (!call)
		return;
	if (what == 0)
		call_accept(call);
	if (what == 1)
		call_refuse(call, CALL_END_BUSY, 1);
	if (what == 2)
		call_abort(call, 7);
	if (what == 3)
		call_consumed(call, input_u8(in));
	if (what == 4)
		call_send(call, sent, input_u8(in), input_below(in, 2));
	if (what == 5 && !call->tx.last)
		call_want_final(call);
	if (what == 6)
		call_accept_now(call);
	if (what != 7)
		return;
	call_let_go(call);
	held[i] = NULL;
}

static void put(struct input *in)
{
	unsigned n = input_below(in, 8);
	struct calls_out out;

	while (n-- && calls_frame_out(&calls, &out)) {
		MUST(out.n_head <= CALL_HEAD_MAX && out.data.n <= calls.cfg.theirs.piece);
		position += out.n_head + out.data.n;
		calls_frame_put(&calls, &out, position);
		take_events();
	}
}

static void session(struct input *in)
{
	unsigned what = input_below(in, 12);

	if (what < 6) {
		calls_now(&calls, calls.now_ns + input_u8(in) * UINT64_C(1000000));
		calls_tick(&calls);
	}
	if (what == 6)
		calls_finish(&calls);
	if (what == 7 && calls_fin_may_go(&calls))
		calls_fin_gone(&calls);
	if (what == 8)
		calls_peer_fin(&calls);
	if (what == 9)
		calls_set_target(&calls, (uint16_t)(1 + input_below(in, SLOTS)));
	if (what == 10)
		calls_stop(&calls);
}

static void act(struct input *in)
{
	switch (input_below(in, 8)) {
	case 0:
		raw(in);
		break;
	case 1:
	case 2:
	case 3:
		plausible(in);
		break;
	case 4:
		begin(in);
		break;
	case 5:
		ours(in);
		break;
	case 6:
		peers(in);
		break;
	default:
		put(in);
		session(in);
		break;
	}
	take_events();
}

static void over(struct input *in)
{
	calls_down(&calls, input_u16(in));
	take_events();
	for (unsigned i = 0; i < OWN; i++) {
		MUST(ended[i] == in_use[i]);
		if (in_use[i])
			call_let_go(&own[i]);
		in_use[i] = ended[i] = false;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		if (held[i])
			call_let_go(held[i]);
		held[i] = NULL;
	}
	MUST(calls_empty(&calls) && !calls.n_taken && !calls.n_awaited);
	MUST(calls.grow_bytes == calls.cfg.grow_bytes && !calls_event_waits(&calls));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct service_grant grant = { .slots = SLOTS, .window = WINDOW, .piece = 40 };
	struct calls_config cfg = {
		.ours = grant, .theirs = grant, .window_max = 200, .grow_bytes = 300,
		.max_queued = 2, .n_bindings = 2, .n_creds = CREDS, .cred_max = CALL_CRED_MAX,
		.depth_max = 1,
	};
	struct input in = { p, n };
	void *mem = malloc(calls_memory(&cfg));
	struct calls_cred as = { .id = 1, .bytes = { sent, 9 }, .extra = 3 };
	uint16_t binding;

	MUST(mem);
	calls_init(&calls, &cfg, mem, 1);
	position = 0;
	MUST(calls_bind(&calls, 100, NULL, &binding) == 0 && binding == 0);
	MUST(calls_bind(&calls, 101, &as, &binding) == 0 && binding == 1);
	while (in.left)
		act(&in);
	over(&in);
	free(mem);
	return 0;
}

#include "tests/fuzz/replay.h"
