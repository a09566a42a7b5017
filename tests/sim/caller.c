/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The applications that begin calls: with requests of all lengths, in pieces, with and without a
 * deadline; they read replies fast or slowly, abort, or lose interest. Knows calls as an
 * application does.
 */
#include "calls.h"

#include <errno.h>
#include <string.h>

static const uint16_t services[] = { CALL_SERVICE, CALL_SERVICE, 101, 7, 999 };

#define N_SERVICES	(sizeof services / sizeof services[0])

static struct rng *rng(void)
{
	return &sim.service;
}

uint32_t caller_length(uint32_t window, uint32_t piece)
{
	uint32_t n = 0;

	switch (rng_below(rng(), 6)) {
	case 0:
		break;
	case 1:
		n = (uint32_t)rng_below(rng(), 2 * piece);
		break;
	case 2:
		n = window - 1 + (uint32_t)rng_below(rng(), 3);
		break;
	case 3:
		n = (uint32_t)rng_scale(rng(), 0, 3 * window);
		break;
	default:
		n = (uint32_t)rng_scale(rng(), 0, 300);
	}
	return n < 3 * window ? n : 3 * window;
}

static struct caller *unused(struct dialog *d)
{
	for (unsigned i = 0; i < CALL_OWN_MAX; i++)
		if (!d->caller[i].used)
			return &d->caller[i];
	return NULL;
}

static unsigned index_of(const struct dialog *d, const struct caller *o)
{
	return (unsigned)(o - d->caller);
}

/* The next bytes to be offered, perhaps the last. */
static struct span next(struct exchange *e, bool *ret_last)
{
	uint32_t left = e->request_len - e->asked;
	uint32_t n = rng_one_in(rng(), 2) ? left : (uint32_t)rng_below(rng(), left + 1);

	*ret_last = n == left && (!n || !rng_one_in(rng(), 4));
	return (struct span) { workload_pattern + e->request_off + e->asked, n };
}

static void offered(struct exchange *e, size_t n, bool last)
{
	e->asked += (uint32_t)n;
	e->asked_all = last;
}

/* ---- the beginning ---- */

static uint64_t draw_deadline(void)
{
	if (rng_one_in(rng(), 3))
		return CALLS_NEVER;
	return sim.now_ns + rng_scale(rng(), 0, 10 * SEC);
}

static void fill(const struct dialog *d, struct exchange *e, struct calls_begin *b)
{
	const struct calls_config *cfg = &d->c.cfg;

	e->request_len = caller_length(cfg->theirs.window, cfg->theirs.piece);
	e->request_off = (uint32_t)rng_below(rng(), 65536);
	e->request_total = rng_one_in(rng(), 2) ? e->request_len : CALL_TOTAL_UNKNOWN;
	e->deadline_ns = draw_deadline();
	b->nowait = rng_one_in(rng(), 4);
	b->settle = rng_one_in(rng(), 3);
	b->want_accept = rng_one_in(rng(), 4);
	b->upgrade = e->service == CALL_SERVICE && rng_one_in(rng(), 4);
	b->total = e->request_total;
	b->data = next(e, &b->last);
}

static int begin(struct dialog *d, struct caller *o, struct exchange *e, struct calls_begin *b)
{
	unsigned who = d->c.cfg.n_creds && rng_one_in(rng(), 2) ?
		(unsigned)rng_below(rng(), 6) : 0;
	uint16_t binding = d->kept;
	struct calls_cred as;
	int r = 0;

	if (cred_draw(d, who, &as))
		e->who = (uint8_t)who;
	if (e->service != CALL_SERVICE || binding == UINT16_MAX || e->who)
		r = calls_bind(&d->c, e->service, e->who ? &as : NULL, &binding);
	else
		e->service = CALL_SERVICE;
	if (r) {
		if (r != -ENOSPC && r != -EPROTO)
			sim_fail("n%u: a binding to n%u gives %d", d->x->node, d->x->peer, r);
		cover(COVER_C_NO_BINDING);
		return r;
	}
	b->binding = binding;
	r = call_begin(&d->c, &o->call, b);
	/* As an application does: another one has asked. */
	if (r == -EALREADY) {
		cover(COVER_C_ASKED);
		b->upgrade = false;
		r = call_begin(&d->c, &o->call, b);
	}
	if (binding != d->kept)
		calls_unbind(&d->c, binding);
	return r;
}

