/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands between the simulated membership service and the cores: for each
 * process a struct view, fed late and in batches. Knows the service by what it told, and
 * not whether the conclusions are right.
 */
#include "group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS	(250 * MSEC)
#define GOODBYE_NS	(1000 * MSEC)

static struct viewer *viewers;

struct viewer *viewer_of(const struct node *n)
{
	return &viewers[n->idx];
}

/* ---- what the service says ---- */

static void put_address(struct sockaddr_storage *to, unsigned node, unsigned path)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct path_addr a = net_addr(node, path);

	in->sin_family = AF_INET;
	in->sin_port = htons(a.port);
	memcpy(&in->sin_addr, a.ip + 12, 4);
}

static void wake(struct node *n, uint64_t at_ns)
{
	struct viewer *v = viewer_of(n);

	if (at_ns >= v->wake_ns)
		return;
	v->wake_ns = at_ns;
	sim_at(at_ns, EV_VIEW, n->idx, 0, n->gen);
}

void viewer_put(struct node *n, enum group_channel c, const struct group_item *it)
{
	struct viewer *v = viewer_of(n);
	struct channel *ch = &v->channel[c];
	struct group_item *to;
	uint64_t at = sim.now_ns + rng_scale(&sim.group, 0,
					     rng_one_in(&sim.group, 8) ? SEC : 20 * MSEC);

	if (!n->running || !v->is_connected)
		return;
	if (ch->n == ITEMS) {
		sim_fail("n%u: too many events of membership wait", n->idx);
		return;
	}
	to = &ch->items[(ch->head + ch->n++) % ITEMS];
	*to = *it;
	to->at_ns = at < ch->last_ns ? ch->last_ns : at;
	ch->last_ns = to->at_ns;
	wake(n, to->at_ns);
}

static void take_conf(struct node *n, struct viewer *v, const struct group_item *it)
{
	uint32_t was = v->in;

	v->in = 0;
	for (unsigned i = 0; i < it->n_now; i++)
		v->in |= 1u << world_node(it->now[i].nodeid)->idx;
	for (unsigned i = 0; i < it->n_gone; i++) {
		was &= ~(1u << world_node(it->gone[i].process.nodeid)->idx);
		/* The service reports the ring without it next; quorum of the last one is void. */
		if (it->gone[i].cause == VIEW_NODEDOWN)
			v->ring = (struct view_ring) { 0 };
	}
	v->clean = it->clean;
	for (unsigned i = 0; i < sim.n_incs; i++)
		v->is_back[i] |= v->is_met[i] && (v->in & ~was) >> sim.inc[i].node & 1;
	view_group(&v->view, v->pid, it->now, it->n_now, it->gone, it->n_gone, sim.now_ns);
	viewer_conclude(n);
	v->clean = 0;
	viewer_void_fences(v, v->in);
	if (was & ~v->in)
		sim_fail("n%u: the service drops members without a word", n->idx);
}

static void take_nodes(struct viewer *v, uint32_t listed, uint32_t moved)
{
	static struct view_node nodes[SIM_NODES];
	unsigned n = 0;

	v->listed = listed;
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct view_node *node = &nodes[n];

		if (!(listed >> j & 1))
			continue;
		memset(node, 0, sizeof *node);
		node->nodeid = sim.node[j].nodeid;
		/* Moved: its last ring is the first now. */
		for (unsigned p = 0; p < sim.n_paths; p++)
			put_address(&node->addrs[p], j,
				    moved >> j & 1 ? sim.n_paths - 1 - p : p);
		node->n_addrs = sim.n_paths;
		n++;
	}
	view_nodelist(&v->view, nodes, n);
}

static void take(struct node *n, struct viewer *v, const struct group_item *it)
{
	switch (it->kind) {
	case GROUP_CONF:
		take_conf(n, v, it);
		break;
	case GROUP_RING:
		v->ring = it->ring;
		view_group_ring(&v->view, &it->ring);
		break;
	case GROUP_MESSAGE:
		view_message(&v->view, &it->from, it->bytes, it->len);
		break;
	case GROUP_QUORUM:
		v->quorum_ring = it->ring;
		v->says_quorate = it->is_quorate;
		view_quorum(&v->view, it->is_quorate, &it->ring);
		break;
	case GROUP_NODES:
		take_nodes(v, it->listed, it->moved);
		break;
	}
	viewer_conclude(n);
}

