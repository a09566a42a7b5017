/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The applications: what they send, keep, send back, pause and finish. Knows
 * the public behaviour of a session and nothing behind it.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_OFFS 65536u

uint8_t *workload_pattern;

void workload_setup(void)
{
	struct rng r = { 42 };

	workload_pattern = malloc(SIM_MSG_MAX + PATTERN_OFFS);
	if (!workload_pattern)
		abort();
	for (size_t i = 0; i < SIM_MSG_MAX + PATTERN_OFFS; i++)
		workload_pattern[i] = (uint8_t)rng_next(&r);
}

static struct chan *chan_of(struct sess *x)
{
	return &sim.node[x->node].chan[x->peer];
}

static struct rec draw(struct node *n, struct chan *c)
{
	uint32_t max = (uint32_t)ring_max_message(c->sess->size);
	struct rec r = { .off = (uint32_t)rng_below(&sim.app, PATTERN_OFFS) };

	(void)n;
	if (max > SIM_MSG_MAX)
		max = SIM_MSG_MAX;
	if (c->bulk && rng_one_in(&sim.app, 2))
		r.len = (uint32_t)rng_range(&sim.app, 4000, 16000);
	else if (rng_one_in(&sim.app, 60))
		r.len = (uint32_t)rng_range(&sim.app, 0, max);
	else if (rng_one_in(&sim.app, 6))
		r.len = (uint32_t)rng_scale(&sim.app, 0, 20000);
	else
		r.len = (uint32_t)rng_scale(&sim.app, 0, 300);
	if (oracle_dlm(c->sess))
		r.len = c->bulk ? WIRE_DLM_MAX - WIRE_HEADER :
			(uint32_t)rng_scale(&sim.app, 72, WIRE_DLM_MAX - WIRE_HEADER);
	if (r.len == 0)
		cover(COVER_EMPTY);
	if (r.len > 65535)
		cover(COVER_BIG);
	return r;
}

static void append(struct sess *x, struct rec r, unsigned state)
{
	struct rec *to = oracle_record(x->tx);

	*to = r;
	to->state = (uint8_t)state;
}

static void check_number(struct sess *x, uint64_t number)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SIM_SLOTS; i++)
		if (x->slot[i].used)
			return;		/* numbers may still change */
	for (uint32_t i = 0; i < x->tx->n_rec; i++)
		n += x->tx->rec[i].state == REC_DONE;
	if (n != number && x->tx->n_rec < 64)
		sim_fail("n%u: message to n%u has number %llu, but is the %lluth", x->node,
			 x->peer, (unsigned long long)number, (unsigned long long)n);
}

static int send_slot(struct sess *x, const struct rec *r)
{
	uint8_t *data;
	unsigned slot, i = 0;
	int err;

	while (i < SIM_SLOTS && x->slot[i].used)
		i++;
	if (i == SIM_SLOTS || r->len + WIRE_MSG_OVERHEAD > x->s.max_frame)
		return -ENOBUFS;
	err = session_reserve(&x->s, r->len, &data, &slot);
	if (err)
		return err;
	x->slot[i].used = true;
	x->slot[i].slot = slot;
	x->slot[i].rec = x->tx->n_rec;
	x->slot[i].len = r->len;
	x->slot[i].data = data;
	append(x, *r, REC_OPEN);
	sim_at(sim.now_ns + rng_scale(&sim.app, 0, 60 * MSEC), EV_SLOT, x->idx, i, x->gen);
	return 0;
}

static int send_plain(struct sess *x, const struct rec *r)
{
	const uint8_t *p = workload_pattern + r->off;
	struct span parts[3];
	uint64_t number = 0;
	int n = 1, err;

	parts[0] = (struct span) { p, r->len };
	if (rng_one_in(&sim.app, 4)) {
		size_t a = rng_below(&sim.app, r->len + 1);
		size_t b = rng_below(&sim.app, r->len - a + 1);

		n = 3;
		parts[0] = (struct span) { p, a };
		parts[1] = (struct span) { p + a, b };
		parts[2] = (struct span) { p + a + b, r->len - a - b };
	}
	if (oracle_dlm(x)) {		/* one whole packet; the index is its lockspace */
		uint8_t packet[WIRE_DLM_MAX];

		wire_put_header(packet, WIRE_VERSION_3_2, x->tx->n_rec, sim.node[x->node].nodeid,
				WIRE_HEADER + r->len, WIRE_MSG);
		memcpy(packet + WIRE_HEADER, p, r->len);
		parts[0] = (struct span) { packet, WIRE_HEADER + r->len };
		err = session_send(&x->s, parts, 1, parts[0].n, &number);
	} else {
		err = session_send(&x->s, parts, n, r->len, &number);
	}
	if (err)
		return err;
	append(x, *r, REC_DONE);
	check_number(x, number);
	return 0;
}

void workload_kick(struct sess *x)
{
	x->kick = false;
	if (!x->down)
		session_schedule(&x->s);
}

