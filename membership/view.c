/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is in the cluster, concluded from what a membership service says.
 * Knows nothing of corosync's functions.
 */
#include "membership/view_inside.h"

#include <errno.h>
#include <string.h>

#define MS		UINT64_C(1000000)
#define HELLO_WAIT_NS	(20 * MS)	/* others that join meanwhile share a HELLO */
#define HELLO_LATEST_NS	(100 * MS)	/* but nobody waits longer */
#define HELLO_AGAIN_NS	(10 * MS)	/* the service took none now */
#define SILENT_NS	(5000 * MS)	/* in the group without a HELLO: that is said */

void view_init(struct view *v, const struct view_ops *ops, void *arg, const struct greeting *own)
{
	memset(v, 0, sizeof(*v));
	v->ops = ops;
	v->arg = arg;
	v->own = *own;
	v->self.nodeid = own->nodeid;
	v->is_observer = own->type == GREETING_OBSERVER;
	v->hello_due_ns = VIEW_NEVER;
}

/* ---- finding ---- */

static bool same_process(const struct view_process *a, const struct view_process *b)
{
	return a->nodeid == b->nodeid && a->pid == b->pid;
}

static struct view_member *find_member(struct view *v, const struct view_process *p)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (same_process(&v->members[i].process, p))
			return &v->members[i];
	return NULL;
}

struct view_member *view_joined_of(struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (v->members[i].is_joined && v->members[i].process.nodeid == nodeid)
			return &v->members[i];
	return NULL;
}

static struct view_entry *find_entry(struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++)
		if (v->entries[i].node.nodeid == nodeid)
			return &v->entries[i];
	return NULL;
}

const char *view_name(const struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++)
		if (v->entries[i].node.nodeid == nodeid)
			return v->entries[i].node.name;
	return "";
}

/* ---- members ---- */

/* Off the list, and whoever was there has left. */
static void drop_entry(struct view *v, struct view_entry *e)
{
	if (e->life)
		v->ops->left(v->arg, e->node.nodeid, e->life);
	v->ops->remove(v->arg, e->node.nodeid);
	*e = v->entries[--v->n_entries];
}

/* Where to find it: what it says itself, else what the nodelist says. */
static void tell_addresses(struct view *v, const struct view_entry *e, const struct view_member *m)
{
	static const struct greeting none;
	struct sockaddr_storage addrs[SINEW_ADDRS_MAX];
	unsigned n = greeting_addresses(m ? &m->greeting : &none, e->node.addrs, e->node.n_addrs,
					addrs);

	v->ops->set_addrs(v->arg, e->node.nodeid, addrs, n);
}

void view_tell_failed(struct view *v, struct view_entry *e)
{
	uint64_t life = e->life;

	e->life = 0;
	if (life)
		v->ops->failed(v->arg, e->node.nodeid, life, e->failed.cause);
}

/* Its session with our present life may begin. */
static void meet(struct view *v, struct view_entry *e, const struct view_member *m)
{
	if (v->is_renewing)
		return;
	e->life = m->greeting.incarnation;
	v->ops->joined(v->arg, e->node.nodeid, e->life);
	if (m->has_said_goodbye)
		v->ops->leaving(v->arg, e->node.nodeid, e->life);
}

/* It may have become complete: in the group, greeted, listed. */
static void try_join(struct view *v, struct view_member *m)
{
	struct view_entry *e = find_entry(v, m->process.nodeid);

	if (!m->has_greeted || m->is_joined || !e || !e->is_listed)
		return;
	if (view_joined_of(v, m->process.nodeid)) {
		v->ops->note(v->arg, SINEW_WARNING, m->process.nodeid,
			     "two processes of this node in the group, ignoring the second");
		return;
	}
	/* Whatever quorum would say of the life before. */
	view_tell_failed(v, e);
	e->failed = (struct view_failed){ 0 };
	e->is_fence_due = false;
	m->is_joined = true;
	tell_addresses(v, e, m);
	meet(v, e, m);
}

static void try_join_all(struct view *v, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < v->n_members; i++)
		if (v->members[i].process.nodeid == nodeid)
			try_join(v, &v->members[i]);
}

