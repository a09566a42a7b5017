/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/flush.h"

#include <assert.h>

#include "lowcomms/handle.h"

#define COLLECT_MAX	65536u		/* bytes that wait for the next dispatch */
#define DIRECT_STEP	262144u		/* bytes between two direct writes of one iteration */

/*
 * Whether the caller may write at once. It writes the first message of an iteration, for its
 * latency; where iterations send so much that a write per message would be a waste, it writes
 * each DIRECT_STEP bytes instead. Under the lock.
 */
static bool direct_now(struct sinew_session *h)
{
	struct sinew_node *n = h->node;
	uint64_t tail = ring_tail(&h->session.ring), turn;

	lock_order_held(LOCK_HANDLE);
	if (n->opt.own_thread || !loop_is_ours(&n->loop) ||
	    atomic_load_explicit(&n->loop.busy, memory_order_relaxed) != LOOP_IDLE)
		return false;
	turn = atomic_load_explicit(&n->loop.turn, memory_order_relaxed);
	if (h->cork.turn != turn) {
		bool streams = tail - h->cork.turn_tail >= DIRECT_STEP && h->cork.turn + 1 == turn;

		h->cork.turn = turn;
		h->cork.turn_tail = tail;
		h->cork.flush_threshold = streams ? tail + DIRECT_STEP : tail;
	}
	if (tail < h->cork.flush_threshold)
		return false;
	h->cork.flush_threshold = tail + DIRECT_STEP;
	return true;
}

void flush_queued(struct flush *f, struct sinew_session *h)
{
	assert(f->node == h->node);
	if (node_hands_over(h->node, h)) {
		h->node->handover.answered = h;
		return;
	}
	if (direct_now(h)) {
		f->direct = true;
		return;
	}
	h->cork.wake_threshold = ring_tail(&h->session.ring) + COLLECT_MAX;
	if (h->queued)
		return;
	h->queued = true;
	h->dirty_next = NULL;
	*f->tail = sinew_session_ref(h);
	f->tail = &h->dirty_next;
}

/* Where nothing else is due. */
static bool write_now(struct sinew_session *h)
{
	struct link *only = session_only_sends(&h->session);

	assert(atomic_load(&h->node->loop.busy) != LOOP_IDLE);
	if (only)
		conn_transmit(container_of(only, struct conn, link));
	return only;
}

/* No callback may run here: anything but the write is the loop's. A thread that only dispatches
 * arms the timer there. */
static void write_direct(struct sinew_node *n, struct sinew_session *const *sessions, int count)
{
	uintptr_t free = LOOP_IDLE;
	/* Another thread may have begun to dispatch: then it holds busy. */
	bool ours = atomic_compare_exchange_strong(&n->loop.busy, &free, LOOP_DIRECT);

	assert(!n->opt.own_thread);
	if (ours) {
		node_now(n);
		node_sweep_in(n, SWEEP_NS);
	}
	for (int i = 0; i < count; i++)
		if (sessions[i] && sessions[i]->node == n && !(ours && write_now(sessions[i])))
			handle_mark_dirty(sessions[i]);
	if (!ours)
		return;
	node_free_dead(n);
	handle_touch(n, NULL);
	n->errands.actions_due |= !core_at_rest(&n->core);
	if (node_work_left(n))
		loop_wake(&n->loop);
	if (atomic_load(&n->loop.shown))
		loop_arm(&n->loop, node_deadline(n));
	atomic_store_explicit(&n->loop.busy, LOOP_IDLE, memory_order_release);
}

void flush_end(struct flush *f, struct sinew_session *const *sessions, int n)
{
	if (f->direct)
		write_direct(f->node, sessions, n);
	if (f->dirty)
		handles_dirty(f->node, f->dirty, f->tail);
}

int flush_one(struct sinew_session *h)
{
	struct flush f;

	flush_begin(&f, h->node);
	flush_queued(&f, h);
	lock_give(&h->lock, LOCK_HANDLE);
	flush_end(&f, &h, 1);
	return 0;
}

void flush_answered(struct sinew_node *n)
{
	struct sinew_session *h = n->handover.answered;

	assert(h->node == n);
	n->handover.answered = NULL;
	if (n->serving.corked == h) {
		n->serving.corked = NULL;
		lock_take(&h->lock, LOCK_HANDLE);
		h->cork.wake_threshold = 0;
		lock_give(&h->lock, LOCK_HANDLE);
	}
	node_sweep_in(n, SWEEP_NS);
	if (!write_now(h))
		session_schedule(&h->session);
}
