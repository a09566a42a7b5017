/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All orders of nested calls among three nodes: errands go round, each hop a call that is begun for
 * the call before it, while the slots of each pair are as few as the depth of calls allows. In
 * whatever order frames arrive, and whichever errand is given up, nobody waits for ever. No window,
 * deadline or refusal: those are test_call_orders.c's.
 * run.sh: timeout=120
 */
#include "services/calls_begin.h"
#include "services/calls_end.h"
#include "services/calls_event.h"
#include "services/calls_rx.h"
#include "services/calls_slots.h"
#include "services/calls_tx.h"
#include "services/calls_window.h"
#include "tests/lib/check.h"

#include <stdlib.h>
#include <string.h>

#define NODES 3
#define ERRANDS 6
#define HOPS 3
#define CHANNEL 12
#define FRAME 47
#define MEMORY 2048
#define VISITS_MAX 400
#define STATES_LOG 22

/* An errand goes over these nodes, and the answers go back. */
struct plan {
	const char *name;
	uint16_t slots;
	unsigned n;
	unsigned aborts;	/* errands that their first node may give up */
	uint8_t route[ERRANDS][HOPS + 1];
};

struct frame {
	uint8_t len;
	uint8_t body[FRAME];
};

/* One node's end of the session with another. */
struct end {
	struct calls c;
	_Alignas(16) uint8_t mem[MEMORY];
	struct frame channel[CHANNEL];	/* from here */
	uint8_t n_channel;
};

enum progress { UNBEGUN, BEGUN, OVER };

/* A hop of an errand: a call, its own at one node and the peer's at the next one. */
struct hop {
	struct call own;
	uint8_t slot;		/* at the called side */
	uint8_t own_is;		/* enum progress */
	uint8_t shown_is;	/* the same of the called side */
};

/* All of it is one block at one place: copied and restored as it is, with its pointers. */
static struct world {
	struct end ends[NODES][NODES];
	struct hop hops[ERRANDS][HOPS];
} world;

static const struct plan *plan;
static const char *wrong;
static struct world *path;
static uint8_t next_action[VISITS_MAX + 1];
static uint64_t *seen;
static unsigned n_states, n_quiet;

static void must(bool good, const char *what)
{
	if (!good && !wrong)
		wrong = what;
}

static struct end *end_of(unsigned errand, unsigned hop)
{
	const uint8_t *route = plan->route[errand];

	return &world.ends[route[hop]][route[hop + 1]];
}

/* ---- what the nodes do ---- */

static void begin(unsigned errand, unsigned hop)
{
	struct hop *h = &world.hops[errand][hop];
	struct calls_begin b = {
		.depth = (uint8_t)hop, .op = errand * HOPS + hop,
		.deadline_ns = CALLS_NEVER, .last = true,
	};

	must(h->own_is == UNBEGUN, "begun twice");
	must(!call_begin(&end_of(errand, hop)->c, &h->own, &b), "not begun");
	h->own_is = BEGUN;
}

static struct call *shown(unsigned errand, unsigned hop)
{
	const uint8_t *route = plan->route[errand];
	struct end *e = &world.ends[route[hop + 1]][route[hop]];

	return &e->c.in_calls[world.hops[errand][hop].slot];
}

static void reply(unsigned errand, unsigned hop)
{
	struct hop *h = &world.hops[errand][hop];

	if (h->shown_is == BEGUN)
		must(!call_send(shown(errand, hop), NULL, 0, true), "a reply was refused");
}

/* The whole request is here: the errand goes on from this node, or is done. */
static void work(unsigned errand, unsigned hop)
{
	if (hop + 1 < HOPS)
		begin(errand, hop + 1);
	else
		reply(errand, hop);
}

static void own_ended(unsigned errand, unsigned hop)
{
	struct hop *h = &world.hops[errand][hop];

	must(h->own_is == BEGUN, "ended twice");
	h->own_is = OVER;
	call_let_go(&h->own);
	memset(&h->own, 0, sizeof h->own);
	if (hop)
		reply(errand, hop - 1);
}

