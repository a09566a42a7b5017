/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The applications that are called: they accept at once, later or not, read requests fast or
 * slowly, call others for it, reply in pieces, abort, say nothing for long, and are slow to let go.
 * Knows calls as an application does.
 */
#include "calls.h"

#include <errno.h>

static struct rng *rng(void)
{
	return &sim.service;
}

static uint64_t soon(const struct dialog *d, uint64_t max_ns)
{
	if (dialog_hurries(d) && max_ns > 20 * MSEC)
		max_ns = 20 * MSEC;
	return sim.now_ns + rng_scale(rng(), 0, max_ns);
}

static void gone(struct handler *h)
{
	h->call = NULL;
	h->unconsumed = 0;
}

static void let_go(struct handler *h)
{
	struct call *call = h->call;
	struct exchange *e = exchange_of(h->id);

	TRACE("call %u is let go by its handler", h->id);
	cover(h->is_held ? COVER_C_HELD : COVER_C_UNANSWERED);
	/* Before the call: the frame that follows says so. */
	e->let_go = true;
	gone(h);
	call_let_go(call);
}

/* ---- the beginning ---- */

static void draw_plan(struct dialog *d, struct handler *h)
{
	static const uint8_t plans[] = {
		PLAN_REPLY, PLAN_REPLY, PLAN_REPLY, PLAN_REPLY, PLAN_NEST, PLAN_NEST, PLAN_NEST,
		PLAN_SILENT, PLAN_ABORT, PLAN_LET_GO, PLAN_REFUSE,
	};

	h->plan = plans[rng_below(rng(), sizeof plans)];
	/* As deep as it goes. */
	if (h->call->depth && !rng_one_in(rng(), 2 + 3u * h->call->depth))
		h->plan = PLAN_NEST;
	h->accept_ns = rng_one_in(rng(), 2) ? sim.now_ns : soon(d, 500 * MSEC);
	h->reply_ns = rng_one_in(rng(), 2) ? h->accept_ns : soon(d, SEC);
	if (h->plan == PLAN_SILENT)
		h->reply_ns = sim.now_ns + rng_scale(rng(), 0, 20 * SEC);
	h->wait_ns = USEC;
}

static void begun(struct dialog *d, struct handler *h, struct call *call)
{
	uint32_t gen = h->gen + 1;
	struct exchange *e;

	if (h->call) {
		sim_fail("n%u: slot %u has call %u, and another one", d->x->node, call->slot,
			 h->id);
		return;
	}
	if (upgrade_is_wanted(call) && call->service == CALL_SERVICE &&
	    sim.node[d->x->node].has_newer)
		upgrade_to(call, CALL_NEWER);
	exchange_shown(d->x, call);
	if (!sim.failed)
		cred_shown(d, call);
	if (sim.failed)
		return;
	*h = (struct handler) {
		.call = call, .gen = gen, .id = call->op, .due_ns = h->due_ns,
		.is_behind = call->behind,
	};
	if (call->slot >= d->n_handlers)
		d->n_handlers = call->slot + 1u;
	if (h->is_behind)
		cover(COVER_C_BEHIND);
	else
		exchange_follows(d->x, h->id);
	call->user = h;
	draw_plan(d, h);
	e = exchange_of(h->id);
	e->reply_off = (uint32_t)rng_below(rng(), 65536);
	e->reply_len = caller_length(d->c.cfg.theirs.window, d->c.cfg.theirs.piece);
	e->reply_total = CALL_TOTAL_UNKNOWN;
}

static enum call_reason draw_refusal(const struct call *call)
{
	static const uint8_t reasons[] = {
		CALL_END_BUSY, CALL_END_BUSY, CALL_END_NO_OP, CALL_END_CREDENTIAL, CALL_END_TOO_BIG,
	};

	if (cred_is_refused(exchange_of(call->op)))
		return CALL_END_CREDENTIAL;
	return call->service == 999 ? CALL_END_NO_SERVICE :
		(enum call_reason)reasons[rng_below(rng(), sizeof reasons)];
}

static void refuse(struct dialog *d, struct handler *h)
{
	struct exchange *e = exchange_of(h->id);
	int err;

	e->refused = (uint8_t)draw_refusal(h->call);
	e->retry_ms = e->refused == CALL_END_BUSY ? (uint32_t)rng_scale(rng(), 1, 5000) : 0;
	err = call_refuse(h->call, (enum call_reason)e->refused, e->retry_ms);
	if (err)
		sim_fail("n%u: call %u cannot be refused: %d", d->x->node, h->id, err);
	cover(COVER_C_REFUSED);
}

