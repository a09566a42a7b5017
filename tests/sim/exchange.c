/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The oracle of calls: holds what each side of a call is told against what the other side did, and
 * against bytes. Knows the applications of both sides, and of the core only what it tells.
 */
#include "calls.h"

#include <string.h>

#define EXCHANGES	8192u

static struct exchange exchanges[EXCHANGES];

uint32_t exchange_new(const struct sess *x)
{
	struct exchange *e;

	if (sim.n_exchanges == EXCHANGES - 1) {
		sim_fail("more than %u calls", EXCHANGES);
		return 0;
	}
	e = &exchanges[++sim.n_exchanges];
	*e = (struct exchange) { .from = x->tx->from, .to = x->tx->to };
	return sim.n_exchanges;
}

struct exchange *exchange_of(uint32_t id)
{
	return &exchanges[id];
}

/* ---- pieces ---- */

static void piece(const char *what, uint32_t id, const struct span *p, uint32_t off, uint32_t seen,
		  uint32_t offered)
{
	if (p->n > offered - seen)
		sim_fail("call %u: %zu bytes of a %s behind %u, of %u that were sent", id, p->n,
			 what, seen, offered);
	else if (p->n && memcmp(p->p, workload_pattern + off + seen, p->n))
		sim_fail("call %u: bytes %u to %zu of the %s are not those that were sent", id,
			 seen, seen + p->n, what);
}

void exchange_request(uint32_t id, const struct calls_event *ev, const struct call *call)
{
	struct exchange *e = exchange_of(id);
	const struct handler *h = ev->user;

	piece("request", id, &ev->data, e->request_off, e->request_seen, e->asked);
	e->request_seen += (uint32_t)ev->data.n;
	bounds_data(id, call, h->granted, h->unconsumed + ev->data.n);
	if (!e->shown || e->request_complete)
		sim_fail("call %u: data %s", id, e->shown ? "behind the last" : "before NEW");
	if (!ev->last)
		return;
	e->request_complete = true;
	if (!e->asked_all || e->request_seen != e->asked)
		sim_fail("call %u: the request ends after %u bytes of %u", id, e->request_seen,
			 e->asked);
	if (e->is_partial)
		sim_fail("call %u: PARTIAL was told, but the last piece has come", id);
}

void exchange_reply(uint32_t id, const struct calls_event *ev, const struct call *call)
{
	struct exchange *e = exchange_of(id);
	const struct caller *o = ev->user;

	piece("reply", id, &ev->data, e->reply_off, e->reply_seen, e->answered);
	e->reply_seen += (uint32_t)ev->data.n;
	bounds_data(id, call, o->granted, o->unconsumed + ev->data.n);
	if (e->reply_complete || e->caller_end)
		sim_fail("call %u: a piece of the reply behind the end", id);
	if (!e->accepted)
		sim_fail("call %u: a reply of nobody", id);
	if (!ev->last)
		return;
	e->reply_complete = true;
	if (!e->answered_all || e->reply_seen != e->answered)
		sim_fail("call %u: the reply ends after %u bytes of %u", id, e->reply_seen,
			 e->answered);
}

/* ---- the called side ---- */

/* Its caller thinks of it as of the same service, unless it is the one that asks. */
static void shown_service(const struct sess *x, struct exchange *e, const struct call *call)
{
	bool newer = call->service == CALL_NEWER && e->service == CALL_SERVICE;

	if (newer && !sim.node[x->node].has_newer)
		sim_fail("n%u: call %u is upgraded to what is not there", x->node, call->op);
	if (call->service != e->service && !newer)
		sim_fail("n%u: call %u of service %u is shown as one of %u", x->node, call->op,
			 e->service, call->service);
	if (e->own && !upgrade_is_wanted(call) && e->own->service != call->service)
		sim_fail("n%u: call %u is of service %u, its caller has %u in force", x->node,
			 call->op, call->service, e->own->service);
	if (upgrade_is_wanted(call) && !e->is_probe)
		sim_fail("n%u: call %u asks, but its caller does not", x->node, call->op);
	if (newer)
		cover(COVER_C_NEWER);
	e->shown_service = call->service;
}

void exchange_shown(const struct sess *x, const struct call *call)
{
	struct exchange *e = exchange_of(call->op);

	if (!call->op || call->op > sim.n_exchanges) {
		sim_fail("n%u: a call that nobody began, op %u", x->node, call->op);
		return;
	}
	if (e->from != x->rx->from || e->to != x->rx->to)
		sim_fail("n%u: call %u from incarnation %u to %u reaches %u from %u", x->node,
			 call->op, e->from, e->to, x->rx->to, x->rx->from);
	if (e->shown)
		sim_fail("n%u: call %u is shown again", x->node, call->op);
	if (e->is_unseen)
		sim_fail("n%u: call %u is shown, which never left its caller", x->node, call->op);
	if (call->rx.total != e->request_total)
		sim_fail("n%u: call %u is shown with a wrong length", x->node, call->op);
	shown_service(x, e, call);
	e->shown = true;
}