static void judge_refusal(struct dialog *d, const struct calls_begin *b, int r)
{
	bool ok = r == -EAGAIN ? b->nowait || d->c.cfg.max_queued < CALL_OWN_MAX :
		r == -ESHUTDOWN ? d->is_finishing || d->c.peer_fin :
		r == -ELOOP ? b->depth > d->c.cfg.depth_max : r == -ENOSPC || r == -EPROTO;

	if (!ok)
		sim_fail("n%u: begin of a call to n%u gives %d", d->x->node, d->x->peer, r);
	if (r == -EAGAIN)
		cover(COVER_C_AGAIN);
	if (r == -ELOOP)
		cover(COVER_C_LOOP);
}

/* The application loses interest at times. */
static void draw_quit(struct caller *o, bool endless)
{
	o->quit_ns = CALLS_NEVER;
	o->quits_by_abort = !rng_one_in(rng(), 3);
	if (endless || rng_one_in(rng(), 4))
		o->quit_ns = sim.now_ns + rng_scale(rng(), 0, endless ? 5 * SEC : 200 * MSEC);
}

/* One of the peer's calls that are at work here, which this one comes after; 0: none. Those that
 * others wait for wait for nothing. */
static uint32_t draw_after(const struct dialog *d, struct call_ref *ret)
{
	const struct handler *h = &d->handler[rng_below(rng(), CALL_SLOTS_MAX)];

	for (unsigned i = 0; !h->call && i < CALL_SLOTS_MAX; i++)
		h = &d->handler[i];
	if (!h->call || !rng_one_in(rng(), 3))
		return 0;
	*ret = (struct call_ref) { .gen = h->call->gen, .slot = h->call->slot };
	return h->id;
}

static struct caller *start(struct dialog *d, unsigned depth, uint64_t deadline_ns, int *ret_err)
{
	struct caller *o = unused(d);
	struct calls_begin b = { .depth = (uint8_t)depth };
	struct call_ref after;
	struct exchange *e;
	uint32_t id, gen;

	*ret_err = -EAGAIN;
	id = o ? exchange_new(d->x) : 0;
	if (!id)
		return NULL;
	gen = o->gen + 1;
	*o = (struct caller) { .gen = gen, .id = id };
	e = exchange_of(id);
	/* Those for other calls are served, and go as deep as they may. */
	e->service = services[rng_below(rng(), depth ? N_SERVICES - 1 : N_SERVICES)];
	fill(d, e, &b);
	b.nowait &= !depth;
	b.endless = !depth && rng_one_in(rng(), 12);
	e->after = depth ? 0 : draw_after(d, &after);
	b.after = e->after ? &after : NULL;
	b.upgrade &= !e->after;
	if (e->deadline_ns > deadline_ns)
		e->deadline_ns = deadline_ns;
	b.deadline_ns = e->deadline_ns;
	b.op = id;
	b.user = o;
	*ret_err = begin(d, o, e, &b);
	if (*ret_err) {
		sim.n_exchanges--;	/* it never was */
		judge_refusal(d, &b, *ret_err);
		return NULL;
	}
	cover(b.endless ? COVER_C_ENDLESS : COVER_C_BEGUN);
	TRACE("n%u begins call %u to n%u, service %u depth %u, %u bytes%s%s", d->x->node, id,
	      d->x->peer, e->service, depth, e->request_len, b.endless ? ", endless" : "",
	      b.upgrade ? ", upgrade" : "");
	e->own = &o->call;
	e->is_probe = b.upgrade;
	offered(e, b.data.n, b.last);
	o->used = true;
	if (index_of(d, o) >= d->n_callers)
		d->n_callers = index_of(d, o) + 1;
	draw_quit(o, b.endless);
	o->wait_ns = USEC;
	dialog_step_at(d, STEP_CALLER, index_of(d, o), sim.now_ns);
	return o;
}

