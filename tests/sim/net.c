/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The network: connections of two byte pipes with latency, limits and every
 * way of breaking. Knows neither frames nor who reads and writes.
 */
#include "late.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *bufs[2 * SIM_CONNS];
static unsigned n_bufs;

static uint8_t *buf_take(void)
{
	uint8_t *b = n_bufs ? bufs[--n_bufs] : malloc(SIM_PIPE);

	if (!b)
		abort();
	return b;
}

static void buf_free(struct end *e)
{
	if (e->buf)
		bufs[n_bufs++] = e->buf;
	e->buf = NULL;
}

struct path_addr net_addr(unsigned nodeidx, unsigned path)
{
	struct path_addr a = { .ip = { [10] = 0xff, [11] = 0xff, [12] = 10 }, .port = 21065 };

	a.ip[13] = (uint8_t)path;
	a.ip[15] = (uint8_t)(nodeidx + 1);
	return a;
}

void net_reset_all(void)
{
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		if (c->used) {
			buf_free(&c->end[0]);
			buf_free(&c->end[1]);
		}
		c->used = false;
		c->gen++;
	}
}

struct conn *net_conn(struct link *l, unsigned *ret_side)
{
	size_t off = (size_t)((char *)l - (char *)sim.conns);
	struct conn *c = &sim.conns[off / sizeof *c];

	*ret_side = l == &c->end[1].link;
	return c;
}

void net_at(uint64_t at_ns, enum ev_kind kind, struct conn *c, unsigned side)
{
	sim_at(at_ns, kind, c->idx, side, c->gen);
}

uint64_t net_latency(struct conn *c)
{
	return rng_scale(&sim.net, c->lat_lo, c->lat_hi);
}

/* ---- opening ---- */

static void end_init(struct end *e, unsigned node)
{
	uint8_t *buf = e->buf;

	memset(e, 0, offsetof(struct end, segs));
	e->seg_head = e->n_segs = 0;
	memset(&e->tx, 0, offsetof(struct parse, hold));
	e->kfree = 0;
	e->releases = false;
	e->buf = buf;
	e->node = (uint8_t)node;
	e->state = END_OPEN;
	e->cap = (uint32_t)rng_scale(&sim.net, sim.pipe_min, sim.pipe_cap);
	e->bytes_left = -1;
	e->opened_ns = sim.now_ns;
}

/* A connection from one node to another, neither end known to a core yet. */
struct conn *net_open(unsigned from, unsigned to, unsigned path)
{
	struct conn *c = NULL;

	for (unsigned i = 0; i < SIM_CONNS && !c; i++)
		if (!sim.conns[i].used)
			c = &sim.conns[i];
	if (!c) {
		sim_fail("out of connections: links are not given back");
		return NULL;
	}
	if (c == &sim.conns[sim.n_conns])
		sim.n_conns++;
	c->used = true;
	c->probe = c->stranger = c->cut = false;
	c->path = (uint8_t)path;
	c->inc[0] = sim.node[from].inc;
	c->inc[1] = sim.node[to].inc;
	c->idx = (uint16_t)(c - sim.conns);
	c->lat_lo = sim.lat_lo;
	c->lat_hi = rng_scale(&sim.net, sim.lat_lo, sim.lat_hi);
	for (unsigned i = 0; i < 2; i++) {
		end_init(&c->end[i], i ? to : from);
		if (!c->end[i].buf)
			c->end[i].buf = buf_take();
	}
	late_opened(c);
	sim.n_dials++;
	sim.dial_window_n++;
	return c;
}

static void arm(struct conn *c, unsigned a, unsigned b)
{
	int64_t bytes = sim.arm[a][b];

	if (bytes < 0)
		return;
	sim.arm[a][b] = -1;
	c->end[rng_below(&sim.net, 2)].bytes_left = bytes;
}

