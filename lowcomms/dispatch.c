/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node as the user has it: opened, driven, closed, freed. Knows nothing of
 * what its loop does in a turn.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lowcomms/drive.h"
#include "lowcomms/handle.h"
#include "lowcomms/options.h"
#include "lowcomms/serving.h"
#include "lowcomms/thread.h"

/* ---- open ---- */

static int core_open(struct sinew_node *n)
{
	const struct sinew_options *o = &n->opt;
	struct core_config c;
	int err;

	core_config_default(&c);
	err = node_incarnation(&c.incarnation);
	if (!err)
		err = node_random(&c.seed, sizeof c.seed);
	if (!err)
		err = node_random(c.secret, sizeof c.secret);
	if (err)
		return err;
	c.nodeid = o->nodeid;
	memcpy(c.cluster, n->cluster, sizeof c.cluster);
	memcpy(c.group, n->group, sizeof c.group);
	c.static_members = o->membership == SINEW_MEMBERSHIP_STATIC;
	c.reset_repeats = o->profile != SINEW_PROFILE_DLM ||
		n->transport->traits & STREAM_RESET_REPEATS;
	c.multihomed = n->transport->traits & STREAM_MULTIHOMED;
	c.first_seq = n->first_seq;
	c.max_message = n->max_message;
	c.queue_bytes = (uint32_t)n->ring_bytes;
	if (c.ack_bytes > n->ring_bytes / 4)
		c.ack_bytes = (uint32_t)(n->ring_bytes / 4);
	options_tune(o, &c);
	core_init(&n->core, &c, loop_now_ns());
	atomic_store(&n->incarnation, c.incarnation);
	return 0;
}

static void *own_loop(void *arg)
{
	struct sinew_node *n = arg;
	int err = 0;

	assert(n->opt.own_thread);
	atomic_store(&n->loop.thread, thread_number());
	atomic_store(&n->loop.busy, thread_number());
	loop_finish_wait(&n->loop);
	while (err >= 0 && !atomic_load(&n->own.stop) && !atomic_load(&n->closing.over))
		err = node_turn(n, -1);
	if (err < 0)
		log_line(&n->log, SINEW_ERROR, "event loop failed: %s", strerror(-err));
	/* Without the end of the closing it is the node that is about to be freed. */
	atomic_store(&n->own.end, err < 0 ? err : atomic_load(&n->closing.over) ? 0 : -ESTALE);
	handles_wake(n);
	wait_wake(&n->wait_lock, &n->own.joiners);
	return NULL;
}

static int start_own_thread(struct sinew_node *n)
{
	int err;

	assert(!n->own.runs && n->opt.own_thread);
	err = thread_start(0, own_loop, n, &n->own.thread);
	n->own.runs = err == 0;
	return err;
}

static void close_all(struct sinew_node *n);

int sinew_node_new(const struct sinew_options *opt, const struct sinew_callbacks *cb, void *user,
		   struct sinew_node **ret_node)
{
	struct sinew_node *n;
	int err;

	if (!opt || !ret_node)
		return -EINVAL;
	err = node_watch_forks();
	if (!err)
		err = node_alloc(&n);
	if (err)
		return err;
	n->user = user;
	err = options_take(n, opt);
	if (!err)
		err = callbacks_take(n, cb);
	if (!err)
		err = core_open(n);
	if (!err)
		err = loop_open(&n->loop);
	if (!err)
		err = listeners_open(n);
	atomic_store(&n->memory.limit, n->opt.node_memory);
	/* Reading must go on whatever happens to memory later. */
	if (!err)
		err = buf_new(&n->memory, BUF_POOLED, true, &n->memory.read_buf);
	if (!err && n->opt.own_thread)
		err = start_own_thread(n);
	if (err) {
		close_all(n);
		return err;
	}
	*ret_node = n;
	return 0;
}

/* ---- free ---- */

/* In a child of fork() everything but the descriptors is the parent's. */
static void close_in_child(struct sinew_node *n)
{
	list_each(struct conn, c, &n->conns.all, all)
		if (c->stream && c->stream->source.fd >= 0)
			close(c->stream->source.fd);
	listeners_forget(&n->listeners);
	if (n->transport->forget)
		n->transport->forget(&n->streams);
	loop_close(&n->loop);
}

static void release(struct session *s)
{
	serving_down(handle_of(s));
	sinew_session_unref(handle_of(s));
}

/* Gives back what the core holds of us. */
static void release_core(struct sinew_node *n)
{
	struct core_action a;

	assert(list_empty(&n->conns.all) && list_empty(&n->conns.dead));
	while (core_poll(&n->core, &a))
		if (a.what == CORE_PEER_DOWN)
			release(a.session);
	list_each(struct peer, p, &n->core.peers, all) {
		if (p->session)
			release(p->session);
		if (p->spare)
			sinew_session_unref(handle_of(p->spare));
	}
}

static void free_lists(struct sinew_node *n)
{
	struct requests left;
	struct command *c;
	struct sinew_session *h;

	inbox_take(&n->inbox, &left);
	while ((c = left.commands)) {
		left.commands = c->next;
		assert(c->kind == COMMAND_ADD || !c->spare);
		sinew_session_unref(c->spare);
		if (c->kind == COMMAND_REMOVE)
			member_free(c->member);
		free(c->options);
		free(c);
	}
	while ((h = left.dirty)) {
		assert(h->node == n);
		left.dirty = h->dirty_next;
		sinew_session_unref(h);
	}
	directory_clear(&n->directory);
}

