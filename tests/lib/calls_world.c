/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls_world.h"

#include "calls_twin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define DEADLINE_NS (30 * MS)
#define ACCEPT_LATE_NS (20 * MS)

struct world world;
const char *world_wrong;
const struct world_plan *world_plan;

/* Byte at of a request or reply. */
static uint8_t byte_of(unsigned id, bool reply, unsigned at)
{
	return (uint8_t)(id << 6 | (reply ? 32 : 0) | at);
}

static uint8_t bytes[WORLD_CALLS][2][8];

static struct call *at_called(unsigned id)
{
	return &world.ends[!world_plan->calls[id].from].c.in_calls[world.known[id].slot];
}

/* ---- what the caller does ---- */

static bool do_begin(unsigned id)
{
	const struct world_call *w = &world_plan->calls[id];
	struct world_known *k = &world.known[id];
	struct calls_begin b = {
		.depth = w->depth, .settle = w->settle, .want_accept = w->want_accept,
		.endless = w->endless, .retry = w->retry, .upgrade = w->upgrade, .op = id,
		.total = id ? CALL_TOTAL_UNKNOWN : w->n_request,
		.deadline_ns = w->timed && world.time < 2 ? DEADLINE_NS : CALLS_NEVER,
		.data = { bytes[id][0], w->n_request }, .last = true,
	};
	struct call_ref after;
	int r;

	if (id >= world_plan->n || k->begun || k->refused)
		return false;
	if (w->after) {
		/* The called side knows it as long as it has not let go. */
		if (!world.known[id - 1].live)
			return false;
		after = (struct call_ref){ .gen = at_called(id - 1)->gen,
			.slot = world.known[id - 1].slot };
		b.after = &after;
	}
	/* In this order: calls of one side are alike. */
	if (id && world_plan->calls[id - 1].from == w->from && !world.known[id - 1].begun &&
	    !world.known[id - 1].refused)
		return false;
	r = world_begin(id, &b);
	/* There are so many credentials and bindings: later. */
	if (r == -ENOSPC)
		return false;
	k->refused = r != 0;
	k->begun = !r;
	return true;
}

static bool do_ask(unsigned id)
{
	struct world_known *k = &world.known[id];

	if (!k->begun || k->gone || k->asked || call_query(&world.calls[id]))
		return false;
	k->asked = true;
	return true;
}

static bool do_consume(unsigned id)
{
	struct world_known *k = &world.known[id];

	if (!k->begun || k->gone || k->consumed == k->got)
		return false;
	k->consumed++;
	must(!call_consumed(&world.calls[id], 1), "consumed, but refused");
	return true;
}

static bool do_abort(unsigned id)
{
	const struct world_known *k = &world.known[id];

	if (!k->begun || k->gone || k->ended)
		return false;
	return call_abort(&world.calls[id], 1) == 0;
}

static bool do_stick(unsigned id)
{
	const struct world_known *k = &world.known[id];

	if (!k->begun || k->gone || k->ended)
		return false;
	must(!call_deadlock(&world.calls[id]) || world.calls[id].state == CALL_OVER,
	     "a call that outlives a deadlock");
	return true;
}

static bool do_let_go(unsigned id)
{
	struct world_known *k = &world.known[id];

	if (!k->begun || k->gone || !(k->ended || world_plan->faults & WORLD_LET_GO))
		return false;
	k->gone = true;
	twin_let_go(&world.calls[id]);
	call_let_go(&world.calls[id]);
	return true;
}

/* ---- what the called side does ---- */

static bool may_work(unsigned id)
{
	return world.known[id].live && !world.known[id].stopped && !world.known[id].over &&
		!world.known[id].behind && !world.known[id].let_go &&
		at_called(id)->state == CALL_OPEN;
}

static bool do_accept(unsigned id)
{
	if (!may_work(id) || world.known[id].accepted)
		return false;
	world.known[id].accepted = true;
	must(!call_accept(at_called(id)), "accepted, but refused");
	return true;
}