void net_dial(struct node *n, unsigned j, unsigned path, bool probe)
{
	struct node *to = &sim.node[j];
	unsigned ring = n->peers[j].paths.p[path].addr.ip[13];
	struct conn *c = net_open(n->idx, j, ring);
	uint64_t t;

	if (!c)
		return;
	c->probe = probe;
	TRACE("n%u DIAL n%u path %u%s conn %u", n->idx, j, path, probe ? " probe" : "", c->idx);
	link_dial(&n->core, &c->end[0].link, &n->peers[j], path, probe);
	t = sim.now_ns + net_latency(c);
	if (sim.path_down[n->idx][j][ring] || sim.now_ns < n->hang_until_ns) {
		c->end[1].state = END_CLOSED;	/* silence: there is no other end */
		return;
	}
	if (attacker_listens(to)) {
		c->end[1].rogue = true;
		net_at(t, EV_CONNECT, c, 0);
		net_at(t, EV_ACCEPT, c, 1);
		return;
	}
	if (!to->running || sim.now_ns < to->refuse_until_ns) {
		c->end[1].state = END_CLOSED;
		if (to->running || rng_one_in(&sim.net, 2))
			net_at(t, EV_CONN_LOST, c, 0);
		return;
	}
	if (sim.forge[n->idx][j] && !to->kernel) {	/* somebody else answers, once */
		c->end[1].rogue = true;
		c->end[1].kfree = sim.forge[n->idx][j];
		sim.forge[n->idx][j] = 0;
	} else if (sim.now_ns < sim.narrow_until_ns[n->idx][j] && !probe) {
		c->end[1].narrow = c->end[0].narrow = true;
		c->end[0].bytes_left = (int64_t)rng_range(&sim.net, 340, 700);
		c->end[1].bytes_left = (int64_t)rng_range(&sim.net, 340, 700);
	} else if (!probe) {
		arm(c, n->idx, j);
		arm(c, j, n->idx);
	}
	if (sim.held_dials && !to->kernel && rng_one_in(&sim.net, 6) && sim.phase == PHASE_FAULTS) {
		c->end[1].hold_ns = t + rng_scale(&sim.net, 0, 6 * SEC);
		cover(COVER_LATE_HELLO);
	}
	net_at(t + net_latency(c), EV_CONNECT, c, 0);
	net_at(t > c->end[1].hold_ns ? t : c->end[1].hold_ns, EV_ACCEPT, c, 1);
}

/* ---- ending ---- */

static void maybe_free(struct conn *c)
{
	if (c->end[0].state != END_CLOSED || c->end[1].state != END_CLOSED)
		return;
	buf_free(&c->end[0]);
	buf_free(&c->end[1]);
	c->used = false;
	c->gen++;
}

void net_close_end(struct conn *c, unsigned side)
{
	c->end[side].state = END_CLOSED;
	maybe_free(c);
}

/* A segment on its way to that side. */
void net_send_seg(struct conn *c, unsigned side, enum seg_kind kind, uint32_t n)
{
	struct end *e = &c->end[side];
	uint64_t t = sim.now_ns + net_latency(c);
	struct seg *s;

	if (kind == SEG_RST) {
		oracle_broken(c);
		late_broken(e);
	}
	if (t < e->last_ns)
		t = e->last_ns;
	if (t < e->hold_ns)
		t = e->hold_ns;
	e->last_ns = t;
	if (e->n_segs == SIM_SEGS) {	/* grows the newest one */
		s = &e->segs[(e->seg_head + e->n_segs - 1) % SIM_SEGS];
		if (kind == SEG_DATA && s->kind == SEG_DATA) {
			s->n += n;
			return;
		}
		/* An orderly end loses no bytes before it, and over SCTP none does. */
		if ((sim.sctp || kind == SEG_EOF) && s->kind == SEG_DATA)
			e->segs[(e->seg_head + e->n_segs - 2) % SIM_SEGS].n += s->n;
		e->n_segs--;		/* what ends the pipe wins */
		if (s->kind != SEG_DATA)
			kind = (enum seg_kind)s->kind;
		e->segs[(e->seg_head + e->n_segs++) % SIM_SEGS] =
			(struct seg) { s->at_ns, 0, (uint8_t)kind };
		return;
	}
	e->segs[(e->seg_head + e->n_segs++) % SIM_SEGS] = (struct seg) { t, n, (uint8_t)kind };
	net_at(t, EV_SEG, c, side);
}

