/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The conclusions of the views: handed to the cores, and held against what the service
 * has told so far. Knows not how a view concludes.
 */
#include "group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static uint8_t *declared(const struct node *n, unsigned inc)
{
	return &sim.declared[n->inc * SIM_INCS + inc];
}

/* SIM_INCS, and the run has failed, if that node had no such incarnation. */
static unsigned inc_of(const struct node *n, uint32_t nodeid, uint64_t incarnation)
{
	unsigned inc = oracle_inc(incarnation);

	if (inc == SIM_INCS || sim.node[sim.inc[inc].node].nodeid != nodeid) {
		sim_fail("n%u: its view speaks of an incarnation that never was", n->idx);
		return SIM_INCS;
	}
	return inc;
}

bool viewer_same_rings(const struct viewer *v)
{
	return v->ring.nodeid == v->quorum_ring.nodeid && v->ring.seq == v->quorum_ring.seq;
}

/* All that failed there needs no fence any more. */
void viewer_void_fences(struct viewer *v, uint32_t nodes)
{
	for (unsigned i = 0; i < sim.n_incs; i++) {
		if (!v->is_due[i] || !(nodes >> sim.inc[i].node & 1))
			continue;
		v->is_due[i] = false;
		cover(COVER_V_FENCE_VOID);
	}
}

/* ---- addresses ---- */

static unsigned take_addresses(const struct sockaddr_storage *from, unsigned n,
			       struct path_addr *to)
{
	for (unsigned i = 0; i < n; i++) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&from[i];

		to[i] = (struct path_addr) { .ip = { [10] = 0xff, [11] = 0xff },
			.port = ntohs(in->sin_port) };
		memcpy(to[i].ip + 12, &in->sin_addr, 4);
	}
	return n;
}

/* ---- what a view concludes ---- */

static void on_add(struct node *n, const struct view_action *a)
{
	unsigned j = world_node(a->nodeid)->idx;
	struct path_addr addrs[SIM_PATHS];

	TRACE("n%u VIEW add n%u", n->idx, j);
	if (!n->chan[j].removed)
		sim_fail("n%u: its view adds n%u twice", n->idx, j);
	if (n->chan[j].was_removed)
		cover(COVER_V_LISTED);
	n->chan[j].removed = false;
	world_peer_add(n, j);
	peer_remember(&n->peers[j], &n->former[j]);
	peer_addrs(&n->peers[j], addrs, take_addresses(a->addrs, a->n_addrs, addrs));
}

static void on_set_addrs(struct node *n, const struct view_action *a)
{
	unsigned j = world_node(a->nodeid)->idx;
	struct path_addr to[SIM_PATHS];

	if (n->chan[j].removed) {
		sim_fail("n%u: its view knows addresses of n%u, which is not there", n->idx, j);
		return;
	}
	cover(COVER_V_ADDRS);
	peer_addrs(&n->peers[j], to, take_addresses(a->addrs, a->n_addrs, to));
}

static void on_remove(struct node *n, const struct view_action *a)
{
	unsigned j = world_node(a->nodeid)->idx;
	struct peer *p = &n->peers[j];
	struct session *spare = p->spare;

	TRACE("n%u VIEW remove n%u", n->idx, j);
	if (viewer_of(n)->listed >> j & 1)
		sim_fail("n%u: its view removes n%u, which is in the nodelist", n->idx, j);
	if (p->session && !viewer_of(n)->lost_ns)
		sim_fail("n%u: its view removes n%u in the middle of a session", n->idx, j);
	if (p->session)
		*declared(n, oracle_inc(p->session->incarnation)) = 1;
	cover(COVER_V_UNLISTED);
	peer_remove(p);
	world_turn(n);
	if (spare)
		world_give_back((struct sess *)((char *)spare - offsetof(struct sess, s)));
	p->spare = NULL;
	n->former[j] = p->tombstones;
	viewer_void_fences(viewer_of(n), 1u << j);
	for (unsigned i = 0; i < sim.n_incs; i++)
		if (sim.inc[i].node == j)
			viewer_of(n)->is_fenced[i] = false;
	n->chan[j].removed = n->chan[j].was_removed = true;
}

static void on_joined(struct node *n, const struct view_action *a)
{
	struct viewer *v = viewer_of(n);
	unsigned inc = inc_of(n, a->nodeid, a->incarnation), j;

	if (inc == SIM_INCS)
		return;
	j = sim.inc[inc].node;
	TRACE("n%u VIEW joined incarnation %u of n%u", n->idx, inc, j);
	if (!(v->listed >> j & 1) || n->chan[j].removed)
		sim_fail("n%u: n%u joins, which is not in the nodelist", n->idx, j);
	if (!(v->in >> j & 1))
		sim_fail("n%u: n%u joins, which is not in the group", n->idx, j);
	if (v->is_failed[inc])
		cover(COVER_V_MERGE);
	for (unsigned i = 0; i < inc; i++)
		*declared(n, i) |= sim.inc[i].node == j;
	v->is_met[inc] = true;
	v->is_back[inc] = false;
	peer_added(&n->peers[j], a->incarnation);
}

static void on_leaving(struct node *n, const struct view_action *a)
{
	unsigned inc = inc_of(n, a->nodeid, a->incarnation);

	if (inc == SIM_INCS)
		return;
	TRACE("n%u VIEW leaving incarnation %u", n->idx, inc);
	if (!sim.inc[inc].leaving)
		sim_fail("n%u: incarnation %u says no goodbye, but its view does", n->idx, inc);
	peer_leaving(&n->peers[sim.inc[inc].node], a->incarnation);
}

