/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small model of a Linux kernel's DLM node, written from what was observed
 * of 6.1 and 6.12 (and of 3.1 peers), to stand opposite a core whose peer has
 * the dlm profile. Shares no code with the core but the layouts of wire.h.
 */
#include "sim.h"

#include <string.h>

#define K_UNACKED	512u
#define K_PACKET	4096u
#define K_FRAME		(WIRE_OPTS + K_PACKET)
#define K_TICK_NS	(500 * MSEC)
#define K_DEAD_TICKS	20u	/* TCP gives a silent hole up after so many */
#define K_STATUS	64u
#define K_LEAVE_NS	(5 * SEC)

enum k_event { K_SEND = 0x10000, K_TICK = 0x20000, K_DIAL = 0x30000, K_LEAVE = 0x40000,
	       K_GONE = 0x50000, K_MEMBER = 0x60000 };

struct k_msg {
	uint32_t seq, off;
	uint16_t len;
	bool fin;
};

struct k_con {
	struct conn *c;
	uint32_t gen;
	uint8_t side;
};

struct k_peer {
	bool member, removed, dialling, repeat, held;
	enum fsm_state st;
	uint8_t life;			/* of the core at the other end */
	uint32_t tx_seq, rx_seq, since_ack;
	bool ack_due, status_due;	/* status_due: says hello, bare */
	struct k_msg un[K_UNACKED];	/* not acknowledged, oldest first */
	unsigned head, n_un, unsent;	/* unsent: index of the next to be written */
	struct k_con con, other;
	uint32_t cur_len, cur_off;	/* the packet being written */
	uint8_t cur[K_FRAME];
	struct stream *tx, *rx;
};

struct kernel {
	bool rare_acks, v31, leaving;
	unsigned ticks;
	struct k_peer peer[SIM_NODES];
};

static struct kernel kernels[2];

static void pump(struct node *n, unsigned j);

/* ---- plan ---- */

/* Some of the nodes are kernels; at least one is not. */
void kernel_plan(void)
{
	unsigned want = sim.n_nodes > 2 && rng_one_in(&sim.plan, 2) ? 2 : 1;

	memset(kernels, 0, sizeof kernels);
	for (unsigned i = 0; i < want; i++) {
		struct kernel *k = &kernels[i];

		k->rare_acks = rng_one_in(&sim.plan, 2);
		k->v31 = rng_one_in(&sim.plan, 6);
		sim.node[sim.n_nodes - 1 - i].kernel = k;
		cover(k->v31 ? COVER_K_31 : k->rare_acks ? COVER_K_RARE_ACK : COVER_DLM);
	}
}

static void at(struct node *n, uint64_t delay_ns, uint32_t what)
{
	sim_at(sim.now_ns + delay_ns, EV_KERNEL, n->idx, what, n->gen);
}

void kernel_start(struct node *n)
{
	struct life *l = &sim.life[sim.n_lives];

	if (n->running || sim.n_lives == SIM_LIVES)
		return;
	*l = (struct life) { .incarnation = rng_next(&sim.plan) | 1, .node = n->idx, .alive = true };
	n->life = (uint8_t)sim.n_lives++;
	n->running = true;
	n->gen++;
	n->mq_last_ns = 0;
	memset(n->kernel->peer, 0, sizeof n->kernel->peer);
	n->kernel->leaving = false;
	TRACE("k%u START nodeid %u life %u%s%s", n->idx, n->nodeid, n->life,
	      n->kernel->v31 ? " 3.1" : "", n->kernel->rare_acks ? " rare acks" : "");
	member_joined(n);
	at(n, K_TICK_NS, K_TICK);
	if (rng_one_in(&sim.app, 3))
		at(n, rng_range(&sim.app, 1, 20) * SEC, K_LEAVE);
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (!sim.node[j].kernel)
			at(n, rng_below(&sim.app, SEC), K_SEND | j);
}

/* ---- connections ---- */

static bool valid(const struct k_con *k)
{
	return k->c && k->c->used && k->c->gen == k->gen && k->c->end[k->side].state == END_OPEN;
}

static bool usable(const struct k_con *k)
{
	return valid(k) && k->c->end[k->side].taken;
}

