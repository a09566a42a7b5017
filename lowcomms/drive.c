/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns of the loop: feeds the core with time and events, does what it asks
 * for, calls the application. Knows no frame and no socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ring_out.h"
#include "proto/rx.h"

#include "lowcomms/conn.h"
#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/reach.h"
#include "lowcomms/closing.h"

#define SWEEP_NS	2000000000u	/* a ring idle from one to the next gives memory back */

/* Exactly, once a turn, behind the wait: round trips are measured by it. What is missed elsewhere
 * by a tick is found then. */
static void now_exactly(struct sinew_node *n)
{
	core_now(&n->core, loop_now_ns());
}

void node_now(struct sinew_node *n)
{
	core_now(&n->core, loop_tick_ns());
}

void node_sweep_by(struct sinew_node *n, uint64_t at_ns)
{
	if (at_ns < n->errands.sweep_ns)
		n->errands.sweep_ns = at_ns;
}

static void soon(struct sinew_node *n, uint64_t in_ns)
{
	node_sweep_by(n, n->core.now_ns + in_ns);
}

void node_retry_memory(struct sinew_node *n)
{
	log_limited(&n->log, SINEW_ERROR, 0, "no buffer", "no memory for a buffer, retrying");
	n->memory.retry = true;
	soon(n, RETRY_NS);
}

void node_sweep_later(struct sinew_node *n)
{
	soon(n, SWEEP_NS);
}

/* ---- callbacks ---- */

static void session_up(struct sinew_node *n, struct session *s)
{
	struct sinew_session *h = handle_of(s);
	struct member *m = container_of(s->peer, struct member, peer);

	h->member = m;
	atomic_store_explicit(&h->incarnation, s->incarnation, memory_order_relaxed);
	directory_lock(&n->directory);
	m->handle = h;
	if (m->closing)
		handle_finish(h);
	directory_unlock(&n->directory);
	reach_life(n, m);
	node_calls_back(n);
	if (n->cb.session_up)
		n->cb.session_up(n, h, n->user);
}

static enum sinew_down down_reason(enum session_end end)
{
	switch (end) {
	case SESSION_ALIVE:
	case SESSION_CLOSED:		return SINEW_DOWN_CLOSED;
	case SESSION_LEFT:		return SINEW_DOWN_LEFT;
	case SESSION_FAILED:		return SINEW_DOWN_FAILED;
	case SESSION_SUPERSEDED:	return SINEW_DOWN_SUPERSEDED;
	case SESSION_RENEWED:		return SINEW_DOWN_SELF_LOST;
	case SESSION_LINGER:		return SINEW_DOWN_LINGER;
	case SESSION_ABORTED:		return SINEW_DOWN_ABORTED;
	case SESSION_REMOVED:		return SINEW_DOWN_REMOVED;
	}
	return SINEW_DOWN_FAILED;
}

static void session_down(struct sinew_node *n, struct session *s)
{
	struct sinew_session *h = handle_of(s);
	struct member *m = h->member;
	enum sinew_down reason = down_reason(s->end);
	struct sinew_delivery delivery;
	uint8_t *lent = session_take_buffer(s);

	if (lent)
		buf_unref(buf_of(lent));
	lock_take(&h->lock, LOCK_HANDLE);
	delivery = handle_delivery(h);
	lock_give(&h->lock, LOCK_HANDLE);
	closing_down(&n->closing, h, reason, &delivery);
	if (m) {
		directory_lock(&n->directory);
		m->handle = NULL;
		directory_unlock(&n->directory);
		if (s->end == SESSION_SUPERSEDED)
			reach_superseded(n, m);
	}
	leave_look(n);
	if (n->handover.answered == h)
		n->handover.answered = NULL;
	handle_die(h, &delivery);
	if (m) {
		node_calls_back(n);
		if (n->cb.session_down)
			n->cb.session_down(n, h, reason, &delivery, n->user);
	}
	sinew_session_unref(h);
}

static void finished(struct sinew_node *n, struct session *s)
{
	handle_wake(handle_of(s));	/* ours may have been queued with it */
	node_calls_back(n);
	if (n->cb.session_finished)
		n->cb.session_finished(n, handle_of(s), n->user);
}

static void writable(struct sinew_node *n, struct session *s)
{
	handle_wake(handle_of(s));
	node_calls_back(n);
	if (n->cb.writable)
		n->cb.writable(n, handle_of(s), n->user);
}

static void fence(struct sinew_node *n, const struct core_action *a)
{
	node_calls_back(n);
	if (n->cb.fence_asked)
		n->cb.fence_asked(n, a->peer->nodeid, a->life,
				  (enum sinew_fence_reason)a->reason, n->user);
}

/* ---- actions ---- */