static void on_left(struct node *n, const struct view_action *a)
{
	struct viewer *v = viewer_of(n);
	unsigned inc = inc_of(n, a->nodeid, a->incarnation), j;

	if (inc == SIM_INCS)
		return;
	j = sim.inc[inc].node;
	TRACE("n%u VIEW left incarnation %u of n%u", n->idx, inc, j);
	if (v->listed >> j & 1 && !(v->clean >> j & 1))
		sim_fail("n%u: incarnation %u is told as left, but said no goodbye", n->idx, inc);
	cover(v->listed >> j & 1 ? COVER_V_LEFT : COVER_V_EXPECTED);
	*declared(n, inc) = 1;
	peer_left(&n->peers[j], a->incarnation);
}

static void on_failed(struct node *n, const struct view_action *a)
{
	struct viewer *v = viewer_of(n);
	unsigned inc = inc_of(n, a->nodeid, a->incarnation), j;

	if (inc == SIM_INCS)
		return;
	j = sim.inc[inc].node;
	TRACE("n%u VIEW failed incarnation %u of n%u cause %d", n->idx, inc, j, a->cause);
	if (!(v->listed >> j & 1))
		sim_fail("n%u: incarnation %u is told as failed, but was expected to go", n->idx,
			 inc);
	if (v->clean >> j & 1)
		sim_fail("n%u: incarnation %u is told as failed, but left behind its goodbye",
			 n->idx, inc);
	cover(COVER_V_FAILED + (unsigned)a->cause);
	v->is_failed[inc] = true;
	/* It may be told late, when the node is back already, or was back for a moment. */
	v->is_due[inc] = a->cause != VIEW_RENEWED && !v->is_fenced[inc] &&
		!v->is_back[inc] && !(v->in >> j & 1);
	*declared(n, inc) = 1;
	peer_failed(&n->peers[j], a->incarnation);
}

/* The application does as it is asked, or does not. */
static void on_fence(struct node *n, const struct view_action *a)
{
	struct node *it;
	struct viewer *v = viewer_of(n);
	unsigned inc = inc_of(n, a->nodeid, a->incarnation), j;

	if (inc == SIM_INCS)
		return;
	j = sim.inc[inc].node;
	it = &sim.node[j];
	TRACE("n%u VIEW fence incarnation %u of n%u", n->idx, inc, j);
	if (v->is_fenced[inc])
		sim_fail("n%u: incarnation %u is to be fenced twice", n->idx, inc);
	if (!v->is_due[inc])
		sim_fail("n%u: incarnation %u is to be fenced, but has not failed, or is back",
			 n->idx, inc);
	if (!v->says_quorate || !viewer_same_rings(v))
		sim_fail("n%u: incarnation %u is to be fenced without quorum", n->idx, inc);
	if (v->in >> j & 1)
		sim_fail("n%u: incarnation %u is to be fenced, but its node is in the group",
			 n->idx, inc);
	v->is_fenced[inc] = true;
	v->is_due[inc] = false;
	cover(COVER_V_FENCE);
	if (!it->running || it->inc != inc || rng_one_in(&sim.group, 2))
		return;
	world_crash(it, true);
	world_start_at(it, sim.now_ns + rng_scale(&sim.group, 0, 3 * SEC));
}

static void on_quorum(struct node *n, bool is_quorate)
{
	struct viewer *v = viewer_of(n);

	TRACE("n%u VIEW quorum %d", n->idx, is_quorate);
	if (is_quorate && (!v->says_quorate || !viewer_same_rings(v)))
		sim_fail("n%u: its view has quorum of another ring", n->idx);
	cover(is_quorate ? COVER_V_QUORUM : COVER_V_NO_QUORUM);
	core_quorum(&n->core, is_quorate);
}

/*
 * A node that was away tells nobody that the others failed, but remembers: those that do not
 * come back while there is quorum are to be fenced all the same. Not yet those of whom it has
 * still to tell.
 */
void viewer_remember_untold(const struct node *n, struct viewer *v)
{
	for (unsigned i = 0; i < v->view.n_entries; i++) {
		const struct view_entry *e = &v->view.entries[i];
		unsigned inc;

		if (!e->is_fence_due || e->incarnation)
			continue;
		inc = inc_of(n, e->node.nodeid, e->failed.incarnation);
		if (inc != SIM_INCS)
			v->is_due[inc] = !v->is_fenced[inc];
	}
}

static void on_self_lost(struct node *n)
{
	TRACE("n%u VIEW self lost", n->idx);
	cover(COVER_V_LOST);
	viewer_remember_untold(n, viewer_of(n));
	world_renew(n);
}

void viewer_conclude(struct node *n)
{
	struct view *v = &viewer_of(n)->view;
	struct view_action a;

	while (view_poll(v, &a)) {
		digest_view(n, &a);
		switch (a.what) {
		case VIEW_ADD:		on_add(n, &a); break;
		case VIEW_SET_ADDRS:	on_set_addrs(n, &a); break;
		case VIEW_REMOVE:	on_remove(n, &a); break;
		case VIEW_JOINED:	on_joined(n, &a); break;
		case VIEW_LEAVING:	on_leaving(n, &a); break;
		case VIEW_LEFT:		on_left(n, &a); break;
		case VIEW_FAILED:	on_failed(n, &a); break;
		case VIEW_FENCE:	on_fence(n, &a); break;
		case VIEW_FENCED:	break;	/* nobody says so here */
		case VIEW_QUORUM:	on_quorum(n, a.is_quorate); break;
		case VIEW_SELF_LOST:	on_self_lost(n); break;
		case VIEW_SEND:
			view_sent(v, !group_send(n, a.bytes, a.len), sim.now_ns);
			break;
		case VIEW_NOTE:
			TRACE("n%u VIEW note peer=%u %s", n->idx, a.nodeid, a.text);
			break;
		}
	}
}