/* Also after a slot has come free. */
void caller_turn(struct node *n, unsigned j, bool again)
{
	struct chan *c = &n->chan[j];
	struct sess *x = c->sess;
	int err;

	if (!c->calls_left || (sim.phase >= PHASE_CLOSE && (n->closing || !n->running)))
		return;
	/* As messages: nobody to call any more. */
	if ((x && x->up && !x->calls) ||
	    (sim.phase == PHASE_HEAL && sim.now_ns - sim.phase_ns > 20 * SEC && !x)) {
		c->calls_left = 0;
		return;
	}
	if (n->running && !n->closing && x && x->calls) {
		calls_now(&x->calls->c, sim.now_ns);
		if (start(x->calls, 0, CALLS_NEVER, &err))
			c->calls_left--;
		else if (err == -ESHUTDOWN || err == -EPROTO)
			c->calls_left = 0;
		dialog_pump(x->calls);
	}
	if (!again)
		sim_at(sim.now_ns + rng_scale(rng(), MSEC, c->calls_period_ns), EV_CALLS, n->idx,
		       j, 0);
}

bool caller_nest(struct dialog *to, struct dialog *from, unsigned slot)
{
	const struct handler *h = &from->handler[slot];
	struct caller *o;
	int err;

	calls_now(&to->c, sim.now_ns);
	o = start(to, h->call->depth + 1u, h->call->deadline_ns, &err);
	if (!o)
		return false;
	cover(COVER_C_NESTED);
	o->is_nested = true;
	o->for_sess = from->x->idx;
	o->for_sess_gen = from->x->gen;
	o->for_slot = (uint16_t)slot;
	o->for_gen = h->gen;
	if (to != from)
		dialog_pump(to);
	return true;
}

/* ---- the middle ---- */

static void nested_over(struct caller *o)
{
	struct sess *x = &sim.sess[o->for_sess];
	struct handler *h;

	if (!o->is_nested || !x->used || x->gen != o->for_sess_gen || !x->calls)
		return;
	h = &x->calls->handler[o->for_slot];
	if (!h->call || h->gen != o->for_gen)
		return;
	h->is_waiting = false;
	dialog_step_at(x->calls, STEP_HANDLER, o->for_slot, sim.now_ns);
}

static void let_go(struct caller *o)
{
	struct exchange *e = exchange_of(o->id);

	TRACE("call %u is let go by its caller", o->id);
	cover(o->is_over ? COVER_C_LET_GO : COVER_C_GIVEN_UP);
	e->given_up = true;
	e->own = NULL;
	call_let_go(&o->call);
	if (!o->is_over)
		nested_over(o);
	o->used = false;
	o->unconsumed = 0;
}

void caller_event(struct dialog *d, const struct calls_event *ev)
{
	struct caller *o = ev->user;

	if (!o->used || &o->call != ev->call || o->is_over) {
		sim_fail("n%u: event %d of call %u to n%u behind its end", d->x->node, ev->what,
			 o->id, d->x->peer);
		return;
	}
	exchange_upgrade(d, o->id);
	switch (ev->what) {
	case CALLS_EV_ACCEPTED:
		cover(COVER_C_ACCEPTED);
		if (!exchange_of(o->id)->accepted)
			sim_fail("n%u: call %u is accepted by nobody", d->x->node, o->id);
		break;
	case CALLS_EV_DATA:
		exchange_reply(o->id, ev, &o->call);
		o->unconsumed += (uint32_t)ev->data.n;
		break;
	case CALLS_EV_ROOM:
		cover(COVER_C_ROOM);
		break;
	case CALLS_EV_ENDED:
		exchange_caller_ended(d->x, o->id, ev);
		o->is_over = true;
		if (ev->reason != CALLS_REPLIED)
			o->unconsumed = 0;
		nested_over(o);
		break;
	case CALLS_EV_STATE:
		cover(COVER_C_STATE);
		exchange_report(o->id, &d->c.report);
		if (!o->is_asked)
			sim_fail("n%u: a state of call %u, which nobody asked for", d->x->node,
				 o->id);
		o->is_asked = false;
		break;
	case CALLS_EV_NEW:
	case CALLS_EV_SHOW:
	case CALLS_EV_AGAIN:
	case CALLS_EV_FINAL:
	case CALLS_EV_SLOT:
	case CALLS_EV_FAULT:
	case CALLS_EV_CRED:
	case CALLS_EV_UNCRED:
		sim_fail("n%u: event %d of an own call", d->x->node, ev->what);
		break;
	}
	o->wait_ns = USEC;
	dialog_step_at(d, STEP_CALLER, index_of(d, o), sim.now_ns);
}

