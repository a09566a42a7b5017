/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "membership/view.h"

#include <errno.h>
#include <string.h>

#include "membership/view_find.h"
#include "membership/view_poll.h"

#define SILENT_NS	UINT64_C(5000000000)	/* in the group without a HELLO: that is said */

void view_init(struct view *v, const struct greeting *own)
{
	memset(v, 0, sizeof(*v));
	v->own = *own;
	if (!view_is_observer(v))
		v->own.type = GREETING_HELLO;
	v->self.nodeid = own->nodeid;
	v->outbox.hello_due_ns = VIEW_NEVER;
}

/* ---- members ---- */

/* Off the list, and whoever was there has left. */
static void drop_entry(struct view *v, struct view_entry *e)
{
	if (e->incarnation)
		view_tell(v, VIEW_LEFT, e->node.nodeid, e->incarnation);
	view_tell(v, VIEW_REMOVE, e->node.nodeid, 0);
	*e = v->entries[--v->n_entries];
}

/* Reports the failure of the last incarnation of a node, if its join was reported. */
static void tell_failed(struct view *v, struct view_entry *e)
{
	uint64_t incarnation = e->incarnation;

	e->incarnation = 0;
	if (incarnation)
		view_tell(v, VIEW_FAILED, e->node.nodeid, incarnation)->cause = e->failed.cause;
}

/* Its session with our present incarnation may begin. */
static void meet(struct view *v, struct view_entry *e, const struct view_member *m)
{
	if (v->is_renewing)
		return;
	e->incarnation = m->greeting.incarnation;
	view_tell(v, VIEW_JOINED, e->node.nodeid, e->incarnation);
	if (m->has_said_goodbye)
		view_tell(v, VIEW_LEAVING, e->node.nodeid, e->incarnation);
}

/* It may have become complete: in the group, greeted, listed. */
static void try_join(struct view *v, struct view_member *m)
{
	struct view_entry *e = view_find_entry(v, m->process.nodeid);

	if (!m->has_greeted || m->is_joined || !e || !e->is_listed)
		return;
	if (view_find_joined(v, m->process.nodeid)) {
		view_note(v, SINEW_WARNING, m->process.nodeid,
			  "two processes of this node in the group, ignoring the second");
		return;
	}
	/* Anything quorum would say is of the incarnation before. */
	tell_failed(v, e);
	e->failed = (struct view_failed){ 0 };
	e->is_fence_due = false;
	m->is_joined = true;
	view_tell(v, VIEW_SET_ADDRS, e->node.nodeid, 0);
	meet(v, e, m);
}

static void try_join_all(struct view *v, uint32_t nodeid)
{
	array_each(struct view_member, m, v->members, v->n_members)
		if (m->process.nodeid == nodeid)
			try_join(v, m);
}

/* A joined incarnation is over. */
static void end_incarnation(struct view *v, struct view_member *m, enum view_cause cause)
{
	uint64_t ended = m->greeting.incarnation;
	struct view_entry *e;

	if (!m->is_joined)
		return;
	m->is_joined = false;
	e = view_find_entry(v, m->process.nodeid);
	if (!e->is_listed || (cause == VIEW_LEAVE && m->has_said_goodbye)) {
		if (e->incarnation)
			view_tell(v, VIEW_LEFT, e->node.nodeid, ended);
		e->incarnation = 0;
		return;
	}
	e->failed = (struct view_failed){ ended, m->process, cause };
	/* A node that says itself that it is over needs no fence, nor one fenced for it. */
	e->is_fence_due = cause != VIEW_RENEWED && e->asked != ended && e->fenced != ended;
	if (!v->is_lesser)
		tell_failed(v, e);
}

static void member_gone(struct view *v, const struct view_gone *gone)
{
	struct view_member *m = view_find_member(v, &gone->process);
	struct view_entry *e;

	if (!m)
		return;
	end_incarnation(v, m, gone->cause);
	*m = v->members[--v->n_members];
	e = view_find_entry(v, gone->process.nodeid);
	if (e && !e->is_listed && !view_find_joined(v, gone->process.nodeid))
		drop_entry(v, e);
	else
		try_join_all(v, gone->process.nodeid);
}

static void member_new(struct view *v, const struct view_process *p, uint64_t now_ns)
{
	struct view_entry *e = view_find_entry(v, p->nodeid);

	if (v->n_members == VIEW_PROCESSES_MAX) {
		view_note(v, SINEW_ERROR, p->nodeid,
			  "too many group members, ignoring this one");
		return;
	}
	v->members[v->n_members++] = (struct view_member){ .process = *p, .since_ns = now_ns };
	/* The node is heard again: nothing of it runs unseen. */
	if (e)
		e->is_fence_due = false;
}

