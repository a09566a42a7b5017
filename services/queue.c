/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/queue.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "lowcomms/node.h"
#include "lowcomms/service.h"
#include "services/calls_begin.h"
#include "services/lane.h"
#include "services/marks.h"
#include "services/unread.h"

/* In the order in which they may happen. */
static const enum sinew_call_event order[] = {
	SINEW_CALL_NEW, SINEW_CALL_ACCEPTED, SINEW_CALL_DATA, SINEW_CALL_ROOM,
	SINEW_CALL_STATE, SINEW_CALL_FINAL_ACK, SINEW_CALL_ENDED,
};

static unsigned bit(enum sinew_call_event event)
{
	return 1u << event;
}

static void queue_lock(struct queue *q)
{
	mutex_lock(&q->lock, LOCK_WAIT);
}

static void queue_unlock(struct queue *q)
{
	mutex_unlock(&q->lock, LOCK_WAIT);
}

/* No event comes any more. */
static bool is_over(struct sinew_calls *o, const struct queue *q)
{
	return q->over || (atomic_load(&o->node_gone) && !q->n_taken);
}

/* Something has changed, under the lock. */
static void show_sign(struct sinew_calls *o, struct queue *q)
{
	sign_show(&q->sign, !list_empty(&q->calls) || is_over(o, q));
}

/* ---- calls ---- */

bool queue_has_room(struct sinew_calls *o)
{
	struct queue *q = queue_of(o);

	return !q || atomic_load(&q->n_new) < q->max;
}

int queue_join(struct sinew_call *k)
{
	struct sinew_calls *o = k->lane->owner;
	struct queued *mine;

	assert(!k->queued);
	if (k->fn || !queue_of(o))
		return 0;
	mine = owner_alloc(o, sizeof *mine);
	if (!mine)
		return -ENOMEM;
	*mine = (struct queued) { .call = k };
	list_init(&mine->link);
	k->queued = mine;
	return 0;
}

void queue_expect(struct sinew_call *k)
{
	assert(k->queued && k->incoming && !k->queued->is_new);
	k->queued->is_new = true;
	atomic_fetch_add(&queue_of(k->lane->owner)->n_new, 1);
}

void queue_seen(struct sinew_call *k)
{
	struct sinew_calls *o = k->lane->owner;

	lock_order_held(LOCK_SERVICE);
	if (!k->queued->is_new)
		return;
	k->queued->is_new = false;
	if (atomic_fetch_sub(&queue_of(o)->n_new, 1) != queue_of(o)->max)
		return;
	/* Calls may wait at their service for that. */
	atomic_store(&o->waiter_due, true);
	owner_wake(o, 0);
}

/* Under the lock of the queue, with a reference of the call. False: there are no threads. */
static bool list_call(struct queue *q, struct queued *mine)
{
	assert(list_empty(&mine->link));
	if (q->over) {
		mine->state = QUEUED_IDLE;
		return false;
	}
	mine->state = QUEUED_LISTED;
	list_append(&q->calls, &mine->link);
	pthread_cond_signal(&q->ready);
	sign_show(&q->sign, true);
	return true;
}

void queue_post(struct sinew_call *k, const struct sinew_call_msg *msg)
{
	struct queue *q = queue_of(k->lane->owner);
	struct queued *mine = k->queued;

	lock_order_held(LOCK_SERVICE);
	assert(msg->event && !k->returned);
	mine->pending |= bit(msg->event);
	if (msg->event == SINEW_CALL_ENDED)
		mine->end = *msg;
	if (msg->event == SINEW_CALL_STATE)
		mine->report = *msg->report;
	queue_lock(q);
	if (mine->state == QUEUED_IDLE && list_call(q, mine))
		call_ref(k);
	queue_unlock(q);
}

bool queue_forget(struct sinew_call *k)
{
	struct sinew_calls *o = k->lane->owner;
	struct queue *q = queue_of(o);
	bool listed;

	if (!k->queued)
		return false;
	queue_seen(k);
	k->queued->pending = 0;
	queue_lock(q);
	listed = k->queued->state == QUEUED_LISTED;
	if (listed) {
		list_remove(&k->queued->link);
		k->queued->state = QUEUED_IDLE;
		show_sign(o, q);
	}
	queue_unlock(q);
	return listed;
}

/* ---- messages ---- */

