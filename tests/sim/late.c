/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns which packets the network loses over SCTP: the transport repeats them after a timeout,
 * twice as long each time, and all behind them in that direction waits. Knows neither frames nor
 * who reads them.
 */
#include "late.h"

#include <assert.h>
#include <string.h>

#define RTO_INITIAL_NS	(3 * SEC)	/* RFC 9260: of an association that has measured nothing */
#define RTO_MIN_NS	SEC
#define LOSSES_MAX	3u		/* of one packet, in a row */

struct pair {
	uint64_t until_ns;	/* when the last packet that was lost so far has come */
	uint8_t next_losses;	/* of the first packet of the next connection */
};

static struct pair pairs[SIM_NODES][SIM_NODES];

static struct pair *of(unsigned a, unsigned b)
{
	return a < b ? &pairs[a][b] : &pairs[b][a];
}

static void lose(struct conn *c, unsigned side, uint64_t rto_ns, unsigned losses)
{
	struct end *e = &c->end[side];
	uint64_t wait_ns = rto_ns * ((1u << losses) - 1);

	assert(losses && losses <= LOSSES_MAX && rto_ns <= RTO_INITIAL_NS);
	TRACE("conn %u: what goes to n%u is late by %.3f", c->idx, e->node, (double)wait_ns / 1e9);
	e->hold_ns = sim.now_ns + wait_ns;
	of(e->node, c->end[!side].node)->until_ns = e->hold_ns;
	sim.hard_fault = true;
}

void late_run(const struct fault *f)
{
	struct conn *c = net_pick(f->a, f->b, &sim.net);
	unsigned losses = 1 + f->arg % LOSSES_MAX;
	bool to_kernel = rng_one_in(&sim.net, 4);

	if (!sim.node[f->a].kernel == !sim.node[f->b].kernel)
		return;
	if (!c || rng_one_in(&sim.net, 2))
		of(f->a, f->b)->next_losses = (uint8_t)losses;
	else if (late_until(c) <= sim.now_ns)
		lose(c, !sim.node[c->end[1].node].kernel != to_kernel,
		     RTO_MIN_NS + f->span_ns % (RTO_INITIAL_NS - RTO_MIN_NS), losses);
}

/* The first packet of a kernel. */
void late_opened(struct conn *c)
{
	struct pair *p = of(c->end[0].node, c->end[1].node);

	if (p->next_losses)
		lose(c, !sim.node[c->end[1].node].kernel, RTO_INITIAL_NS, p->next_losses);
	p->next_losses = 0;
}

/* An ABORT does not wait for what is to come before it, and nothing repeats that any more. */
void late_broken(struct end *e)
{
	if (!sim.sctp || e->hold_ns <= sim.now_ns)
		return;
	e->n_segs = 0;
	e->hold_ns = e->last_ns = 0;
}

void late_begin(void)
{
	memset(pairs, 0, sizeof pairs);
}

void late_heal(void)
{
	for (unsigned i = 0; i < SIM_NODES; i++)
		for (unsigned j = i; j < SIM_NODES; j++)
			pairs[i][j].next_losses = 0;
}

uint64_t late_until(const struct conn *c)
{
	uint64_t a = c->end[0].hold_ns, b = c->end[1].hold_ns;

	return !sim.sctp ? 0 : a > b ? a : b;
}

uint64_t late_between(unsigned a, unsigned b)
{
	return of(a, b)->until_ns;
}