static void drop(struct k_con *k, bool reset)
{
	if (valid(k))
		net_shut(k->c, k->side, reset ? LINK_RESET : LINK_ORDERLY);
	k->c = NULL;
}

static void dial(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct node *to = &sim.node[j];
	struct conn *c;

	if (p->dialling || valid(&p->con) || !n->running)
		return;
	p->dialling = true;
	if (!to->running || sim.path_down[n->idx][j][0] || sim.now_ns < to->refuse_until_ns ||
	    sim.now_ns < n->hang_until_ns || !n->can_dial) {
		at(n, SEC, K_DIAL | j);
		return;
	}
	c = net_open(n->idx, j, 0);
	if (!c)
		return;
	TRACE("k%u DIAL n%u conn %u", n->idx, j, c->idx);
	sim_at(sim.now_ns + sim.lat_hi, EV_CONNECT, c->idx, 0, c->gen);
	sim_at(sim.now_ns + sim.lat_lo, EV_ACCEPT, c->idx, 1, c->gen);
}

/* The connection stands, dialled or accepted; or it has room again. */
void kernel_taken(struct conn *c, unsigned side)
{
	struct node *n = &sim.node[c->end[side].node];
	unsigned j = c->end[!side].node;
	struct k_peer *p = &n->kernel->peer[j];
	struct k_con k = { c, c->gen, (uint8_t)side };

	if ((valid(&p->con) && p->con.c == c) || (valid(&p->other) && p->other.c == c)) {
		pump(n, j);
		return;
	}
	if (side == 0 && p->st == FSM_CLOSED) {	/* for nothing, meanwhile */
		p->dialling = false;
		net_shut(c, 0, LINK_RESET);
		return;
	}
	/* While it dials, what it accepts is only read. */
	if (side == 1 && (p->dialling || valid(&p->con))) {
		cover(COVER_K_TWO_LINKS);
		drop(&p->other, true);
		p->other = k;
	} else {
		p->dialling = p->dialling && side == 1;
		p->con = k;
		p->cur_len = p->cur_off = 0;
	}
	pump(n, j);
}

/* A socket error makes it repeat everything, an orderly end nothing. */
void kernel_dead(struct conn *c, unsigned side, bool eof)
{
	struct node *n = &sim.node[c->end[side].node];
	unsigned j = c->end[!side].node;
	struct k_peer *p = &n->kernel->peer[j];
	bool sending = p->con.c == c && p->con.gen == c->gen;

	TRACE("k%u DEAD conn %u.%u %s", n->idx, c->idx, side, eof ? "eof" : "error");
	if (eof && c->end[!side].state != END_CLOSED)
		net_send_seg(c, !side, SEG_EOF, 0);
	net_close_end(c, side);
	if (sending) {
		p->con.c = NULL;
		p->cur_len = p->cur_off = 0;
	} else if (p->other.c == c) {
		p->other.c = NULL;
	}
	if (p->st == FSM_CLOSED || n->kernel->v31)
		return;
	if (eof) {
		cover(COVER_K_EOF);
		return;
	}
	if (!sending && !n->kernel->rare_acks) {	/* 6.1 opens its own anew */
		drop(&p->con, true);
		p->cur_len = p->cur_off = 0;
	}
	if (p->unsent)
		cover(COVER_K_REPEAT);
	p->unsent = 0;
	if (p->n_un)
		dial(n, j);
	pump(n, j);
}

/* ---- writing ---- */

static void header(uint8_t *p, const struct node *n, uint32_t u, size_t length, uint8_t cmd)
{
	wire_put_header(p, n->kernel->v31 ? WIRE_VERSION_3_1 : WIRE_VERSION_3_2, u, n->nodeid,
			length, cmd);
}

static void put_packet(const struct node *n, struct k_peer *p, const struct k_msg *m)
{
	uint8_t *w = p->cur;
	size_t inner = WIRE_HEADER + (m->fin ? 0u : m->len);

	if (!n->kernel->v31) {
		header(w, n, m->seq, WIRE_OPTS + inner, WIRE_OPTS_CMD);
		memset(w + WIRE_HEADER, 0, WIRE_OPTS - WIRE_HEADER);
		w[WIRE_HEADER] = m->fin ? WIRE_FIN_CMD : WIRE_MSG;
		w += WIRE_OPTS;
	}
	header(w, n, m->fin ? 0 : m->seq, inner, m->fin ? WIRE_FIN_CMD : WIRE_MSG);
	memcpy(w + WIRE_HEADER, workload_pattern + m->off, inner - WIRE_HEADER);
	p->cur_len = (uint32_t)(w - p->cur + inner);
	p->cur_off = 0;
}

