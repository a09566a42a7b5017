/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls_twin.h"

#include "services/calls_plain.h"

#include <string.h>

#define END 1000u	/* a position behind all others */

bool twins_on;
unsigned long twins_made[TWINS];

static struct world before, plain;

static void save(void)
{
	memcpy(&before, &world, sizeof world);
}

static void restore(void)
{
	memcpy(&world, &before, sizeof world);
}

/* The fields that each BEGIN fills in. */
static void forget_begin(struct call *call)
{
	call->tx.total = call->tx.limit = 0;
	call->rx.total = call->rx.limit = 0;
	call->rx.window = 0;
	call->rx.opened = call->endless = false;
	call->begun_ns = call->timer_ns = call->deadline_ns = 0;
	call->gen = call->op = 0;
	call->flags = call->depth = 0;
	call->binding = call->service = call->cred = call->extra = 0;
}

/* Nobody asks how plain a call was, for the reply of one that is over, for the begin of one of the
 * peer's that is free, and for an own one that is its user's again: these may differ. */
static void forget(struct call *call)
{
	call->plain = PLAIN_NOT;
	if (call->state == CALL_FREE && call->incoming) {
		forget_begin(call);
	} else if (call->state == CALL_FREE) {
		memset(call, 0, sizeof *call);
	} else if (!call->incoming && call->reason == CALLS_REPLIED &&
		   call->slot == CALL_SLOT_NONE) {
		call->rx = (struct call_rx){ 0 };
		call->accepted = false;
	}
}

static void forget_some(void)
{
	for (unsigned i = 0; i < WORLD_CALLS; i++)
		forget(&world.calls[i]);
	for (unsigned e = 0; e < 2; e++)
		for (unsigned i = 0; i < world.ends[e].c.cfg.ours.slots; i++)
			forget(&world.ends[e].c.in_calls[i]);
}

/* Behind the fast path: from the same state again. */
static void go_back(void)
{
	forget_some();
	memcpy(&plain, &world, sizeof world);
	restore();
}

/* Behind the slow path. */
static void compare(enum twin which, const char *what)
{
	forget_some();
	must(!memcmp(&plain, &world, sizeof world), what);
	twins_made[which]++;
}

static bool is_frame(const struct calls_out *out, const uint8_t *head, size_t n_head, size_t n)
{
	return out->n_head == n_head && !memcmp(out->head, head, n_head) && out->data.n == n;
}

/* Traces of a plain call that was there before. */
static void leave_traces(struct call *call)
{
	call->user = call;
	call->op = 77;
	call->tx.total = 7;
	call->tx.consumed = 3;
	call->tx.want_room = true;
	call->plain = PLAIN_ANSWERED;
	call->gen = 99;
	call->slot = CALL_SLOT_NONE;
	call->begin_end = call->last_end = 5;
	call->deadline_ns = 5;
}

void twin_begin(struct calls *c, struct call *call, const struct calls_begin *b)
{
	bool wishes = b->nowait || b->settle || b->retry || b->want_accept || b->endless ||
		b->upgrade || b->after || b->depth || !b->last;
	bool fits = b->total == CALL_TOTAL_UNKNOWN || b->total == b->data.n;
	struct call_slot *s;
	struct calls_out out;
	uint8_t head[CALL_BEGIN_HEAD];

	if (!twins_on || wishes || !fits)
		return;
	s = plain_slot(c, &c->out_bindings[b->binding], b->data.n);
	if (!s || c->finishing)
		return;
	save();
	own_prepare(c, call);
	leave_traces(call);
	call_put_begin(head, plain_begin_word(s), b->total, b->op,
		       calls_left_ms(c, b->deadline_ns), b->binding);
	plain_begun(c, call, &(struct plain_begin) {
		.slot = s, .b = &c->out_bindings[b->binding], .binding = b->binding, .op = b->op,
		.total = b->total, .n = b->data.n, .deadline_ns = b->deadline_ns, .user = b->user,
	}, END);
	go_back();
	must(!call_begin(c, call, b), "a plain call that cannot begin");
	must(calls_frame_out(c, &out) && is_frame(&out, head, sizeof head, b->data.n),
	     "a plain BEGIN has other bytes");
	calls_frame_put(c, &out, END);
	compare(TWIN_BEGIN, "a plain begin leads elsewhere");
	restore();
}

