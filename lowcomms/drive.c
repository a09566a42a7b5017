/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/drive.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/actions.h"
#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/peers.h"
#include "lowcomms/recv.h"

#define NODE_EVENTS	64		/* taken from the kernel at once */

/* Exactly, once a turn, behind the wait: round trips are measured by it. Time missed elsewhere
 * by a tick is found then. */
static void now_exactly(struct sinew_node *n)
{
	core_now(&n->core, loop_now_ns());
}

/* ---- the inbox ---- */

static void begin_close(struct sinew_node *n, int ms)
{
	uint64_t until = n->core.now_ns + (uint64_t)ms * 1000000u;

	assert(ms >= 0);
	if (n->closing.linger_ns == CORE_NEVER && !n->core.closing) {
		if (!closing_report(&n->closing, &n->core))
			log_line(&n->log, SINEW_ERROR,
				 "no memory for the report, it will be empty");
		watch_closing(&n->observer);
		core_close(&n->core);
		list_each(struct peer, p, &n->core.peers, all)
			if (p->session)
				handle_touch(n, handle_of(p->session));
	}
	if (until < n->closing.linger_ns)
		n->closing.linger_ns = until;
}

/* Takes commands, dirty handles and a close from other threads. True: there were some, and
 * node_actions() has to follow. */
static bool take_inbox(struct sinew_node *n)
{
	struct sinew_session *h = n->handover.answered;
	struct letters in;

	assert(!n->handover.msg && (!h || h->node == n));
	n->handover.answered = NULL;
	if (h) {
		node_sweep_later(n);
		handle_schedule(h);
	}
	if (!atomic_load(&n->inbox.any))
		return h;
	inbox_take(&n->inbox, &in);
	commands_run(n, in.commands);
	while ((h = in.dirty)) {
		in.dirty = h->dirty_next;
		handle_refresh(h);
		sinew_session_unref(h);
	}
	if (in.close_due)
		begin_close(n, in.close_ms);
	return true;
}

/* ---- time ---- */

static void sweep(struct sinew_node *n)
{
	bool later;

	n->errands.sweep_ns = CORE_NEVER;
	leave_tick(n);
	list_each(struct peer, p, &n->core.peers, all) {
		struct member *m = container_of(p, struct member, peer);

		if (m->lend_due)
			node_lend(n, m);
	}
	if (n->errands.renew_due)
		node_renew(n);
	if (n->memory.retry) {
		n->memory.retry = false;
		handles_memory(n);
		conns_memory(n);
	}
	later = handles_sweep(n) || n->memory.read_much;
	n->memory.read_much = false;
	if (later) {
		node_sweep_later(n);
		return;
	}
	buf_pool_drop(&n->memory);
	buf_idle(n->memory.read_buf);
}

static void finish_close(struct sinew_node *n)
{
	assert(!atomic_load(&n->closing.over));
	conns_close(n);
	assert(!n->conns.first && !n->conns.n_again);
	listeners_close(n);
	n->closing.linger_ns = CORE_NEVER;
	atomic_store(&n->closing.over, true);
	watch_closed(&n->observer);
	node_calls_back(n);
	if (n->cb.closed)
		n->cb.closed(n, n->user);
}

static bool shrink_due(struct sinew_node *n)
{
	return atomic_load(&n->memory.is_short) && !n->memory.has_shrunk;
}

static void timers(struct sinew_node *n)
{
	bool over = n->core.now_ns >= n->closing.linger_ns;

	assert(loop_is_inside(&n->loop) && !n->handover.msg);
	if (n->core.now_ns >= core_deadline(&n->core))
		core_tick(&n->core);
	conns_drain_tick(n);
	if (n->core.now_ns >= n->errands.sweep_ns)
		sweep(n);
	if (n->core.now_ns >= n->listeners.again_ns)
		listeners_again(n);
	if (n->core.now_ns >= n->streams.deadline_ns)
		n->transport->due(&n->streams, n->core.now_ns);
	if (shrink_due(n)) {
		n->memory.has_shrunk = true;
		handles_shrink(n);
	}
	if (atomic_load(&n->memory.freed)) {
		atomic_store(&n->memory.freed, false);
		atomic_store(&n->memory.is_short, false);
		n->memory.has_shrunk = false;
		handles_memory(n);
	}
	if (over && !n->closing.core_closed)
		core_linger_over(&n->core);
	node_actions(n, false);
	if (over || (n->closing.core_closed && !n->closing.n_final_acks))
		finish_close(n);
}

static bool memory_moves(struct sinew_node *n)
{
	return atomic_load(&n->memory.freed) || shrink_due(n);
}

/* Work of timers() besides time. */
static bool errands(struct sinew_node *n)
{
	return n->errands.has_stash || n->errands.self_lost_due || n->closing.core_closed ||
		memory_moves(n);
}