/* What goes out next: an ACK that is due, then messages in order. */
static bool next_packet(struct node *n, struct k_peer *p)
{
	if (p->status_due) {
		p->status_due = false;
		memset(p->cur, 0, K_STATUS);
		header(p->cur, n, 7, K_STATUS, WIRE_RCOM);
		p->cur_len = K_STATUS;
		p->cur_off = 0;
		return true;
	}
	if (p->ack_due && !n->kernel->v31) {
		p->ack_due = false;
		p->since_ack = 0;
		header(p->cur, n, p->rx_seq, WIRE_HEADER, WIRE_ACK);
		p->cur_len = WIRE_HEADER;
		p->cur_off = 0;
		return true;
	}
	if (p->unsent == p->n_un)
		return false;
	if (p->since_ack > 32 && !p->ack_due) {
		p->ack_due = true;
		return next_packet(n, p);
	}
	put_packet(n, p, &p->un[(p->head + p->unsent) % K_UNACKED]);
	TRACE("k%u writes %u", n->idx, p->un[(p->head + p->unsent) % K_UNACKED].seq);
	if (n->kernel->v31) {
		p->head = (p->head + 1) % K_UNACKED;
		p->n_un--;
	} else {
		p->unsent++;
	}
	return true;
}

static void pump(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (p->st == FSM_CLOSED)
		return;
	if (!valid(&p->con)) {
		/* An accepted connection serves as well as an own one. */
		if (valid(&p->other) && !p->dialling) {
			p->con = p->other;
			p->other.c = NULL;
			p->cur_len = p->cur_off = 0;
		} else {
			if (p->unsent < p->n_un || p->ack_due || p->status_due)
				dial(n, j);
			return;
		}
	}
	while (usable(&p->con) && !sim.failed) {
		size_t room = net_room(p->con.c, p->con.side), k;

		if (p->cur_off == p->cur_len && !next_packet(n, p))
			return;
		k = p->cur_len - p->cur_off;
		if (k > room)
			k = room;
		if (!k)
			return;
		net_write(p->con.c, p->con.side, p->cur + p->cur_off, k);
		p->cur_off += (uint32_t)k;
	}
}

static void queue(struct node *n, unsigned j, bool fin, uint16_t len)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct k_msg m = { p->tx_seq, (uint32_t)rng_below(&sim.app, 65536), len, fin };

	if (fin && n->kernel->v31)
		return;
	if (p->n_un == K_UNACKED)
		return;
	p->un[(p->head + p->n_un++) % K_UNACKED] = m;
	p->tx_seq++;
	oracle_frame(p->tx, !fin);
	if (fin)
		oracle_final(p->tx);
	else
		*oracle_record(p->tx) = (struct rec) { .len = len, .off = m.off };
	pump(n, j);
}

/* ---- reading ---- */

static void acked(struct node *n, unsigned j, uint32_t next)
{
	struct k_peer *p = &n->kernel->peer[j];

	if ((int32_t)(next - p->tx_seq) > 0) {
		sim_fail("k%u: n%u acknowledges %u, %u were sent", n->idx, j, next, p->tx_seq);
		return;
	}
	while (p->n_un && (int32_t)(next - p->un[p->head].seq) > 0) {
		bool fin = p->un[p->head].fin;

		p->head = (p->head + 1) % K_UNACKED;
		p->n_un--;
		if (p->unsent)
			p->unsent--;
		if (!fin)
			continue;
		if (p->st == FSM_FIN_WAIT1)
			p->st = FSM_FIN_WAIT2;
		else if (p->st == FSM_LAST_ACK || p->st == FSM_CLOSING)
			at(n, 0, K_GONE | j | p->life << 8);
	}
}