/* ---- greetings ---- */

static void take_hello(struct view *v, struct view_member *m, const struct greeting *g)
{
	bool is_same_incarnation = m->has_greeted && m->greeting.incarnation == g->incarnation;

	/* A process that renewed itself gave its old incarnation up. */
	if (!is_same_incarnation) {
		end_incarnation(v, m, VIEW_RENEWED);
		m->has_said_goodbye = false;
	}
	if (m->process.nodeid == v->self.nodeid && !view_is_observer(v) && !m->has_greeted)
		view_note(v, SINEW_WARNING, m->process.nodeid,
			  "another process of our own node is in the group");
	m->has_greeted = true;
	m->greeting = *g;
	if (m->is_joined)
		view_tell(v, VIEW_SET_ADDRS, m->process.nodeid, 0);
	else
		try_join(v, m);
}

static void take_goodbye(struct view *v, struct view_member *m, const struct greeting *g)
{
	const struct view_entry *e;

	if (m->has_said_goodbye && m->greeting.incarnation == g->incarnation)
		return;
	/* A node that joins and closes at once may have no HELLO before its GOODBYE. */
	if (!m->has_greeted || m->greeting.incarnation != g->incarnation)
		take_hello(v, m, g);
	m->has_said_goodbye = true;
	e = view_find_entry(v, m->process.nodeid);
	if (m->is_joined && e->incarnation)
		view_tell(v, VIEW_LEAVING, m->process.nodeid, e->incarnation);
}

/* Fenced by any node: it need not be done again. */
static void take_fenced(struct view *v, const struct greeting *g)
{
	struct view_entry *e = view_find_entry(v, g->nodeid);

	if (e)
		e->fenced = g->incarnation;
	if (e && e->failed.incarnation == g->incarnation)
		e->is_fence_due = false;
	view_tell(v, VIEW_FENCED, g->nodeid, g->incarnation);
}

void view_message(struct view *v, const struct view_process *from, const uint8_t *bytes,
		  size_t len)
{
	struct view_member *m = view_find_member(v, from);
	struct greeting g;
	int rc;

	rc = greeting_get(bytes, len, &g);
	if (!rc && g.type == GREETING_FENCED) {
		take_fenced(v, &g);
		return;
	}
	if (view_same_process(from, &v->self)) {
		v->is_goodbye_out |= !rc && g.type == GREETING_GOODBYE;
		return;
	}
	if (rc || g.nodeid != from->nodeid) {
		view_note(v, SINEW_WARNING, from->nodeid, rc == -EPROTONOSUPPORT ?
			     "unsupported protocol version or transport in its HELLO" :
			     "invalid message in the group (another program?)");
		return;
	}
	/* Of a process that went meanwhile. */
	if (!m)
		return;
	if (g.type == GREETING_HELLO)
		take_hello(v, m, &g);
	else if (g.type == GREETING_GOODBYE)
		take_goodbye(v, m, &g);
	else
		m->is_observer = true;
}

/* ---- we were away ---- */

static void lose_self(struct view *v)
{
	/* No node knows the incarnation that is to come. */
	if (v->is_renewing)
		return;
	v->is_renewing = true;
	array_each(struct view_entry, e, v->entries, v->n_entries)
		e->incarnation = 0;
	view_tell(v, VIEW_SELF_LOST, 0, 0);
}

/* We are of the lesser part: we take a new incarnation. */
static void was_away(struct view *v)
{
	if (v->is_renewing || view_is_closing(v))
		return;
	view_note(v, SINEW_WARNING, v->self.nodeid,
		  "was separated from the majority of the cluster");
	lose_self(v);
}

/* ---- quorum ---- */

void view_group_ring(struct view *v, const struct view_ring *ring)
{
	v->quorum.group = *ring;
	v->quorum.is_over = false;
}

void view_quorum(struct view *v, bool is_quorate, const struct view_ring *ring)
{
	v->quorum.says_quorate = is_quorate;
	v->quorum.computed = *ring;
}

/* Its last incarnation has gone, and whether it failed is for quorum to say. */
static bool is_untold(struct view *v, const struct view_entry *e)
{
	return e->incarnation && !view_find_joined(v, e->node.nodeid);
}

