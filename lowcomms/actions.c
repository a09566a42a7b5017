/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/actions.h"

#include <assert.h>
#include <string.h>

#include "proto/rx.h"

#include "lowcomms/handle.h"
#include "lowcomms/leave.h"
#include "lowcomms/reach.h"
#include "lowcomms/serving.h"

/* ---- callbacks ---- */

static void session_up(struct sinew_node *n, struct session *s)
{
	struct sinew_session *h = handle_of(s);
	struct member *m = container_of(s->peer, struct member, peer);

	assert(!h->member && h->node == n && h->nodeid == m->nodeid);
	h->member = m;
	atomic_store_explicit(&h->incarnation, s->incarnation, memory_order_relaxed);
	serving_up(h);
	directory_lock(&n->directory);
	assert(!m->handle);
	m->handle = h;
	if (m->closing)
		handle_finish(h);
	directory_unlock(&n->directory);
	reach_begin(m);
	watch_session_up(&n->managed.observers, m->nodeid, s->incarnation);
	reach_incarnation(n, m);
	handle_tell(h, n->cb.session_up);
}

static enum sinew_down down_reason(enum session_end end)
{
	assert(end != SESSION_ALIVE);
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
	case SESSION_REFUSED:		return SINEW_DOWN_LEFT;
	}
	return SINEW_DOWN_FAILED;
}

static void session_down(struct sinew_node *n, struct session *s)
{
	struct sinew_session *h = handle_of(s);
	struct member *m = h->member;
	enum sinew_down reason = down_reason(s->end);
	uint8_t *buf = session_take_buffer(s);

	assert(s->end != SESSION_ALIVE && session_state(s) == FSM_CLOSED && !h->dead);
	if (buf)
		buf_unref(buf_of(buf));
	if (m) {
		directory_lock(&n->directory);
		assert(m->handle == h);
		m->handle = NULL;
		directory_unlock(&n->directory);
		watch_session_down(&n->managed.observers, m->nodeid, s->incarnation, reason);
		if (s->end == SESSION_SUPERSEDED)
			reach_superseded(n, m);
	}
	leave_check(n);
	if (n->handover.answered == h)
		n->handover.answered = NULL;
	handle_die(h);
	closing_down(&n->closing, h, reason);
	serving_down(h);
	if (m) {
		node_calls_back(n);
		if (n->cb.session_down)
			n->cb.session_down(n, h, reason, &h->delivery, n->user);
	}
	sinew_session_unref(h);
}

void node_fence(struct sinew_node *n, uint32_t nodeid, uint64_t incarnation,
		enum sinew_fence_reason reason)
{
	assert(nodeid && incarnation);
	node_calls_back(n);
	if (n->cb.fence_asked)
		n->cb.fence_asked(n, nodeid, incarnation, reason, n->user);
}

/* ---- actions ---- */

/* The last refusal by or of a peer is kept for sinew_last_refusal(). */
static void take_note(struct sinew_node *n, const struct note *note)
{
	enum sinew_level level = (enum sinew_level)note->level;
	bool refusal = note->nodeid && level <= SINEW_WARNING && strstr(note->text, "refuse");
	struct log_text text;

	if (!refusal && !log_wanted(&n->log, level))
		return;
	log_note_text(note, &text);
	if (refusal)
		directory_refusal(&n->directory, note->nodeid, text.text);
	/* A stranger chooses its nodeid itself: all strangers share one limit. */
	log_note(&n->log, note, peer_find(&n->core, note->nodeid) ? note->nodeid : 0, &text);
}

void node_spare(struct sinew_node *n, struct member *m)
{
	struct sinew_session *h;

	if (m->leaves)
		return;
	assert(m->in_core && !m->peer.spare);
	h = handle_new(n, m->nodeid);
	m->spare_due = h == NULL;
	if (h) {
		peer_provide(&m->peer, &h->session);
		return;
	}
	log_limited(&n->log, SINEW_ERROR, m->nodeid, "no memory",
		    "no memory for a session, retrying; its queue takes %zu KiB of address space "
		    "(queue_bytes)", n->ring_bytes / 1024);
	node_sweep_in(n, RETRY_NS);
}

void node_renew(struct sinew_node *n)
{
	uint64_t incarnation;
	int err = node_incarnation(&incarnation);

	/* An incarnation that somebody can guess is none: the old one is over all the same. */
	n->errands.renew_due = err != 0;
	if (err) {
		log_limited(&n->log, SINEW_ERROR, 0, "no incarnation",
			    "no random number for a new incarnation: %s; retrying",
			    sinew_error_name(err));
		node_sweep_in(n, RETRY_NS);
		return;
	}
	core_renew(&n->core, incarnation);
	directory_forget_former(&n->directory);	/* as a new process (R22) */
	atomic_store(&n->incarnation, incarnation);
	n->errands.self_lost_due = true;
	watch_renewed(&n->managed.observers, incarnation);
}

static void act(struct sinew_node *n, const struct core_action *a)
{
	struct session *s = a->session ? a->session : a->peer ? a->peer->session : NULL;

	if (s)
		handle_touch(n, handle_of(s));
	/* A callback may follow, and its end may be the end of the session's memory. */
	if (a->what >= CORE_PEER_UP)
		handle_touch(n, NULL);
	switch (a->what) {
	case CORE_NOTE:
		take_note(n, &a->note);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		conn_dial(n, a->peer, a->path, a->what == CORE_PROBE);
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
	case CORE_PROVIDE:
		node_spare(n, container_of(a->peer, struct member, peer));
		break;
	case CORE_PEER_UP:
		session_up(n, a->session);
		break;
	case CORE_LINK_UP:
		/* It may have moved to a link that stood already. */
		reach_link(n, container_of(a->session->peer, struct member, peer));
		handle_tell(handle_of(a->session), n->cb.link_up);
		break;
	case CORE_FINISHED:
		serving_finished(handle_of(a->session));
		handle_peer_finished(handle_of(a->session));
		break;
	case CORE_WRITABLE:
		serving_room(handle_of(a->session));
		handle_tell(handle_of(a->session), n->cb.writable);
		break;
	case CORE_PEER_DOWN:
		session_down(n, a->session);
		break;
	case CORE_FINISHING:
		serving_finishing(handle_of(a->session));
		break;
	case CORE_PATH:
		serving_path(handle_of(a->session));
		break;
	case CORE_FENCE:
		assert(a->reason);
		node_fence(n, a->peer->nodeid, a->incarnation, (enum sinew_fence_reason)a->reason);
		break;
	case CORE_RENEW:
		node_renew(n);
		break;
	case CORE_CLOSED:
		n->closing.core_closed = true;
		break;
	}
}

static void call_self_lost(struct sinew_node *n)
{
	assert(!core_pending(&n->core));
	n->errands.self_lost_due = false;
	node_calls_back(n);
	if (n->cb.self_lost)
		n->cb.self_lost(n, atomic_load(&n->incarnation), n->user);
}

void actions_run(struct sinew_node *n)
{
	struct core_action a;

	assert(loop_is_inside(&n->loop));
	while (n->errands.self_lost_due || !core_at_rest(&n->core)) {
		if (core_poll(&n->core, &a))
			act(n, &a);
		else if (n->errands.self_lost_due)	/* every peer is down by now */
			call_self_lost(n);
		else
			break;
	}
}
