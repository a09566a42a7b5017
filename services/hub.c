/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of a node as lowcomms/ sees them, its service, and as the user does. Knows nothing of
 * one call.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lowcomms/handle.h"
#include "lowcomms/service.h"
#include "services/call_options.h"
#include "services/calls_event.h"
#include "services/calls_tx.h"
#include "services/deliver.h"
#include "services/lane.h"
#include "services/queue.h"

#define STUCK_NS	20000000u	/* of a pause in which callbacks may release yet */

/* ---- functions of the service: loop ---- */

/* Says that no calls of this session go on: as after broken rules. */
static void refuse_all(struct sinew_session *h)
{
	uint8_t head[CALL_HEAD_MAX];
	struct span part = { head, calls_put_rules(head) };

	assert(part.n <= sizeof head);
	service_put(h, &part, 1, part.n, SERVICE_SHORT, NULL, NULL);
}

static void on_up(void *user, struct sinew_session *h, const struct service_grant *theirs)
{
	struct sinew_calls *o = user;
	struct lane *l = lane_new(o, h, theirs);

	assert(h->node == o->node && !service_data(h));
	if (!l) {
		refuse_all(h);
		return;
	}
	list_append(&o->lanes, &l->all);
	service_set_data(h, l);
	/* Fewer slots than HELLO says. */
	lane_lock(l);
	lane_put(l);
	lane_unlock(l);
	/* Else the next tick does it. */
	if (atomic_load(&o->draining) || atomic_load(&o->freed))
		owner_wake(o, 0);
}

/* The lane, locked, with the present time; NULL: there was no memory for one. */
static struct lane *enter(struct sinew_calls *o, struct sinew_session *h)
{
	struct lane *l = service_data(h);

	if (!l)
		return NULL;
	assert(l->owner == o && l->session == h);
	lane_lock(l);
	calls_now(&l->calls, service_turn_ns(o->node));
	return l;
}

/* Behind enter(). */
static void leave(struct lane *l)
{
	lane_unlock(l);
	owner_leave(l->owner);
}

static void on_frame(void *user, struct sinew_session *h, const uint8_t *body, size_t len)
{
	struct lane *l = enter(user, h);

	if (!l)
		return;
	lane_frames(l, body, len);
	leave(l);
}

static void on_batch(void *user, struct sinew_session *h)
{
	struct lane *l = enter(user, h);

	if (!l)
		return;
	calls_batch_end(&l->calls);
	lane_work(l);
	leave(l);
}

static void on_room(void *user, struct sinew_session *h)
{
	struct lane *l = enter(user, h);

	if (!l)
		return;
	lane_work(l);
	leave(l);
}

static void on_finishing(void *user, struct sinew_session *h)
{
	struct lane *l = enter(user, h);

	if (!l) {
		service_let_go(h);
		return;
	}
	assert(!l->fin_waits);
	l->fin_waits = true;
	calls_finish(&l->calls);
	lane_work(l);
	leave(l);
}

static void on_finished(void *user, struct sinew_session *h)
{
	struct lane *l = enter(user, h);

	if (!l)
		return;
	calls_peer_fin(&l->calls);
	lane_work(l);
	leave(l);
}

static void on_down(void *user, struct sinew_session *h, uint64_t acked, uint64_t high)
{
	struct lane *l = enter(user, h);

	(void)acked;
	if (!l)
		return;
	assert(!list_empty(&l->all));
	list_remove(&l->all);
	l->fin_waits = false;
	lane_deliver(l);
	calls_down(&l->calls, high);
	lane_deliver(l);
	leave(l);
}

static void on_path(void *user, struct sinew_session *h, bool up)
{
	struct sinew_calls *o = user;

	if (!o->opt.path || !service_data(h) || !owner_enter(o))
		return;
	o->opt.path(o, h, up, o->opt.path_user);
	owner_leave(o);
}

static void on_paused(void *user, struct sinew_session *h)
{
	struct sinew_calls *o = user;
	struct lane *l = service_data(h);
	/* The turn may have begun long ago: callbacks run before this one. */
	uint64_t at_ns = service_now() + STUCK_NS;

	if (!l)
		return;
	lane_lock(l);
	l->stuck_ns = at_ns;
	lane_unlock(l);
	owner_wake(o, at_ns);
}

/* Such a pause has lasted. */
static void stuck_tick(struct lane *l, uint64_t now_ns)
{
	if (now_ns < l->stuck_ns)
		return;
	l->stuck_ns = UINT64_MAX;
	if (service_is_stuck(l->session))
		lane_end_stuck(l);
}