static bool do_busy(unsigned id)
{
	if (!may_work(id) || world.known[id].accepted)
		return false;
	must(!call_refuse(at_called(id), CALL_END_BUSY, 5), "not refused");
	return true;
}

static bool do_eat(unsigned id)
{
	struct world_known *k = &world.known[id];

	if (!may_work(id) || k->eaten == k->had)
		return false;
	k->eaten++;
	must(!call_consumed(at_called(id), 1), "eaten, but refused");
	return true;
}

static bool do_reply(unsigned id)
{
	struct world_known *k = &world.known[id];
	bool early = !k->whole || k->eaten < k->had;
	int r;

	if (!may_work(id) || !k->accepted || k->finished || early)
		return false;
	twin_reply(at_called(id), bytes[id][1], world_plan->calls[id].n_reply);
	r = call_send(at_called(id), bytes[id][1], world_plan->calls[id].n_reply, true);
	must(!r, "a reply was refused");
	k->finished = true;
	return true;
}

static bool do_reject(unsigned id)
{
	return may_work(id) && call_abort(at_called(id), 2) == 0;
}

static bool do_drop(unsigned id)
{
	struct world_known *k = &world.known[id];

	if (!k->live || k->let_go || !(k->stopped || world_plan->faults & WORLD_LET_GO))
		return false;
	call_let_go(at_called(id));
	k->let_go = true;
	k->live = false;
	return true;
}

/* ---- what both are told ---- */

static void own_event(const struct calls_event *ev)
{
	unsigned id = (unsigned)(ev->call - world.calls);
	struct world_known *k = &world.known[id];

	must(k->begun && !k->gone && !k->ended, "an event of a call that is over");
	if (ev->what == CALLS_EV_DATA) {
		must(ev->data.n <= 1 && k->got + ev->data.n <= world_plan->calls[id].n_reply,
		     "more of a reply than was sent");
		if (ev->data.n)
			must(*ev->data.p == byte_of(id, true, k->got), "a gap in a reply");
		k->got += (uint8_t)ev->data.n;
		must(!ev->last || k->got == world_plan->calls[id].n_reply, "a reply cut short");
		if (!(world_plan->faults & WORLD_SLOW))
			do_consume(id);
	}
	if (ev->what == CALLS_EV_AGAIN)
		must(!call_send(ev->call, bytes[id][0], world_plan->calls[id].n_request, true),
		     "a request that is not taken again");
	if (ev->what == CALLS_EV_STATE)
		world_judge_report(id, &ev->call->calls->report);
	if (ev->what == CALLS_EV_ACCEPTED)
		must(k->accepted, "ACCEPTED, but it was not");
	if (ev->what != CALLS_EV_ENDED)
		return;
	k->ended = true;
	k->outcome = ev->outcome;
	k->reason = ev->reason;
	must(ev->reason != CALLS_REPLIED || k->got == world_plan->calls[id].n_reply,
	     "REPLIED without the whole reply");
	must(ev->reason != CALLS_REPLIED || ev->outcome == CALLS_DONE, "REPLIED, but not DONE");
}

