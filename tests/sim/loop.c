/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads and writes the ends of connections for the cores, as an event loop
 * does with sockets: in pieces, late, and up to a limit. Knows no frames.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define APP_BUFFER	(512u * 1024)	/* a link that is paused is read up to here */

/* ---- writing ---- */

/* Room for what side writes. */
size_t net_room(struct conn *c, unsigned side)
{
	struct end *to = &c->end[!side];
	uint32_t held = to->wr - to->seen;

	return held < to->cap ? to->cap - held : 0;
}

static void compact(struct end *e)
{
	if (e->rd == e->wr)
		e->rd = e->seen = e->arr = e->wr = 0;
	if (e->rd < SIM_PIPE / 4 || (e->rogue && !e->adversary))
		return;
	memmove(e->buf, e->buf + e->rd, e->wr - e->rd);
	e->seen -= e->rd;
	e->arr -= e->rd;
	e->wr -= e->rd;
	e->rd = 0;
}

/* n bytes, at most net_room(), leave side. An armed reset may cut them. */
void net_write(struct conn *c, unsigned side, const uint8_t *p, size_t n)
{
	struct end *to = &c->end[!side];
	uint32_t arrive = (uint32_t)n;

	if (n && sim.sctp && c->end[side].fin_sent && c->end[side].state == END_OPEN)
		sim_fail("n%u: writes behind its own end of conn %u", c->end[side].node, c->idx);
	if (n && to->state == END_CLOSED && !c->end[side].rst_told &&
	    sim.node[to->node].running && to->hole != 2) {
		c->end[side].rst_told = true;	/* nobody there any more */
		net_send_seg(c, side, SEG_RST, 0);
	}
	if (!n || to->state == END_CLOSED || to->wr + n > SIM_PIPE)
		return;
	memcpy(to->buf + to->wr, p, n);
	to->wr += (uint32_t)n;
	if (to->bytes_left >= 0 && (uint64_t)to->bytes_left <= n) {
		arrive = (uint32_t)to->bytes_left;
		to->bytes_left = -1;
		if (to->narrow)
			to->hole = 2;	/* small packets passed, this one does not */
		TRACE("conn %u cut after %u of %zu bytes to n%u", c->idx, arrive, n, to->node);
		if (arrive)
			net_send_seg(c, !side, SEG_DATA, arrive);
		sim.n_link_faults++;
		c->cut = true;
		if (to->narrow)
			return;
		net_send_seg(c, !side, SEG_RST, 0);
		net_send_seg(c, side, SEG_RST, 0);
		to->hole = 0;
		return;
	}
	if (to->bytes_left >= 0)
		to->bytes_left -= (int64_t)n;
	net_send_seg(c, !side, SEG_DATA, arrive);
}

static bool short_now(void)
{
	return sim.eager && rng_one_in(&sim.net, sim.eager);
}

/* Write what the core has, as far as the pipe takes it. */
void net_pump(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct span out[5];
	int n;

	if (!e->taken || e->state == END_CLOSED || e->fin_sent)
		return;
	if (link_is_up(&e->link)) {
		e->was_up = true;
		if (c->path)
			cover(COVER_PATH_SWITCH);
	}
	for (;;) {
		size_t room = net_room(c, side), max = 65536, take, sum;
		bool cut = short_now();

		if (cut)
			max = rng_scale(&sim.net, 1, 4096);
		if (c->end[!side].state == END_CLOSED)
			room = 65536;	/* goes nowhere until the reset comes */
		if (max > room)
			max = room;
		if (!max)
			return;		/* the reader's progress wakes us */
		sum = link_gather(&e->link, out, &n, max);
		if (!sum)
			break;
		if (sum > room)
			sum = room;
		take = cut ? rng_range(&sim.net, 1, sum) : sum;
		sum = take;
		for (int i = 0; i < n && sum; i++) {
			size_t k = out[i].n < sum ? out[i].n : sum;

			oracle_wire(c, side, out[i].p, k);
			digest_write(c, side, out[i].p, k);
			net_write(c, side, out[i].p, k);
			sum -= k;
		}
		link_sent(&e->link, take);
		if (cut && rng_one_in(&sim.net, 2)) {
			if (!e->want_pump)
				net_at(sim.now_ns + rng_scale(&sim.net, 0, 3 * MSEC), EV_PUMP, c,
				       side);
			e->want_pump = true;
			return;
		}
	}
	if (e->state == END_ORDERLY && !e->fin_sent) {
		e->fin_sent = true;
		if (c->end[!side].state != END_CLOSED)
			net_send_seg(c, !side, SEG_EOF, 0);
	}
}

/* ---- reading ---- */

/* On every other connection as lowcomms does it: plain ones without link_rx() in between. */
static void take_messages(struct conn *c, struct end *e, struct rx *rx)
{
	struct sess *x = (struct sess *)((char *)rx->session - offsetof(struct sess, s));

	do {
		if (rx->bare)
			oracle_bare(x, rx->msg, rx->msg_len);
		else
			oracle_message(x, rx->msg, rx->msg_len);
	} while (c->idx & 1 && !rx->provided && !sim.failed &&
		 (rx->msg = link_rx_plain(&e->link, rx, &rx->msg_len)));
	e->rd = (uint32_t)(rx->p - e->buf);
	rx->bare = false;
	if (rx->provided)
		free((void *)rx->msg);
}