/* Our core has no use for that end any more. */
void net_shut(struct conn *c, unsigned side, enum link_shut how)
{
	struct end *e = &c->end[side];

	TRACE("n%u SHUT conn %u.%u %s", e->node, c->idx, side,
	      how == LINK_RESET ? "reset" : "orderly");
	if (e->state == END_CLOSED)
		return;
	if (how == LINK_ORDERLY && e->taken && (!e->fin_sent || e->state == END_OPEN)) {
		cover(COVER_ORDERLY);
		e->state = END_ORDERLY;
		net_pump(c, side);
		if (e->eof_read)
			net_close_end(c, side);
		else	/* nobody waits for ever for the other's FIN */
			net_at(sim.now_ns + 5 * SEC, EV_CONN_LOST, c, side);
		return;
	}
	if (c->end[!side].state != END_CLOSED)
		net_send_seg(c, !side, SEG_RST, 0);
	net_close_end(c, side);
}

/* The transport's word on the bytes that this end wrote: the other kernel takes them when
 * they arrive, whatever its program does. */
void net_ask(struct link *l)
{
	unsigned side;
	struct conn *c = net_conn(l, &side);
	const struct end *to = &c->end[!side];
	uint64_t heard = to->arr_ns > c->end[side].arr_ns ? to->arr_ns : c->end[side].arr_ns;

	link_transport(l, to->wr > to->arr, sim.now_ns - heard);
}

/* The core hears that the connection is over. */
void net_dead(struct conn *c, unsigned side, bool eof)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];
	const struct session *session;

	if (e->adversary)
		attacker_gone(c, side);
	if (e->rogue || !e->taken) {
		if (side == 0 && !e->taken && !e->rogue && n->kernel)
			kernel_no_dial(n, c->end[1].node);
		else if (side == 0 && !e->taken && !e->rogue)	/* a dial that failed */
			goto tell;
		net_close_end(c, side);
		return;
	}
	if (n->kernel) {
		kernel_dead(c, side, eof);
		return;
	}
tell:
	world_enter(n);
	TRACE("n%u DEAD conn %u.%u %s", e->node, c->idx, side, eof ? "eof" : "error");
	session = e->link.session;
	oracle_link_gone(c, side);
	if (side == 0 && !e->taken && !sim.node[c->end[1].node].running)
		link_refused(&e->link);
	else
		link_dead(&e->link, eof);
	if (eof && session && session->profile == &profile_dlm && sim.sctp &&
	    e->link.how != LINK_ORDERLY)
		sim_fail("n%u: answers the end of conn %u by a reset", e->node, c->idx);
	/* A kernel repeats nothing after an orderly end: it gets a reset. */
	if (eof && !e->fin_sent && c->end[!side].state != END_CLOSED)
		net_send_seg(c, !side, e->link.how == LINK_ORDERLY ||
			     (!sim.node[c->end[!side].node].kernel &&
			      rng_one_in(&sim.net, 2)) ? SEG_EOF : SEG_RST, 0);
	net_close_end(c, side);
	world_turn(n);
}

/* Broken from outside: both ends will hear, bytes under way are lost or not. */
void net_reset(struct conn *c)
{
	sim.n_link_faults++;
	c->cut = true;
	for (unsigned i = 0; i < 2; i++) {
		struct end *e = &c->end[i];

		if (e->state == END_CLOSED)
			continue;
		if (rng_one_in(&sim.net, 3))
			e->hole = 1;	/* what is in flight is lost */
		else if (rng_one_in(&sim.net, 2))	/* or comes late, and the end with it */
			e->hold_ns = sim.now_ns + rng_scale(&sim.net, 0, 300 * MSEC);
		net_send_seg(c, i, SEG_RST, 0);
	}
}

void net_eof(struct conn *c)
{
	sim.n_link_faults++;
	c->cut = true;
	for (unsigned i = 0; i < 2; i++)
		if (c->end[i].state == END_OPEN && !c->end[!i].fin_sent)
			net_send_seg(c, i, SEG_EOF, 0);
}