/* A joined life is over. */
static void end_life(struct view *v, struct view_member *m, enum view_cause cause)
{
	uint64_t life = m->greeting.incarnation;
	struct view_entry *e;

	if (!m->is_joined)
		return;
	m->is_joined = false;
	e = find_entry(v, m->process.nodeid);
	if (!e->is_listed || (cause == VIEW_LEAVE && m->has_said_goodbye)) {
		if (e->life)
			v->ops->left(v->arg, e->node.nodeid, life);
		e->life = 0;
		return;
	}
	e->failed = (struct view_failed){ life, m->process, cause };
	/* Who says itself that its life is over needs no fence, nor who was fenced for it. */
	e->is_fence_due = cause != VIEW_RENEWED && e->asked != life && e->fenced != life;
	if (!v->is_lesser)
		view_tell_failed(v, e);
}

static void member_gone(struct view *v, const struct view_gone *gone)
{
	struct view_member *m = find_member(v, &gone->process);
	struct view_entry *e;

	if (!m)
		return;
	end_life(v, m, gone->cause);
	*m = v->members[--v->n_members];
	e = find_entry(v, gone->process.nodeid);
	if (e && !e->is_listed && !view_joined_of(v, gone->process.nodeid))
		drop_entry(v, e);
	else
		try_join_all(v, gone->process.nodeid);
}

static void member_new(struct view *v, const struct view_process *p, uint64_t now_ns)
{
	struct view_entry *e = find_entry(v, p->nodeid);

	if (v->n_members == VIEW_PROCESSES_MAX) {
		v->ops->note(v->arg, SINEW_ERROR, p->nodeid,
			     "too many group members, ignoring this one");
		return;
	}
	v->members[v->n_members++] = (struct view_member){ .process = *p, .since_ns = now_ns };
	/* The node is heard again: nothing of it runs unseen. */
	if (e)
		e->is_fence_due = false;
}

/* ---- greetings ---- */

/* Others join in crowds: one HELLO is enough for all of them. */
static void owe_hello(struct view *v, uint64_t now_ns)
{
	uint64_t due = now_ns + HELLO_WAIT_NS;

	if (v->hello_due_ns == VIEW_NEVER)
		v->hello_latest_ns = now_ns + HELLO_LATEST_NS;
	v->hello_due_ns = due < v->hello_latest_ns ? due : v->hello_latest_ns;
}

static void owe_hello_now(struct view *v, uint64_t now_ns)
{
	v->hello_due_ns = now_ns;
	v->hello_latest_ns = now_ns;
}

static void send_hello(struct view *v, uint64_t now_ns)
{
	uint8_t bytes[GREETING_MAX];

	/* What was lost has no identity until it is renewed, and nobody to tell it. */
	if (!v->is_in || v->is_renewing) {
		v->hello_due_ns = VIEW_NEVER;
		return;
	}
	if (v->is_observer)
		v->own.type = GREETING_OBSERVER;
	else
		v->own.type = v->is_closing ? GREETING_GOODBYE : GREETING_HELLO;
	if (v->ops->send(v->arg, bytes, greeting_put(bytes, &v->own)))
		v->hello_due_ns = now_ns + HELLO_AGAIN_NS;
	else
		v->hello_due_ns = VIEW_NEVER;
}

static void take_hello(struct view *v, struct view_member *m, const struct greeting *g)
{
	bool is_same_life = m->has_greeted && m->greeting.incarnation == g->incarnation;

	/* A process that renewed itself gave its old life up. */
	if (!is_same_life) {
		end_life(v, m, VIEW_RENEWED);
		m->has_said_goodbye = false;
	}
	if (m->process.nodeid == v->self.nodeid && !v->is_observer && !m->has_greeted)
		v->ops->note(v->arg, SINEW_WARNING, m->process.nodeid,
			     "another process of our own node is in the group");
	m->has_greeted = true;
	m->greeting = *g;
	if (m->is_joined)
		tell_addresses(v, find_entry(v, m->process.nodeid), m);
	else
		try_join(v, m);
}

static void take_goodbye(struct view *v, struct view_member *m, const struct greeting *g)
{
	const struct view_entry *e;

	if (m->has_said_goodbye && m->greeting.incarnation == g->incarnation)
		return;
	/* Who joins and closes at once may have no HELLO before its GOODBYE. */
	if (!m->has_greeted || m->greeting.incarnation != g->incarnation)
		take_hello(v, m, g);
	m->has_said_goodbye = true;
	e = find_entry(v, m->process.nodeid);
	if (m->is_joined && e->life)
		v->ops->leaving(v->arg, m->process.nodeid, e->life);
}

/* Whoever did it: nobody needs to do it again. */
static void take_fenced(struct view *v, const struct greeting *g)
{
	struct view_entry *e = find_entry(v, g->nodeid);

	if (e)
		e->fenced = g->incarnation;
	if (e && e->failed.incarnation == g->incarnation)
		e->is_fence_due = false;
	v->ops->fenced(v->arg, g->nodeid, g->incarnation);
}