static void close_all(struct sinew_node *n)
{
	atomic_store(&n->closing.asked, true);
	atomic_store(&n->sends_in, NODE_SENDS_NONE);
	handles_orphan(n);
	conns_close(n);		/* before the core lets sessions go that links point to */
	if (n->core.cfg.nodeid)
		release_core(n);
	serving_freed(n);
	serving_gone(n);
	listeners_close(n);
	free_lists(n);
	buf_unref(n->memory.read_buf);
	n->memory.read_buf = NULL;
	loop_close(&n->loop);
	closing_free(&n->closing);
	/* Buffers that come back from now on are not pooled. */
	atomic_store(&n->memory.is_short, true);
	buf_pool_drop(&n->memory);
	node_unref(n);
}

void sinew_node_free(struct sinew_node *node)
{
	if (!node)
		return;
	serving_stop(node, node_forked(node));
	if (node_forked(node)) {
		close_in_child(node);
		return;
	}
	if (node->own.runs) {
		atomic_store(&node->own.stop, true);
		loop_wake(&node->loop);
		pthread_join(node->own.thread, NULL);
	}
	close_all(node);
}

/* ---- drive ---- */

uint32_t sinew_node_id(const struct sinew_node *node)
{
	return node->opt.nodeid;
}

uint64_t sinew_incarnation(const struct sinew_node *node)
{
	return atomic_load(&node->incarnation);
}

const char *sinew_node_group(const struct sinew_node *node)
{
	return node->group;
}

int sinew_get_fd(struct sinew_node *node)
{
	if (!node || node->opt.own_thread)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	/* Work that waits already needed no wake-up so far. */
	if (!atomic_exchange(&node->loop.shown, true)) {
		loop_prepare_wait(&node->loop);
		loop_wake(&node->loop);
	}
	return node->loop.epoll;
}

/* Milliseconds until then, rounded up; -1: for ever. */
static int ms_until(uint64_t at_ns)
{
	uint64_t now = loop_now_ns();

	if (at_ns == CORE_NEVER)
		return -1;
	return at_ns <= now ? 0 : (int)((at_ns - now + 999999u) / 1000000u);
}

static int run(struct sinew_node *n, int timeout_ms)
{
	uint64_t until = CORE_NEVER;
	int handled;

	assert(loop_is_inside(&n->loop));
	if (timeout_ms >= 0)
		until = loop_tick_ns() + (uint64_t)timeout_ms * 1000000u;
	do {
		if (atomic_load(&n->closing.over))
			return -ESHUTDOWN;
		handled = node_turn(n, timeout_ms);
		if (handled || n->errands.interrupted)
			return handled;
		timeout_ms = ms_until(until);
	} while (timeout_ms);
	return 0;
}

/* 0: this thread runs the loop now. */
static int enter(struct sinew_node *n)
{
	const uintptr_t self = thread_number();
	uintptr_t was = LOOP_IDLE;

	while (!atomic_compare_exchange_strong(&n->loop.busy, &was, self)) {
		if (was != LOOP_DIRECT)
			return was == self ? -EINVAL : -EBUSY;
		/* A send of another thread writes: that does not take long. */
		sched_yield();
		was = LOOP_IDLE;
	}
	if (!loop_is_ours(&n->loop))
		atomic_store(&n->loop.thread, self);
	assert(loop_is_inside(&n->loop));
	loop_finish_wait(&n->loop);
	return 0;
}

static void leave(struct sinew_node *n)
{
	bool closed = atomic_load(&n->closing.over);

	assert(loop_is_inside(&n->loop) && !n->handover.msg);
	/* Without the descriptor nobody sleeps from here to the next dispatch. */
	if (atomic_load(&n->loop.shown)) {
		if (!closed)
			loop_arm(&n->loop, node_deadline(n));
		loop_rests(&n->loop);
		loop_prepare_wait(&n->loop);
		/* A poller of the descriptor learns of the end by one more dispatch. */
		if (closed || node_work_left(n))
			loop_wake(&n->loop);
	}
	atomic_store_explicit(&n->loop.busy, LOOP_IDLE, memory_order_release);
}

int sinew_dispatch(struct sinew_node *node, int timeout_ms)
{
	int r;

	if (!node || node->opt.own_thread)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	r = enter(node);
	if (r)
		return r;
	r = run(node, timeout_ms);
	leave(node);
	return r;
}

/* ---- close ---- */

int sinew_close(struct sinew_node *node, int linger_ms)
{
	if (!node || linger_ms < 0)
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	if (atomic_load(&node->closing.over))
		return -EALREADY;
	atomic_store(&node->closing.asked, true);
	atomic_store(&node->sends_in, NODE_SENDS_NONE);
	inbox_close(&node->inbox, linger_ms);
	loop_wake(&node->loop);
	handles_wake(node);
	return 0;
}

int sinew_report(struct sinew_node *node, struct sinew_report_session *entries, int max)
{
	if (!node || max < 0 || (max && !entries))
		return -EINVAL;
	if (node_forked(node))
		return -ECHILD;
	for (int i = 0; i < node->closing.n_report && i < max; i++)
		entries[i] = node->closing.report[i];
	return node->closing.n_report;
}