/* Everything that has come is read before anything is concluded from it. */
static bool dispatch(struct node *n, struct viewer *v)
{
	unsigned first = (unsigned)rng_below(&sim.group, CHANNELS), taken = 0;

	for (unsigned k = 0; k < CHANNELS; k++) {
		struct channel *ch = &v->channel[(first + k) % CHANNELS];

		while (ch->n && ch->items[ch->head].at_ns <= sim.now_ns && !sim.failed) {
			const struct group_item *it = &ch->items[ch->head];

			ch->head = (ch->head + 1) % ITEMS;
			ch->n--;
			taken++;
			take(n, v, it);
		}
	}
	if (taken > 6)
		cover(COVER_V_BATCH);
	if (taken && v->says_quorate && !viewer_same_rings(v))
		cover(COVER_V_RINGS);
	return taken;
}

static void settle(struct node *n, struct viewer *v)
{
	view_settle(&v->view);
	viewer_conclude(n);
	if (!v->says_quorate || !viewer_same_rings(v) || v->view.is_renewing)
		return;
	for (unsigned i = 0; i < sim.n_incs; i++)
		if (v->is_due[i])
			sim_fail("n%u: there is quorum, but nobody asks to fence incarnation %u",
				 n->idx, i);
}

/* ---- begin and end of a process ---- */

static void forget(struct viewer *v)
{
	for (unsigned i = 0; i < CHANNELS; i++)
		v->channel[i].n = 0;
	v->is_connected = v->has_joined = false;
}

void viewer_start(struct node *n)
{
	struct viewer *v;
	struct greeting own = { .type = GREETING_HELLO, .nodeid = n->nodeid };
	struct channel keep[CHANNELS];
	uint32_t moved;

	if (!viewers)
		viewers = calloc(SIM_NODES, sizeof *viewers);
	if (!viewers)
		abort();
	v = viewer_of(n);
	for (unsigned i = 0; i < CHANNELS; i++) {
		if (!v->channel[i].items)
			v->channel[i].items = calloc(ITEMS, sizeof *v->channel[i].items);
		if (!v->channel[i].items)
			abort();
		keep[i] = (struct channel) { .items = v->channel[i].items };
	}
	memset(v, 0, sizeof *v);
	memcpy(v->channel, keep, sizeof keep);
	v->wake_ns = UINT64_MAX;
	v->pid = n->gen;
	memset(n->former, 0, sizeof n->former);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		n->chan[j].removed = true;
	own.incarnation = sim.inc[n->inc].incarnation;
	if (rng_one_in(&sim.group, 2)) {
		for (unsigned p = 0; p < sim.n_paths; p++)
			put_address(&own.addrs[p], n->idx, p);
		own.n_addrs = sim.n_paths;
	}
	view_init(&v->view, &own);
	core_quorum(&n->core, false);
	v->listed = group_listed(&moved);
	take_nodes(v, v->listed, moved);
	viewer_conclude(n);
	group_boot(n);
	v->retry_ns = sim.now_ns + rng_scale(&sim.group, 0, 300 * MSEC);
	wake(n, v->retry_ns);
}

void viewer_lost(struct node *n)
{
	struct viewer *v = viewer_of(n);

	forget(v);
	v->lost_ns = sim.now_ns + rng_scale(&sim.group, 1, 5 * MSEC);
	wake(n, v->lost_ns);
}

void viewer_hold(struct node *n, uint64_t until_ns)
{
	if (n->running)
		viewer_of(n)->hold_until_ns = until_ns;
}

void viewer_renewed(struct node *n)
{
	struct viewer *v = viewer_of(n);

	memset(n->former, 0, sizeof n->former);
	v->renewed_ns = sim.now_ns + rng_scale(&sim.group, 1, 30 * MSEC);
	wake(n, v->renewed_ns);
}