static void fill_data(struct sinew_call *k, struct kept_msg *m)
{
	m->msg.len = unread_len(k);
	m->msg.last = k->in.last;
	if (k->delivery == SINEW_CALL_PULL)
		return;
	m->msg.data = unread_data(k);
	m->mem = unread_give(k);
	if (k->delivery != SINEW_CALL_WHOLE)
		k->unconsumed += m->msg.len;
}

/* The application has the call from now on, if it has not ended. */
static bool fill_new(struct sinew_call *k, struct kept_msg *m)
{
	queue_seen(k);
	if (!k->core || call_accept(k->core))
		return false;
	k->accepted = true;
	m->msg.total = k->core->rx.total;
	m->msg.extra = k->entry.extra;
	return true;
}

/* The next event of a call that was listed. False: it has none any more. */
static bool fill(struct queued *mine)
{
	struct sinew_call *k = mine->call;
	struct kept_msg *m = &mine->out;
	unsigned i = 0;

	lock_order_held(LOCK_SERVICE);
	if (k->returned || !mine->pending)
		return false;
	while (!(mine->pending & bit(order[i])))
		i++;
	mine->pending &= ~bit(order[i]);
	*m = (struct kept_msg) { .owner = k->lane->owner, .taken = mine };
	if (order[i] == SINEW_CALL_ENDED)
		m->msg = mine->end;
	m->msg.event = order[i];
	m->msg.call = k;
	m->msg.user = call_user(k);
	if (order[i] != SINEW_CALL_ENDED)
		m->msg.mark = mark_of(order[i]);
	if (order[i] == SINEW_CALL_DATA)
		fill_data(k, m);
	if (order[i] == SINEW_CALL_STATE) {
		mine->told = mine->report;
		m->msg.report = &mine->told;
	}
	return order[i] != SINEW_CALL_NEW || fill_new(k, m);
}

/* The data of a message that comes back, unless a reply has consumed them before. */
static void consume(struct sinew_call *k, const struct sinew_call_msg *msg)
{
	size_t n = msg->len < k->unconsumed ? msg->len : (size_t)k->unconsumed;

	if (msg->event != SINEW_CALL_DATA || k->delivery != SINEW_CALL_PIECES || !k->core)
		return;
	k->unconsumed -= n;
	call_consumed(k->core, n);
}

/* A thread is done with the call, which is listed again if there is more. */
static void leave(struct queued *mine)
{
	struct sinew_session *unused = NULL;
	struct sinew_call *k = mine->call;
	struct lane *l = k->lane;
	struct sinew_calls *o = l->owner;
	struct queue *q = queue_of(o);
	bool listed = false;

	lock_order_held(LOCK_SERVICE);
	queue_lock(q);
	assert(mine->state == QUEUED_TAKEN && q->n_taken);
	mine->state = QUEUED_IDLE;
	q->n_taken--;
	if (mine->pending && !k->returned)
		listed = list_call(q, mine);
	if (!q->n_taken && atomic_load(&o->node_gone))
		pthread_cond_broadcast(&q->ready);
	show_sign(o, q);
	queue_unlock(q);
	lane_settle(l);
	if (!listed)
		unused = call_put_back(k);
	lane_unlock_and_drop(l, unused);
}

void queue_put(struct queued *mine)
{
	struct sinew_call *k = mine->call;

	owner_release(k->lane->owner, mine->out.mem);
	mine->out.mem = NULL;
	lane_lock(k->lane);
	consume(k, &mine->out.msg);
	leave(mine);
}

/* ---- threads ---- */

static bool init(struct queue *q)
{
	pthread_condattr_t attr;
	bool good;

	if (pthread_condattr_init(&attr))
		return false;
	good = !pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) &&
		!pthread_cond_init(&q->ready, &attr);
	pthread_condattr_destroy(&attr);
	if (!good)
		return false;
	pthread_cond_init(&q->left, NULL);
	pthread_mutex_init(&q->lock, NULL);
	list_init(&q->calls);
	sign_init(&q->sign);
	return true;
}

int sinew_calls_queue(struct sinew_calls *o, unsigned max)
{
	struct queue *none = NULL, *q;

	if (!o || !max)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	if (queue_of(o))
		return -EEXIST;
	q = owner_alloc(o, sizeof *q);
	if (!q)
		return -ENOMEM;
	*q = (struct queue) { .max = max };
	if (!init(q)) {
		owner_release(o, q);
		return -ENOMEM;
	}
	if (atomic_compare_exchange_strong(&o->queue, &none, q))
		return 0;
	queue_free(o, q);
	return -EEXIST;
}