static void peers_event(const struct calls_event *ev)
{
	/* The struct of a call that is over is the core's again. */
	unsigned id = ev->what == CALLS_EV_NEW ? ev->call->op : (unsigned)(uintptr_t)ev->user;
	struct world_known *k = &world.known[id];

	if (ev->what == CALLS_EV_NEW) {
		ev->call->user = (void *)(uintptr_t)id;
		must(!k->shown, "shown twice");
		k->shown++;
		k->live = true;
		k->slot = (uint8_t)ev->call->slot;
		world_judge_service(id, ev->call);
		world_judge_cred(id, ev->call);
		k->behind = ev->call->behind;
		if (!k->behind)
			world_may_see(id);
		if (world_plan->calls[id].final)
			call_want_final(ev->call);
		return;
	}
	must(k->live && !k->let_go && !k->stopped, "an event of a call of the peer that is over");
	if (ev->what == CALLS_EV_SHOW)
		world_may_see(id);
	if (ev->what == CALLS_EV_DATA) {
		must(ev->data.n <= 1 && k->had + ev->data.n <= world_plan->calls[id].n_request,
		     "more of a request than was sent");
		if (ev->data.n)
			must(*ev->data.p == byte_of(id, false, k->had), "a gap in a request");
		k->had += (uint8_t)ev->data.n;
		k->whole |= ev->last;
		must(!ev->last || k->had == world_plan->calls[id].n_request, "a request cut short");
		if (!(world_plan->faults & WORLD_SLOW))
			do_eat(id);
	}
	if (ev->what == CALLS_EV_FINAL)
		must(k->consumed == world_plan->calls[id].n_reply || k->gone,
		     "FINAL, but the reply was not consumed");
	if (ev->what != CALLS_EV_ENDED)
		return;
	k->stopped = ev->held;
	k->live = ev->held;
	k->over = true;
	must(ev->outcome == (k->finished ? CALLS_DONE : k->accepted ? CALLS_STARTED :
			     CALLS_NOT_EXECUTED), "a wrong outcome at the called side");
	/* It may come again. */
	if (ev->reason == CALL_END_BUSY && world_plan->calls[id].retry) {
		k->shown = k->had = k->eaten = 0;
		k->whole = k->over = false;
	}
}

static void take_events(struct world_end *e)
{
	struct calls_event ev;

	while (calls_event(&e->c, &ev)) {
		must(ev.what != CALLS_EV_FAULT, "a rule was broken");
		if (ev.what == CALLS_EV_SLOT || ev.what == CALLS_EV_FAULT)
			continue;
		if (!ev.call)
			world_hear_cred(e, &ev);
		else if (ev.call->incoming)
			peers_event(&ev);
		else
			own_event(&ev);
	}
}

static void judge(void)
{
	for (unsigned e = 0; e < 2; e++) {
		take_events(&world.ends[e]);
		world_judge_binding(e);
	}
	for (unsigned id = 0; id < WORLD_CALLS; id++)
		world_judge_outcome(id);
}

/* ---- what the session does ---- */

static bool do_put(unsigned e)
{
	struct world_end *w = &world.ends[e];
	struct world_frame *f = &w->channel[w->n_channel];
	struct calls_out out;

	if (w->n_channel == WORLD_CHANNEL || w->c.down || !calls_frame_out(&w->c, &out))
		return false;
	w->n_channel++;
	f->len = (uint8_t)(out.n_head + out.data.n);
	memcpy(f->body, out.head, out.n_head);
	if (out.data.n)
		memcpy(f->body + out.n_head, out.data.p, out.data.n);
	calls_frame_put(&w->c, &out, ++w->position);
	return true;
}

static void end_batch(struct world_end *to)
{
	calls_batch_end(&to->c);
	twin_new(&to->c);
	take_events(to);
	memset(to->batch, 0, sizeof to->batch);
	to->n_batch = 0;
}

static bool deliver(unsigned e, bool ends)
{
	struct world_end *to = &world.ends[e], *from = &world.ends[!e];
	struct world_frame *f = &to->batch[to->n_batch];

	if (!from->n_channel || to->c.down || (!ends && to->n_batch + 1 == WORLD_BATCH))
		return false;
	*f = from->channel[0];
	to->n_batch++;
	from->n_channel--;
	memmove(from->channel, from->channel + 1, from->n_channel * sizeof *from->channel);
	memset(&from->channel[from->n_channel], 0, sizeof *from->channel);
	if (f->len)
		twin_frame(&to->c, f->body, f->len);
	if (f->len)
		calls_frame(&to->c, f->body, f->len);
	else
		calls_peer_fin(&to->c);
	take_events(to);
	if (ends)
		end_batch(to);
	return true;
}

