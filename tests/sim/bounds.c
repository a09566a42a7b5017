/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The oracle of what the two sides of calls may hold: slots, and bytes in windows, while the limits
 * of both change. Slots and bytes of an earlier limit stay; nothing is taken or granted beyond
 * the present one. Knows nothing of what calls are for.
 */
#include "calls.h"

void bounds_begin(struct dialog *d)
{
	const struct calls_config *cfg = &d->c.cfg;

	d->target = cfg->theirs.slots;
	d->due = d->most = (struct window_limits) { cfg->window_max, cfg->grow_bytes };
}

/* ---- slots ---- */

/* By services of applications. */
static bool has_slot(const struct caller *o)
{
	return o->used && o->call.slot != CALL_SLOT_NONE && o->call.service >= CALLS_SYSTEM;
}

/* Calls of depth e or less leave a slot of so many for each deeper one, and unread replies keep
 * theirs. */
static void slots_bound(const struct dialog *d, unsigned slots)
{
	const struct calls_config *cfg = &d->c.cfg;
	unsigned held[CALL_DEPTH_MAX + 1] = { 0 }, n = 0;

	for (unsigned i = 0; i < d->n_callers; i++)
		if (has_slot(&d->caller[i]))
			held[d->caller[i].call.depth]++;
	for (unsigned e = 0; e <= CALL_DEPTH_MAX; e++) {
		n += held[e];
		if (n && n + cfg->reserved + CALL_DEPTH_MAX - e > slots)
			sim_fail("n%u: %u calls to n%u of depth %u or less in %u slots",
				 d->x->node, n, d->x->peer, e, slots);
	}
}

/* Whether a call has a slot since the last time that was begun for no other one. Those for others
 * may wait for slots that were taken before the peer granted less. */
static bool took_slot(struct dialog *d)
{
	bool took = false;

	for (unsigned i = 0; i < d->n_callers; i++) {
		struct caller *o = &d->caller[i];
		bool has = has_slot(o);

		took |= has && !o->had_slot && !o->call.depth;
		o->had_slot = has;
	}
	return took;
}

static void slots_hold(struct dialog *d)
{
	bool took = took_slot(d);

	slots_bound(d, took ? d->target : d->c.cfg.theirs.slots);
	if (took && d->target < d->c.cfg.theirs.slots)
		cover(COVER_C_FEWER);
}

void bounds_frame(struct dialog *d, const uint8_t *p, size_t n)
{
	struct call_frame f;

	if (call_parse(p, n, &f) || f.kind != CALL_SLOTS || !f.target ||
	    f.target > d->c.cfg.theirs.slots)
		return;
	/* The slots that were taken before it. */
	slots_hold(d);
	d->target = f.target;
}

/* ---- windows ---- */

static uint32_t beyond_first(const struct calls_config *cfg, uint32_t n)
{
	return n > cfg->ours.window ? n - cfg->ours.window : 0;
}

void bounds_data(uint32_t id, const struct call *call, uint32_t granted, size_t unconsumed)
{
	uint32_t first = call->calls->cfg.ours.window;

	if (unconsumed > (granted > first ? granted : first))
		sim_fail("call %u: %zu bytes are not consumed, its window has %u", id, unconsumed,
			 granted > first ? granted : first);
}

static void raise_to(struct window_limits *to, uint32_t window, int64_t grow_bytes)
{
	if (to->window < window)
		to->window = window;
	if (to->grow_bytes < grow_bytes)
		to->grow_bytes = grow_bytes;
}

void bounds_change(struct dialog *d, uint32_t window, int64_t grow_bytes)
{
	raise_to(&d->due, window, grow_bytes);
	raise_to(&d->most, window, grow_bytes);
}

/* All grants of earlier limits have been said. */
void bounds_said(struct dialog *d)
{
	d->due = (struct window_limits) { d->c.cfg.window_max, d->c.cfg.grow_bytes };
}

static bool takes_more(const struct call *call)
{
	return call->state == CALL_OPEN && !call->rx.complete;
}

/* That all calls have been granted beyond their first windows, and that still take data. */
static uint64_t all_granted(const struct dialog *d)
{
	const struct calls_config *cfg = &d->c.cfg;
	uint64_t sum = 0;

	for (unsigned i = 0; i < d->n_handlers; i++) {
		const struct handler *h = &d->handler[i];

		if (h->call && takes_more(h->call))
			sum += beyond_first(cfg, h->granted);
	}
	for (unsigned i = 0; i < d->n_callers; i++) {
		const struct caller *o = &d->caller[i];

		if (o->used && takes_more(&o->call))
			sum += beyond_first(cfg, o->granted);
	}
	return sum;
}

void bounds_credit(struct dialog *d, const struct calls_out *out)
{
	const struct call *call;
	struct call_frame f;
	uint32_t *granted;

	if (call_parse(out->head, out->n_head, &f) || f.kind != CALL_CREDIT ||
	    f.flags & CALL_WANT_FINAL)
		return;
	call = out->slot->call;
	granted = call->incoming ? &((struct handler *)call->user)->granted :
		&((struct caller *)call->user)->granted;
	if (f.window <= *granted || f.window <= d->c.cfg.ours.window)
		return;
	*granted = f.window;
	cover(COVER_C_WIDER);
	if (f.window > d->due.window)
		sim_fail("n%u: grants n%u a window of %u, %u is the largest", d->x->node,
			 d->x->peer, f.window, d->due.window);
	if (all_granted(d) > (uint64_t)d->due.grow_bytes)
		sim_fail("n%u: grants n%u %llu bytes beyond the first windows, %llu is the limit",
			 d->x->node, d->x->peer, (unsigned long long)all_granted(d),
			 (unsigned long long)d->due.grow_bytes);
}

/* ---- all that holds between two events ---- */

/* The peer makes this side hold no more than this. An end that waits for its event has dropped the
 * data of its call. */
void bounds_hold(struct dialog *d)
{
	const struct calls_config *cfg = &d->c.cfg;
	uint64_t grown = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < d->n_handlers; i++) {
		const struct handler *h = &d->handler[i];

		n += h->call != NULL;
		if (h->call && call_needs_consumed(h->call))
			grown += beyond_first(cfg, h->unconsumed);
	}
	for (unsigned i = 0; i < d->n_callers; i++)
		if (d->caller[i].used && call_needs_consumed(&d->caller[i].call))
			grown += beyond_first(cfg, d->caller[i].unconsumed);
	slots_hold(d);
	if (n > cfg->ours.slots)
		sim_fail("n%u: %u handlers in %u slots", d->x->node, n, cfg->ours.slots);
	if (grown > (uint64_t)d->most.grow_bytes)
		sim_fail("n%u: holds %llu bytes of calls of n%u beyond their first windows, %llu "
			 "is the limit", d->x->node, (unsigned long long)grown, d->x->peer,
			 (unsigned long long)d->most.grow_bytes);
}
