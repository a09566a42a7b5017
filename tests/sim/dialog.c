/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of one session: gives its frames and its end to the core of calls, puts frames into its
 * ring, and holds its FIN, as a service of the product does. Knows nothing of what the applications
 * want of calls.
 */
#include "calls.h"

#include <errno.h>
#include <stdlib.h>

#define SYSTEM_SLOTS	8u

static struct node *node_of(const struct dialog *d)
{
	return &sim.node[d->x->node];
}

/* Something was done to its core. */
static void touched(const struct dialog *d)
{
	node_of(d)->calls_due_ns = 0;
}

bool dialog_hurries(const struct dialog *d)
{
	return (sim.phase >= PHASE_HEAL && sim.phase < PHASE_CLOSE) || d->is_finishing ||
		d->c.peer_fin || node_of(d)->closing;
}

void dialog_step_at(struct dialog *d, enum step what, unsigned i, uint64_t at_ns)
{
	uint64_t *due_ns = what == STEP_CALLER ? &d->caller[i].due_ns : &d->handler[i].due_ns;

	if (*due_ns && *due_ns <= at_ns)
		return;
	*due_ns = at_ns;
	sim_at(at_ns, EV_CALL, d->x->idx, (uint32_t)what << 16 | i, d->x->gen);
}

/* Fewer slots for the peer, or more again; at least as many as HELLO has to grant. */
static void change_target(struct dialog *d)
{
	unsigned more = d->c.cfg.ours.slots - GRANT_SLOTS_MIN;

	cover(COVER_C_TARGET);
	calls_set_target(&d->c, (uint16_t)(GRANT_SLOTS_MIN + rng_below(&sim.service, more + 1)));
}

static uint32_t draw_window(const struct service_grant *ours, struct rng *r)
{
	return ours->window << rng_below(r, 3);
}

static int64_t draw_growth(const struct service_grant *ours, struct rng *r)
{
	return (int64_t)rng_scale(r, 0, 8 * ours->window);
}

/* Other limits of windows, which calls that are open may be beyond. */
static void change_window(struct dialog *d)
{
	uint32_t window = draw_window(&d->c.cfg.ours, &sim.changes);
	int64_t grow_bytes = draw_growth(&d->c.cfg.ours, &sim.changes);

	cover(COVER_C_WINDOW);
	bounds_change(d, window, grow_bytes);
	calls_set_window(&d->c, window, grow_bytes);
}

void dialog_step(struct sess *x, uint32_t b)
{
	struct dialog *d = x->calls;
	unsigned i = b & 0xffff;
	uint64_t *due_ns;

	if (!d || x->down)
		return;
	due_ns = b >> 16 == STEP_CALLER ? &d->caller[i].due_ns : &d->handler[i].due_ns;
	if (!*due_ns || *due_ns > sim.now_ns)
		return;			/* it was due earlier */
	calls_now(&d->c, sim.now_ns);
	if (b >> 16 == STEP_CALLER)
		caller_step(d, i);
	else
		handler_step(d, i);
	if (rng_one_in(&sim.service, 300))
		change_target(d);
	if (sim.calls_resized && rng_one_in(&sim.changes, 30))
		change_window(d);
	dialog_pump(d);
}

/* ---- to the ring ---- */

static bool put(struct dialog *d, const struct calls_out *out)
{
	bool is_sealed = out->call && out->call->cred;
	struct session *s = &d->x->s;
	struct span parts[2] = { { out->head, out->n_head }, out->data };
	uint64_t end;
	int err;

	if (out->bulk && d->bulk_end > s->ring.sent + sim.calls_ahead) {
		cover(COVER_C_AHEAD);
		session_wake_at(s, d->bulk_end - sim.calls_ahead / 2, 0);
		return false;
	}
	if (is_sealed)
		parts[1] = cred_seal(out);
	err = (out->secret ? session_put_secret : session_put)(s, parts, out->n_head + parts[1].n,
							       &end);
	if (err == -EAGAIN)
		cover(COVER_C_FULL);
	else if (err && s->end == SESSION_ALIVE)
		sim_fail("n%u: a frame of a call to n%u gives %d", d->x->node, d->x->peer, err);
	if (err)
		return false;
	if (out->bulk)
		d->bulk_end = end;
	bounds_credit(d, out);
	TRACE("n%u puts kind %u flags %u slot %u gen %u, %zu bytes for n%u", d->x->node,
	      out->head[0], out->head[1], get_le16(out->head + 2), get_le32(out->head + 4),
	      out->data.n, d->x->peer);
	if (is_sealed)
		cred_sealed(out->call);
	calls_frame_put(&d->c, out, end);
	workload_queued(d->x);
	return true;
}

