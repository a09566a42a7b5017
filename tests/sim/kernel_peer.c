/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small model of a Linux kernel's DLM node, written from what was observed
 * of 6.1 and 6.12 (and of 3.1 peers), to stand opposite a core whose peer has
 * the dlm profile. Shares no code with the core but the layouts of wire.h.
 */
#include "kernel_peer.h"

#include <string.h>

/* ---- connections ---- */

static bool valid(const struct k_con *k)
{
	return k->c && k->c->used && k->c->gen == k->gen && k->c->end[k->side].state == END_OPEN;
}

bool k_usable(const struct k_con *k)
{
	return valid(k) && k->c->end[k->side].taken;
}

void k_drop(struct k_con *k, bool reset)
{
	if (valid(k))
		net_shut(k->c, k->side, reset ? LINK_RESET : LINK_ORDERLY);
	k->c = NULL;
}

void k_release(const struct node *n, struct k_con *k)
{
	if (valid(k) && k_usable(k) && n->kernel->rare_acks)
		k->c->end[k->side].releases = true;
	k_drop(k, false);
}

/* Our end need not come behind a fault, or from a node that is gone or stands still. */
static bool excused(const struct conn *c, unsigned side)
{
	const struct end *e = &c->end[side], *o = &c->end[!side];
	const struct node *n = &sim.node[o->node];

	return c->cut || e->hole || o->hole || e->hold_ns + 5 * SEC > sim.now_ns ||
		o->hold_ns + 5 * SEC > sim.now_ns || !n->running || n->inc != c->inc[!side] ||
		n->closing || n->stun_until_ns + 5 * SEC > sim.now_ns ||
		n->chan[e->node].pause_until_ns + 5 * SEC > sim.now_ns;
}

void kernel_released(struct conn *c, unsigned side, bool eof)
{
	const struct end *e = &c->end[side];

	if (eof)
		cover(COVER_K_RELEASED);
	else if (!excused(c, side))
		sim_fail("k%u: blocked in release: no end of n%u on conn %u", e->node,
			 c->end[!side].node, c->idx);
}

void k_dial(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];
	struct node *to = &sim.node[j];
	struct conn *c;

	if (p->dialling || valid(&p->con) || !n->running)
		return;
	p->dialling = true;
	if (!to->running || sim.path_down[n->idx][j][0] || sim.now_ns < to->refuse_until_ns ||
	    sim.now_ns < n->hang_until_ns || !n->can_dial) {
		k_at(n, SEC, K_DIAL | j);
		return;
	}
	c = net_open(n->idx, j, 0);
	if (!c)
		return;
	TRACE("k%u DIAL n%u conn %u", n->idx, j, c->idx);
	sim_at(sim.now_ns + sim.lat_hi, EV_CONNECT, c->idx, 0, c->gen);
	sim_at(sim.now_ns + sim.lat_lo, EV_ACCEPT, c->idx, 1, c->gen);
}

/* The packet under way when the connection to write on changes: over SCTP it is still whole. */
static void again(struct k_peer *p)
{
	if (!sim.sctp || p->cur_off == p->cur_len)
		p->cur_len = 0;
	p->cur_off = 0;
}

/* The connection stands, dialled or accepted; or it has room again. */
void kernel_taken(struct conn *c, unsigned side)
{
	struct node *n = &sim.node[c->end[side].node];
	unsigned j = c->end[!side].node;
	struct k_peer *p = &n->kernel->peer[j];
	struct k_con k = { c, c->gen, (uint8_t)side };

	if ((valid(&p->con) && p->con.c == c) || (valid(&p->other) && p->other.c == c)) {
		k_pump(n, j);
		return;
	}
	/* For nothing meanwhile, or from an incarnation that is over. */
	if ((side == 0 && p->st == FSM_CLOSED) ||
	    c->inc[!side] != sim.node[j].inc || !sim.inc[c->inc[!side]].alive) {
		p->dialling = p->dialling && side == 1;
		net_shut(c, side, LINK_RESET);
		return;
	}
	/* While it dials, what it accepts is only read. */
	if (side == 1 && (p->dialling || valid(&p->con))) {
		cover(COVER_K_TWO_LINKS);
		k_drop(&p->other, !sim.sctp);
		p->other = k;
	} else {
		p->dialling = p->dialling && side == 1;
		p->con = k;
		again(p);
	}
	k_pump(n, j);
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
		again(p);
		p->drops = sim.sctp && eof && rng_one_in(&sim.app, 32);
	} else if (p->other.c == c) {
		p->other.c = NULL;
	}
	if (p->st == FSM_CLOSED || n->kernel->v31)
		return;
	if (eof)
		cover(COVER_K_EOF);
	if (sim.sctp)
		k_pump(n, j);
	if (eof || sim.sctp)
		return;
	if (!sending && !n->kernel->rare_acks) {	/* 6.1 opens its own anew */
		k_drop(&p->con, true);
		p->cur_len = p->cur_off = 0;
	}
	if (p->unsent)
		cover(COVER_K_REPEAT);
	p->unsent = 0;
	if (p->n_un)
		k_dial(n, j);
	k_pump(n, j);
}

/* ---- writing ---- */

static uint32_t version(const struct node *n)
{
	return n->kernel->v31 ? WIRE_VERSION_3_1 : WIRE_VERSION_3_2;
}