void net_node_gone(struct node *n, bool silent)
{
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		for (unsigned s = 0; c->used && s < 2; s++) {
			if (c->end[s].node != n->idx || c->end[s].state == END_CLOSED ||
			    c->end[s].adversary)
				continue;
			if (!silent && c->end[!s].state != END_CLOSED && !c->end[s].fin_sent)
				net_send_seg(c, !s, c->end[s].state == END_ORDERLY ?
					     SEG_EOF : SEG_RST, 0);
			net_close_end(c, s);
		}
	}
}

/* The listener is closed and opened again: what waited there is gone. */
void net_unaccepted(struct node *n)
{
	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		if (c->used && c->end[1].node == n->idx && c->end[1].state == END_OPEN &&
		    !c->end[1].taken && !c->end[1].rogue)
			net_shut(c, 1, LINK_RESET);
	}
}

static bool between(const struct conn *c, unsigned a, unsigned b)
{
	return (c->end[0].node == a && c->end[1].node == b) ||
		(c->end[0].node == b && c->end[1].node == a);
}

unsigned net_links(unsigned a, unsigned b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sim.n_conns; i++)
		n += sim.conns[i].used && between(&sim.conns[i], a, b);
	return n;
}

struct conn *net_pick(unsigned a, unsigned b, struct rng *r)
{
	struct conn *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < sim.n_conns; i++) {
		struct conn *c = &sim.conns[i];

		if (!c->used || c->end[0].state == END_CLOSED || c->end[1].state == END_CLOSED ||
		    !between(c, a, b))
			continue;
		if (rng_one_in(r, ++n))
			found = c;
	}
	return found;
}

/* An orderly end has met the other's. */
static void drained(struct conn *c, unsigned side, bool eof)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];

	if (e->releases)
		kernel_released(c, side, eof);
	net_close_end(c, side);
	if (!eof || n->kernel || !n->running)
		return;
	world_enter(n);
	peer_drained(&n->core, sim.node[c->end[!side].node].nodeid, e->link.incarnation);
	world_turn(n);
}

static void seg(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct seg s;
	uint32_t gen = c->gen;

	if (!e->n_segs)
		return;
	if (sim.now_ns < e->hold_ns) {
		net_at(e->hold_ns, EV_SEG, c, side);
		return;
	}
	s = e->segs[e->seg_head];
	e->seg_head = (e->seg_head + 1) % SIM_SEGS;
	e->n_segs--;
	if (e->state == END_CLOSED) {
		/* Nobody there: the sender is told, unless that way is a hole. */
		if (s.kind == SEG_DATA && c->end[!side].state != END_CLOSED &&
		    !c->end[!side].rst_told && sim.node[e->node].running) {
			c->end[!side].rst_told = true;
			net_send_seg(c, !side, SEG_RST, 0);
		}
		return;
	}
	/* An orderly end comes behind all data, and does not come where some are lost. */
	if (e->hole == 2 || (e->hole && s.kind != SEG_RST))
		return;
	if (s.kind == SEG_DATA) {
		e->arr += s.n;
		e->arr_ns = sim.now_ns;
		net_read(c, side);
		return;
	}
	if (e->hole && s.kind == SEG_RST && !rng_one_in(&sim.net, 2))
		e->seen = e->arr;	/* and unread bytes with it */
	while (s.kind == SEG_RST && rng_one_in(&sim.net, 2) && e->taken && !e->paused &&
	       c->gen == gen && e->state == END_OPEN && e->arr > e->seen && !sim.failed)
		net_read(c, side);
	while (s.kind == SEG_EOF && e->taken && c->gen == gen && e->state == END_OPEN &&
	       e->arr > e->seen && !sim.failed) {
		uint32_t seen = e->seen;

		net_read(c, side);
		if (e->seen == seen)
			break;
	}
	if (c->gen != gen || e->state == END_CLOSED)
		return;
	if (s.kind == SEG_EOF && net_unread(e) && e->state == END_OPEN && e->taken && !e->rogue) {
		e->late = SEG_EOF;	/* behind what is still unread */
		return;
	}
	if (s.kind == SEG_EOF)
		e->eof_read = true;
	if (e->state == END_ORDERLY) {
		if (s.kind == SEG_RST || e->fin_sent)
			drained(c, side, s.kind == SEG_EOF);
		return;
	}
	if (!e->taken && side == 1) {	/* died in the queue of the listener */
		if (s.kind == SEG_RST && rng_one_in(&sim.net, 2)) {
			net_close_end(c, side);
			return;
		}
		e->late = s.kind;
		return;
	}
	net_dead(c, side, s.kind == SEG_EOF);
}