void exchange_follows(const struct sess *x, uint32_t id)
{
	const struct exchange *e = exchange_of(id), *before = exchange_of(e->after);

	if (e->after && !before->caller_end && !before->given_up)
		sim_fail("n%u: call %u is shown before call %u has ended, which it comes after",
			 x->node, id, e->after);
}

void exchange_report(uint32_t id, const struct call_report *report)
{
	const struct exchange *e = exchange_of(id);
	bool has_it = report->state >= CALL_AT_SHOWN && report->state <= CALL_AT_REPLIED;

	if (has_it && !e->accepted)
		sim_fail("call %u is at %u, but nobody has accepted it", id, report->state);
	if (report->state == CALL_AT_REPLIED && !e->answered_all)
		sim_fail("call %u is replied, but was not answered", id);
	if (report->received > e->asked || report->consumed > report->received)
		sim_fail("call %u: %u bytes have arrived, %u are consumed, of %u", id,
			 report->received, report->consumed, e->asked);
}

void exchange_accepted(uint32_t id)
{
	struct exchange *e = exchange_of(id);

	if (e->is_not_executed)
		sim_fail("call %u: NOT_EXECUTED was told, but it is accepted", id);
	if (e->called_end)
		sim_fail("call %u: is accepted behind its end", id);
	e->accepted = true;
}

static enum calls_outcome called_outcome(const struct exchange *e)
{
	if (e->answered_all)
		return CALLS_DONE;
	return e->accepted ? CALLS_STARTED : CALLS_NOT_EXECUTED;
}

/* An abort of the caller's application, or of its core for it. */
static bool abort_is_true(const struct exchange *e, uint32_t code)
{
	if (code == CALLS_TIMEOUT)
		return sim.now_ns >= e->deadline_ns;
	if (code == CALLS_GIVEN_UP)
		return e->given_up || e->is_closing;
	return e->aborts && code == e->caller_code;
}

void exchange_called_ended(const struct sess *x, uint32_t id, const struct calls_event *ev)
{
	struct exchange *e = exchange_of(id);
	bool ok = true;

	TRACE("n%u call %u of n%u ended: reason %u outcome %d code %d%s", x->node, id, x->peer,
	      ev->reason, ev->outcome, (int)ev->code, ev->held ? " held" : "");
	if (e->called_end || e->let_go || !e->shown)
		sim_fail("n%u: call %u of n%u ends %s", x->node, id, x->peer, e->called_end ?
			 "again" : "without being there");
	e->called_end = ev->reason;
	if (ev->outcome != called_outcome(e))
		sim_fail("n%u: call %u of n%u ends with outcome %d, it did %d", x->node, id,
			 x->peer, ev->outcome, called_outcome(e));
	switch (ev->reason) {
	case CALLS_REPLIED:
		ok = e->answered_all;
		break;
	case CALL_END_ABORTED:
		ok = abort_is_true(e, ev->code);
		break;
	case CALL_END_DEADLINE:
		ok = e->deadline_ns != CALLS_NEVER;
		break;
	case CALLS_ABANDONED:
		ok = e->rejects;
		break;
	case CALL_END_CLOSING:
		ok = x->calls->is_finishing || x->calls->c.peer_fin;
		break;
	case CALLS_SESSION:
		ok = x->calls->c.down;
		break;
	case CALL_END_CREDENTIAL:
		ok = e->is_distrusted || ev->reason == e->refused;
		break;
	default:
		ok = ev->reason == e->refused;
	}
	if (!ok)
		sim_fail("n%u: call %u of n%u ends for reason %u, which is none", x->node, id,
			 x->peer, ev->reason);
	cover(COVER_CALLED_END + cover_call_end(ev->reason, ev->outcome));
}

/* ---- the caller ---- */

static void outcome_is_true(const struct sess *x, uint32_t id, struct exchange *e,
			    enum calls_outcome outcome)
{
	bool ok = true;

	switch (outcome) {
	case CALLS_NOT_EXECUTED:
		ok = !e->accepted;
		e->is_not_executed = true;
		break;
	case CALLS_PARTIAL:
		ok = !e->request_complete;
		e->is_partial = true;
		break;
	case CALLS_IN_DOUBT:
		break;
	case CALLS_STARTED:
		ok = e->accepted;
		break;
	case CALLS_DONE:
		ok = e->answered_all;
		break;
	}
	if (!ok)
		sim_fail("n%u: call %u to n%u is told as outcome %d, but accepted %d, request "
			 "complete %d, answered %d", x->node, id, x->peer, outcome, e->accepted,
			 e->request_complete, e->answered_all);
}