static void let_fin_go(struct dialog *d)
{
	if (!d->is_finishing || d->is_fin_gone || d->c.down || !calls_fin_may_go(&d->c))
		return;
	exchange_fin(d);
	d->is_fin_gone = true;
	calls_fin_gone(&d->c);
	session_hold_fin(&d->x->s, false);
}

static void of_session(struct dialog *d, const struct calls_event *ev)
{
	if (ev->what == CALLS_EV_SLOT) {
		cover(COVER_C_SLOT);
		sim_at(sim.now_ns, EV_CALLS, d->x->node, d->x->peer, 1);
		return;
	}
	if (ev->what == CALLS_EV_CRED || ev->what == CALLS_EV_UNCRED) {
		cred_event(d, ev);
		return;
	}
	/* Nobody is dishonest here but who took the numbers of a link. */
	if (!sim.dishonest && !sim.numbers_taken)
		sim_fail("n%u: n%u broke a rule of calls: %s", d->x->node, d->x->peer, ev->fault);
}

/* False: there is nothing to hand over. */
static bool open_data(struct dialog *d, struct calls_event *ev)
{
	if (ev->what != CALLS_EV_DATA || !ev->call->cred)
		return true;
	cred_open(d, ev);
	return !cred_distrusts(ev) && (ev->data.n || ev->last);
}

static void pull(struct dialog *d)
{
	struct calls_event ev;

	while (!sim.failed && calls_event(&d->c, &ev)) {
		if (!ev.call)
			of_session(d, &ev);
		else if (!open_data(d, &ev))
			continue;
		else if (ev.call->incoming)
			handler_event(d, &ev);
		else
			caller_event(d, &ev);
	}
}

void dialog_pump(struct dialog *d)
{
	struct calls_out out;

	touched(d);
	if (d->is_pulling)
		return;
	d->is_pulling = true;
	pull(d);
	while (!sim.failed && calls_frame_out(&d->c, &out) && put(d, &out))
		pull(d);
	d->is_pulling = false;
	if (!calls_frame_waits(&d->c))
		bounds_said(d);
	bounds_hold(d);
	let_fin_go(d);
}

/* ---- from the session ---- */

static struct calls_config config(const struct sess *x)
{
	const struct service_grant *ours = &sim.node[x->node].grant, *theirs = &x->s.calls;
	uint32_t piece = x->s.max_frame - WIRE_MSG_OVERHEAD - CALL_HEAD_MAX;

	return (struct calls_config) {
		.ours = { ours->slots, ours->window, ours->piece },
		.theirs = { theirs->slots, theirs->window,
			    theirs->piece < piece ? theirs->piece : piece },
		.window_max = draw_window(ours, &sim.service),
		.grow_bytes = draw_growth(ours, &sim.service),
		.max_queued = (uint32_t)rng_scale(&sim.service, 0, 30),
		.n_bindings = sim.calls_bindings,
		.n_creds = sim.calls_creds,
		.cred_max = (uint16_t)(piece < CALL_CRED_MAX ? piece : CALL_CRED_MAX),
		.reserved = SYSTEM_SLOTS,
		.depth_max = CALL_DEPTH_MAX,
	};
}

void dialog_up(struct sess *x)
{
	struct dialog *d;
	struct calls_config cfg;

	if (!sim.calls)
		return;
	if (!x->s.calls.slots) {
		cover(COVER_C_NONE);
		return;
	}
	session_hold_fin(&x->s, true);
	cfg = config(x);
	d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->mem = malloc(calls_memory(&cfg));
	if (!d->mem)
		abort();
	d->x = x;
	x->calls = d;
	calls_init(&d->c, &cfg, d->mem, sim.now_ns);
	bounds_begin(d);
	touched(d);
	if (rng_one_in(&sim.service, 2) || calls_bind(&d->c, CALL_SERVICE, NULL, &d->kept))
		d->kept = UINT16_MAX;
	sim_at(sim.now_ns, EV_CALLS, x->node, x->peer, 1);
	/* It was queued before the session was told of. */
	if (session_state(&x->s) == FSM_ESTABLISHED || session_state(&x->s) == FSM_CLOSE_WAIT)
		return;
	cover(COVER_C_FIN_FIRST);
	d->is_finishing = d->is_fin_gone = true;
	calls_fin_gone(&d->c);
}

void dialog_frame(struct sess *x, const uint8_t *p, size_t n)
{
	struct dialog *d = x->calls;

	if (!d || x->down) {
		sim_fail("n%u: a CALL of n%u %s", x->node, x->peer, d ? "after PEER_DOWN" :
			 "who has no calls");
		return;
	}
	x->has_batch = true;
	calls_now(&d->c, sim.now_ns);
	bounds_frame(d, p, n);
	calls_frame(&d->c, p, n);
	touched(d);
	d->is_pulling = true;
	pull(d);
	d->is_pulling = false;
}

