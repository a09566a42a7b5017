/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns virtual time: the queue of events, and begin and end of a node. Knows neither
 * what a schedule contains nor what is right or wrong.
 */
#include "topo.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX	3000000u	/* of one run: more is a live-lock */

struct sim sim;

uint64_t rng_scale(struct rng *r, uint64_t lo, uint64_t hi)
{
	unsigned bits = hi > lo ? 64 - (unsigned)__builtin_clzll(hi - lo) : 0;

	hi = (hi - lo) & ((2ull << rng_below(r, bits + 1)) - 1);
	return lo + rng_below(r, hi + 1);
}

void sim_fail(const char *fmt, ...)
{
	va_list ap;

	if (sim.failed)
		return;
	sim.failed = true;
	va_start(ap, fmt);
	vsnprintf(sim.why, sizeof sim.why, fmt, ap);
	va_end(ap);
	TRACE("FAILED: %s", sim.why);
}

void sim_trace(const char *fmt, ...)
{
	va_list ap;

	printf("%12.6f ", (double)(sim.now_ns - sim.start_ns) / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* ---- events ---- */

/* Without branches, which no processor would predict. */
static bool earlier(const struct event *a, const struct event *b)
{
	bool same = a->at_ns == b->at_ns;

	return (a->at_ns < b->at_ns) | (same & (a->order < b->order));
}

static void push(struct event e)
{
	unsigned i = sim.n_heap++;

	if (i >= SIM_EVENTS) {
		sim.n_heap--;
		sim_fail("too many events wait at once");
		return;
	}
	while (i && earlier(&e, &sim.heap[(i - 1) / 2])) {
		sim.heap[i] = sim.heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	sim.heap[i] = e;
}

static struct event pop(void)
{
	struct event top = sim.heap[0], e = sim.heap[--sim.n_heap];
	unsigned i = 0, c;

	/* Behind the last one still lies e: where it is the earlier of two, it goes above them. */
	while ((c = 2 * i + 1) < sim.n_heap) {
		c += earlier(&sim.heap[c + 1], &sim.heap[c]);
		if (!earlier(&sim.heap[c], &e))
			break;
		sim.heap[i] = sim.heap[c];
		i = c;
	}
	sim.heap[i] = e;
	return top;
}

void sim_at(uint64_t at_ns, enum ev_kind kind, unsigned a, uint32_t b, uint32_t gen)
{
	push((struct event) { at_ns, sim.order++, b, (uint16_t)kind, (uint16_t)a, gen });
}

/* ---- incarnations ---- */

void world_peer_add(struct node *n, unsigned j)
{
	struct path_addr addrs[SIM_PATHS];
	unsigned paths = sim.n_paths;

	for (unsigned i = 0; i < paths; i++)
		addrs[i] = net_addr(j, i);
	memset(&n->peers[j], 0, sizeof n->peers[j]);
	peer_add(&n->core, &n->peers[j], sim.node[j].nodeid,
		 sim.node[j].kernel ? &profile_dlm : &profile_native, addrs, paths);
	/* A node that cannot dial is told so, in half of the runs with calls. */
	if (sim.calls && !n->can_dial && sim.seed % 2)
		peer_set_never_dial(&n->peers[j], true);
	sim_at(sim.now_ns, EV_PROVIDE, n->idx, j, n->gen);
}

void world_start(struct node *n)
{
	struct core_config cfg = sim.cfg;
	struct inc *l = &sim.inc[sim.n_incs];

	if (n->kernel) {
		kernel_start(n);
		return;
	}
	if (n->running || sim.n_incs == SIM_INCS)
		return;
	*l = (struct inc) { .incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true,
		.claimed = n->copy_of != 0 };
	for (unsigned i = sim.n_nodes; i < sim.n_slots; i++)
		l->claimed |= sim.node[i].copy_of == n->idx + 1;
	n->inc = (uint8_t)sim.n_incs++;
	n->running = true;
	n->closing = n->closed = n->in_turn = false;
	n->gen++;
	n->mq_n = 0;
	n->same_ticks = 0;
	cfg.nodeid = n->nodeid;
	cfg.incarnation = l->incarnation;
	cfg.seed = rng_next(&sim.plan);
	cfg.queue_bytes = n->queue_bytes;
	cfg.calls = served_grant(n);
	TRACE("n%u START nodeid %u incarnation %u", n->idx, n->nodeid, n->inc);
	core_init(&n->core, &cfg, sim.now_ns);
	for (unsigned j = 0; j < sim.n_nodes && !sim.view; j++)
		if (sim.node[j].nodeid != n->nodeid && sim.node[j].present && !n->chan[j].removed &&
		    !(n->kernel && sim.node[j].kernel))
			world_peer_add(n, j);
	if (sim.view)
		viewer_start(n);
	else if (sim.membership)
		member_joined(n);
	if (sim.phase == PHASE_CLOSE)
		sim_at(sim.now_ns, EV_CLOSE, n->idx, 0, n->gen);
	world_turn(n);
}

void world_start_at(struct node *n, uint64_t at_ns)
{
	n->restart_at_ns = at_ns;
	sim_at(at_ns, EV_START, n->idx, 0, 0);
}

/* Everything that a node had vanishes. silent: its machine with it. */
void world_crash(struct node *n, bool silent)
{
	if (!n->running)
		return;
	TRACE("n%u CRASH%s", n->idx, silent ? " (silent)" : "");
	n->running = false;
	n->gen++;
	sim.inc[n->inc].alive = false;
	net_node_gone(n, silent);
	for (unsigned i = 0; i < SIM_SESSIONS; i++) {
		struct sess *x = &sim.sess[i];

		if (!x->used || x->node != n->idx)
			continue;
		if (x->up)
			x->tx->ended_tx = x->rx->ended_rx = true;
		free(frag_take(&x->s.frag));
		world_give_back(x);
	}
	for (unsigned j = 0; j < SIM_NODES; j++) {
		n->chan[j].sess = NULL;
		n->chan[j].n_back = 0;
		n->chan[j].back_bytes = 0;
		n->chan[j].retry = false;
		n->chan[j].echo_out = 0;
		n->chan[j].pause_until_ns = 0;
	}
	if (sim.view) {
		sim.inc[n->inc].gone = true;
		group_gone(n, silent);
	} else if (sim.membership && !sim.inc[n->inc].gone) {
		sim.inc[n->inc].gone = true;
		member_say_all(n->closed ? MEMBER_LEFT : MEMBER_FAILED, n->inc);
	}
}

bool world_pair_talks(const struct node *a, const struct node *b)
{
	return a->running && b->running && !a->closing && !b->closing && a->nodeid != b->nodeid &&
		!(a->kernel && b->kernel);
}

/* The last ACK is lost and who waits for it cannot dial, or a new incarnation cannot. */
bool world_pair_stuck(unsigned a, unsigned b)
{
	return sim.closed_pair[a][b] && (!sim.node[a].can_dial || !sim.node[b].can_dial);
}

/* ---- the loop ---- */

static void provide(struct node *n, unsigned j)
{
	struct sess *x;

	if (n->chan[j].removed || n->peers[j].spare)
		return;
	x = world_provide(n, j);
	if (x)
		peer_provide(&n->peers[j], &x->s);
}

static struct node *event_node(const struct event *e)
{
	switch ((enum ev_kind)e->kind) {
	case EV_SEND: case EV_MEMBER: case EV_RESUME: case EV_PROVIDE: case EV_CLOSE: case EV_EXIT:
	case EV_VIEW: case EV_CALLS:
		return &sim.node[e->a];
	case EV_KICK: case EV_SLOT: case EV_LET_GO: case EV_CALL:
		return &sim.node[sim.sess[e->a].node];
	case EV_SEG: case EV_CONNECT: case EV_ACCEPT: case EV_PUMP: case EV_READ:
		return sim.conns[e->a].gen == e->gen ?
			&sim.node[sim.conns[e->a].end[e->b].node] : NULL;
	case EV_NONE: case EV_CONN_LOST: case EV_FAULT: case EV_START: case EV_CHECK:
	case EV_KERNEL: case EV_GROUP: case EV_ATTACK:
		return NULL;
	}
	return NULL;
}

static void close_node(struct node *n)
{
	if (n->closing)
		return;
	TRACE("n%u CLOSE", n->idx);
	n->closing = true;
	sim.inc[n->inc].leaving = true;
	if (sim.view)
		viewer_close(n);
	else if (sim.membership)
		member_say_all(MEMBER_LEAVING, n->inc);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (n->chan[j].sess)
			n->chan[j].sess->finishing = true;
	core_close(&n->core);
}

/* Something happens to a node in this very incarnation of it. */
static void node_event(struct node *n, const struct event *e)
{
	if (!n->running || n->gen != e->gen)
		return;
	world_enter(n);
	if (e->kind == EV_MEMBER)
		member_deliver(n);
	else if (e->kind == EV_RESUME)
		workload_resume(n, e->b);
	else if (e->kind == EV_PROVIDE)
		provide(n, e->b);
	else if (e->kind == EV_VIEW)
		viewer_turn(n);
	else if (e->kind == EV_EXIT)
		world_crash(n, false);
	else
		close_node(n);
	if (n->running)
		world_turn(n);
}

static void session_event_due(struct node *n, const struct event *e)
{
	struct sess *x = &sim.sess[e->a];

	if (x->gen != e->gen || !x->used)
		return;
	world_enter(n);
	if (e->kind == EV_KICK)
		workload_kick(x);
	else if (e->kind == EV_LET_GO)
		served_let_go(x);
	else if (e->kind == EV_CALL)
		dialog_step(x, e->b);
	else
		workload_slot(x, e->b);
	world_turn(n);
}

/* Survives the incarnations of the node. */
static void send_event(struct node *n, const struct event *e)
{
	if (n->kernel)
		return;
	if (n->running)
		world_enter(n);
	if (e->kind == EV_SEND)
		workload_send(n, e->b);
	else
		caller_turn(n, e->b, e->gen);
	if (n->running)
		world_turn(n);
}

static void dispatch(const struct event *e)
{
	struct node *n = event_node(e);

	if (n && n->stun_until_ns > sim.now_ns) {
		sim_at(n->stun_until_ns, (enum ev_kind)e->kind, e->a, e->b, e->gen);
		return;
	}
	switch ((enum ev_kind)e->kind) {
	case EV_NONE:
		return;
	case EV_SEG: case EV_CONNECT: case EV_ACCEPT: case EV_PUMP: case EV_READ:
	case EV_CONN_LOST:
		net_event(e);
		return;
	case EV_FAULT:
		fault_run(&sim.fault[e->a]);
		return;
	case EV_START:
		world_start(&sim.node[e->a]);
		return;
	case EV_CHECK:
		phase_check();
		return;
	case EV_KERNEL:
		kernel_event(&sim.node[e->a], e->b, e->gen);
		return;
	case EV_KICK: case EV_SLOT: case EV_LET_GO: case EV_CALL:
		session_event_due(n, e);
		return;
	case EV_SEND: case EV_CALLS:
		send_event(n, e);
		return;
	case EV_GROUP:
		group_event(e->b);
		return;
	case EV_ATTACK:
		attacker_event();
		return;
	case EV_MEMBER: case EV_RESUME: case EV_PROVIDE: case EV_CLOSE: case EV_EXIT: case EV_VIEW:
		node_event(n, e);
		return;
	}
}

/* The node whose deadline comes first. */
static struct node *next_tick(uint64_t *ret_at)
{
	struct node *best = NULL;

	*ret_at = CORE_NEVER;
	for (unsigned i = 0; i < sim.n_slots; i++) {
		struct node *n = &sim.node[i];
		uint64_t at;

		if (!n->running || n->kernel)
			continue;
		at = core_deadline(&n->core);
		if (sim.calls && dialog_deadline(n) < at)
			at = dialog_deadline(n);
		if (at != CORE_NEVER && at < n->stun_until_ns)
			at = n->stun_until_ns;
		if (at < *ret_at) {
			*ret_at = at;
			best = n;
		}
	}
	return best;
}

static void tick(struct node *n)
{
	if (sim.now_ns != n->last_tick_ns)
		n->same_ticks = 0;
	n->last_tick_ns = sim.now_ns;
	if (++n->same_ticks > 50)
		sim_fail("n%u: the deadline does not move on", n->idx);
	world_enter(n);
	digest_tick(n);
	core_tick(&n->core);
	dialog_tick(n);
	world_turn(n);
}

static void run(void)
{
	while (!sim.failed && sim.phase != PHASE_OVER) {
		uint64_t at;
		struct node *n = next_tick(&at);

		if (++sim.n_events > EVENTS_MAX) {
			sim_fail("live-lock: %u events and no end", EVENTS_MAX);
			break;
		}
		if (n && (!sim.n_heap || at <= sim.heap[0].at_ns)) {
			if (at > sim.now_ns)
				sim.now_ns = at;
			tick(n);
		} else if (sim.n_heap) {
			struct event e = pop();

			/* An event due before it was asked for is late. */
			if (e.at_ns > sim.now_ns)
				sim.now_ns = e.at_ns;
			dispatch(&e);
		} else {
			sim_fail("nothing is going to happen any more");
		}
	}
}

void sim_setup(void)
{
	sim.declared = calloc(SIM_INCS, SIM_INCS);
	sim.streams = calloc(SIM_INCS * SIM_INCS, sizeof *sim.streams);
	sim.conns = calloc(SIM_CONNS, sizeof *sim.conns);
	sim.sess = calloc(SIM_SESSIONS, sizeof *sim.sess);
	sim.heap = calloc(SIM_EVENTS, sizeof *sim.heap);
	if (!sim.declared || !sim.streams || !sim.conns || !sim.sess || !sim.heap)
		abort();
	workload_setup();
}

/* Clears what the last run left, without touching more memory than it used. */
static void clean(void)
{
	uint8_t *declared = sim.declared;
	struct stream *streams = sim.streams;
	struct conn *conns = sim.conns;
	struct sess *sess = sim.sess;
	struct event *heap = sim.heap;

	for (unsigned i = 0; i < SIM_SESSIONS; i++) {
		if (!sess[i].used)
			continue;
		free(frag_take(&sess[i].s.frag));
		world_give_back(&sess[i]);
	}
	net_reset_all();
	for (unsigned i = 0; i < sim.n_incs; i++) {
		memset(declared + i * SIM_INCS, 0, SIM_INCS);
		for (unsigned j = 0; j < sim.n_incs; j++) {
			struct stream *st = &streams[i * SIM_INCS + j];
			struct stream keep = *st;

			*st = (struct stream) { .rec = keep.rec, .cap_rec = keep.cap_rec,
				.ended = keep.ended, .cap_frames = keep.cap_frames,
				.call_end = keep.call_end, .cap_calls = keep.cap_calls };
		}
	}
	memset(&sim, 0, sizeof sim);
	sim.declared = declared;
	sim.streams = streams;
	sim.conns = conns;
	sim.sess = sess;
	sim.heap = heap;
}

bool sim_run(uint64_t seed, const struct limits *lim, bool trace)
{
	clean();
	sim.seed = seed;
	sim.limits = *lim;
	sim.trace = trace;
	sim.plan.s = seed * 0x9e3779b97f4a7c15ull + 1;
	if (seed & SIM_TOPO)
		return topo_run();
	sim.net.s = sim.plan.s ^ 0x6a09e667f3bcc908ull;
	sim.app.s = sim.plan.s ^ 0xbb67ae8584caa73bull;
	sim.group.s = sim.plan.s ^ 0x3c6ef372fe94f82bull;
	sim.adversary.s = sim.plan.s ^ 0xa54ff53a5f1d36f1ull;
	sim.service.s = sim.plan.s ^ 0x510e527fade682d1ull;
	sim.changes.s = sim.plan.s ^ 0x9b05688c2b3e6c1full;
	plan_draw();
	served_draw();
	attacker_draw();
	if (sim.calls)
		dialog_draw();
	run();
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].running)
			net_node_gone(&sim.node[i], true);
	cover(COVER_SEEDS);
	cover_add(COVER_MESSAGES, sim.n_delivered);
	cover_add(COVER_LINKS, sim.n_links);
	return !sim.failed;
}