void view_message(struct view *v, const struct view_process *from, const uint8_t *bytes,
		  size_t len)
{
	struct view_member *m = find_member(v, from);
	struct greeting g;
	int rc;

	rc = greeting_get(bytes, len, &g);
	if (!rc && g.type == GREETING_FENCED) {
		take_fenced(v, &g);
		return;
	}
	if (same_process(from, &v->self)) {
		v->is_goodbye_out |= !rc && g.type == GREETING_GOODBYE;
		return;
	}
	if (rc || g.nodeid != from->nodeid) {
		v->ops->note(v->arg, SINEW_WARNING, from->nodeid, rc == -EPROTONOSUPPORT ?
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

/* ---- the group ---- */

/* Whether the nodes of more lives go than stay, ours among these. */
static bool is_lesser_part(struct view *v, const struct view_gone *gone, unsigned n_gone)
{
	unsigned n_lost = 0, n_all = 1, i;

	for (i = 0; i < n_gone; i++) {
		const struct view_member *m = find_member(v, &gone[i].process);

		n_lost += m && m->is_joined && gone[i].cause == VIEW_NODEDOWN;
	}
	for (i = 0; i < v->n_members; i++)
		n_all += v->members[i].is_joined;
	return 2 * n_lost > n_all;
}

/* Who failed towards this life is welcome to the next. */
static void forget_failed_processes(struct view *v)
{
	unsigned i;

	for (i = 0; i < v->n_entries; i++)
		v->entries[i].failed.process = (struct view_process){ 0 };
}

static void lose_self(struct view *v)
{
	unsigned i;

	/* Nobody knows the life that is to come. */
	if (v->is_renewing)
		return;
	v->is_renewing = true;
	for (i = 0; i < v->n_entries; i++)
		v->entries[i].life = 0;
	forget_failed_processes(v);
	v->ops->self_lost(v->arg);
}

void view_was_away(struct view *v)
{
	if (v->is_renewing || v->is_closing)
		return;
	v->ops->note(v->arg, SINEW_WARNING, v->self.nodeid,
		     "was separated from the majority of the cluster");
	lose_self(v);
}

void view_group(struct view *v, uint32_t own_pid, const struct view_process *now, unsigned n_now,
		const struct view_gone *gone, unsigned n_gone, uint64_t now_ns)
{
	bool has_new = false, is_back = false;
	unsigned i;

	v->self.pid = own_pid;
	v->is_lesser = !v->is_closing && is_lesser_part(v, gone, n_gone);
	for (i = 0; i < n_gone; i++)
		member_gone(v, &gone[i]);
	if (v->is_lesser)
		v->lesser_ring = v->group_ring;
	v->is_lesser = false;
	for (i = 0; i < n_now; i++) {
		if (same_process(&now[i], &v->self)) {
			has_new |= !v->is_in;
			v->is_in = true;
		} else if (!find_member(v, &now[i])) {
			is_back |= view_was_away_from(v, &now[i]);
			member_new(v, &now[i], now_ns);
			has_new = true;
		}
	}
	if (has_new)
		owe_hello(v, now_ns);
	if (is_back)
		view_was_away(v);
}

/* ---- the nodelist ---- */

static bool is_in_list(const struct view_node *nodes, unsigned n_nodes, uint32_t nodeid)
{
	unsigned i;

	for (i = 0; i < n_nodes; i++)
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
	struct view_entry *e = find_entry(v, node->nodeid);
	bool is_other;

	if (!e) {
		if (v->n_entries == VIEW_NODES_MAX) {
			v->ops->note(v->arg, SINEW_ERROR, node->nodeid,
				     "nodelist too long, ignoring this node");
			return;
		}
		e = &v->entries[v->n_entries++];
		*e = (struct view_entry){ .node = *node, .is_listed = true };
		v->ops->add(v->arg, node);
	} else {
		is_other = !same_addresses(&e->node, node);
		e->node = *node;
		e->is_listed = true;
		if (is_other)
			tell_addresses(v, e, view_joined_of(v, node->nodeid));
	}
	try_join_all(v, node->nodeid);
}

void view_nodelist(struct view *v, const struct view_node *nodes, unsigned n_nodes)
{
	unsigned i;

	for (i = v->n_entries; i-- > 0;) {
		struct view_entry *e = &v->entries[i];

		if (is_in_list(nodes, n_nodes, e->node.nodeid))
			continue;
		/* Who is still there is expected to go, and has not failed then. */
		e->is_listed = false;
		if (!view_joined_of(v, e->node.nodeid))
			drop_entry(v, e);
	}
	for (i = 0; i < n_nodes; i++)
		if (v->is_observer || nodes[i].nodeid != v->self.nodeid)
			take_node(v, &nodes[i]);
}

/* ---- our own life ---- */

void view_lost(struct view *v)
{
	unsigned i;

	v->n_members = 0;
	v->is_in = false;
	v->says_quorate = false;
	/* A service that is back may count its rings anew. */
	v->group_ring = v->quorum_ring = v->lesser_ring = (struct view_ring){ 0 };
	v->hello_due_ns = VIEW_NEVER;
	for (i = 0; i < v->n_entries; i++)
		v->entries[i].is_fence_due = false;
	view_settle_quorum(v);
	lose_self(v);
	for (i = v->n_entries; i-- > 0;)
		if (!v->entries[i].is_listed)
			drop_entry(v, &v->entries[i]);
}

static void meet_again(struct view *v, struct view_member *m)
{
	struct view_entry *e;

	if (!m->is_joined)
		return;
	e = find_entry(v, m->process.nodeid);
	if (e->is_listed) {
		meet(v, e, m);
		return;
	}
	/* Who is expected to go has no session with the new life. */
	m->is_joined = false;
	drop_entry(v, e);
}

/* To the members we are a new process; they are the same to us, in new sessions. */
void view_renewed(struct view *v, uint64_t incarnation, uint64_t now_ns)
{
	unsigned i;

	v->is_renewing = false;
	v->own.incarnation = incarnation;
	/* The node may have renewed itself. */
	forget_failed_processes(v);
	for (i = 0; i < v->n_members; i++)
		meet_again(v, &v->members[i]);
	owe_hello_now(v, now_ns);
	view_settle(v);
}

void view_closing(struct view *v, uint64_t now_ns)
{
	v->is_closing = true;
	owe_hello_now(v, now_ns);
}

void view_fenced(struct view *v, uint32_t nodeid, uint64_t incarnation, uint64_t now_ns)
{
	if (v->n_fenced == VIEW_FENCED_MAX) {
		v->ops->note(v->arg, SINEW_ERROR, nodeid,
			     "fenced, but cannot notify the other nodes: notification queue full");
		return;
	}
	v->fenced[v->n_fenced++] = (struct view_life){ nodeid, incarnation };
	v->fenced_due_ns = now_ns;
}

/* In order; what the service does not take now is tried again. */
static void send_fenced(struct view *v, uint64_t now_ns)
{
	struct greeting g = { .type = GREETING_FENCED };
	uint8_t bytes[GREETING_MAX];
	unsigned n = 0;

	for (; n < v->n_fenced; n++) {
		g.nodeid = v->fenced[n].nodeid;
		g.incarnation = v->fenced[n].incarnation;
		if (v->ops->send(v->arg, bytes, greeting_put(bytes, &g)))
			break;
	}
	v->n_fenced -= n;
	memmove(v->fenced, v->fenced + n, v->n_fenced * sizeof(v->fenced[0]));
	v->fenced_due_ns = now_ns + HELLO_AGAIN_NS;
}

/* ---- time ---- */

/* Says nothing about itself, where it should. */
static bool is_silent(const struct view_member *m)
{
	return !m->has_greeted && !m->is_observer && !m->told_silent;
}

uint64_t view_deadline(const struct view *v)
{
	uint64_t until = v->hello_due_ns;
	unsigned i;

	if (v->is_in && v->n_fenced && v->fenced_due_ns < until)
		until = v->fenced_due_ns;

	for (i = 0; i < v->n_members; i++) {
		const struct view_member *m = &v->members[i];

		if (is_silent(m) && m->since_ns + SILENT_NS < until)
			until = m->since_ns + SILENT_NS;
	}
	return until;
}

void view_tick(struct view *v, uint64_t now_ns)
{
	unsigned i;

	if (v->hello_due_ns <= now_ns)
		send_hello(v, now_ns);
	if (v->is_in && v->n_fenced && v->fenced_due_ns <= now_ns)
		send_fenced(v, now_ns);
	for (i = 0; i < v->n_members; i++) {
		struct view_member *m = &v->members[i];

		if (!is_silent(m) || now_ns < m->since_ns + SILENT_NS)
			continue;
		m->told_silent = true;
		v->ops->note(v->arg, SINEW_WARNING, m->process.nodeid,
			     "joined the group but sent no HELLO for 5 s (hung?)");
	}
}