/* Its caller gave it up: so does this node the call that it made for it, and lets go. */
static void shown_ended(unsigned errand, unsigned hop, bool held)
{
	struct hop *h = &world.hops[errand][hop];

	must(h->shown_is == BEGUN, "ended twice at the called side");
	h->shown_is = OVER;
	if (!held)
		return;
	if (hop + 1 < HOPS && world.hops[errand][hop + 1].own_is == BEGUN)
		call_abort(&world.hops[errand][hop + 1].own, 1);
	call_let_go(shown(errand, hop));
}

static void happened(const struct calls_event *ev)
{
	struct call *call = ev->call;
	unsigned op = ev->what == CALLS_EV_NEW || !call->incoming ? call->op :
		(unsigned)(uintptr_t)ev->user;
	unsigned errand = op / HOPS, hop = op % HOPS;
	struct hop *h = &world.hops[errand][hop];

	switch (ev->what) {
	case CALLS_EV_NEW:
		must(h->shown_is == UNBEGUN, "shown twice");
		call->user = (void *)(uintptr_t)op;
		h->slot = (uint8_t)call->slot;
		h->shown_is = BEGUN;
		must(!call_accept(call), "not accepted");
		break;
	case CALLS_EV_DATA:
		if (call->incoming && ev->last)
			work(errand, hop);
		break;
	case CALLS_EV_ENDED:
		if (call->incoming)
			shown_ended(errand, hop, ev->held);
		else
			own_ended(errand, hop);
		break;
	default:
		must(false, "an event that nobody expects");
	}
}

/* ---- what the sessions do ---- */

static void put_all(struct end *e)
{
	struct calls_out out;

	while (calls_frame_out(&e->c, &out)) {
		struct frame *f = &e->channel[e->n_channel];

		must(e->n_channel < CHANNEL && out.n_head + out.data.n <= FRAME,
		     "the channel is too small");
		if (wrong)
			return;
		e->n_channel++;
		f->len = (uint8_t)out.n_head;
		memcpy(f->body, out.head, out.n_head);
		calls_frame_put(&e->c, &out, 1);
	}
}

/* Events of one session may make frames of another one. */
static void settle(void)
{
	struct calls_event ev;
	bool moved = true;

	while (moved && !wrong) {
		moved = false;
		for (unsigned i = 0; i < NODES * NODES; i++) {
			struct end *e = &world.ends[i / NODES][i % NODES];

			for (; i / NODES != i % NODES && calls_event(&e->c, &ev); moved = true)
				happened(&ev);
		}
	}
	for (unsigned i = 0; i < NODES * NODES; i++)
		if (i / NODES != i % NODES)
			put_all(&world.ends[i / NODES][i % NODES]);
}

static bool deliver(unsigned channel)
{
	unsigned i = channel / NODES, j = channel % NODES;
	struct end *from = &world.ends[i][j], *to = &world.ends[j][i];
	struct frame f = from->channel[0];

	if (!from->n_channel)
		return false;
	from->n_channel--;
	memmove(from->channel, from->channel + 1, from->n_channel * sizeof f);
	memset(&from->channel[from->n_channel], 0, sizeof f);
	calls_frame(&to->c, f.body, f.len);
	calls_batch_end(&to->c);
	memset(&to->c.n, 0, sizeof to->c.n);	/* decides nothing */
	settle();
	return true;
}

static bool give_up(unsigned errand)
{
	struct hop *h = &world.hops[errand][0];

	if (errand >= plan->aborts || h->own_is != BEGUN)
		return false;
	if (call_abort(&h->own, 1))
		return false;
	settle();
	return true;
}

/* ---- all orders ---- */

#define ACTIONS (NODES * NODES + ERRANDS)

static bool act(unsigned action)
{
	if (action < NODES * NODES)
		return deliver(action);
	return give_up(action - NODES * NODES);
}

static bool is_new(void)
{
	const uint8_t *p = (const uint8_t *)&world;
	uint64_t h = 0x9e3779b97f4a7c15, v, i;

	for (size_t n = sizeof world; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * UINT64_C(0xd6e8feb86659fd93);
		h ^= h >> 32;
	}
	for (i = h >> (64 - STATES_LOG); seen[i]; i = (i + 1) & ((1u << STATES_LOG) - 1))
		if (seen[i] == h)
			return false;
	seen[i] = h;
	n_states++;
	return true;
}

