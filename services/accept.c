/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/accept.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/node.h"
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/lane.h"

/* ---- who waits ---- */

static void gate_take(struct sinew_calls *o)
{
	lock_take(&o->gate, LOCK_WAIT);
}

static void gate_give(struct sinew_calls *o)
{
	lock_give(&o->gate, LOCK_WAIT);
}

void accept_wait(struct sinew_call *k)
{
	struct sinew_calls *o = k->lane->owner;
	struct service *s = k->service;

	assert(k->incoming && k->entry.stage == CALL_OUTSIDE);
	gate_take(o);
	call_ref(k);
	k->entry.number = ++o->n_waited;
	list_append(&s->waiting, &k->entry.waiting);
	atomic_fetch_add(&s->n_waiting, 1);
	gate_give(o);
	/* There may be room since that was looked at: one of the two sees the other. */
	service_room(o, s);
}

/* Under the gate. */
static void leave_line(struct sinew_call *k)
{
	assert(atomic_load(&k->service->n_waiting));
	list_remove(&k->entry.waiting);
	atomic_fetch_sub(&k->service->n_waiting, 1);
}

void accept_forget(struct sinew_call *k)
{
	struct sinew_calls *o = k->lane->owner;
	bool waited;

	lock_order_held(LOCK_SERVICE);
	if (!k->incoming || k->entry.stage != CALL_OUTSIDE)
		return;
	gate_take(o);
	waited = !list_empty(&k->entry.waiting);
	if (waited)
		leave_line(k);
	gate_give(o);
	if (waited)
		call_unref(k);
}

struct sinew_call *accept_next(struct sinew_calls *o, struct service *s)
{
	struct sinew_call *k = NULL;

	gate_take(o);
	if (!list_empty(&s->waiting)) {
		k = list_first(&s->waiting, struct sinew_call, entry.waiting);
		leave_line(k);
	}
	gate_give(o);
	return k;
}

struct sinew_call *accept_admitted(struct sinew_calls *o)
{
	struct sinew_call *k = NULL;

	gate_take(o);
	if (!list_empty(&o->admitted)) {
		k = list_first(&o->admitted, struct sinew_call, entry.waiting);
		list_remove(&k->entry.waiting);
	}
	gate_give(o);
	return k;
}

/* The one that has waited longest of all, with the reference of the line. */
static struct sinew_call *take_oldest(struct sinew_calls *o)
{
	struct sinew_call *oldest = NULL;

	gate_take(o);
	for (unsigned i = 0; i < SERVICE_BUCKETS; i++)
		for (struct service *s = atomic_load(&o->services[i]); s; s = s->next) {
			struct sinew_call *k =
				list_first(&s->waiting, struct sinew_call, entry.waiting);

			if (list_empty(&s->waiting))
				continue;
			if (!oldest || k->entry.number < oldest->entry.number)
				oldest = k;
		}
	if (oldest)
		leave_line(oldest);
	gate_give(o);
	return oldest;
}

/* ---- the user's ---- */

/* Why it is too late for a call that waited. */
static int too_late(const struct sinew_call *k)
{
	bool expired = k->core ? k->core->reason == CALL_END_DEADLINE :
		k->end.reason == SINEW_END_DEADLINE;

	return expired ? -ETIME : -ECONNABORTED;
}

/* The call that has waited longest, under the lock of its lane. 0 or a negative errno. */
static int lock_oldest(struct sinew_calls *o, struct sinew_call **ret_oldest)
{
	if (node_forked(o->node))
		return -ECHILD;
	*ret_oldest = take_oldest(o);
	if (!*ret_oldest)
		return -ENODATA;
	lane_lock((*ret_oldest)->lane);
	return 0;
}

static void unlock_oldest(struct sinew_call *k)
{
	lane_settle(k->lane);
	lane_unlock(k->lane);
	call_give_ref(k);
}

/* 0, and the loop hands over its data; or a negative errno. */
static int admit(struct sinew_call *k, void *user, struct sinew_call **ret_call)
{
	struct sinew_calls *o = k->lane->owner;

	lock_order_held(LOCK_SERVICE);
	if (!k->core || call_accept(k->core))
		return too_late(k);
	atomic_fetch_add(&k->service->n_calls, 1);
	k->entry.stage = CALL_ADMITTED;
	k->accepted = true;
	call_set_user(k, user);
	*ret_call = k;
	call_ref(k);
	gate_take(o);
	list_append(&o->admitted, &k->entry.waiting);
	gate_give(o);
	atomic_store(&o->waiter_due, true);
	owner_wake(o, 0);
	return 0;
}

int sinew_calls_accept(struct sinew_calls *o, void *user, struct sinew_call **ret_call)
{
	struct sinew_call *k;
	int err;

	if (!o || !ret_call)
		return -EINVAL;
	err = lock_oldest(o, &k);
	if (err)
		return err;
	err = admit(k, user, ret_call);
	unlock_oldest(k);
	return err;
}

int sinew_calls_reject(struct sinew_calls *o, uint32_t retry_ms)
{
	struct sinew_call *k;
	int err;

	if (!o)
		return -EINVAL;
	err = lock_oldest(o, &k);
	if (err)
		return err;
	err = k->core ? call_refuse(k->core, CALL_END_BUSY, retry_ms) : -EALREADY;
	if (err)
		err = too_late(k);
	else
		k->aborted = true;
	unlock_oldest(k);
	return err;
}
