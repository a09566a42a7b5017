/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns virtual time: the queue of events, the nodes' turns and the life of a
 * node. Knows neither what a schedule contains nor what is right or wrong.
 */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX	3000000u	/* of one run: more is a live-lock */
#define TURN_ACTIONS	20000u		/* of one turn */

struct sim sim;
static uint8_t *rings[4][SIM_SESSIONS];	/* free ones by size: 256 KiB << i */
static unsigned n_rings[4];

uint64_t rng_scale(struct rng *r, uint64_t lo, uint64_t hi)
{
	unsigned bits = 0;

	while (hi > lo && (hi - lo) >> bits)
		bits++;
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

static bool earlier(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
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

	while ((c = 2 * i + 1) < sim.n_heap) {
		if (c + 1 < sim.n_heap && earlier(&sim.heap[c + 1], &sim.heap[c]))
			c++;
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

/* ---- sessions ---- */

static unsigned size_class(uint32_t size)
{
	unsigned c = 0;

	while (RING_MIN << c < size)
		c++;
	return c;
}

struct sess *world_lend(struct node *n, unsigned j)
{
	unsigned c = size_class(n->queue_bytes);
	struct sess *x = NULL;

	for (unsigned i = 0; i < SIM_SESSIONS && !x; i++)
		if (!sim.sess[i].used)
			x = &sim.sess[i];
	if (!x) {
		sim_fail("no free session block: they are not given back");
		return NULL;
	}
	*x = (struct sess) { .used = true, .node = n->idx, .peer = (uint8_t)j,
		.idx = (uint16_t)(x - sim.sess), .gen = x->gen + 1, .size = RING_MIN << c };
	x->mem = n_rings[c] ? rings[c][--n_rings[c]] : malloc(x->size);
	session_lend(&x->s, x->mem, x->size, n->nodeid, sim.cfg.first_seq);
	return x;
}

static void give_back(struct sess *x)
{
	unsigned c = size_class(x->size);

	rings[c][n_rings[c]++] = x->mem;
	x->used = false;
	x->gen++;
}

static struct sess *sess_of(struct session *s)
{
	return (struct sess *)((char *)s - offsetof(struct sess, s));
}

/* ---- turns ---- */

struct node *world_node(uint32_t nodeid)
{
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].nodeid == nodeid)
			return &sim.node[i];
	return NULL;
}

void world_enter(struct node *n)
{
	core_now(&n->core, sim.now_ns);
}

static void note(struct node *n, const struct note *t)
{
	if (t->fsm)
		cover(COVER_FSM + (unsigned)t->from * FSM_EVENTS + (unsigned)t->event);
	if (!strncmp(t->text, "gap in the sequence", 19))
		cover(COVER_K_GAP);
	if (t->fsm)
		TRACE("n%u note peer=%u %s --%s--> %s", n->idx, t->nodeid, fsm_state_name(t->from),
		      fsm_event_name(t->event), fsm_state_name(t->to));
	else
		TRACE("n%u note peer=%u %s%s%s %s=%llu %s=%llu", n->idx, t->nodeid, t->text,
		      t->detail ? ": " : "", t->detail ? t->detail : "",
		      t->a_name ? t->a_name : "-", (unsigned long long)t->a,
		      t->b_name ? t->b_name : "-", (unsigned long long)t->b);
}

static void session_action(struct node *n, enum core_what what, struct sess *x)
{
	switch ((int)what) {
	case CORE_PEER_UP:
		TRACE("n%u PEER_UP %u", n->idx, x->peer);
		x->up = true;
		oracle_up(x);
		workload_up(x);
		break;
	case CORE_FINISHED:
		TRACE("n%u FINISHED %u", n->idx, x->peer);
		oracle_finished(x);
		x->finished = true;
		break;
	case CORE_WRITABLE:
		TRACE("n%u WRITABLE %u", n->idx, x->peer);
		cover(COVER_WRITABLE);
		if (x->down)
			sim_fail("n%u: WRITABLE after PEER_DOWN", n->idx);
		x->blocked = false;
		workload_writable(x);
		break;
	case CORE_PEER_DOWN:
		TRACE("n%u PEER_DOWN %u %s", n->idx, x->peer, session_end_name(x->s.end));
		oracle_down(x);
		workload_down(x);
		x->down = true;
		free(session_take_buffer(&x->s));
		give_back(x);
		break;
	}
}

static void renew(struct node *n)
{
	unsigned old = n->life;
	struct life *l = &sim.life[sim.n_lives];

	oracle_renew(n);
	if (sim.n_lives == SIM_LIVES) {
		sim_fail("n%u: renewed again and again", n->idx);
		return;
	}
	cover(COVER_RENEW);
	sim.life[old].alive = false;
	*l = (struct life) { .incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true,
		.leaving = n->closing, .claimed = sim.life[old].claimed };
	n->life = (uint8_t)sim.n_lives++;
	TRACE("n%u RENEW life %u", n->idx, n->life);
	core_renew(&n->core, l->incarnation);
	if (!sim.membership)
		return;
	member_renewed(n);
	sim.life[old].gone = true;
	member_say_all(rng_one_in(&sim.net, 2) ? MEMBER_LEFT : MEMBER_FAILED, old);
	if (!n->closing)
		member_joined(n);
}

static void dial(struct node *n, struct peer *p, unsigned path, bool probe)
{
	struct node *to = world_node(p->nodeid);

	if (probe)
		cover(COVER_PROBE);
	if (sim.now_ns < n->nofd_until_ns || !n->can_dial)
		link_no_dial(&n->core, p, path, probe);
	else
		net_dial(n, to->idx, path, probe);
}

static void closed(struct node *n)
{
	TRACE("n%u CLOSED", n->idx);
	if (!n->closing)
		sim_fail("n%u: CORE_CLOSED though nobody closed it", n->idx);
	n->closed = true;
	sim_at(sim.now_ns + rng_scale(&sim.net, 0, 50 * MSEC), EV_EXIT, n->idx, 0, n->gen);
}

static void act(struct node *n, struct core_action *a)
{
	struct conn *c;
	unsigned side;

	switch (a->what) {
	case CORE_NOTE:
		note(n, &a->note);
		break;
	case CORE_DIAL:
	case CORE_PROBE:
		dial(n, a->peer, a->path, a->what == CORE_PROBE);
		break;
	case CORE_TX:
		c = net_conn(a->link, &side);
		/* Perhaps held no more. */
		if (c->end[side].paused && !a->link->session && a->link->state == LINK_WAIT)
			sim_at(sim.now_ns, EV_READ, c->idx, side, c->gen);
		net_pump(c, side);
		break;
	case CORE_SHUT:
		c = net_conn(a->link, &side);
		oracle_link_gone(c, side);
		net_shut(c, side, a->how);
		break;
	case CORE_LEND:
		sim_at(sim.now_ns + (rng_one_in(&sim.net, 4) ? rng_scale(&sim.net, 0, 80 * MSEC) : 0),
		       EV_LEND, n->idx, world_node(a->peer->nodeid)->idx, n->gen);
		break;
	case CORE_PEER_UP:
	case CORE_FINISHED:
	case CORE_WRITABLE:
	case CORE_PEER_DOWN:
		session_action(n, a->what, sess_of(a->session));
		break;
	case CORE_FENCE:
		oracle_fence(n, a->peer, a->reason);
		break;
	case CORE_RENEW:
		renew(n);
		break;
	case CORE_CLOSED:
		closed(n);
		break;
	}
}

void world_turn(struct node *n)
{
	struct core_action a;
	unsigned guard = 0;

	if (n->in_turn)
		return;
	n->in_turn = true;
	while (!sim.failed && core_poll(&n->core, &a)) {
		act(n, &a);
		if (++guard > TURN_ACTIONS)
			sim_fail("n%u: core_poll() never ends, last action %d", n->idx, a.what);
	}
	n->in_turn = false;
}

/* ---- lives ---- */

void world_peer_add(struct node *n, unsigned j)
{
	struct path_addr addrs[SIM_PATHS];
	unsigned paths = sim.n_paths;

	for (unsigned i = 0; i < paths; i++)
		addrs[i] = net_addr(j, i);
	memset(&n->peers[j], 0, sizeof n->peers[j]);
	peer_add(&n->core, &n->peers[j], sim.node[j].nodeid,
		 sim.node[j].kernel ? CORE_DLM : CORE_NATIVE, addrs, paths);
	sim_at(sim.now_ns, EV_LEND, n->idx, j, n->gen);
	n->chan[j].removed = false;
}

void world_start(struct node *n)
{
	struct core_config cfg = sim.cfg;
	struct life *l = &sim.life[sim.n_lives];

	if (n->kernel) {
		kernel_start(n);
		return;
	}
	if (n->running || sim.n_lives == SIM_LIVES)
		return;
	*l = (struct life) { .incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true,
		.claimed = n->copy_of != 0 };
	for (unsigned i = sim.n_nodes; i < sim.n_slots; i++)
		l->claimed |= sim.node[i].copy_of == n->idx + 1;
	n->life = (uint8_t)sim.n_lives++;
	n->running = true;
	n->closing = n->closed = n->in_turn = n->quorum_off = false;
	n->started_once = true;
	n->gen++;
	n->mq_n = 0;
	n->same_ticks = 0;
	cfg.nodeid = n->nodeid;
	cfg.incarnation = l->incarnation;
	cfg.seed = rng_next(&sim.plan);
	cfg.queue_bytes = n->queue_bytes;
	TRACE("n%u START nodeid %u life %u", n->idx, n->nodeid, n->life);
	core_init(&n->core, &cfg, sim.now_ns);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (sim.node[j].nodeid != n->nodeid && sim.node[j].present &&
		    !(n->kernel && sim.node[j].kernel))
			world_peer_add(n, j);
	if (sim.membership)
		member_joined(n);
	if (sim.phase == PHASE_CLOSE)
		sim_at(sim.now_ns, EV_CLOSE, n->idx, 0, n->gen);
	world_turn(n);
}

/* Everything that a node had vanishes. silent: its machine with it. */
void world_crash(struct node *n, bool silent)
{
	if (!n->running)
		return;
	TRACE("n%u CRASH%s", n->idx, silent ? " (silent)" : "");
	n->running = false;
	n->gen++;
	sim.life[n->life].alive = false;
	net_node_gone(n, silent);
	for (unsigned i = 0; i < SIM_SESSIONS; i++) {
		struct sess *x = &sim.sess[i];

		if (!x->used || x->node != n->idx)
			continue;
		if (x->up)
			x->tx->ended_tx = x->rx->ended_rx = true;
		free(frag_take(&x->s.frag));
		give_back(x);
	}
	for (unsigned j = 0; j < SIM_NODES; j++) {
		n->chan[j].sess = NULL;
		n->chan[j].n_back = 0;
		n->chan[j].back_bytes = 0;
		n->chan[j].retry = false;
		n->chan[j].echo_out = 0;
		n->chan[j].pause_until_ns = 0;
	}
	if (sim.membership && !sim.life[n->life].gone) {
		sim.life[n->life].gone = true;
		member_say_all(n->closed ? MEMBER_LEFT : MEMBER_FAILED, n->life);
	}
}

bool world_pair_talks(const struct node *a, const struct node *b)
{
	return a->running && b->running && !a->closing && !b->closing && a->nodeid != b->nodeid &&
		!(a->kernel && b->kernel);
}

/* The last ACK is lost and who waits for it cannot dial, or a new life cannot. */
bool world_pair_stuck(unsigned a, unsigned b)
{
	return sim.closed_pair[a][b] && (!sim.node[a].can_dial || !sim.node[b].can_dial);
}

/* ---- the loop ---- */

static void lend(struct node *n, unsigned j)
{
	struct sess *x;

	if (n->chan[j].removed || n->peers[j].spare)
		return;
	x = world_lend(n, j);
	if (x)
		peer_lend(&n->peers[j], &x->s);
}

static struct node *event_node(const struct event *e)
{
	switch ((enum ev_kind)e->kind) {
	case EV_SEND: case EV_MEMBER: case EV_RESUME: case EV_LEND: case EV_CLOSE: case EV_EXIT:
		return &sim.node[e->a];
	case EV_KICK: case EV_SLOT:
		return &sim.node[sim.sess[e->a].node];
	case EV_SEG: case EV_CONNECT: case EV_ACCEPT: case EV_PUMP: case EV_READ:
		return sim.conns[e->a].gen == e->gen ?
			&sim.node[sim.conns[e->a].end[e->b].node] : NULL;
	case EV_NONE: case EV_CONN_LOST: case EV_FAULT: case EV_START: case EV_CHECK:
	case EV_KERNEL:
		return NULL;
	}
	return NULL;
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
	case EV_KICK:
	case EV_SLOT:
		if (sim.sess[e->a].gen != e->gen || !sim.sess[e->a].used)
			return;
		world_enter(n);
		if (e->kind == EV_KICK)
			workload_kick(&sim.sess[e->a]);
		else
			workload_slot(&sim.sess[e->a], e->b);
		world_turn(n);
		return;
	case EV_SEND: case EV_MEMBER: case EV_RESUME: case EV_LEND: case EV_CLOSE: case EV_EXIT:
		break;
	}
	if (e->kind == EV_SEND) {	/* survives the lives of the node */
		if (n->kernel)
			return;
		if (n->running)
			world_enter(n);
		workload_send(n, e->b);
		if (n->running)
			world_turn(n);
		return;
	}
	if (!n->running || n->gen != e->gen)
		return;
	world_enter(n);
	if (e->kind == EV_MEMBER)
		member_deliver(n);
	else if (e->kind == EV_RESUME)
		workload_resume(n, e->b);
	else if (e->kind == EV_LEND)
		lend(n, e->b);
	else if (e->kind == EV_EXIT)
		world_crash(n, false);
	else if (!n->closing) {
		TRACE("n%u CLOSE", n->idx);
		n->closing = true;
		n->closing_ns = sim.now_ns;
		sim.life[n->life].leaving = true;
		if (sim.membership)
			member_say_all(MEMBER_LEAVING, n->life);
		for (unsigned j = 0; j < sim.n_nodes; j++)
			if (n->chan[j].sess)
				n->chan[j].sess->finishing = true;
		core_close(&n->core);
	}
	if (n->running)
		world_turn(n);
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
	core_tick(&n->core);
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

			sim.now_ns = e.at_ns;
			dispatch(&e);
		} else {
			sim_fail("nothing is going to happen any more");
		}
	}
}