static bool do_deliver(unsigned e)
{
	return deliver(e, true);
}

static bool do_read(unsigned e)
{
	return deliver(e, false);
}

static bool do_batch_end(unsigned e)
{
	if (!world.ends[e].n_batch)
		return false;
	end_batch(&world.ends[e]);
	return true;
}

/* The session ends at one side: n of its frames under way have left, and may still arrive. */
static bool down(unsigned e, unsigned n)
{
	struct world_end *w = &world.ends[e];
	uint64_t high = w->position - w->n_channel + n;

	if (n > w->n_channel || w->c.down)
		return false;
	if (w->n_batch)
		end_batch(w);
	calls_down(&w->c, high);
	world_judge_certainty(e, high);
	w->position -= w->n_channel - n;
	memset(&w->channel[n], 0, (w->n_channel - n) * sizeof *w->channel);
	w->n_channel = (uint8_t)n;
	memset(world.ends[!e].channel, 0, sizeof w->channel);
	world.ends[!e].n_channel = 0;
	return true;
}

static bool do_down(unsigned action)
{
	return down(action % 2, action / 2);
}

static void pass(uint64_t now_ns)
{
	for (unsigned e = 0; e < 2; e++) {
		calls_now(&world.ends[e].c, now_ns);
		calls_tick(&world.ends[e].c);
	}
}

static bool do_time(unsigned unused)
{
	(void)unused;
	if (world.time == 2)
		return false;
	world.time++;
	pass(world.time == 1 ? ACCEPT_LATE_NS : DEADLINE_NS);
	return true;
}

static bool do_close(unsigned e)
{
	if (world.ends[e].c.finishing || world.ends[e].c.down)
		return false;
	calls_finish(&world.ends[e].c);
	return true;
}

static bool do_fin(unsigned e)
{
	struct world_end *w = &world.ends[e];

	if (w->fin || w->c.down || w->n_channel == WORLD_CHANNEL || !calls_fin_may_go(&w->c))
		return false;
	calls_fin_gone(&w->c);
	w->fin = true;
	w->channel[w->n_channel++].len = 0;
	w->position++;
	return true;
}

void world_init(const struct world_plan *plan)
{
	struct service_grant grant = { .slots = plan->slots, .window = 1, .piece = 1 };
	struct calls_config cfg = {
		.ours = grant, .theirs = grant, .window_max = 1, .max_queued = 1,
		.n_bindings = (uint16_t)(1 + plan->n_creds), .n_creds = plan->n_creds,
		.cred_max = 1, .depth_max = plan->depth_max,
	};
	uint16_t binding;

	world_plan = plan;
	world_wrong = NULL;
	memset(&world, 0, sizeof world);
	for (unsigned i = 0; i < WORLD_CALLS * 2 * 8; i++)
		bytes[i / 16][i / 8 % 2][i % 8] = byte_of(i / 16, i / 8 % 2, i % 8);
	for (unsigned e = 0; e < 2; e++) {
		must(calls_memory(&cfg) <= sizeof world.ends[e].mem, "too little memory");
		calls_init(&world.ends[e].c, &cfg, world.ends[e].mem, 0);
		calls_bind(&world.ends[e].c, 100, NULL, &binding);
	}
	for (unsigned e = 0; e < 2; e++) {
		do_put(e);
		do_deliver(!e);
	}
}

/* ---- all of it ---- */