void dialog_batch_end(struct node *n)
{
	for (unsigned j = 0; sim.calls && j < SIM_NODES && !sim.failed; j++) {
		struct sess *x = n->chan[j].sess;

		if (!x || !x->calls || !x->has_batch)
			continue;
		x->has_batch = false;
		calls_batch_end(&x->calls->c);
		dialog_pump(x->calls);
	}
}

void dialog_writable(struct sess *x)
{
	if (!x->calls)
		return;
	calls_now(&x->calls->c, sim.now_ns);
	dialog_pump(x->calls);
}

/* Our FIN is due. The application may have no time. */
void dialog_finishing(struct sess *x)
{
	struct dialog *d = x->calls;

	cover(COVER_C_FINISHING);
	TRACE("n%u FINISHING n%u, %u calls of the peer", x->node, x->peer, d->c.n_in);
	d->is_finishing = true;
	for (unsigned i = 0; i < d->n_callers; i++)
		if (d->caller[i].used)
			exchange_of(d->caller[i].id)->is_closing = true;
	calls_now(&d->c, sim.now_ns);
	calls_finish(&d->c);
	if (rng_one_in(&sim.service, 4)) {
		cover(COVER_C_STOP);
		calls_stop(&d->c);
	}
	for (unsigned i = 0; i < d->n_handlers; i++)
		if (d->handler[i].call)
			dialog_step_at(d, STEP_HANDLER, i, sim.now_ns);
	dialog_pump(d);
}

void dialog_finished(struct sess *x)
{
	if (!x->calls)
		return;
	calls_now(&x->calls->c, sim.now_ns);
	calls_peer_fin(&x->calls->c);
	dialog_pump(x->calls);
}

static void dialog_free(struct sess *x)
{
	touched(x->calls);
	free(x->calls->mem);
	free(x->calls);
	x->calls = NULL;
}

void dialog_down(struct sess *x)
{
	struct dialog *d = x->calls;

	if (!d)
		return;
	calls_now(&d->c, sim.now_ns);
	calls_down(&d->c, x->s.ring.high);
	dialog_pump(d);
	caller_end_all(d);
	handler_end_all(d);
	dialog_pump(d);
	if (!calls_empty(&d->c))
		sim_fail("n%u: the session with n%u is over, its calls are not: %u own, %u of the "
			 "peer", x->node, x->peer, d->c.n_own, d->c.n_in);
	dialog_free(x);
}

/* Its node is dead. */
void dialog_forget(struct sess *x)
{
	struct dialog *d = x->calls;

	if (!d)
		return;
	for (unsigned i = 0; i < d->n_callers; i++) {
		struct exchange *e = d->caller[i].used ? exchange_of(d->caller[i].id) : NULL;

		if (!e)
			continue;
		e->caller_dead = true;
		e->own = NULL;
	}
	for (unsigned i = 0; i < d->n_handlers; i++)
		if (d->handler[i].call)
			exchange_of(d->handler[i].id)->called_dead = true;
	dialog_free(x);
}

/* ---- time ---- */

static uint64_t earliest(const struct node *n)
{
	uint64_t at = CORE_NEVER;

	for (unsigned j = 0; j < SIM_NODES; j++) {
		const struct sess *x = n->chan[j].sess;

		if (x && x->calls && calls_deadline(&x->calls->c) < at)
			at = calls_deadline(&x->calls->c);
	}
	return at;
}

uint64_t dialog_deadline(struct node *n)
{
	if (!n->calls_due_ns)
		n->calls_due_ns = earliest(n);
	return n->calls_due_ns;
}

void dialog_tick(struct node *n)
{
	for (unsigned j = 0; sim.calls && j < SIM_NODES; j++) {
		struct sess *x = n->chan[j].sess;

		if (!x || !x->calls || calls_deadline(&x->calls->c) > sim.now_ns)
			continue;
		calls_now(&x->calls->c, sim.now_ns);
		calls_tick(&x->calls->c);
		dialog_pump(x->calls);
	}
}

/* ---- the phases ---- */