static void take_call(struct sess *x, const uint8_t *p, size_t n)
{
	if (sim.calls)
		dialog_frame(x, p, n);
	else
		served_came(x, p, n);
}

static void rx_loop(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];
	struct rx rx = { .p = e->buf + e->rd, .end = e->buf + e->seen };
	uint32_t gen = c->gen;
	unsigned guard = 0;

	for (;;) {
		const uint8_t *before = rx.p;
		enum rx_result r = link_rx(&e->link, &rx);

		if (rx.p < before || rx.p > rx.end)
			sim_fail("n%u: link_rx() left the buffer", n->idx);
		oracle_read(c, side, before, r == RX_GONE ? rx.end : rx.p);
		e->rd = (uint32_t)(rx.p - e->buf);
		if (rx.p != before)
			e->scan_off = 0;
		e->paused = r == RX_PAUSED;
		if (++guard > 200000)
			sim_fail("n%u: link_rx() never ends (%d)", n->idx, r);
		if (sim.failed)
			return;
		switch (r) {
		case RX_MSG:
			take_messages(c, e, &rx);
			break;
		case RX_CALL:
			take_call((struct sess *)((char *)rx.session - offsetof(struct sess, s)),
				  rx.msg, rx.msg_len);
			break;
		case RX_AGAIN:
			world_turn(n);
			if (c->gen != gen || e->state != END_OPEN)
				return;
			break;
		case RX_PAUSED: {
			struct session *s = e->link.session;
			uint64_t acks = s ? s->n.acked : 0;

			link_scan(&e->link, rx.p, (size_t)(rx.end - rx.p), &e->scan_off);
			if (s && e->link.session == s && s->n.acked != acks)
				cover(COVER_SCAN_ACK);
			return;
		}
		case RX_BUFFER: {
			uint8_t *provided = malloc(rx.need);

			if (!link_provide(&e->link, provided))
				free(provided);
			break;
		}
		case RX_GONE:
			return;
		case RX_MORE:
			return;
		}
	}
}

/* Bytes that are not consumed; of a session over SCTP none is lost by the end behind it. */
uint32_t net_unread(const struct end *e)
{
	bool keeps = sim.sctp && !sim.node[e->node].kernel && e->link.session;

	return e->arr - (keeps ? e->rd : e->seen);
}

/* Look at what has arrived; a piece of it, or all. */
void net_read(struct conn *c, unsigned side)
{
	struct end *e = &c->end[side];
	struct node *n = &sim.node[e->node];
	uint32_t gen = c->gen, had = e->seen, was = e->rd,
		 limit = e->paused ? APP_BUFFER : 2 * 65536;

	if (e->state == END_ORDERLY) {		/* nobody reads any more */
		e->rd = e->seen = e->arr;
		net_pump(c, !side);
		return;
	}
	if (e->adversary && e->state == END_OPEN)
		attacker_readable(c, side);
	if (!e->taken || e->state != END_OPEN || e->rogue)
		return;
	if (n->kernel) {
		kernel_readable(c, side);
		return;
	}
	if (e->arr > e->seen && e->seen - e->rd < limit) {
		uint32_t k = e->arr - e->seen;

		if (k > limit - (e->seen - e->rd))
			k = limit - (e->seen - e->rd);
		if (short_now())
			k = (uint32_t)rng_scale(&sim.net, 1, k);
		e->seen += k;
	}
	world_enter(n);
	if (c->end[!side].adversary)
		secret_before(n);
	rx_loop(c, side);
	dialog_batch_end(n);
	if (c->end[!side].adversary)
		secret_after(n, c, side);
	if (sim.failed)
		return;
	if (c->gen == gen && e->state == END_OPEN) {
		secret_up(c, side);
		link_rx_done(&e->link);
		if (e->paused && !link_is_held(&e->link))
			cover(COVER_RX_PAUSED);
	}
	world_turn(n);
	if (c->gen != gen || e->state != END_OPEN)
		return;
	if (e->seen != had && c->end[!side].state != END_CLOSED) {
		struct end *o = &c->end[!side];

		if (!o->want_pump)
			net_at(sim.now_ns + net_latency(c), EV_PUMP, c, !side);
		o->want_pump = true;
	}
	if (e->arr > e->seen && (e->seen != had || e->rd != was) && !e->want_read) {
		e->want_read = true;
		net_at(sim.now_ns + rng_scale(&sim.net, 0, 500 * USEC), EV_READ, c, side);
	}
	compact(e);
	if (e->late == SEG_EOF && !net_unread(e))
		net_dead(c, side, true);
}

/* A reader that is no core took bytes: wakes the writer. */
void net_was_read(struct conn *c, unsigned side)
{
	struct end *o = &c->end[!side];

	if (o->state != END_CLOSED && !o->want_pump) {
		net_at(sim.now_ns + net_latency(c), EV_PUMP, c, !side);
		o->want_pump = true;
	}
	compact(&c->end[side]);
}