/* Any process of a node but those that look on. */
static bool has_process(const struct view *v, uint32_t nodeid)
{
	array_each(const struct view_member, m, v->members, v->n_members)
		if (m->process.nodeid == nodeid && !m->is_observer)
			return true;
	return false;
}

static void ask_fences(struct view *v)
{
	array_each(struct view_entry, e, v->entries, v->n_entries) {
		if (!e->is_fence_due)
			continue;
		e->is_fence_due = false;
		/* Another process of that node may have been there all the time. */
		if (has_process(v, e->node.nodeid))
			continue;
		e->asked = e->failed.incarnation;
		view_tell(v, VIEW_FENCE, e->node.nodeid, e->asked);
	}
}

static void settle_quorum(struct view *v)
{
	if (view_quorum_settle(&v->quorum, v->is_in))
		view_tell(v, VIEW_QUORUM, 0, 0)->is_quorate = v->quorum.is_quorate;
}

/* Of the lesser part: with quorum the others have failed, without it we were away. */
static void settle_untold(struct view *v)
{
	array_each(struct view_entry, e, v->entries, v->n_entries) {
		if (!is_untold(v, e))
			continue;
		if (!v->quorum.says_quorate && !view_is_closing(v)) {
			was_away(v);
			return;
		}
		if (view_quorum_is_present(&v->quorum) || view_is_closing(v))
			tell_failed(v, e);
	}
}

void view_settle(struct view *v)
{
	settle_quorum(v);
	settle_untold(v);
	if (!v->is_renewing && v->quorum.is_quorate && view_quorum_is_present(&v->quorum))
		ask_fences(v);
}

bool view_is_whole(const struct view *v)
{
	array_each(const struct view_member, m, v->members, v->n_members)
		if (!m->has_greeted && !m->is_observer)
			return false;
	return v->is_in && view_quorum_is_present(&v->quorum);
}

/* ---- the group ---- */

/* Whether the nodes of more incarnations go than stay, ours among these. */
static bool is_lesser_part(struct view *v, const struct view_gone *gone, unsigned n_gone)
{
	unsigned n_lost = 0, n_all = 1;

	for (unsigned i = 0; i < n_gone; i++) {
		const struct view_member *m = view_find_member(v, &gone[i].process);

		n_lost += m && m->is_joined && gone[i].cause == VIEW_NODEDOWN;
	}
	array_each(struct view_member, m, v->members, v->n_members)
		n_all += m->is_joined;
	return 2 * n_lost > n_all;
}

/* One that we took for failed was alive all the time, and it was us who were away. */
static bool was_away_from(struct view *v, const struct view_process *p)
{
	array_each(const struct view_entry, e, v->entries, v->n_entries) {
		if (view_same_process(&e->failed.process, p))
			return is_untold(v, e) || (e->is_fence_due && !v->quorum.is_quorate);
	}
	return false;
}

void view_group(struct view *v, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		const struct view_gone *gone, unsigned n_gone, uint64_t now_ns)
{
	bool has_new = false, is_back = false;

	v->self.pid = own_pid;
	v->is_lesser = !view_is_closing(v) && is_lesser_part(v, gone, n_gone);
	for (unsigned i = 0; i < n_gone; i++) {
		member_gone(v, &gone[i]);
		/* The service reports the ring without that node next. */
		if (gone[i].cause == VIEW_NODEDOWN)
			v->quorum.is_over = true;
	}
	v->is_lesser = false;
	for (unsigned i = 0; i < n_now; i++) {
		if (view_same_process(&now[i], &v->self)) {
			has_new |= !v->is_in;
			v->is_in = true;
		} else if (!view_find_member(v, &now[i])) {
			is_back |= was_away_from(v, &now[i]);
			member_new(v, &now[i], now_ns);
			has_new = true;
		}
	}
	if (has_new)
		view_outbox_hello(&v->outbox, now_ns);
	if (is_back)
		was_away(v);
}

/* ---- the nodelist ---- */

static bool is_in_list(const struct view_node *nodes, unsigned n_nodes, uint32_t nodeid)
{
	for (unsigned i = 0; i < n_nodes; i++)
		if (nodes[i].nodeid == nodeid)
			return true;
	return false;
}

/* Compared whole: addresses are zero behind their end. */
static bool same_addresses(const struct view_node *a, const struct view_node *b)
{
	return a->n_addrs == b->n_addrs &&
	       !memcmp(a->addrs, b->addrs, a->n_addrs * sizeof(a->addrs[0]));
}