/* As the application has it, whatever becomes of the answer. */
static void accept_it(struct dialog *d, struct handler *h)
{
	int err = rng_one_in(rng(), 3) ? call_accept_now(h->call) : call_accept(h->call);

	if (err) {
		sim_fail("n%u: call %u cannot be accepted: %d", d->x->node, h->id, err);
		return;
	}
	h->is_accepted = true;
	exchange_accepted(h->id);
	if (call_refuse(h->call, CALL_END_BUSY, 0) != -EALREADY)
		sim_fail("n%u: call %u is refused after it was accepted", d->x->node, h->id);
}

/* ---- the middle ---- */

static bool consume(struct dialog *d, struct handler *h)
{
	size_t n = h->unconsumed;

	if (!n)
		return false;
	if (!rng_one_in(rng(), 3))
		n = rng_scale(rng(), 1, n);
	h->unconsumed -= (uint32_t)n;
	if (call_consumed(h->call, n))
		sim_fail("n%u: call %u: %zu bytes of the request cannot be consumed", d->x->node,
			 h->id, n);
	return true;
}

static struct dialog *other_dialog(struct dialog *d)
{
	struct node *n = &sim.node[d->x->node];
	struct sess *x = n->chan[rng_below(rng(), SIM_NODES)].sess;

	return x && x->calls && !x->down ? x->calls : d;
}

static bool nest(struct dialog *d, struct handler *h)
{
	unsigned slot = (unsigned)(h - d->handler);

	if (h->plan != PLAN_NEST || h->is_waiting)
		return false;
	h->plan = PLAN_REPLY;
	h->is_waiting = caller_nest(other_dialog(d), d, slot);
	return true;
}

static void begin_reply(struct handler *h)
{
	struct exchange *e = exchange_of(h->id);

	h->is_replying = true;
	if (rng_one_in(rng(), 2)) {
		e->reply_total = e->reply_len;
		call_set_total(h->call, e->reply_total);
	}
	if (rng_one_in(rng(), 3))
		call_want_final(h->call);
}

static bool reply(struct dialog *d, struct handler *h)
{
	struct exchange *e = exchange_of(h->id);
	uint32_t left = e->reply_len - e->answered, n;
	bool last;
	int err;

	if (e->answered_all)
		return false;
	if (call_unsent(h->call).n) {
		call_want_room(h->call);
		return false;
	}
	if (!h->is_replying)
		begin_reply(h);
	n = rng_one_in(rng(), 2) ? left : (uint32_t)rng_below(rng(), left + 1);
	last = n == left && (!n || !rng_one_in(rng(), 4)) && !h->call->endless;
	if (!n && !last)
		return false;
	if (!h->is_accepted)
		exchange_accepted(h->id);
	h->is_accepted = true;
	err = call_send(h->call, workload_pattern + e->reply_off + e->answered, n, last);
	if (err) {
		sim_fail("n%u: the reply to call %u gives %d", d->x->node, h->id, err);
		return false;
	}
	e->answered += n;
	e->answered_all = last;
	return true;
}

/* Not before the request is complete and consumed. */
static void reply_early(struct dialog *d, struct handler *h)
{
	int err = call_send(h->call, NULL, 0, true);

	cover(COVER_C_EARLY);
	if (err != -EBUSY)
		sim_fail("n%u: an early reply to call %u gives %d", d->x->node, h->id, err);
}

static bool answer(struct dialog *d, struct handler *h)
{
	struct exchange *e = exchange_of(h->id);

	if (sim.now_ns < h->reply_ns && !(h->plan == PLAN_SILENT && dialog_hurries(d)))
		return false;
	if (h->plan == PLAN_ABORT && !e->answered_all) {
		e->rejects = true;
		e->called_code = (uint32_t)rng_scale(rng(), 0, 100000);
		cover(COVER_C_REJECT);
		if (call_abort(h->call, e->called_code))
			sim_fail("n%u: call %u cannot be aborted", d->x->node, h->id);
		return true;
	}
	if (h->plan == PLAN_LET_GO && (e->answered_all || rng_one_in(rng(), 2))) {
		let_go(h);
		return true;
	}
	if (!e->request_complete || h->unconsumed) {
		/* An empty last piece may have come, and not been told. */
		if ((h->unconsumed || !h->call->rx.complete) && rng_one_in(rng(), 8))
			reply_early(d, h);
		return false;
	}
	if (nest(d, h) || h->is_waiting)
		return false;
	return reply(d, h);
}

static void wait_on(struct dialog *d, struct handler *h, bool moved)
{
	uint64_t at;

	h->wait_ns = moved ? USEC + rng_scale(rng(), 0, 20 * MSEC) : 2 * h->wait_ns;
	if (h->wait_ns > SEC)
		h->wait_ns = SEC;
	at = sim.now_ns + h->wait_ns;
	dialog_step_at(d, STEP_HANDLER, (unsigned)(h - d->handler), at);
}