static bool send_more(struct dialog *d, struct caller *o)
{
	struct exchange *e = exchange_of(o->id);
	struct span data;
	bool last;
	int err;

	if (o->is_over || e->asked_all || e->aborts)
		return false;
	if (call_unsent(&o->call).n) {
		err = call_send(&o->call, NULL, 0, true);
		if (err != -EAGAIN)
			sim_fail("n%u: call %u takes more than is sent: %d", d->x->node, o->id,
				 err);
		call_want_room(&o->call);
		return false;
	}
	data = next(e, &last);
	err = call_send(&o->call, data.p, data.n, last);
	/* Its deadline may be over, and the peer's word awaited. */
	if (err == -ECONNABORTED)
		return false;
	if (err)
		sim_fail("n%u: data of call %u give %d", d->x->node, o->id, err);
	offered(e, data.n, last);
	return true;
}

static bool consume(struct dialog *d, struct caller *o)
{
	size_t n = o->unconsumed;

	if (!n)
		return false;
	if ((o->call.state == CALL_OPEN || o->is_over) &&
	    call_consumed(&o->call, n + (size_t)(o->call.rx.received - o->call.rx.consumed)) !=
	    -EINVAL)
		sim_fail("n%u: call %u: more is consumed than came", d->x->node, o->id);
	if (!rng_one_in(rng(), 3))
		n = rng_scale(rng(), 1, n);
	o->unconsumed -= (uint32_t)n;
	if (call_consumed(&o->call, n))
		sim_fail("n%u: call %u: %zu bytes cannot be consumed", d->x->node, o->id, n);
	return true;
}

/* Now and then the application has no use for the rest. */
static bool quit(struct caller *o)
{
	struct exchange *e = exchange_of(o->id);
	uint32_t code;
	int err;

	if (sim.now_ns < o->quit_ns)
		return false;
	o->quit_ns = CALLS_NEVER;
	if (o->is_over || !o->quits_by_abort) {
		let_go(o);
		return true;
	}
	code = (uint32_t)rng_scale(rng(), 0, 100000);
	/* Or it will hear nothing of it any more; one that settles was aborted before. */
	if (o->call.state != CALL_SETTLING && rng_one_in(rng(), 4)) {
		code = CALLS_GIVEN_UP;
		err = call_deadlock(&o->call);
	} else if (o->call.state == CALL_SETTLING && rng_one_in(rng(), 2)) {
		return call_deadlock(&o->call) == 0;
	} else {
		err = call_abort(&o->call, code);
	}
	if (!err) {
		e->aborts = true;
		e->caller_code = code;
	}
	if (err && err != -EALREADY)
		sim_fail("call %u: its abort gives %d", o->id, err);
	cover(COVER_C_ABORT);
	return true;
}

/* How far is it? */
static void ask(struct dialog *d, struct caller *o)
{
	int err;

	if (o->is_over || !rng_one_in(rng(), 10))
		return;
	err = call_query(&o->call);
	if (err == -EALREADY ? !o->is_asked : err && err != -EAGAIN && err != -ECONNABORTED &&
	    err != -ESHUTDOWN)
		sim_fail("n%u: a question about call %u gives %d", d->x->node, o->id, err);
	o->is_asked |= !err;
}

static bool is_endless(const struct caller *o)
{
	return o->call.endless;
}

void caller_step(struct dialog *d, unsigned i)
{
	struct caller *o = &d->caller[i];
	bool moved;

	o->due_ns = 0;
	if (!o->used)
		return;
	if (sim.phase >= PHASE_HEAL && is_endless(o) && o->quit_ns > sim.now_ns + 100 * MSEC)
		o->quit_ns = sim.now_ns + 100 * MSEC;
	moved = quit(o);
	if (!o->used)
		return;
	if (o->is_over && !o->unconsumed) {
		let_go(o);
		return;
	}
	ask(d, o);
	moved |= send_more(d, o);
	moved |= consume(d, o);
	/* Nothing to do: an event, or later. */
	o->wait_ns = moved ? USEC + rng_scale(rng(), 0, 20 * MSEC) : 2 * o->wait_ns;
	if (o->wait_ns > SEC)
		o->wait_ns = SEC;
	dialog_step_at(d, STEP_CALLER, i, sim.now_ns + o->wait_ns);
}

void caller_end_all(struct dialog *d)
{
	for (unsigned i = 0; i < d->n_callers; i++) {
		struct caller *o = &d->caller[i];

		if (!o->used)
			continue;
		if (!o->is_over)
			sim_fail("n%u: call %u to n%u has no end, its session has", d->x->node,
				 o->id, d->x->peer);
		else
			let_go(o);
	}
}