/* No frame is under way: everything that was begun must be over. */
static void judge(void)
{
	for (unsigned i = 0; i < NODES * NODES; i++)
		if (world.ends[i / NODES][i % NODES].n_channel)
			return;
	n_quiet++;
	for (unsigned i = 0; i < plan->n * HOPS; i++) {
		const struct hop *h = &world.hops[i / HOPS][i % HOPS];

		must(h->own_is != BEGUN, "a call waits for ever");
		must(h->shown_is != BEGUN, "a handler waits for ever");
	}
	for (unsigned i = 0; i < NODES * NODES && !wrong; i++)
		must(i / NODES == i % NODES ||
		     (calls_empty(&world.ends[i / NODES][i % NODES].c) &&
		      !world.ends[i / NODES][i % NODES].c.n_taken), "a slot that stays taken");
}

static void search(void)
{
	unsigned depth = 0;

	memcpy(&path[0], &world, sizeof world);
	next_action[0] = 0;
	for (;;) {
		unsigned action = next_action[depth]++;

		if (action == ACTIONS) {
			if (!depth--)
				return;
			memcpy(&world, &path[depth], sizeof world);
			continue;
		}
		if (!act(action))
			continue;
		if (!wrong && is_new()) {
			judge();
			if (!CHECK(++depth < VISITS_MAX && n_states < 1u << (STATES_LOG - 1)))
				return;
			memcpy(&path[depth], &world, sizeof world);
			next_action[depth] = 0;
			continue;
		}
		if (wrong)
			return;
		memcpy(&world, &path[depth], sizeof world);
	}
}

static void prepare(const struct plan *p)
{
	struct service_grant grant = { .slots = p->slots, .window = 1, .piece = 1 };
	struct calls_config cfg = {
		.ours = grant, .theirs = grant, .window_max = 1, .max_queued = ERRANDS,
		.n_bindings = 1, .depth_max = HOPS - 1,
	};
	uint16_t binding;

	plan = p;
	wrong = NULL;
	n_states = n_quiet = 0;
	memset(&world, 0, sizeof world);
	memset(seen, 0, sizeof *seen << STATES_LOG);
	must(calls_memory(&cfg) <= MEMORY, "too little memory");
	for (unsigned i = 0; i < NODES * NODES && !wrong; i++) {
		struct end *e = &world.ends[i / NODES][i % NODES];

		if (i / NODES == i % NODES)
			continue;
		calls_init(&e->c, &cfg, e->mem, 0);
		calls_bind(&e->c, 100, NULL, &binding);
	}
	settle();
	for (unsigned i = 0; i < NODES * NODES; i++)
		deliver(i);	/* BIND */
	for (unsigned i = 0; i < p->n; i++)
		begin(i, 0);
	settle();
}

static const struct plan plans[] = {
	{ "round", 3, 3, 1, { { 0, 1, 2, 0 }, { 1, 2, 0, 1 }, { 2, 0, 1, 2 } } },
	{ "there and back", 3, 4, 1,
	  { { 0, 1, 0, 1 }, { 1, 0, 1, 0 }, { 0, 1, 0, 1 }, { 1, 2, 1, 0 } } },
	{ "twice round", 3, 6, 0,
	  { { 0, 1, 2, 0 }, { 1, 2, 0, 1 }, { 2, 0, 1, 2 },
	    { 0, 1, 2, 0 }, { 1, 2, 0, 1 }, { 2, 0, 1, 2 } } },
	{ "both ways round", 3, 5, 0,
	  { { 0, 1, 2, 0 }, { 1, 2, 0, 1 }, { 2, 0, 1, 2 }, { 1, 0, 1, 2 }, { 2, 1, 2, 0 } } },
};

static void nobody_waits_for_ever(void)
{
	path = calloc(VISITS_MAX + 1, sizeof *path);
	seen = calloc(1u << STATES_LOG, sizeof *seen);
	CHECK_OR_RETURN(path && seen);
	for (unsigned i = 0; i < sizeof plans / sizeof *plans && !wrong; i++) {
		prepare(&plans[i]);
		search();
		printf("# %s: %u states, %u without a frame under way%s%s\n", plan->name, n_states,
		       n_quiet, wrong ? ": " : "", wrong ? wrong : "");
		fflush(stdout);
		CHECK(!wrong && n_quiet);
	}
	free(path);
	free(seen);
}

int main(void)
{
	RUN(nobody_waits_for_ever);
	return check_done();
}