/* Under the lock. 0: a call is listed; or a negative errno. */
static int wait_for_call(struct sinew_calls *o, struct queue *q, uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u),
	};
	int err = 0, was;

	/* A thread that ended here would keep the lock. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	q->n_inside++;
	while (list_empty(&q->calls) && !is_over(o, q) && !err && until_ns)
		err = until_ns == UINT64_MAX ? pthread_cond_wait(&q->ready, &q->lock) :
			pthread_cond_timedwait(&q->ready, &q->lock, &until);
	if (!--q->n_inside && q->over)
		pthread_cond_broadcast(&q->left);
	pthread_setcancelstate(was, NULL);
	if (!list_empty(&q->calls) && !q->over)
		return 0;
	return is_over(o, q) ? -ESHUTDOWN : -ETIME;
}

/* The next call that is listed, with the reference of the list. 0 or a negative errno. */
static int next_call(struct sinew_calls *o, struct queue *q, uint64_t until_ns,
		     struct queued **ret_mine)
{
	int err;

	queue_lock(q);
	err = wait_for_call(o, q, until_ns);
	if (!err) {
		*ret_mine = list_first(&q->calls, struct queued, link);
		assert((*ret_mine)->state == QUEUED_LISTED);
		list_remove(&(*ret_mine)->link);
		(*ret_mine)->state = QUEUED_TAKEN;
		q->n_taken++;
		show_sign(o, q);
	}
	queue_unlock(q);
	return err;
}

/* 0: never, UINT64_MAX: without an end. */
static uint64_t until(int timeout_ms)
{
	if (timeout_ms <= 0)
		return timeout_ms ? UINT64_MAX : 0;
	return service_now() + (uint64_t)timeout_ms * 1000000u;
}

/* That of the caller's calls. 0 or a negative errno. */
static int find_queue(struct sinew_calls *o, struct queue **ret_queue)
{
	if (!o)
		return -EINVAL;
	if (node_forked(o->node))
		return -ECHILD;
	*ret_queue = queue_of(o);
	return *ret_queue ? 0 : -EINVAL;
}

int sinew_calls_take(struct sinew_calls *o, int timeout_ms, struct sinew_call_msg **ret_msg)
{
	uint64_t until_ns = until(timeout_ms);
	struct queued *mine;
	struct queue *q;
	int err = ret_msg ? find_queue(o, &q) : -EINVAL;

	if (err)
		return err;
	if (timeout_ms && !atomic_load(&o->node_gone) && loop_is_ours(&o->node->loop))
		return -EDEADLK;
	while (!(err = next_call(o, q, until_ns, &mine))) {
		struct lane *l = mine->call->lane;

		lane_lock(l);
		if (fill(mine)) {
			lane_settle(l);
			lane_unlock(l);
			*ret_msg = &mine->out.msg;
			return 0;
		}
		mine->pending = 0;
		leave(mine);
	}
	return err;
}

int sinew_calls_get_fd(struct sinew_calls *o)
{
	struct queue *q;
	int err = find_queue(o, &q), fd;

	if (err)
		return err;
	queue_lock(q);
	if (q->sign.fd < 0)
		err = sign_open(&q->sign);
	if (!err)
		show_sign(o, q);
	fd = q->sign.fd;
	assert((fd < 0) == (err != 0));
	queue_unlock(q);
	return err ? err : fd;
}

void queue_wake(struct sinew_calls *o)
{
	struct queue *q = queue_of(o);

	assert(atomic_load(&o->node_gone));
	if (!q)
		return;
	queue_lock(q);
	pthread_cond_broadcast(&q->ready);
	show_sign(o, q);
	queue_unlock(q);
}

void queue_shut(struct sinew_calls *o)
{
	struct queue *q = queue_of(o);

	assert(atomic_load(&o->freed));
	if (!q)
		return;
	queue_lock(q);
	q->over = true;
	pthread_cond_broadcast(&q->ready);
	while (q->n_inside)
		pthread_cond_wait(&q->left, &q->lock);
	while (!list_empty(&q->calls)) {
		struct queued *mine = list_first(&q->calls, struct queued, link);

		list_remove(&mine->link);
		mine->state = QUEUED_IDLE;
		queue_unlock(q);
		call_give_ref(mine->call);
		queue_lock(q);
	}
	queue_unlock(q);
}