/* Bytes that waited before somebody was there to read. */
static void taken(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];
	uint32_t gen = c->gen;

	e->taken = true;
	if (n->kernel) {
		kernel_taken(c, side);
	} else {
		world_enter(n);
		if (side == 0) {
			link_connected(&e->link);
		} else {
			struct path_addr from = net_addr(c->end[0].node, c->path);
			struct peer *p = &n->peers[c->end[0].node];

			sim.n_links++;
			from.port = (uint16_t)(1024 + c->idx);
			if (c->stranger)
				from.ip[14] = 99;
			if (sim.node[c->end[0].node].copy_of)
				from = net_addr(sim.node[c->end[0].node].copy_of - 1u, c->path);
			if (sim.node[c->end[0].node].kernel)
				link_accept_dlm(&n->core, &e->link, p, &from);
			else
				link_accept(&n->core, &e->link, &from);
		}
		world_turn(n);
	}
	if (c->gen == gen && e->state == END_OPEN && e->arr > e->rd)
		net_read(c, side);
	if (c->gen == gen && e->state == END_OPEN && e->late == SEG_RST)
		net_dead(c, side, false);
	else if (c->gen == gen && e->state == END_OPEN && e->late == SEG_EOF && !net_unread(e))
		net_dead(c, side, true);
}

static void rogue_taken(struct conn *c)
{
	struct end *e = &c->end[1];
	struct refuse r = { .mine = 77, .reason = (uint32_t)e->kfree };
	uint8_t frame[128];

	e->taken = true;
	r.yours = sim.inc[sim.node[c->end[0].node].inc].incarnation;
	net_write(c, 1, frame, wire_put_refuse(frame, sim.node[e->node].nodeid, &r));
	net_send_seg(c, 0, SEG_EOF, 0);
	net_close_end(c, 1);
}

void net_event(const struct event *ev)
{
	struct conn *c = &sim.conns[ev->a];
	unsigned side = ev->b;
	struct end *e = &c->end[side];

	if (c->gen != ev->gen || !c->used)
		return;
	switch ((int)ev->kind) {
	case EV_SEG:
		seg(c, side);
		return;
	case EV_CONNECT:
		if (e->state == END_OPEN && !e->taken)
			taken(c, side);
		return;
	case EV_ACCEPT:
		if (e->state != END_OPEN || e->taken)
			return;
		if (e->rogue && !e->kfree)
			attacker_accept(c);
		else if (!sim.node[e->node].running || (sim.sctp && sim.inc[c->inc[0]].gone))
			net_shut(c, side, LINK_RESET);
		else if (e->rogue)
			rogue_taken(c);
		else
			taken(c, side);
		return;
	case EV_CONN_LOST:
		if (e->state == END_ORDERLY && late_until(c) > sim.now_ns) {
			net_at(late_until(c) + 5 * SEC, EV_CONN_LOST, c, side);
			return;
		}
		if (e->state == END_ORDERLY && e->releases)
			kernel_released(c, side, false);
		if (e->state == END_ORDERLY)
			net_close_end(c, side);
		else if (e->state == END_OPEN && !e->taken)
			net_dead(c, side, false);
		return;
	case EV_PUMP:
		e->want_pump = false;
		if (!e->taken || e->state == END_CLOSED || e->rogue)
			return;
		if (sim.node[e->node].kernel) {
			kernel_taken(c, side);
			return;
		}
		world_enter(&sim.node[e->node]);
		net_pump(c, side);
		world_turn(&sim.node[e->node]);
		return;
	case EV_READ:
		e->want_read = false;
		net_read(c, side);
		return;
	}
}