/* The last refusal by or of a peer is kept for sinew_last_refusal(). */
static void take_note(struct sinew_node *n, const struct note *note)
{
	enum sinew_level level = log_note_level(note);
	bool refusal = note->nodeid && level <= SINEW_WARNING && strstr(note->text, "refuse");
	char text[LOG_LINE_MAX];

	if (!refusal && !log_wanted(&n->log, level))
		return;
	log_note_text(note, text);
	if (refusal)
		directory_refusal(&n->directory, note->nodeid, text);
	/* Who is no peer has chosen that number itself: all of them are one to us. */
	log_note(&n->log, note, peer_find(&n->core, note->nodeid) ? note->nodeid : 0, text);
}

static void lend_session(struct sinew_node *n, struct member *m)
{
	struct sinew_session *h;

	if (m->leaves)
		return;
	h = handle_new(n, m->nodeid);
	m->lend_due = h == NULL;
	if (h) {
		peer_lend(&m->peer, &h->session);
		return;
	}
	log_limited(&n->log, SINEW_ERROR, m->nodeid, "no memory",
		    "no memory for a session, retrying; its queue takes %zu KiB of address space "
		    "(queue_bytes)", n->ring_bytes / 1024);
	soon(n, RETRY_NS);
}

void node_renew(struct sinew_node *n)
{
	uint64_t incarnation;
	int err = node_life(&incarnation);

	/* A life that somebody can guess is none: the old one is over all the same. */
	n->errands.renew_due = err != 0;
	if (err) {
		log_limited(&n->log, SINEW_ERROR, 0, "no incarnation",
			    "no random number for a new incarnation: %s; retrying",
			    sinew_error_name(err));
		soon(n, RETRY_NS);
		return;
	}
	core_renew(&n->core, incarnation);
	directory_forget_former(&n->directory);	/* as a new process (R22) */
	atomic_store(&n->incarnation, incarnation);
	n->errands.self_lost_due = true;
	watch_renewed(&n->observer, incarnation);
}

static void act(struct sinew_node *n, const struct core_action *a)
{
	switch (a->what) {
	case CORE_NOTE:
		take_note(n, &a->note);
		break;
	case CORE_DIAL:
		conn_dial(n, a->peer, a->path, false);
		break;
	case CORE_PROBE:
		conn_dial(n, a->peer, a->path, true);
		break;
	case CORE_TX:
		conn_transmit(container_of(a->link, struct conn, link));
		break;
	case CORE_ASK:
		conn_ask(container_of(a->link, struct conn, link));
		break;
	case CORE_SHUT:
		conn_shut(container_of(a->link, struct conn, link), a->how);
		break;
	case CORE_LEND:
		lend_session(n, container_of(a->peer, struct member, peer));
		break;
	case CORE_PEER_UP:
		session_up(n, a->session);
		break;
	case CORE_FINISHED:
		finished(n, a->session);
		break;
	case CORE_WRITABLE:
		writable(n, a->session);
		break;
	case CORE_PEER_DOWN:
		session_down(n, a->session);
		break;
	case CORE_FENCE:
		fence(n, a);
		break;
	case CORE_RENEW:
		node_renew(n);
		break;
	case CORE_CLOSED:
		n->closing.core_closed = true;
		break;
	}
}

static bool calls_back(enum core_what what)
{
	switch (what) {
	case CORE_PEER_UP:
	case CORE_FINISHED:
	case CORE_WRITABLE:
	case CORE_PEER_DOWN:
	case CORE_FENCE:
	case CORE_RENEW:
	case CORE_CLOSED:
		return true;
	case CORE_NOTE:
	case CORE_DIAL:
	case CORE_PROBE:
	case CORE_TX:
	case CORE_ASK:
	case CORE_SHUT:
	case CORE_LEND:
		break;
	}
	return false;
}

static void call_self_lost(struct sinew_node *n)
{
	n->errands.self_lost_due = false;
	node_calls_back(n);
	if (n->cb.self_lost)
		n->cb.self_lost(n, atomic_load(&n->incarnation), n->user);
}

void node_actions(struct sinew_node *n, bool direct)
{
	struct core_action a;

	while (n->errands.has_stash || n->errands.self_lost_due || !core_at_rest(&n->core)) {
		if (n->errands.has_stash) {
			if (direct)
				break;
			a = n->errands.stash;
			n->errands.has_stash = false;
		} else if (!core_poll(&n->core, &a)) {
			/* Every peer is down by now. */
			if (!n->errands.self_lost_due || direct)
				break;
			call_self_lost(n);
			continue;
		}
		if (direct && calls_back(a.what)) {
			n->errands.stash = a;
			n->errands.has_stash = true;
			break;
		}
		act(n, &a);
	}
	if (direct && (n->errands.has_stash || n->errands.self_lost_due || n->conns.n_again))
		loop_wake(&n->loop);
}

/* ---- the inbox ---- */