/* Another thread has queued: the loop hears of it a little later. */
void workload_queued(struct sess *x)
{
	if (x->kick)
		return;
	x->kick = true;
	sim_at(sim.now_ns + (rng_one_in(&sim.app, 4) ? rng_scale(&sim.app, 0, MSEC) : 0), EV_KICK,
	       x->idx, 0, x->gen);
}

static int send_rec(struct sess *x, const struct rec *r, bool slots)
{
	struct chan *c = chan_of(x);
	int err = -ENOBUFS;

	if (slots && !oracle_dlm(x) && rng_one_in(&sim.app, 8))
		err = send_slot(x, r);
	if (err == -ENOBUFS)
		err = send_plain(x, r);
	if (!err) {
		sim.n_sent++;
		workload_queued(x);
		return 0;
	}
	if (err == -EAGAIN) {
		TRACE("n%u FULL to n%u len %u", x->node, x->peer, r->len);
		cover(COVER_FULL);
		x->blocked = true;
		workload_queued(x);
	} else if (err == -ESHUTDOWN) {
		oracle_final(x->tx);
		c->budget = 0;
	} else {
		sim_fail("n%u: send of %u bytes to n%u gives %d", x->node, r->len, x->peer, err);
	}
	return err;
}

/* The application has said, or was told, that it sends no more. */
static bool over(const struct sess *x)
{
	return x->finishing || x->tx->tx_final;
}

static bool may_send(const struct sess *x)
{
	return x && x->up && !x->down && !x->blocked && !over(x);
}

/* A message that came in to be sent back goes first. */
static void send_back(struct sess *x)
{
	struct chan *c = chan_of(x);

	while (c->n_back && may_send(x)) {
		struct rec r = { .len = c->back[0], .echo = 2 };

		r.off = (uint32_t)rng_below(&sim.app, PATTERN_OFFS);
		if (send_rec(x, &r, false))
			break;
		cover(COVER_ECHO);
		c->back_bytes -= c->back[0];
		c->n_back--;
		memmove(c->back, c->back + 1, c->n_back * sizeof c->back[0]);
	}
	if (over(x)) {
		c->n_back = 0;
		c->back_bytes = 0;
	}
}

static void set_pause(struct sess *x)
{
	struct chan *c = chan_of(x);
	bool pause = !over(x) && c->keeps && c->n_back && x->blocked;
	const struct peer *p = &sim.node[x->node].peers[x->peer];
	unsigned side;

	pause = pause || sim.now_ns < c->pause_until_ns;
	if (x->down || pause == x->paused)
		return;
	TRACE("n%u %s n%u", x->node, pause ? "PAUSE" : "RESUME", x->peer);
	x->paused = pause;
	session_pause(&x->s, pause);
	list_each(struct link, l, &p->links, of_peer) {
		const struct conn *conn = net_conn(l, &side);

		if (!pause && l->session == &x->s)
			sim_at(sim.now_ns, EV_READ, conn->idx, side, conn->gen);
	}
}

static void send_some(struct node *n, unsigned j, unsigned burst)
{
	struct chan *c = &n->chan[j];
	struct sess *x = c->sess;

	while (burst-- && c->budget && may_send(x)) {
		struct rec r = c->retry ? c->again : draw(n, c);

		if (c->keeps && !c->retry) {	/* leaves room for what is sent back */
			if (!oracle_dlm(x))
				r.len %= x->size / 8;
			if (ring_bytes_queued(&x->s.ring) + r.len > x->size / 4)
				break;
		}
		if (!c->retry && c->echo && !oracle_dlm(x) && c->echo_out + r.len < x->size / 8) {
			r.echo = 1;
			c->echo_out += r.len;
		}
		c->retry = false;
		if (send_rec(x, &r, true)) {
			c->retry = x->blocked;
			c->again = r;
			break;
		}
		c->budget--;
	}
}

/* One more, apart from the budget. */
void workload_push(struct node *n, unsigned j, uint32_t len)
{
	struct sess *x = n->chan[j].sess;
	struct rec r = { .len = len };

	if (may_send(x))
		send_rec(x, &r, false);
}

void workload_send(struct node *n, unsigned j)
{
	struct chan *c = &n->chan[j];

	if (sim.phase >= PHASE_CLOSE || !c->budget)
		return;
	if (sim.phase == PHASE_HEAL && sim.now_ns - sim.phase_ns > 20 * SEC && !c->sess) {
		c->budget = 0;		/* nobody to send to any more */
		return;
	}
	if (n->running && !n->closing && c->sess)
		send_some(n, j, c->bulk ? 12 : 1 + (unsigned)rng_below(&sim.app, 4));
	served_sometimes(n->running ? c->sess : NULL);
	if (c->budget) {
		uint64_t wait = rng_scale(&sim.app, 1, 4 * USEC * c->period_us);

		/* A node that does not come back would cost millions of events. */
		if (!n->running && sim.phase > PHASE_HEAL && wait < 10 * MSEC)
			wait = 10 * MSEC;
		sim_at(sim.now_ns + wait, EV_SEND, n->idx, j, 0);
	}
}