void viewer_close(struct node *n)
{
	viewer_of(n)->wants_close = true;
	wake(n, sim.now_ns + rng_scale(&sim.group, 1, 20 * MSEC));
}

void viewer_leave(struct node *n)
{
	viewer_of(n)->wants_leave = true;
	wake(n, sim.now_ns + rng_scale(&sim.group, 1, 20 * MSEC));
}

static void take_words(struct node *n, struct viewer *v)
{
	if (v->renewed_ns && v->renewed_ns <= sim.now_ns) {
		v->renewed_ns = 0;
		viewer_remember_untold(n, v);
		view_renewed(&v->view, sim.inc[n->inc].incarnation, sim.now_ns);
		viewer_conclude(n);
	}
	if (v->wants_close && !v->is_closing) {
		v->is_closing = true;
		view_closing(&v->view, sim.now_ns);
		viewer_conclude(n);
	}
	if (v->lost_ns && v->lost_ns <= sim.now_ns) {
		v->in = 0;
		v->says_quorate = false;
		viewer_void_fences(v, UINT32_MAX);
		view_lost(&v->view);
		viewer_conclude(n);
		v->lost_ns = 0;
		v->retry_ns = sim.now_ns + RETRY_NS;
	}
}

static void try_join(struct node *n, struct viewer *v)
{
	if (v->lost_ns || v->has_left || v->retry_ns > sim.now_ns)
		return;
	if (!v->is_connected && group_is_there(n)) {
		uint32_t moved, listed = group_listed(&moved);

		v->is_connected = true;
		take_nodes(v, listed, moved);
		viewer_conclude(n);
		group_connect(n);
	}
	if (v->is_connected && !v->has_joined && !v->view.is_renewing && !v->is_closing) {
		v->has_joined = true;
		group_join(n, v->pid);
	}
	if (!v->has_joined)
		v->retry_ns = sim.now_ns + RETRY_NS;
}

static void try_leave(struct node *n, struct viewer *v)
{
	if (!v->wants_leave || v->has_left)
		return;
	if (!v->leave_ns)
		v->leave_ns = sim.now_ns + GOODBYE_NS;
	if (v->has_joined && !v->view.is_goodbye_out && sim.now_ns < v->leave_ns)
		return;
	v->has_left = true;
	if (v->has_joined)
		group_leave(n);
	sim_at(sim.now_ns + rng_scale(&sim.group, 0, 20 * MSEC), EV_EXIT, n->idx, 0, n->gen);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static uint64_t deadline(const struct viewer *v)
{
	uint64_t at = view_deadline(&v->view);

	for (unsigned i = 0; i < CHANNELS; i++)
		if (v->channel[i].n)
			at = earliest(at, v->channel[i].items[v->channel[i].head].at_ns);
	at = earliest(at, v->renewed_ns);
	at = earliest(at, v->lost_ns);
	if (!v->has_joined && !v->has_left && !v->lost_ns)
		at = earliest(at, v->retry_ns);
	if (v->leave_ns && !v->has_left)
		at = earliest(at, v->leave_ns);
	return at <= sim.now_ns ? sim.now_ns + 1 : at;
}

void viewer_turn(struct node *n)
{
	struct viewer *v = viewer_of(n);
	uint64_t next;

	if (sim.now_ns < v->wake_ns)
		return;
	v->wake_ns = UINT64_MAX;
	if (sim.now_ns < v->hold_until_ns) {
		wake(n, v->hold_until_ns);
		return;
	}
	take_words(n, v);
	if (dispatch(n, v))
		settle(n, v);
	try_join(n, v);
	view_tick(&v->view, sim.now_ns);
	viewer_conclude(n);
	try_leave(n, v);
	next = deadline(v);
	if (next != VIEW_NEVER)
		wake(n, next);
}

bool viewer_quiet(const struct node *n)
{
	const struct viewer *v = viewer_of(n);

	for (unsigned i = 0; i < CHANNELS; i++)
		if (v->channel[i].n)
			return false;
	return !v->renewed_ns && !v->lost_ns && v->view.outbox.hello_due_ns == VIEW_NEVER &&
		(v->has_joined || v->is_closing);
}