static void twin_answer(struct calls *c, const uint8_t *body, size_t len)
{
	struct calls_event ev;
	struct span data;
	struct call_slot *s = plain_answered(c, body, len, &data);
	struct call *call;

	if (!s)
		return;
	save();
	call = s->call;
	plain_answer(c, s);
	go_back();
	calls_frame(c, body, len);
	must(calls_event(c, &ev) && ev.what == CALLS_EV_DATA && ev.call == call && ev.last &&
	     ev.data.p == data.p && ev.data.n == data.n, "a plain reply has other data");
	must(!call_consumed(call, data.n), "a plain reply is not consumed");
	must(calls_event(c, &ev) && ev.what == CALLS_EV_ENDED && ev.reason == CALLS_REPLIED &&
	     ev.outcome == CALLS_DONE && !ev.code, "a plain reply is not the end");
	compare(TWIN_ANSWER, "a plain reply leads elsewhere");
	restore();
}

void twin_frame(struct calls *c, const uint8_t *body, size_t len)
{
	if (!twins_on || calls_event_waits(c))
		return;
	twin_answer(c, body, len);
	save();
	if (!plain_begin_came(c, body, len))
		return;
	go_back();
	calls_frame(c, body, len);
	compare(TWIN_CAME, "a plain BEGIN leads elsewhere");
	restore();
}

/* plain_begin_came() has taken no call of this world for good, but would have this one. */
static bool came_plainly(const struct call *call)
{
	return call->rx.complete && !call->rx.told && !call->flags && !call->cred &&
		!call->behind && !call->after.gen;
}

void twin_new(struct calls *c)
{
	struct call *call = list_first(&c->events, struct call, event);
	struct calls_event ev;
	struct span data;

	if (!twins_on || list_empty(&c->events) || call->pending != (P_NEW | P_DATA) ||
	    call->rx.n_fresh != 1 || !came_plainly(call))
		return;
	save();
	call->plain = PLAIN_CAME;
	must(plain_new(c) == call, "a plain call does not come next");
	data = plain_accept(c, call, c);
	plain_stays(call);
	go_back();
	must(calls_event(c, &ev) && ev.what == CALLS_EV_NEW && ev.call == call,
	     "a plain call is not new");
	call->user = c;
	must(!call_accept(call), "a plain call is not accepted");
	must(calls_event(c, &ev) && ev.what == CALLS_EV_DATA && ev.last && ev.data.p == data.p &&
	     ev.data.n == data.n, "a plain request has other data");
	must(!call_consumed(call, data.n), "a plain request is not consumed");
	compare(TWIN_NEW, "a plain request leads elsewhere");
	restore();
}

/* The application lets go behind it. */
static void twin_drop(struct call *call)
{
	static struct world replied;

	memcpy(&replied, &world, sizeof world);
	must(plain_may_drop(call), "a plain call is not dropped");
	if (came_plainly(call))
		call->plain = PLAIN_CAME;
	plain_drop(call);
	forget_some();
	memcpy(&plain, &world, sizeof world);
	memcpy(&world, &replied, sizeof world);
	call_let_go(call);
	compare(TWIN_LET_GO, "a plain drop leads elsewhere");
}

/* Replies and lets go before anybody is told of the end. */
static void twin_kept(struct call *call, const uint8_t *p, size_t n)
{
	struct calls *c = call->calls;
	struct calls_out out;

	save();
	call->plain = PLAIN_ACCEPTED;
	plain_replied(call, n, END);
	plain_keep_end(call);
	plain_drop_kept(call);
	go_back();
	must(!call_send(call, p, n, true) && calls_frame_out(c, &out), "a reply is not taken");
	calls_frame_put(c, &out, END);
	call_let_go(call);
	compare(TWIN_LET_GO, "a plain reply that is let go leads elsewhere");
	restore();
}

void twin_reply(struct call *call, const uint8_t *p, size_t n)
{
	struct calls *c = call->calls;
	struct calls_out out;
	uint8_t head[CALL_REPLY_HEAD];

	if (!twins_on || !plain_may_reply(call, n))
		return;
	save();
	plain_put_reply(call, head);
	plain_replied(call, n, END);
	plain_tell_end(call);
	go_back();
	must(!call_send(call, p, n, true), "a plain reply is not taken");
	must(calls_frame_out(c, &out) && is_frame(&out, head, sizeof head, n),
	     "a plain REPLY has other bytes");
	calls_frame_put(c, &out, END);
	compare(TWIN_REPLY, "a plain REPLY leads elsewhere");
	twin_drop(call);
	restore();
	if (came_plainly(call))
		twin_kept(call, p, n);
}

void twin_let_go(struct call *call)
{
	if (!twins_on || call->state != CALL_OVER || call->reason != CALLS_REPLIED ||
	    call->slot != CALL_SLOT_NONE || call->pending || call->rx.told)
		return;
	save();
	call->plain = PLAIN_ANSWERED;
	must(plain_let_go(call), "a plain call is not let go");
	go_back();
	call_let_go(call);
	compare(TWIN_LET_GO, "a plain end leads elsewhere");
	restore();
}