static const struct action {
	const char *name;
	bool (*act)(unsigned);
	unsigned n;
	unsigned faults;	/* 0: always */
} actions[] = {
	{ "put", do_put, 2, 0 },
	{ "deliver", do_deliver, 2, 0 },
	{ "begin", do_begin, WORLD_CALLS, 0 },
	{ "consume", do_consume, WORLD_CALLS, WORLD_SLOW },
	{ "let go", do_let_go, WORLD_CALLS, 0 },
	{ "accept", do_accept, WORLD_CALLS, 0 },
	{ "eat", do_eat, WORLD_CALLS, WORLD_SLOW },
	{ "reply", do_reply, WORLD_CALLS, 0 },
	{ "drop", do_drop, WORLD_CALLS, 0 },
	{ "ask", do_ask, WORLD_CALLS, WORLD_ASK },
	{ "abort", do_abort, WORLD_CALLS, WORLD_ABORT },
	{ "stick", do_stick, WORLD_CALLS, WORLD_STUCK },
	{ "busy", do_busy, WORLD_CALLS, WORLD_BUSY },
	{ "reject", do_reject, WORLD_CALLS, WORLD_REJECT },
	{ "read", do_read, 2, WORLD_BATCH_ENDS },
	{ "batch end", do_batch_end, 2, WORLD_BATCH_ENDS },
	{ "time", do_time, 1, WORLD_TIME },
	{ "close", do_close, 2, WORLD_CLOSE },
	{ "fin", do_fin, 2, WORLD_CLOSE },
	{ "down", do_down, 2 * (WORLD_CHANNEL + 1), WORLD_DEATH },
};

#define KINDS (sizeof actions / sizeof *actions)

static const struct action *find(unsigned *action)
{
	const struct action *a = actions;

	while (*action >= a->n) {
		*action -= a->n;
		a++;
	}
	return a;
}

unsigned world_n_actions(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KINDS; i++)
		n += actions[i].n;
	return n;
}

const char *world_action_name(unsigned action)
{
	static char name[40];
	const struct action *a = find(&action);

	snprintf(name, sizeof name, "%s %u", a->name, action);
	return name;
}

bool world_act(unsigned action)
{
	const struct action *a = find(&action);

	if ((a->faults && !(world_plan->faults & a->faults)) || !a->act(action))
		return false;
	judge();
	return true;
}

/* Everybody does the work that is there; true if somebody did. */
static bool work(void)
{
	static bool (*const doings[])(unsigned) = {
		do_accept, do_eat, do_reply, do_drop, do_consume,
	};
	bool moved = false;

	for (unsigned e = 0; e < 2; e++) {
		while (do_put(e))
			moved = true;
		while (do_deliver(e))
			moved = true;
		moved |= do_batch_end(e);
		moved |= do_fin(e);
	}
	for (unsigned i = 0; i < sizeof doings / sizeof *doings; i++)
		for (unsigned id = 0; id < WORLD_CALLS; id++)
			if (doings[i] != do_drop || world.known[id].stopped)
				moved |= doings[i](id);
	judge();
	return moved;
}

void world_finish(void)
{
	unsigned rounds = 0;

	while (!world_wrong && rounds < 100 && work())
		rounds++;
	must(rounds < 100, "it goes on for ever");
	/* Pauses end; so may deadlines. */
	if (world.ends[0].c.n_waiting + world.ends[1].c.n_waiting)
		pass(1000 * MS);
	while (!world_wrong && rounds < 100 && work())
		rounds++;
	if (world.ends[0].c.down != world.ends[1].c.down)
		down(world.ends[0].c.down, 0);
	while (!world_wrong && rounds < 100 && work())
		rounds++;
	for (unsigned id = 0; id < WORLD_CALLS; id++) {
		must(!world.known[id].begun || world.known[id].gone || world.known[id].ended,
		     "a call without an end");
		must(!world.known[id].live || world.known[id].over,
		     "a call of the peer without an end");
		do_let_go(id);
	}
	work();
	for (unsigned e = 0; e < 2; e++) {
		const struct calls *c = &world.ends[e].c;

		must(calls_empty(c) && !c->n_taken, "a slot that stays taken");
		for (unsigned i = 0; i < world_plan->n_creds; i++)
			must(world.ends[e].fin || c->down || c->out_creds[i].state == CRED_NONE,
			     "a credential that stays");
		must(!c->finishing || calls_fin_may_go(c), "a FIN that never goes");
	}
}