static void deliver(struct node *n, unsigned j, const uint8_t *body, size_t len, uint32_t index)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct stream *st = p->rx;
	struct rec *r;

	if (n->kernel->v31)		/* may be lost: its index says which it is */
		st->next_rec = oracle_unseen(st, index) ? index : UINT32_MAX;
	if (st->next_rec >= st->n_rec) {
		sim_fail("k%u: message from n%u that was never sent, or a repeat", n->idx, j);
		return;
	}
	r = &st->rec[st->next_rec++];
	st->delivered++;
	sim.n_delivered++;
	if (r->len != len || memcmp(body, workload_pattern + r->off, len))
		sim_fail("k%u: message %llu from n%u is not what was sent", n->idx,
			 (unsigned long long)st->delivered, j);
	if (st->delivered > st->unsent_from && !n->kernel->v31)
		sim_fail("k%u: message %llu from n%u was reported unsent", n->idx,
			 (unsigned long long)st->delivered, j);
}

/* Our own FIN, as the second; it waits for its ACK only so long. */
static void last_ack(struct node *n, unsigned j)
{
	cover(COVER_K_FIN_PASSIVE);
	n->kernel->peer[j].st = FSM_LAST_ACK;
	queue(n, j, true, 0);
	at(n, K_LEAVE_NS, K_GONE | j | n->kernel->peer[j].life << 8);
}

static void received_fin(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];

	p->rx->finished = true;
	p->ack_due = true;
	switch (p->st) {
	case FSM_ESTABLISHED:
		p->st = FSM_CLOSE_WAIT;
		break;
	case FSM_FIN_WAIT1:
		p->st = FSM_CLOSING;
		break;
	case FSM_FIN_WAIT2:
		pump(n, j);
		at(n, 20 * MSEC, K_GONE | j | p->life << 8);
		break;
	case FSM_CLOSED: case FSM_CLOSING: case FSM_CLOSE_WAIT: case FSM_LAST_ACK:
		sim_fail("k%u: FIN of n%u twice", n->idx, j);
	}
	if (p->st == FSM_CLOSE_WAIT && p->removed) {
		last_ack(n, j);
	}
}

static void packet(struct node *n, unsigned j, const uint8_t *f, uint32_t len)
{
	struct k_peer *p = &n->kernel->peer[j];
	uint32_t u = get_le32(f + 4);
	uint8_t cmd = f[offsetof(struct wire_header, cmd)];

	TRACE("k%u reads %s %u from n%u, expects %u", n->idx, wire_cmd_name(cmd), u, j, p->rx_seq);
	if (get_le32(f + 8) != sim.node[j].nodeid) {
		sim_fail("k%u: packet with nodeid %u from n%u", n->idx, get_le32(f + 8), j);
		return;
	}
	if (cmd == WIRE_ACK) {
		acked(n, j, u);
	} else if (cmd == WIRE_MSG) {
		if (n->kernel->v31)
			deliver(n, j, f + WIRE_HEADER, len - WIRE_HEADER, u);
		else
			sim_fail("k%u: bare lock message from n%u", n->idx, j);
	} else if (cmd == WIRE_OPTS_CMD && !n->kernel->v31) {
		if (u != p->rx_seq) {
			cover(COVER_K_DUP);
			if ((int32_t)(u - p->rx_seq) < 0) {
				cover(COVER_K_LOWER);
				p->ack_due = true;
			}
			return;		/* higher: dropped in silence */
		}
		p->rx_seq++;
		if (f[WIRE_HEADER] == WIRE_FIN_CMD) {
			received_fin(n, j);
			return;
		}
		deliver(n, j, f + WIRE_OPTS + WIRE_HEADER, len - WIRE_OPTS - WIRE_HEADER, 0);
		p->since_ack++;
		if (!n->kernel->rare_acks || p->since_ack >= 256)
			p->ack_due = true;
	}
}