void workload_up(struct sess *x)
{
	struct chan *c = chan_of(x);

	if (c->sess)
		sim_fail("n%u: PEER_UP of n%u before PEER_DOWN of the incarnation before", x->node,
			 x->peer);
	c->sess = x;
	c->retry = false;
	c->echo_out = 0;
	if (oracle_dlm(x))
		workload_ask(x);
	set_pause(x);
	if (x->paused)
		sim_at(c->pause_until_ns, EV_RESUME, x->node, x->peer, sim.node[x->node].gen);
}

void workload_message(struct sess *x, const struct rec *r)
{
	struct chan *c = chan_of(x);

	sim.n_delivered++;
	if (r->echo == 2)
		c->echo_out -= r->len < c->echo_out ? r->len : c->echo_out;
	if (r->echo == 1 && c->n_back < 64 && !over(x)) {
		c->back[c->n_back++] = r->len;
		c->back_bytes += r->len;
		send_back(x);
	}
	/* Sending and pausing inside a callback are allowed. */
	if (rng_one_in(&sim.app, 16))
		send_some(&sim.node[x->node], x->peer, 1);
	set_pause(x);
}

void workload_writable(struct sess *x)
{
	send_back(x);
	send_some(&sim.node[x->node], x->peer, 4);
	set_pause(x);
}

void workload_resume(struct node *n, unsigned j)
{
	if (n->chan[j].sess)
		set_pause(n->chan[j].sess);
}

void workload_down(struct sess *x)
{
	struct chan *c = chan_of(x);

	if (c->sess != x)
		return;
	c->sess = NULL;
	c->retry = false;
	c->n_back = 0;
	c->back_bytes = 0;
	c->echo_out = 0;
}

/* ---- bare packets ---- */

static void say_bare(struct sess *x, const uint8_t *packet, size_t n)
{
	int err = session_send_bare(&x->s, packet, n);

	if (err && err != -EAGAIN)
		sim_fail("n%u: bare packet to n%u gives %d", x->node, x->peer, err);
	workload_queued(x);
}

void workload_ask(struct sess *x)
{
	uint8_t packet[ASK_MAX];

	if (x->up && !x->down && session_state(&x->s) == FSM_ESTABLISHED)
		say_bare(x, packet, ask_put(packet, x->tx, WIRE_VERSION_3_2));
}

void workload_answer(struct sess *x, uint32_t id)
{
	uint8_t packet[ASK_MAX];

	say_bare(x, packet, ask_put_answer(packet, x->tx, WIRE_VERSION_3_2, id));
}

/* Packets under way are lost with the link before. */
void workload_link_up(struct sess *x)
{
	if (!x->up || !x->tx->asked)
		return;
	cover(COVER_K_ASKED_AGAIN);
	workload_ask(x);
}

/* An open slot is given back: committed, shorter or not, or cancelled. */
void workload_slot(struct sess *x, unsigned i)
{
	struct rec *r;
	int err;

	if (!x->slot[i].used || x->down || !x->up)
		return;
	x->slot[i].used = false;
	r = &x->tx->rec[x->slot[i].rec];
	if (rng_one_in(&sim.app, 3)) {
		err = ring_discard(&x->s.ring, x->slot[i].slot);
		if (!err)
			r->state = REC_CANCELLED;
		cover(COVER_CANCELLED);
	} else {
		uint32_t used = rng_one_in(&sim.app, 2) ? x->slot[i].len :
			(uint32_t)rng_below(&sim.app, x->slot[i].len + 1);

		memcpy(x->slot[i].data, workload_pattern + r->off, used);
		err = ring_commit(&x->s.ring, x->slot[i].slot, used, NULL);
		if (!err) {
			r->len = used;
			r->state = REC_DONE;
		}
		cover(COVER_COMMITTED);
	}
	if (err == -ESHUTDOWN)
		oracle_final(x->tx);
	else if (err)
		sim_fail("n%u: slot given back: %d", x->node, err);
	else if (x->tx->tx_final && r->state == REC_DONE)
		sim_fail("n%u: a slot is taken after the end", x->node);
	workload_queued(x);
}

/* Half-close. */
void workload_finish(struct sess *x)
{
	if (!x->up || x->down)
		return;
	cover(COVER_HALF_CLOSE);
	TRACE("n%u FINISH n%u", x->node, x->peer);
	x->finishing = true;
	session_finish(&x->s);
	set_pause(x);
}

/* False: *ret_a still has something for *ret_b. */
bool workload_quiet(unsigned *ret_a, unsigned *ret_b)
{
	for (unsigned i = 0; i < sim.n_slots; i++) {
		struct node *n = &sim.node[i];

		for (unsigned j = 0; n->running && !n->kernel && j < SIM_NODES; j++) {
			struct chan *c = &n->chan[j];
			struct sess *x = c->sess;

			if (!x || !sim.node[j].running || world_pair_stuck(i, j))
				continue;
			if ((!over(x) && (c->budget || c->retry || c->n_back)) ||
			    !oracle_done(x)) {
				*ret_a = i;
				*ret_b = j;
				return false;
			}
		}
	}
	return true;
}
