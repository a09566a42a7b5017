/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/drive.h"

#include <assert.h>
#include <errno.h>

#include "lowcomms/actions.h"
#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/peers.h"
#include "lowcomms/recv.h"
#include "lowcomms/serving.h"

#define NODE_EVENTS	64		/* taken from the kernel at once */

/* Reads the exact clock, once per iteration, after the wait: round-trip times need it. Elsewhere
 * the coarse clock is enough: it is at most one tick late. */
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
		watch_closing(&n->managed.observers);
		core_close(&n->core);
		list_each(struct peer, p, &n->core.peers, all)
			if (p->session)
				handle_touch(n, handle_of(p->session));
	}
	n->closing.linger_ns = earlier(n->closing.linger_ns, until);
}

static __attribute__((noinline)) void take_requests(struct sinew_node *n)
{
	struct sinew_session *h;
	struct requests in;

	inbox_take(&n->inbox, &in);
	commands_run(n, in.commands);
	while ((h = in.dirty)) {
		in.dirty = h->dirty_next;
		handle_refresh(h);
		sinew_session_unref(h);
	}
	if (in.service)
		serving_ask(n);
	if (in.close_ms >= 0)
		begin_close(n, in.close_ms);
}

/* Takes commands, dirty handles and a close from other threads. True: there were some, and
 * node_actions() has to follow. */
static inline bool take_inbox(struct sinew_node *n)
{
	bool answered = n->handover.answered;

	assert(!n->handover.msg);
	if (answered)
		flush_answered(n);
	if (!atomic_load(&n->inbox.any))
		return answered;
	take_requests(n);
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

		if (m->spare_due)
			node_spare(n, m);
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
		node_sweep_in(n, SWEEP_NS);
		return;
	}
	buf_pool_drop(&n->memory);
	buf_idle(n->memory.read_buf);
}

static void finish_close(struct sinew_node *n)
{
	assert(!atomic_load(&n->closing.over));
	conns_close(n);
	assert(list_empty(&n->conns.all) && !ready_any(&n->conns.ready));
	listeners_close(n);
	n->closing.linger_ns = CORE_NEVER;
	atomic_store(&n->closing.over, true);
	watch_closed(&n->managed.observers);
	node_calls_back(n);
	if (n->cb.closed)
		n->cb.closed(n, n->user);
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
	if (n->core.now_ns >= n->serving.deadline_ns)
		serving_tick(n);
	if (memory_shrink_due(&n->memory)) {
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
	n->errands.actions_due = false;
	node_actions(n);
	if (over || (n->closing.core_closed && !n->closing.n_final_acks))
		finish_close(n);
}

/* Work of timers() besides time. */
static bool errands(struct sinew_node *n)
{
	return n->errands.actions_due || n->closing.core_closed || memory_moves(&n->memory);
}

/* Messages sent by callbacks go out with the ACK of this batch. */
static void after_source(struct sinew_node *n)
{
	take_inbox(n);
	node_actions(n);
}

/* A bounded amount of work each; one with more goes to the tail. */
static void take_ready(struct sinew_node *n)
{
	struct list turn;

	list_take(&n->conns.ready.conns, &turn);
	/* Callbacks and actions may end any connection. */
	while (!list_empty(&turn)) {
		struct conn *c = list_first(&turn, struct conn, ready);
		unsigned can = ready_take(c);

		if (can & READY_PARSE)
			conn_parse(c);
		/* When it cannot be written any more, what is there is read, then it has failed:
		 * it is looked at in each turn until then. */
		conn_event(c, (can & READY_WRITE ? STREAM_WRITABLE : 0) |
			   (c->write_err ? STREAM_FAILED : 0));
		if (c->write_err)
			ready_add(c, READY_PARSE);
		after_source(n);
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

	list_take(&n->streams.news, &taken);
	while (stream_next(&taken))
		after_source(n);
}

/* ---- waiting ---- */

/* On speculation. True: something came, or it has ended. */
static bool read_unasked(struct conn *c)
{
	struct sinew_node *n = c->node;

	now_exactly(n);
	loop_works(&n->loop, n->core.now_ns);
	if (!conn_input(c))
		return false;
	conn_update(c);
	after_source(n);
	return true;
}

/* For as long as the user wants that, or until there is something; true as of read_unasked(). */
static bool spin(struct sinew_node *n, struct epoll_event *events, int *ret_got)
{
	uint64_t until = loop_now_ns() + (uint64_t)n->opt.busy_poll_us * 1000u;
	struct conn *c;

	assert(n->opt.busy_poll_us);
	do {
		while (!node_work_left(n) && (c = ready_reader(&n->conns.ready)))
			if (read_unasked(c))
				return true;
		loop_rests(&n->loop);
		*ret_got = loop_wait(&n->loop, events, NODE_EVENTS, 0);
		/* That it finds nothing says nothing of what is likely. */
		n->conns.ready.n_reads = 0;
		now_exactly(n);
	} while (!*ret_got && !node_work_left(n) && n->core.now_ns < until &&
		 n->core.now_ns < node_deadline(n));
	return false;
}

static int wait_events(struct sinew_node *n, struct epoll_event *events, int timeout_ms)
{
	int got;

	if (timeout_ms) {
		loop_rests(&n->loop);
		loop_prepare_wait(&n->loop);
		if (node_work_left(n))
			timeout_ms = 0;
	}
	got = loop_wait(&n->loop, events, NODE_EVENTS, timeout_ms);
	ready_asked(&n->conns.ready, got);
	loop_finish_wait(&n->loop);
	return got;
}

/* ---- a turn ---- */

int node_turn(struct sinew_node *n, int timeout_ms)
{
	struct epoll_event events[NODE_EVENTS];
	bool had_requests, is_read = false;
	struct conn *c;
	int got = 0;

	assert(loop_is_inside(&n->loop) && !n->handover.msg);
	loop_turn(&n->loop);
	n->errands.n_callbacks = 0;
	/* The timer shows that something is due. */
	if (node_work_left(n) || errands(n)) {
		node_now(n);
		loop_works(&n->loop, n->core.now_ns);
		take_inbox(n);
		timers(n);
		take_ready(n);
		take_news(n);
		node_free_dead(n);
		handle_touch(n, NULL);
	}
	if (atomic_load(&n->closing.over))
		return (int)n->errands.n_callbacks;
	loop_arm(&n->loop, node_deadline(n));
	if (n->errands.n_callbacks || node_work_left(n))
		timeout_ms = 0;
	if (!timeout_ms)
		is_read = (c = ready_reader(&n->conns.ready)) && read_unasked(c);
	else if (n->opt.busy_poll_us)
		is_read = spin(n, events, &got);
	if (!is_read && !got) {
		got = wait_events(n, events, timeout_ms);
		now_exactly(n);
	}
	loop_works(&n->loop, n->core.now_ns);
	n->errands.interrupted = got == -EINTR;
	if (got < 0 && got != -EINTR)
		return got;
	if (got < 0)
		got = 0;
	had_requests = take_inbox(n);
	for (int i = 0; i < got; i++)
		source_ready(n, &events[i]);
	if (streams_have_news(&n->streams))
		take_news(n);
	if (had_requests || errands(n) || n->core.now_ns >= node_deadline(n))
		timers(n);
	node_free_dead(n);
	handle_touch(n, NULL);
	return (int)n->errands.n_callbacks + got + is_read;
}
