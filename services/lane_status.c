/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters, slots and the oldest call of a session for the user, from any thread. Changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "services/lane.h"

static void show_own(const struct calls *c, struct sinew_calls_status *st)
{
	const uint64_t *ended = c->n.ended;

	st->begun = c->n.begun;
	st->done = ended[CALLS_DONE];
	st->started = ended[CALLS_STARTED];
	st->in_doubt = ended[CALLS_IN_DOUBT];
	st->partial = ended[CALLS_PARTIAL];
	st->not_executed = ended[CALLS_NOT_EXECUTED];
	st->busy = c->n.busy;
	st->aborted = c->n.aborted;
	st->open = (uint32_t)(st->begun - st->done - st->started - st->in_doubt - st->partial -
			      st->not_executed);
	st->waiting = c->n_waiting;
	st->slots_granted = c->target;
	st->slots_used = c->n_taken;
}

static void show_peers(const struct calls *c, struct sinew_calls_status *st)
{
	st->peers_begun = c->n.shown;
	st->peers_refused = c->n.refused;
	st->peers_granted = c->our_target;
	st->peers_used = c->n_in;
	for (unsigned i = 0; i < c->cfg.ours.slots; i++) {
		unsigned state = calls_peers_call(c, i)->state;

		st->peers_open += state == CALL_OPEN || state == CALL_FINALE;
		st->peers_held += state == CALL_HELD;
	}
}

/* Without the library's own calls, few of them, which last as long as the session. */
static struct sinew_call *oldest(const struct lane *l)
{
	struct sinew_call *found = NULL;

	list_each(struct sinew_call, k, &l->handles, all)
		if (k->core && k->service_id >= SINEW_SERVICE_FIRST &&
		    (!found || k->begun_ns < found->begun_ns))
			found = k;
	return found;
}

static void show_oldest(const struct lane *l, struct sinew_calls_status *st)
{
	uint64_t now_ns = service_now();
	struct sinew_call *k = oldest(l);

	lock_order_held(LOCK_SERVICE);
	if (!k)
		return;
	call_name(k);
	st->has_oldest = true;
	st->oldest_incoming = k->incoming;
	st->oldest_waiting = call_is_waiting(k);
	st->oldest_ended = call_ended(k);
	st->oldest_service = k->service_id;
	st->oldest_op = k->op;
	st->oldest_id = k->id;
	st->oldest_age_ms = now_ns > k->begun_ns ? (now_ns - k->begun_ns) / 1000000u : 0;
}

static void show(struct lane *l, struct sinew_calls_status *st)
{
	lane_lock(l);
	show_own(&l->calls, st);
	show_peers(&l->calls, st);
	st->late = l->calls.n.late;
	st->broken = l->calls.broken;
	show_oldest(l, st);
	lane_unlock(l);
}

int sinew_calls_status(struct sinew_calls *o, struct sinew_session *h,
		       struct sinew_calls_status *ret)
{
	struct sinew_calls_status st = { 0 };
	struct lane *l;
	size_t size;

	if (!o || !h || !ret || ret->size < sizeof ret->size || h->node != o->node)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	l = service_data(h);
	if (!l)
		return -EOPNOTSUPP;
	show(l, &st);
	size = ret->size;
	st.size = size;
	memset(ret, 0, size);
	memcpy(ret, &st, size < sizeof st ? size : sizeof st);
	return 0;
}