/* The call waits for a word of this application. True: it has got none yet, or its last. */
static bool undecided(struct dialog *d, struct handler *h)
{
	if (h->is_accepted)
		return false;
	if (sim.now_ns < h->accept_ns && !dialog_hurries(d))
		return true;
	if (h->plan == PLAN_REFUSE || h->call->service == 999 ||
	    cred_is_refused(exchange_of(h->id))) {
		refuse(d, h);
		return true;
	}
	/* Some reply, abort or let go without a word before. */
	if (h->plan == PLAN_NEST || h->plan == PLAN_SILENT || !rng_one_in(rng(), 3))
		accept_it(d, h);
	return false;
}

void handler_step(struct dialog *d, unsigned slot)
{
	struct handler *h = &d->handler[slot];
	bool moved;

	h->due_ns = 0;
	if (!h->call)
		return;
	if (h->is_held) {
		if (sim.now_ns >= h->let_go_ns || dialog_hurries(d))
			let_go(h);
		else
			wait_on(d, h, false);
		return;
	}
	if (h->is_behind)
		return;
	/* Its END is on its way, or its last CREDIT. */
	if (exchange_of(h->id)->rejects || exchange_of(h->id)->refused ||
	    exchange_of(h->id)->is_distrusted)
		return;
	moved = consume(d, h);
	if (!undecided(d, h))
		moved |= answer(d, h);
	if (h->call && !sim.failed)
		wait_on(d, h, moved);
}

static void ended(struct dialog *d, struct handler *h, const struct calls_event *ev)
{
	exchange_called_ended(d->x, h->id, ev);
	h->unconsumed = 0;
	if (!ev->held) {
		gone(h);
		return;
	}
	h->is_held = true;
	h->let_go_ns = soon(d, 2 * SEC);
	if (call_accept(h->call) != -EALREADY || call_send(h->call, NULL, 0, true) != -ECONNABORTED)
		sim_fail("n%u: call %u goes on behind its end", d->x->node, h->id);
}

void handler_event(struct dialog *d, const struct calls_event *ev)
{
	struct handler *h = &d->handler[ev->call->slot];

	if (ev->what != CALLS_EV_NEW && (h->call != ev->call || ev->user != h || h->is_held)) {
		sim_fail("n%u: event %d of a call of n%u that is not there", d->x->node, ev->what,
			 d->x->peer);
		return;
	}
	switch (ev->what) {
	case CALLS_EV_NEW:
		cover(COVER_C_SHOWN);
		begun(d, h, ev->call);
		break;
	case CALLS_EV_SHOW:
		exchange_follows(d->x, h->id);
		if (!h->is_behind)
			sim_fail("n%u: call %u may be shown, but it was", d->x->node, h->id);
		h->is_behind = false;
		break;
	case CALLS_EV_DATA:
		exchange_request(h->id, ev, ev->call);
		h->unconsumed += (uint32_t)ev->data.n;
		break;
	case CALLS_EV_ROOM:
		cover(COVER_C_ROOM);
		break;
	case CALLS_EV_FINAL:
		cover(COVER_C_FINAL);
		if (!exchange_of(h->id)->reply_complete)
			sim_fail("n%u: FINAL of call %u, whose reply was not read", d->x->node,
				 h->id);
		break;
	case CALLS_EV_ENDED:
		ended(d, h, ev);
		break;
	case CALLS_EV_AGAIN:
	case CALLS_EV_ACCEPTED:
	case CALLS_EV_STATE:
	case CALLS_EV_SLOT:
	case CALLS_EV_FAULT:
	case CALLS_EV_CRED:
	case CALLS_EV_UNCRED:
		sim_fail("n%u: event %d of a call of the peer", d->x->node, ev->what);
		break;
	}
	if (!h->call || sim.failed)
		return;
	h->wait_ns = USEC;
	/* Inside of the event, or soon after it. */
	if (rng_one_in(rng(), 2) && !h->is_held)
		handler_step(d, ev->call->slot);
	else
		dialog_step_at(d, STEP_HANDLER, ev->call->slot, sim.now_ns);
}

void handler_end_all(struct dialog *d)
{
	for (unsigned i = 0; i < d->n_handlers; i++) {
		struct handler *h = &d->handler[i];

		if (!h->call)
			continue;
		if (!h->is_held)
			sim_fail("n%u: call %u of n%u has no end, its session has", d->x->node,
				 h->id, d->x->peer);
		else
			let_go(h);
	}
}