static void begin_close(struct sinew_node *n, int ms)
{
	uint64_t until = n->core.now_ns + (uint64_t)ms * 1000000u;

	if (n->closing.linger_ns == CORE_NEVER && !n->core.closing) {
		if (!closing_report(&n->closing, &n->core))
			log_line(&n->log, SINEW_ERROR,
				 "no memory for the report, it will be empty");
		watch_closing(&n->observer);
		core_close(&n->core);
	}
	if (until < n->closing.linger_ns)
		n->closing.linger_ns = until;
}

bool node_inbox(struct sinew_node *n)
{
	struct sinew_session *h = n->handover.answered;
	struct letters in;

	n->handover.answered = NULL;
	if (h) {
		node_sweep_later(n);
		handle_kick(h);
	}
	if (!atomic_load(&n->inbox.any))
		return h;
	inbox_take(&n->inbox, &in);
	commands_run(n, in.commands);
	while ((h = in.dirty)) {
		in.dirty = h->dirty_next;
		handle_look(h);
		sinew_session_unref(h);
	}
	if (in.close_due)
		begin_close(n, in.close_ms);
	return true;
}

/* ---- time ---- */

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t node_deadline(const struct sinew_node *n)
{
	uint64_t core = earlier(core_deadline(&n->core), n->conns.drain_ns);
	uint64_t closing = earlier(n->closing.linger_ns, n->listeners.again_ns);

	return earlier(earlier(core, closing), n->errands.sweep_ns);
}

static void sweep(struct sinew_node *n)
{
	bool later;

	n->errands.sweep_ns = CORE_NEVER;
	leave_tick(n);
	list_each(struct peer, p, &n->core.peers, all) {
		struct member *m = container_of(p, struct member, peer);

		if (m->lend_due)
			lend_session(n, m);
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
		soon(n, SWEEP_NS);
		return;
	}
	buf_pool_drop(&n->memory);
	buf_idle(n->memory.read_buf);
}

static void finish_close(struct sinew_node *n)
{
	conns_close(n);
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

	if (n->core.now_ns >= core_deadline(&n->core))
		core_tick(&n->core);
	conns_drain_tick(n);
	if (n->core.now_ns >= n->errands.sweep_ns)
		sweep(n);
	if (n->core.now_ns >= n->listeners.again_ns)
		listeners_again(n);
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
	if (over || (n->closing.core_closed && !n->closing.n_last_words))
		finish_close(n);
}

static bool memory_moves(struct sinew_node *n)
{
	return atomic_load(&n->memory.freed) || shrink_due(n);
}

/* What timers() sees to besides time. */
static bool errands(struct sinew_node *n)
{
	return n->errands.has_stash || n->errands.self_lost_due || n->closing.core_closed ||
		memory_moves(n);
}

static bool work_left(struct sinew_node *n)
{
	return atomic_load(&n->inbox.any) || n->handover.answered || n->conns.n_again ||
		n->errands.has_stash || memory_moves(n) || atomic_load(&n->own.stop);
}

/* What callbacks sent goes out with the ACK of this batch. */
static void after_source(struct sinew_node *n)
{
	node_inbox(n);
	node_actions(n, false);
}

static void source_ready(struct sinew_node *n, const struct epoll_event *e)
{
	struct source *s = e->data.ptr;

	if (s->kind == SOURCE_LISTENER)
		listener_ready(n, container_of(s, struct listener, source));
	else
		conn_event(container_of(s, struct conn, source), e->events);
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

static struct conn *only_conn(const struct epoll_event *events, int n)
{
	struct source *s = n == 1 ? events[0].data.ptr : NULL;

	return s && s->kind == SOURCE_CONN ? container_of(s, struct conn, source) : NULL;
}

/* For as long as the user wants that, or until there is something; true as of read_hot(). */
static bool spin(struct sinew_node *n, struct epoll_event *events, int *ret_got)
{
	uint64_t until = loop_now_ns() + (uint64_t)n->opt.busy_poll_us * 1000u;

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
		loop_doze(&n->loop);
		if (work_left(n))
			timeout_ms = 0;
	}
	got = loop_wait(&n->loop, events, NODE_EVENTS, timeout_ms);
	hot_learn(&n->conns.hot, only_conn(events, got));
	loop_rouse(&n->loop);
	return got;
}

/* ---- a turn ---- */

int node_turn(struct sinew_node *n, int timeout_ms)
{
	struct epoll_event events[NODE_EVENTS];
	bool had_words, is_read = false;
	int got = 0;

	loop_turn(&n->loop);
	n->errands.n_callbacks = 0;
	/* What is due by time shows by the timer. */
	if (work_left(n) || errands(n)) {
		node_now(n);
		node_inbox(n);
		timers(n);
		conns_again(n);
		conns_free_dead(n);
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
	had_words = node_inbox(n);
	for (int i = 0; i < got; i++)
		source_ready(n, &events[i]);
	if (had_words || errands(n) || n->core.now_ns >= node_deadline(n))
		timers(n);
	conns_free_dead(n);
	return (int)n->errands.n_callbacks + got + is_read;
}