void kernel_readable(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];
	unsigned j = c->end[!side].node;
	struct k_peer *p = &n->kernel->peer[j];
	uint32_t gen = c->gen;

	if (!p->member)
		return;			/* read once it is one */
	e->seen = e->arr;
	while (c->gen == gen && e->state == END_OPEN && e->arr - e->rd >= WIRE_HEADER) {
		const uint8_t *f = e->buf + e->rd;
		uint32_t len = get_le16(f + offsetof(struct wire_header, length));

		if (len < WIRE_HEADER || get_le32(f) >> 16 != 3) {
			sim_fail("k%u: n%u writes what is no packet", n->idx, j);
			return;
		}
		if (len > e->arr - e->rd)
			break;
		if (p->st != FSM_CLOSED)
			packet(n, j, f, len);
		if (sim.failed)
			return;
		e->rd += len;
	}
	if (c->gen != gen || e->state != END_OPEN)
		return;
	net_was_read(c, side);
	pump(n, j);
}

/* ---- membership ---- */

/* The end of a session: closed or forgotten; sockets go with it. */
static void reset(struct node *n, unsigned j, bool orderly)
{
	struct k_peer *p = &n->kernel->peer[j];

	TRACE("k%u session with n%u is over in %s", n->idx, j, fsm_state_name(p->st));
	if (p->tx) {
		p->tx->ended_tx = true;
		oracle_final(p->tx);
	}
	drop(&p->con, !orderly);
	drop(&p->other, !orderly);
	p->st = FSM_CLOSED;
	p->n_un = p->unsent = 0;
	p->ack_due = false;
	p->cur_len = p->cur_off = 0;
	if (!p->removed)
		return;
	p->member = false;
}

static void reread(struct k_con *k)
{
	if (usable(k) && k->c->end[k->side].arr > k->c->end[k->side].rd)
		kernel_readable(k->c, k->side);
}

static void added(struct node *n, unsigned j, unsigned life)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (p->member && p->life == life)
		return;
	p->member = true;
	p->removed = false;
	p->life = (uint8_t)life;
	p->tx = oracle_stream(n->life, life);
	p->rx = oracle_stream(life, n->life);
	p->tx_seq = p->rx_seq = p->since_ack = 0;
	p->st = FSM_ESTABLISHED;
	p->status_due = true;
	dial(n, j);
	reread(&p->con);
	reread(&p->other);
	pump(n, j);
}

static void removed(struct node *n, unsigned j, unsigned life, bool failed)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (!p->member || p->life != life)
		return;
	p->removed = true;
	if (failed) {
		reset(n, j, false);
		return;
	}
	if (p->st == FSM_CLOSE_WAIT) {
		last_ack(n, j);
	}
}

void kernel_member(struct node *n, enum member_event ev, unsigned life)
{
	unsigned j = sim.life[life].node;

	TRACE("k%u MEMBER %u life %u of n%u", n->idx, ev, life, j);
	if (ev == MEMBER_ADDED)
		added(n, j, life);
	else
		removed(n, j, life, ev == MEMBER_FAILED || ev == MEMBER_LEFT);
}

/* The last lockspace is released: FIN first, the removal is heard of later. */
static void leave(struct node *n)
{
	if (n->kernel->leaving || sim.phase != PHASE_FAULTS)
		return;
	n->kernel->leaving = true;
	sim.life[n->life].leaving = true;
	TRACE("k%u LEAVE", n->idx);
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (!p->member || p->st == FSM_CLOSED)
			continue;
		if (p->st == FSM_ESTABLISHED) {
			cover(COVER_K_FIN_ACTIVE);
			p->st = FSM_FIN_WAIT1;
			queue(n, j, true, 0);
		}
	}
	member_say_all(MEMBER_LEAVING, n->life);
	at(n, K_LEAVE_NS, K_GONE | SIM_NODES);
}

/* It has waited long enough; a new life may come. */
static void left(struct node *n)
{
	for (unsigned j = 0; j < sim.n_nodes; j++)
		if (n->kernel->peer[j].member)
			reset(n, j, true);
	TRACE("k%u LEFT", n->idx);
	n->running = false;
	n->gen++;
	sim.life[n->life].alive = false;
	sim.life[n->life].gone = true;
	net_node_gone(n, false);
	member_say_all(MEMBER_LEFT, n->life);
	n->restart_at_ns = sim.now_ns + 2 * SEC;
	sim_at(n->restart_at_ns, EV_START, n->idx, 0, 0);
}

/* ---- time ---- */