void sim_setup(void)
{
	sim.declared = calloc(SIM_LIVES, SIM_LIVES);
	sim.streams = calloc(SIM_LIVES * SIM_LIVES, sizeof *sim.streams);
	sim.conns = calloc(SIM_CONNS, sizeof *sim.conns);
	sim.sess = calloc(SIM_SESSIONS, sizeof *sim.sess);
	sim.heap = calloc(SIM_EVENTS, sizeof *sim.heap);
	if (!sim.declared || !sim.streams || !sim.conns || !sim.sess || !sim.heap)
		abort();
	workload_setup();
}

/* What the last run left, without touching more memory than it used. */
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
		give_back(&sess[i]);
	}
	net_reset_all();
	for (unsigned i = 0; i < sim.n_lives; i++) {
		memset(declared + i * SIM_LIVES, 0, SIM_LIVES);
		for (unsigned j = 0; j < sim.n_lives; j++) {
			struct stream *st = &streams[i * SIM_LIVES + j];
			struct stream keep = *st;

			*st = (struct stream) { .rec = keep.rec, .cap_rec = keep.cap_rec,
				.ended = keep.ended, .cap_frames = keep.cap_frames };
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
	sim.net.s = sim.plan.s ^ 0x6a09e667f3bcc908ull;
	sim.app.s = sim.plan.s ^ 0xbb67ae8584caa73bull;
	plan_draw();
	run();
	for (unsigned i = 0; i < sim.n_slots; i++)
		if (sim.node[i].running)
			net_node_gone(&sim.node[i], true);
	cover(COVER_SEEDS);
	cover_add(COVER_MESSAGES, sim.n_delivered);
	cover_add(COVER_LINKS, sim.n_links);
	return !sim.failed;
}
