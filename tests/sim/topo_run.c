/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the runs of simulated topology servers: what happens in them, drawn from a seed, and their
 * quiet points. Knows neither what a step does nor what is right.
 */
#include "topo.h"

#include <string.h>

#define ROUNDS		3
#define STEPS_MAX	500
#define SETTLE_MAX	20000	/* steps until all is quiet: more is a live-lock */

struct topo_world tw;

static struct topo_server *some_server(void)
{
	return &tw.server[rng_below(&tw.rng, tw.n_nodes)];
}

static void restart(void)
{
	struct topo_server *s = some_server();

	if (!s->alive) {
		topo_server_start(s);
	} else if (rng_one_in(&tw.rng, 12)) {
		topo_server_stop(s);
		cover(COVER_T_STOP);
	}
}

/* Each side of a session sees its end by itself; a new one begins when both have. */
static void session(struct topo_server *a, struct topo_server *b, bool faults)
{
	if (a == b || !a->alive)
		return;
	if (a->session[b->idx].up && !topo_session_with(b, a))
		topo_session_end(a, b);
	else if (a->session[b->idx].up && !topo_session_with(a, b))
		topo_session_end(a, b);
	else if (faults && a->session[b->idx].up && rng_one_in(&tw.rng, 20))
		topo_session_end(a, b);
	else if (faults && rng_one_in(&tw.rng, 10))
		topo_session_cut(a, b);
	if (!b->alive || a->session[b->idx].up || b->session[a->idx].up)
		return;
	topo_session_begin(a, b);
	topo_session_begin(b, a);
}

/* Of the publications of b, at a. */
static bool replicate(struct topo_server *a, struct topo_server *b)
{
	struct topo_stream *in = &a->session[b->idx].in;
	bool moves = false;

	if (a == b || !a->alive || !a->session[b->idx].up)
		return false;
	if (!in->open && topo_session_with(a, b) && topo_session_with(b, a)) {
		topo_session_ask(a, b);
		return true;
	}
	if (in->sub)
		moves = topo_stream_pump(in, b);
	if (in->n) {
		topo_session_read(a, b);
		moves = true;
	} else if (in->open && !in->sub) {
		topo_session_cut(a, b);
		moves = true;
	}
	return moves;
}

static bool serve(struct topo_client *c)
{
	struct topo_server *s = &tw.server[c->home];
	bool moves = false;

	if (!c->used || c->over)
		return false;
	if (!c->in.open && s->alive) {
		topo_client_connect(c);
		return true;
	}
	if (c->in.sub)
		moves = topo_stream_pump(&c->in, s);
	if (c->in.n || (c->in.open && !c->in.sub)) {
		topo_client_read(c);
		moves = true;
	}
	return moves;
}

static void client(void)
{
	struct topo_client *c = &tw.client[rng_below(&tw.rng, TOPO_CLIENTS)];

	if (!c->used)
		topo_client_begin(c);
	else if (c->over || rng_one_in(&tw.rng, 20))
		topo_client_end(c);
	else if (c->in.open && rng_one_in(&tw.rng, 4))
		topo_client_lost(c);
}

static void tick(uint64_t ns)
{
	sim.now_ns += ns;
	for (unsigned i = 0; i < tw.n_nodes; i++)
		if (tw.server[i].alive && sim.now_ns >= topo_deadline(&tw.server[i].topo.subs))
			topo_tick(&tw.server[i].topo.subs, sim.now_ns);
	for (unsigned i = 0; i < TOPO_CLIENTS; i++)
		topo_client_limit(&tw.client[i]);
}

/* At times many at once, so that no slow one keeps up. */
static void change(struct topo_server *s)
{
	unsigned n = rng_one_in(&tw.rng, 4) ? 20 : 1;

	while (s->alive && n--) {
		if (rng_one_in(&tw.rng, 10))
			topo_server_leave(s);
		else if (rng_one_in(&tw.rng, 2))
			topo_server_publish(s);
		else
			topo_server_withdraw(s);
	}
}

static void step(void)
{
	switch (rng_below(&tw.rng, 12)) {
	case 0:
		restart();
		break;
	case 1:
		session(some_server(), some_server(), true);
		break;
	case 2:
		client();
		break;
	case 3:
		tick(rng_below(&tw.rng, 5) * MSEC);
		break;
	case 4:
	case 5:
		change(some_server());
		break;
	case 6:
	case 7:
	case 8:
		replicate(some_server(), some_server());
		break;
	default:
		serve(&tw.client[rng_below(&tw.rng, TOPO_CLIENTS)]);
		break;
	}
}

static bool settle_once(void)
{
	bool moves = false;

	for (unsigned i = 0; i < tw.n_nodes; i++)
		for (unsigned k = 0; k < tw.n_nodes; k++) {
			session(&tw.server[i], &tw.server[k], false);
			moves |= replicate(&tw.server[i], &tw.server[k]);
		}
	for (unsigned i = 0; i < TOPO_CLIENTS; i++)
		moves |= serve(&tw.client[i]);
	return moves;
}

static void judge(void)
{
	for (unsigned i = 0; i < tw.n_nodes && !sim.failed; i++)
		if (tw.server[i].alive)
			topo_server_judge(&tw.server[i]);
	for (unsigned i = 0; i < TOPO_CLIENTS && !sim.failed; i++)
		if (tw.client[i].used && tw.server[tw.client[i].home].alive)
			topo_client_judge(&tw.client[i]);
}

/* No more faults: then all of them are to know the truth. */
static void quiet(void)
{
	unsigned n = 0;

	tw.fails = 0;
	for (unsigned i = 0; i < tw.n_nodes; i++)
		if (!tw.server[i].alive && !rng_one_in(&tw.rng, 4))
			topo_server_start(&tw.server[i]);
	while (settle_once() && !sim.failed)
		if (++n == SETTLE_MAX)
			sim_fail("no quiet point comes");
	tick(SEC);
	while (settle_once() && !sim.failed)
		if (++n == SETTLE_MAX)
			sim_fail("no quiet point comes");
	if (!sim.failed)
		judge();
}

static void end(void)
{
	for (unsigned i = 0; i < TOPO_CLIENTS; i++)
		if (tw.client[i].used)
			topo_client_end(&tw.client[i]);
	for (unsigned i = 0; i < tw.n_nodes; i++)
		if (tw.server[i].alive)
			topo_server_stop(&tw.server[i]);
	if (!sim.failed && tw.n_blocks)
		sim_fail("%llu blocks of memory are left", (unsigned long long)tw.n_blocks);
}

bool topo_run(void)
{
	static const uint32_t logs[] = { 1, 8, 8, 30, 200 };

	memset(&tw, 0, sizeof tw);
	tw.rng.s = sim.plan.s;
	tw.n_nodes = (uint32_t)rng_range(&tw.rng, 1, TOPO_NODES);
	tw.log_entries = logs[rng_below(&tw.rng, 5)];
	for (unsigned i = 0; i < TOPO_NODES; i++)
		tw.server[i].idx = i;
	for (unsigned i = 0; i < ROUNDS && !sim.failed; i++) {
		unsigned n = (unsigned)rng_range(&tw.rng, 50, STEPS_MAX);

		tw.fails = rng_one_in(&tw.rng, 3) ? 20 : 0;
		while (n-- && !sim.failed)
			step();
		if (!sim.failed)
			quiet();
	}
	end();
	cover(COVER_T_RUNS);
	return !sim.failed;
}