static void header(uint8_t *p, const struct node *n, uint32_t u, size_t length, uint8_t cmd)
{
	wire_put_header(p, version(n), u, n->nodeid, length, cmd);
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

/* The next frame to go out: an ACK that is due, then messages in order. */
static bool next_packet(struct node *n, struct k_peer *p)
{
	if (p->status_due) {
		p->status_due = false;
		p->cur_len = (uint32_t)ask_put(p->cur, p->tx, version(n));
		p->cur_off = 0;
		return true;
	}
	if (p->answer_id) {
		cover(COVER_K_REPLIED);
		p->cur_len = (uint32_t)ask_put_answer(p->cur, p->tx, version(n), p->answer_id);
		p->cur_off = 0;
		p->answer_id = 0;
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
	if (p->st != FSM_FIN_WAIT1 && p->un[(p->head + p->unsent) % K_UNACKED].fin &&
	    !sim.node[sim.inc[p->inc].node].peers[n->idx].session)
		cover(COVER_K_FIN_AGAIN);
	TRACE("k%u writes %u", n->idx, p->un[(p->head + p->unsent) % K_UNACKED].seq);
	if (n->kernel->v31) {
		p->head = (p->head + 1) % K_UNACKED;
		p->n_un--;
	} else {
		p->unsent++;
	}
	return true;
}

void k_pump(struct node *n, unsigned j)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (p->st == FSM_CLOSED)
		return;
	if (!valid(&p->con)) {
		/* An accepted connection serves as well as an own one. */
		if (valid(&p->other) && !p->dialling) {
			p->con = p->other;
			p->other.c = NULL;
			again(p);
		} else {
			if (p->unsent < p->n_un || p->ack_due || p->status_due || p->answer_id ||
			    p->cur_off < p->cur_len)
				k_dial(n, j);
			return;
		}
	}
	while (k_usable(&p->con) && !sim.failed) {
		size_t room = net_room(p->con.c, p->con.side), k;

		if (p->cur_off == p->cur_len && !next_packet(n, p))
			return;
		k = p->cur_len - p->cur_off;
		if (k > room)
			k = sim.sctp ? 0 : room;
		if (!k)
			return;
		net_write(p->con.c, p->con.side, p->cur + p->cur_off, k);
		p->cur_off += (uint32_t)k;
	}
}

/* A connection that ends takes the page with it that was partly written, and a packet that is
 * added there at that moment. The kernel counts it as written. */
static void drop_page(const struct node *n, struct k_peer *p)
{
	if (p->drops && !n->kernel->v31 && p->unsent + 1 == p->n_un) {
		TRACE("k%u drops %u", n->idx, p->tx_seq - 1);
		cover(COVER_K_DROPPED);
		p->unsent++;
		p->tx->may_lose = true;
	}
	p->drops = false;
}

void k_queue(struct node *n, unsigned j, bool fin, uint16_t len)
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
	drop_page(n, p);
	k_pump(n, j);
}

/* ---- reading ---- */

/* Now and then the link breaks before the ACK of its last FIN is read; nor is the end behind. */
static bool loses_last(struct k_peer *p, uint32_t next)
{
	if (sim.sctp)
		return false;
	if (p->lost_last_ns || (p->st != FSM_LAST_ACK && p->st != FSM_CLOSING) || !p->n_un ||
	    next != p->tx_seq || !k_usable(&p->con) || !rng_one_in(&sim.app, 3))
		return false;
	p->lost_last_ns = sim.now_ns;
	p->con.c->cut = true;
	p->con.c->end[p->con.side].hole = 2;
	p->con.c->end[p->con.side].kfree = K_DEAD_TICKS - 1;
	return true;
}

static void acked(struct node *n, unsigned j, uint32_t next)
{
	struct k_peer *p = &n->kernel->peer[j];

	if (loses_last(p, next))
		return;
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
			k_at(n, 0, K_GONE | j | p->inc << 8);
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
void k_last_ack(struct node *n, unsigned j)
{
	cover(COVER_K_FIN_PASSIVE);
	n->kernel->peer[j].st = FSM_LAST_ACK;
	k_queue(n, j, true, 0);
	k_at(n, K_LEAVE_NS, K_GONE | j | n->kernel->peer[j].inc << 8);
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
		k_pump(n, j);
		k_at(n, 20 * MSEC, K_GONE | j | p->inc << 8);
		break;
	case FSM_CLOSED: case FSM_CLOSING: case FSM_CLOSE_WAIT: case FSM_LAST_ACK:
		sim_fail("k%u: FIN of n%u twice", n->idx, j);
	}
	if (p->st == FSM_CLOSE_WAIT && p->removed) {
		k_last_ack(n, j);
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
	if (cmd == WIRE_RCOM) {
		uint32_t id;

		if (get_le32(f) != version(n))
			return;		/* ignored, as all of another version */
		id = ask_heard(p->rx, p->tx, f, len);
		p->answer_id = id ? id : p->answer_id;
	} else if (cmd == WIRE_ACK) {
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
	if (c->inc[!side] != p->inc) {
		net_shut(c, side, LINK_RESET);
		return;
	}
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
	if (sim.sctp && e->late == SEG_EOF)	/* it came before we were to read */
		net_dead(c, side, true);
	k_pump(n, j);
}