/* The grant of each node, and the number of calls that applications begin. */
void dialog_draw(void)
{
	struct rng *r = &sim.service;
	uint32_t total = 60 + (uint32_t)rng_below(r, 200);
	unsigned pairs = sim.n_nodes * (sim.n_nodes - 1);
	unsigned without = rng_one_in(r, 6) ? (unsigned)rng_below(r, sim.n_nodes) : SIM_NODES;

	if (sim.limits.messages && total > sim.limits.messages)
		total = sim.limits.messages;
	cover(COVER_CALLS);
	sim.calls_ahead = (uint32_t)rng_scale(r, 1000, 65536);
	sim.calls_bindings = rng_one_in(r, 3) ? (uint16_t)rng_range(r, 1, 4) : CALLS_BINDINGS;
	sim.calls_creds = (uint16_t)(rng_one_in(r, 3) ? 0 : rng_range(r, 1, CALLS_CREDS));
	sim.calls_resized = rng_one_in(&sim.changes, 2);
	for (unsigned i = 0; i < SIM_NODES; i++) {
		struct node *n = &sim.node[i];

		n->has_newer = rng_one_in(r, 2);
		n->grant = (struct service_grant) {
			.slots = (uint16_t)(GRANT_SLOTS_MIN +
					    rng_scale(r, 0, CALL_SLOTS_MAX - GRANT_SLOTS_MIN)),
			.window = (uint32_t)rng_scale(r, 1, CALL_WINDOW_LIMIT),
			.piece = (uint32_t)rng_scale(r, 1, CALL_PIECE_MAX),
		};
		/* Requests of up to three windows, by thousands of frames at most. */
		if (n->grant.piece < n->grant.window / 64)
			n->grant.piece = n->grant.window / 64;
		if (i == without || n->copy_of)
			n->grant.slots = 0;
		for (unsigned j = 0; j < sim.n_nodes && i < sim.n_nodes; j++) {
			struct chan *c = &n->chan[j];

			/* An application that keeps messages stops calls with them. */
			c->keeps = false;
			c->calls_left = i == j ? 0 : total / pairs + 1;
			c->calls_period_ns = rng_scale(r, 2 * MSEC, 2 * SEC);
			if (i != j)
				sim_at(sim.now_ns + rng_below(r, SEC), EV_CALLS, i, j, 0);
		}
	}
}

/* From here on nobody waits longer than for what must come. */
void dialog_heal(void)
{
	for (unsigned i = 0; i < SIM_SESSIONS; i++) {
		struct dialog *d = sim.sess[i].used ? sim.sess[i].calls : NULL;

		for (unsigned k = 0; d && k < d->n_callers; k++)
			if (d->caller[k].used)
				dialog_step_at(d, STEP_CALLER, k, sim.now_ns);
		for (unsigned k = 0; d && k < d->n_handlers; k++)
			if (d->handler[k].call)
				dialog_step_at(d, STEP_HANDLER, k, sim.now_ns);
	}
}

/* Some more calls, which are open when sessions finish. */
void dialog_closing(void)
{
	for (unsigned i = 0; sim.calls && i < sim.n_nodes; i++) {
		for (unsigned j = 0; j < sim.n_nodes; j++) {
			struct chan *c = &sim.node[i].chan[j];

			if (i == j || !c->sess || !c->sess->calls)
				continue;
			c->calls_left = (uint32_t)rng_below(&sim.service, 8);
			c->calls_period_ns = rng_scale(&sim.service, 2 * MSEC, 500 * MSEC);
			sim_at(sim.now_ns, EV_CALLS, i, j, 0);
		}
	}
}

/* Every call of that side has ended, and its application wants no more. */
bool dialog_quiet(const struct node *n, unsigned j)
{
	const struct sess *x = n->chan[j].sess;

	if (!sim.calls || !x || !x->calls)
		return true;
	return calls_empty(&x->calls->c) && (!n->chan[j].calls_left || x->calls->is_finishing ||
					     x->calls->c.peer_fin);
}

/* For the trace of a run that does not settle. */
void dialog_show(const struct node *n, unsigned j)
{
	const struct sess *x = n->chan[j].sess;
	const struct dialog *d = x ? x->calls : NULL;

	for (unsigned i = 0; d && i < d->n_callers; i++) {
		const struct caller *o = &d->caller[i];

		if (o->used)
			TRACE("n%u own call %u: state %u slot %d asked %u of %u, reply %u, "
			      "not consumed %u", n->idx, o->id, o->call.state,
			      (int16_t)o->call.slot, (unsigned)o->call.tx.sent,
			      exchange_of(o->id)->request_len,
			      exchange_of(o->id)->reply_seen, o->unconsumed);
	}
	for (unsigned i = 0; d && i < d->n_handlers; i++) {
		const struct handler *h = &d->handler[i];

		if (h->call)
			TRACE("n%u call %u of n%u: state %u plan %u, nested %d, request %u, not "
			      "consumed %u", n->idx, h->id, j, h->call->state, h->plan,
			      h->is_waiting, exchange_of(h->id)->request_seen, h->unconsumed);
	}
	if (d)
		TRACE("n%u with n%u: slots taken %u awaited %u, waiting %u, calls of the peer %u",
		      n->idx, j, d->c.n_taken, d->c.n_awaited, d->c.n_waiting, d->c.n_in);
}
