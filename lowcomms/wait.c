/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that wait: for room in a queue, for the end of a node's own thread. Knows nothing
 * of what makes room.
 */
#include <assert.h>
#include <errno.h>

#include "lowcomms/handle.h"

/* When a wait of so many milliseconds is over; negative: never. */
static uint64_t until(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : loop_now_ns() + (uint64_t)timeout_ms * 1000000u;
}

/* ---- for room ---- */

/* A refused send is tried again whenever something has changed. */
static int wait_and_send(struct sinew_session *h, const void *data, size_t len, uint64_t until_ns,
			 uint64_t *ret_number)
{
	struct sinew_node *n = h->node;
	struct waiter w;
	int err = wait_begin(&n->wait_lock, &h->waiters, &w);

	assert(!loop_is_ours(&n->loop));
	if (err)
		return err;
	while (!err) {
		err = sinew_send_numbered(h, data, len, ret_number);
		if (err != -EAGAIN)
			break;
		err = atomic_load(&n->own.end);
		if (err == LOOP_RUNS)
			err = wait_for(&n->wait_lock, &w, until_ns);
	}
	wait_end(&n->wait_lock, &h->waiters, &w);
	return err;
}

int sinew_send_wait(struct sinew_session *h, const void *data, size_t len, int timeout_ms,
		    uint64_t *ret_number)
{
	int err;

	if (!h)
		return -EINVAL;
	if (node_forked(h->node))
		return -ECHILD;
	if (timeout_ms && loop_is_ours(&h->node->loop))
		return -EDEADLK;
	err = sinew_send_numbered(h, data, len, ret_number);
	if (err != -EAGAIN || !timeout_ms)
		return err;
	/* Its owner may free it before this returns. */
	sinew_session_ref(h);
	err = wait_and_send(h, data, len, until(timeout_ms), ret_number);
	sinew_session_unref(h);
	return err;
}

/* ---- for the end ---- */

static int wait_for_end(struct sinew_node *n, uint64_t until_ns)
{
	struct waiter w;
	int err = wait_begin(&n->wait_lock, &n->own.joiners, &w);
	int end = LOOP_RUNS;

	assert(n->opt.own_thread && !loop_is_inside(&n->loop));
	if (err)
		return err;
	while (!err && (end = atomic_load(&n->own.end)) == LOOP_RUNS)
		err = wait_for(&n->wait_lock, &w, until_ns);
	wait_end(&n->wait_lock, &n->own.joiners, &w);
	return end == LOOP_RUNS ? err : end;
}

int sinew_node_join(struct sinew_node *n, int timeout_ms)
{
	int err;

	if (!n || !n->opt.own_thread)
		return -EINVAL;
	if (node_forked(n))
		return -ECHILD;
	if (loop_is_inside(&n->loop))
		return -EDEADLK;
	/* It may be freed meanwhile. */
	atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
	err = wait_for_end(n, until(timeout_ms));
	node_unref(n);
	return err;
}