static bool reason_is_true(const struct sess *x, const struct exchange *e,
			   const struct calls_event *ev)
{
	const struct dialog *d = x->calls;

	switch (ev->reason) {
	case CALLS_REPLIED:
		return e->reply_complete && ev->outcome == CALLS_DONE;
	case CALL_END_ABORTED:
		if (e->rejects)
			return ev->code == e->called_code;
		return e->let_go && ev->code == CALLS_UNANSWERED;
	case CALL_END_DEADLINE:
		return e->deadline_ns != CALLS_NEVER &&
			(sim.now_ns >= e->deadline_ns || e->called_end == CALL_END_DEADLINE);
	case CALLS_ABANDONED:
	case CALLS_DEADLOCK:
		return e->aborts && ev->code == e->caller_code;
	case CALL_END_CLOSING:
		return d->is_finishing || d->c.peer_fin || e->refused == CALL_END_CLOSING ||
			!e->shown || e->called_end == CALL_END_CLOSING;
	case CALLS_SESSION:
		return d->c.down && ev->outcome != CALLS_DONE;
	case CALL_END_BUSY:
		return e->refused == CALL_END_BUSY && ev->retry_ms == e->retry_ms &&
			ev->outcome == CALLS_NOT_EXECUTED;
	case CALL_END_CREDENTIAL:
		if (e->is_distrusted)
			return true;
		return e->refused == ev->reason && ev->outcome == CALLS_NOT_EXECUTED;
	default:
		return e->refused == ev->reason && ev->outcome == CALLS_NOT_EXECUTED;
	}
}

void exchange_caller_ended(const struct sess *x, uint32_t id, const struct calls_event *ev)
{
	struct exchange *e = exchange_of(id);

	TRACE("n%u call %u to n%u ended: reason %u outcome %d code %d", x->node, id, x->peer,
	      ev->reason, ev->outcome, (int)ev->code);
	if (e->caller_end || e->given_up)
		sim_fail("n%u: call %u to n%u ends %s", x->node, id, x->peer, e->caller_end ?
			 "again" : "after it was given up");
	e->caller_end = ev->reason;
	outcome_is_true(x, id, e, ev->outcome);
	/* Its beginning never left. */
	if (ev->outcome == CALLS_NOT_EXECUTED && ev->reason == CALLS_SESSION) {
		if (e->shown && !e->called_end && !e->let_go && !e->called_dead && !e->rejects)
			sim_fail("n%u: call %u never left, but n%u was shown it", x->node, id,
				 x->peer);
		e->is_unseen = true;
	}
	if (!reason_is_true(x, e, ev))
		sim_fail("n%u: call %u to n%u ends for reason %u with outcome %d, which is none",
			 x->node, id, x->peer, ev->reason, ev->outcome);
	cover(COVER_CALLER_END + cover_call_end(ev->reason, ev->outcome));
}

void exchange_upgrade(const struct dialog *d, uint32_t id)
{
	const struct exchange *e = exchange_of(id);
	const struct call_binding *b = &d->c.out_bindings[e->own->binding];
	/* It may be an impostor. */
	bool newer = sim.node[sim.inc[d->x->tx->to].node].has_newer && e->service == CALL_SERVICE;

	if (b->service != e->service || b->upgrade != UPGRADE_KNOWN)
		return;
	cover(COVER_C_UPGRADED);
	if (b->in_force != (newer ? CALL_NEWER : e->service))
		sim_fail("n%u: service %u of n%u is known as %u", d->x->node, e->service,
			 d->x->peer, b->in_force);
	/* Else it may have been given up before. */
	if (e->reply_complete && e->own->service != e->shown_service)
		sim_fail("n%u: call %u is of service %u, it was of %u", d->x->node, id,
			 e->own->service, e->shown_service);
}

/* ---- all calls of a side ---- */

void exchange_fin(const struct dialog *d)
{
	for (unsigned i = 0; i < d->n_callers; i++)
		if (d->caller[i].used && !d->caller[i].is_over)
			sim_fail("n%u: FIN to n%u while its call %u is open", d->x->node,
				 d->x->peer, d->caller[i].id);
	for (unsigned i = 0; i < d->n_handlers; i++)
		if (d->handler[i].call)
			sim_fail("n%u: FIN to n%u while call %u has a handler", d->x->node,
				 d->x->peer, d->handler[i].id);
}