static void take_node(struct view *v, const struct view_node *node)
{
	struct view_entry *e = view_find_entry(v, node->nodeid);
	bool is_other;

	if (!e) {
		if (v->n_entries == VIEW_NODES_MAX) {
			view_note(v, SINEW_ERROR, node->nodeid,
				  "nodelist too long, ignoring this node");
			return;
		}
		e = &v->entries[v->n_entries++];
		*e = (struct view_entry){ .node = *node, .is_listed = true };
		view_tell(v, VIEW_ADD, node->nodeid, 0);
	} else {
		is_other = !same_addresses(&e->node, node);
		e->node = *node;
		e->is_listed = true;
		if (is_other)
			view_tell(v, VIEW_SET_ADDRS, node->nodeid, 0);
	}
	try_join_all(v, node->nodeid);
}

void view_nodelist(struct view *v, const struct view_node *nodes, unsigned n_nodes)
{
	for (unsigned i = v->n_entries; i-- > 0;) {
		struct view_entry *e = &v->entries[i];

		if (is_in_list(nodes, n_nodes, e->node.nodeid))
			continue;
		/* A node still there is expected to go, and has not failed then. */
		e->is_listed = false;
		if (!view_find_joined(v, e->node.nodeid))
			drop_entry(v, e);
	}
	for (unsigned i = 0; i < n_nodes; i++)
		if (view_is_observer(v) || nodes[i].nodeid != v->self.nodeid)
			take_node(v, &nodes[i]);
}

/* ---- our own incarnation ---- */

void view_lost(struct view *v)
{
	v->n_members = 0;
	v->is_in = false;
	view_quorum_forget(&v->quorum);
	v->outbox.hello_due_ns = VIEW_NEVER;
	array_each(struct view_entry, e, v->entries, v->n_entries)
		e->is_fence_due = false;
	settle_quorum(v);
	lose_self(v);
	for (unsigned i = v->n_entries; i-- > 0;)
		if (!v->entries[i].is_listed)
			drop_entry(v, &v->entries[i]);
}

static void meet_again(struct view *v, struct view_member *m)
{
	struct view_entry *e;

	if (!m->is_joined)
		return;
	e = view_find_entry(v, m->process.nodeid);
	if (e->is_listed) {
		meet(v, e, m);
		return;
	}
	/* A node expected to go has no session with the new incarnation. */
	m->is_joined = false;
	drop_entry(v, e);
}

/* To the members we are a new process; they are the same to us, in new sessions. */
void view_renewed(struct view *v, uint64_t incarnation, uint64_t now_ns)
{
	v->is_renewing = false;
	v->own.incarnation = incarnation;
	/* A node that failed towards the last incarnation is welcome to this one. */
	array_each(struct view_entry, e, v->entries, v->n_entries)
		e->failed.process = (struct view_process){ 0 };
	array_each(struct view_member, m, v->members, v->n_members)
		meet_again(v, m);
	view_outbox_hello_now(&v->outbox, now_ns);
	view_settle(v);
}

void view_closing(struct view *v, uint64_t now_ns)
{
	if (!view_is_observer(v))
		v->own.type = GREETING_GOODBYE;
	view_outbox_hello_now(&v->outbox, now_ns);
}

void view_fenced(struct view *v, uint32_t nodeid, uint64_t incarnation, uint64_t now_ns)
{
	const struct view_incarnation whose = { nodeid, incarnation };

	if (view_outbox_fenced(&v->outbox, &whose, now_ns))
		view_note(v, SINEW_ERROR, nodeid,
			  "fenced, but cannot notify the other nodes: notification queue full");
}

/* ---- time ---- */

/* Says nothing about itself, where it should. */
static bool is_silent(const struct view_member *m)
{
	return !m->has_greeted && !m->is_observer && !m->told_silent;
}

uint64_t view_deadline(const struct view *v)
{
	uint64_t until = view_outbox_deadline(&v->outbox, v->is_in);

	array_each(const struct view_member, m, v->members, v->n_members) {
		if (is_silent(m) && m->since_ns + SILENT_NS < until)
			until = m->since_ns + SILENT_NS;
	}
	return until;
}

void view_tick(struct view *v, uint64_t now_ns)
{
	view_outbox_tick(&v->outbox, v->is_in, !v->is_renewing, now_ns);
	array_each(struct view_member, m, v->members, v->n_members) {
		if (!is_silent(m) || now_ns < m->since_ns + SILENT_NS)
			continue;
		m->told_silent = true;
		view_note(v, SINEW_WARNING, m->process.nodeid,
			  "joined the group but sent no HELLO for 5 s (hung?)");
	}
}