static void tick(struct node *n)
{
	for (unsigned i = 0; i < SIM_CONNS; i++) {
		struct conn *c = &sim.conns[i];

		for (unsigned s = 0; c->used && s < 2; s++) {
			struct end *e = &c->end[s];

			if ((e->node != n->idx && c->end[!s].node != n->idx) ||
			    e->state != END_OPEN || !e->taken ||
			    (e->hole != 2 && c->end[!s].hole != 2) || ++e->kfree < K_DEAD_TICKS)
				continue;
			/* TCP's own patience ends, on both sides. */
			c->end[0].hole = c->end[1].hole = 0;
			net_reset(c);
		}
	}
	/* A kernel that saw an orderly end repeats nothing before an error: something
	 * new to say shows the gap. */
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (sim.phase == PHASE_FAULTS || p->st != FSM_ESTABLISHED || !p->n_un ||
		    n->kernel->v31 || rng_below(&sim.app, 4))
			continue;
		queue(n, j, false, 8);
	}
	n->kernel->ticks++;
	/* And it asks for the status again and again while it waits for something. */
	for (unsigned j = 0; j < sim.n_nodes && n->kernel->ticks % 8 == 0; j++) {
		n->kernel->peer[j].status_due = n->kernel->peer[j].st == FSM_ESTABLISHED;
		pump(n, j);
	}
	at(n, K_TICK_NS, K_TICK);
}

static void through(struct node *n, unsigned j)
{
	if (n->kernel->peer[j].st == FSM_CLOSED)
		return;
	n->kernel->peer[j].removed = true;
	reset(n, j, rng_one_in(&sim.app, 2));
}

static void send_some(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct chan *c = &n->chan[j];

	if (sim.phase >= PHASE_CLOSE || !c->budget)
		return;
	if (p->st == FSM_ESTABLISHED && p->n_un < K_UNACKED - 8) {
		c->budget--;
		sim.n_sent++;
		queue(n, j, false, (uint16_t)rng_scale(&sim.app, 72, K_PACKET - WIRE_HEADER));
		p->status_due = p->status_due || rng_one_in(&sim.app, 8);
	} else if (sim.phase == PHASE_HEAL && p->st != FSM_ESTABLISHED) {
		c->budget = 0;
	}
	at(n, rng_scale(&sim.app, 1, 4 * USEC * c->period_us), K_SEND | j);
}

void kernel_event(struct node *n, uint32_t what, uint32_t gen)
{
	unsigned j = what & 0xffff;

	if (!n->running || n->gen != gen)
		return;
	switch ((enum k_event)(what & 0xf0000)) {
	case K_SEND:
		send_some(n, j);
		break;
	case K_TICK:
		tick(n);
		break;
	case K_DIAL:
		n->kernel->peer[j].dialling = false;
		if (n->kernel->peer[j].st != FSM_CLOSED)
			dial(n, j);
		break;
	case K_LEAVE:
		leave(n);
		break;
	case K_GONE:
		if (j == SIM_NODES)
			left(n);
		else if (n->kernel->peer[j & 0xff].life == j >> 8)
			through(n, j & 0xff);
		break;
	case K_MEMBER:
		kernel_member(n, (enum member_event)(j >> 8), j & 0xff);
		break;
	}
}

void kernel_tell(struct node *n, enum member_event ev, unsigned life, uint64_t at_ns)
{
	sim_at(at_ns, EV_KERNEL, n->idx, K_MEMBER | (unsigned)ev << 8 | life, n->gen);
}

/* A dial of ours came to nothing. */
void kernel_no_dial(struct node *n, unsigned j)
{
	at(n, SEC, K_DIAL | j);
}

bool kernel_quiet(struct node *n)
{
	for (unsigned j = 0; j < sim.n_nodes; j++) {
		struct k_peer *p = &n->kernel->peer[j];

		if (!sim.node[j].running || n->kernel->v31)
			continue;
		if (sim.phase == PHASE_CLOSE && p->st != FSM_CLOSED)
			return false;
		if (p->st == FSM_ESTABLISHED && (p->n_un || n->chan[j].budget))
			return false;
	}
	return !n->kernel->leaving;
}

bool kernel_is_closed(unsigned kernel, unsigned peer)
{
	const struct kernel *k = sim.node[kernel].kernel;

	return k && k->peer[peer].st == FSM_CLOSED;
}