static void on_released(void *data)
{
	lane_free(data);
}

static uint64_t on_deadline(void *user)
{
	struct sinew_calls *o = user;
	uint64_t due = UINT64_MAX;

	/* Others that make it earlier from now on wake the loop again. */
	atomic_store(&o->due_ns, UINT64_MAX);
	if (atomic_load(&o->waiter_due) || (atomic_load(&o->freed) && !o->freed_seen))
		due = 0;
	due = earlier(due, atomic_load(&o->drain_ns));
	list_each(struct lane, l, &o->lanes, all) {
		bool drains = atomic_load(&o->draining) && !l->drained;

		lane_lock(l);
		due = drains || l->loose || calls_event_waits(&l->calls) ? 0 :
			earlier(due, earlier(l->stuck_ns, calls_deadline(&l->calls)));
		lane_unlock(l);
	}
	owner_due(o, due);
	return due;
}

static void on_tick(void *user, uint64_t now_ns)
{
	struct sinew_calls *o = user;
	bool freed = atomic_load(&o->freed), drains = atomic_load(&o->draining);
	bool time_over = now_ns >= atomic_load(&o->drain_ns);

	assert(!o->shown);
	o->freed_seen = freed;
	if (time_over)
		atomic_store(&o->drain_ns, UINT64_MAX);
	deliver_waiting(o);
	list_each(struct lane, l, &o->lanes, all) {
		lane_lock(l);
		calls_now(&l->calls, now_ns);
		calls_tick(&l->calls);
		stuck_tick(l, now_ns);
		if (drains && !l->drained) {
			l->drained = true;
			calls_finish(&l->calls);
		}
		if (time_over)
			calls_stop(&l->calls);
		lane_work(l);
		if (freed)
			lane_give_up(l);
		lane_settle(l);
		lane_unlock(l);
	}
	owner_leave(o);
}

static void on_freed(void *user)
{
	struct sinew_calls *o = user;

	assert(list_empty(&o->lanes) && !o->shown);
	deliver_waiting(o);
	atomic_store(&o->node_gone, true);
	queue_wake(o);
	owner_unref(o);
}

static const struct service_ops ops = {
	.up = on_up, .frame = on_frame, .batch = on_batch, .room = on_room,
	.finishing = on_finishing, .finished = on_finished, .path = on_path, .paused = on_paused,
	.down = on_down,
	.released = on_released, .deadline = on_deadline, .tick = on_tick,
	.option = call_options_change, .freed = on_freed,
};

/* ---- the user's ---- */

int sinew_calls_new(struct sinew_node *node, const struct sinew_calls_options *opt,
		    struct sinew_calls **ret_calls)
{
	struct sinew_calls_options all;
	struct sinew_calls *o;
	int err;

	if (!node || !ret_calls || (opt && !opt->size))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (!call_options_take(&all, opt))
		return -EINVAL;
	o = owner_new(node, &all);
	if (!o)
		return -ENOMEM;
	o->grant = (struct service_grant) { (uint16_t)all.slots, CALLS_WINDOW_MIN,
					  CALL_PIECE_MAX };
	assert(grant_is_valid(&o->grant));
	owner_ref(o);
	err = service_attach(node, &o->grant, &ops, o);
	if (err) {
		owner_unref(o);
		owner_unref(o);
		return err;
	}
	call_options_show(o);
	*ret_calls = o;
	return 0;
}

int sinew_calls_drain(struct sinew_calls *o, int timeout_ms)
{
	uint64_t until, known;

	if (!o)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	if (atomic_load(&o->node_gone))
		return -ESTALE;
	until = timeout_ms < 0 ? UINT64_MAX : service_now() + (uint64_t)timeout_ms * 1000000u;
	known = atomic_load(&o->drain_ns);
	while (until < known && !atomic_compare_exchange_weak(&o->drain_ns, &known, until))
		;
	atomic_store(&o->draining, true);
	owner_wake(o, 0);
	return 0;
}

unsigned sinew_calls_open(const struct sinew_calls *o)
{
	unsigned n_library = o ? atomic_load(&o->n.library) : 0;
	unsigned n = o ? atomic_load(&o->n.open) : 0;

	/* One that has just ended may be counted as the library's still. */
	return n > n_library ? n - n_library : 0;
}

void sinew_calls_free(struct sinew_calls *o)
{
	if (!o || node_forked(o->node))
		return;
	assert(!atomic_load(&o->freed));
	owner_shut(o);
	queue_shut(o);
	owner_wake(o, 0);
	owner_unref(o);
}