static bool work_left(struct sinew_node *n)
{
	return atomic_load(&n->inbox.any) || n->handover.answered || n->conns.n_again ||
		n->errands.has_stash || streams_have_news(&n->streams) || memory_moves(n) ||
		atomic_load(&n->own.stop);
}

/* Messages sent by callbacks go out with the ACK of this batch. */
static void after_source(struct sinew_node *n)
{
	take_inbox(n);
	node_actions(n, false);
}

/* Parses input that was read before. */
static void parse_again(struct conn *c)
{
	assert(!c->again);
	conn_parse_again(c);
	after_source(c->node);
	conn_update(c);
	if (!c->write_err)
		return;
	/* It cannot be written any more: what is there is read, then it has failed. More than one
	 * turn reads: it goes on in the next. */
	conn_event(c, STREAM_FAILED);
	conn_set_again(c);
}

static void conns_again(struct sinew_node *n)
{
	struct conn *c, *next;

	if (!n->conns.n_again)
		return;
	for (c = n->conns.first; c; c = next) {
		next = c->next;
		if (!c->again)
			continue;
		assert(n->conns.n_again && c->state != CONN_DEAD);
		c->again = false;
		n->conns.n_again--;
		parse_again(c);
		/* Callbacks and actions may have ended any connection. */
		if (next && next->state == CONN_DEAD)
			return;
	}
}

static void source_ready(struct sinew_node *n, const struct epoll_event *e)
{
	struct source *s = e->data.ptr;

	assert(s->ready && !n->handover.msg);
	s->ready(s, e->events);
	after_source(n);
}

/* Of streams that have no descriptor to show it. */
static void take_news(struct sinew_node *n)
{
	struct list taken;

	if (!streams_have_news(&n->streams))
		return;
	streams_take(&n->streams, &taken);
	while (stream_next(&taken))
		after_source(n);
}

/* ---- waiting ---- */

/* It may be read. True: there was something, which has been taken. */
static bool read_hot(struct sinew_node *n)
{
	now_exactly(n);
	if (!hot_read(&n->conns.hot))
		return false;
	after_source(n);
	return true;
}

/* For as long as the user wants that, or until there is something; true as of read_hot(). */
static bool spin(struct sinew_node *n, struct epoll_event *events, int *ret_got)
{
	uint64_t until = loop_now_ns() + (uint64_t)n->opt.busy_poll_us * 1000u;

	assert(n->opt.busy_poll_us);
	do {
		while (!work_left(n) && hot_may_read(&n->conns.hot))
			if (read_hot(n))
				return true;
		*ret_got = loop_wait(&n->loop, events, NODE_EVENTS, 0);
		hot_asked(&n->conns.hot);
		now_exactly(n);
	} while (!*ret_got && !work_left(n) && n->core.now_ns < until &&
		 n->core.now_ns < node_deadline(n));
	return false;
}

static int wait_events(struct sinew_node *n, struct epoll_event *events, int timeout_ms)
{
	int got;

	if (timeout_ms) {
		loop_prepare_wait(&n->loop);
		if (work_left(n))
			timeout_ms = 0;
	}
	got = loop_wait(&n->loop, events, NODE_EVENTS, timeout_ms);
	hot_begin(&n->conns.hot, got == 1);
	loop_finish_wait(&n->loop);
	return got;
}

/* ---- a turn ---- */

int node_turn(struct sinew_node *n, int timeout_ms)
{
	struct epoll_event events[NODE_EVENTS];
	bool had_words, is_read = false;
	int got = 0;

	assert(loop_is_inside(&n->loop) && !n->handover.msg);
	loop_turn(&n->loop);
	n->errands.n_callbacks = 0;
	/* The timer shows that something is due. */
	if (work_left(n) || errands(n)) {
		node_now(n);
		take_inbox(n);
		timers(n);
		conns_again(n);
		take_news(n);
		conns_free_dead(n);
		handle_touch(n, NULL);
	}
	if (atomic_load(&n->closing.over))
		return (int)n->errands.n_callbacks;
	loop_arm(&n->loop, node_deadline(n));
	if (n->errands.n_callbacks || work_left(n))
		timeout_ms = 0;
	if (!timeout_ms)
		is_read = hot_may_read(&n->conns.hot) && read_hot(n);
	else if (n->opt.busy_poll_us)
		is_read = spin(n, events, &got);
	if (!is_read && !got) {
		got = wait_events(n, events, timeout_ms);
		now_exactly(n);
	}
	n->errands.interrupted = got == -EINTR;
	if (got < 0 && got != -EINTR)
		return got;
	if (got < 0)
		got = 0;
	had_words = take_inbox(n);
	for (int i = 0; i < got; i++)
		source_ready(n, &events[i]);
	if (had_words || errands(n) || n->core.now_ns >= node_deadline(n))
		timers(n);
	conns_free_dead(n);
	handle_touch(n, NULL);
	return (int)n->errands.n_callbacks + got + is_read;
}
