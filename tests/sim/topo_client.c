/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the subscribers of simulated topology servers, and what is right for them: each event of the
 * server against its whole log, each event that the view tells, and at a quiet point all that the
 * view knows. Knows no sessions.
 */
#include "topo.h"

#include <errno.h>
#include <string.h>

static struct topo_server *home(const struct topo_client *c)
{
	return &tw.server[c->home];
}

static bool by_edges(const struct topo_client *c)
{
	return c->request.flags & TOPO_REQ_EDGE;
}

/* ---- its life ---- */

static void draw_request(struct topo_request *r)
{
	static const uint32_t types[] = {
		TOPO_NODE, TOPO_REACH, TOPO_TYPE_FIRST, TOPO_TYPE_FIRST + 1, TOPO_TYPE_FIRST + 2,
		TOPO_TYPE_FIRST,
	};

	*r = (struct topo_request){
		.name = { TOPO_TYPE_ANY, 0, UINT32_MAX }, .timeout_ms = TOPO_TIMEOUT_NONE,
		.usr = rng_next(&tw.rng), .scope = (uint8_t)rng_below(&tw.rng, 3),
	};
	if (!rng_one_in(&tw.rng, 3)) {
		r->name.type = types[rng_below(&tw.rng, 6)];
		r->name.lower = (uint32_t)rng_below(&tw.rng, 4);
		r->name.upper = r->name.lower + (uint32_t)rng_below(&tw.rng, 3);
	}
	if (rng_one_in(&tw.rng, 2))
		r->scope = TOPO_SCOPE_ANY;
	if (rng_one_in(&tw.rng, 4))
		r->node = 1 + (uint32_t)rng_below(&tw.rng, tw.n_nodes);
	if (rng_one_in(&tw.rng, 4))
		r->flags |= TOPO_REQ_EDGE;
	if (rng_one_in(&tw.rng, 5))
		r->flags |= TOPO_REQ_STRICT;
	if (rng_one_in(&tw.rng, 8))
		r->flags |= TOPO_REQ_OWN;
	if (rng_one_in(&tw.rng, 4))
		r->timeout_ms = (uint32_t)rng_below(&tw.rng, 2) * 40;
}

void topo_client_begin(struct topo_client *c)
{
	struct topo_view_config cfg = {
		.memory = topo_world_memory(), .max_rows = TOPO_NAMES,
	};
	unsigned fails = tw.fails;

	memset(c, 0, sizeof *c);
	c->home = (uint32_t)rng_below(&tw.rng, tw.n_nodes);
	draw_request(&c->request);
	cfg.request = c->request;
	cfg.server_node = c->home + 1;
	tw.fails = 0;
	if (topo_view_init(&c->view, &cfg))
		sim_fail("no memory for a view");
	tw.fails = fails;
	c->used = true;
}

void topo_client_end(struct topo_client *c)
{
	topo_stream_close(&c->in, home(c));
	topo_view_fini(&c->view);
	c->used = false;
}

/* Whether the server has the log from there on. */
static bool can_resume(const struct topo_server *s, const struct topo_request *r)
{
	return r->flags & TOPO_REQ_RESUME && r->from.epoch == s->topo.cfg.epoch &&
		r->from.index >= s->topo.log.first && r->from.index <= s->topo.log.next;
}

void topo_client_connect(struct topo_client *c)
{
	struct topo_server *s = home(c);
	struct topo_request r;

	topo_view_request(&c->view, &r);
	c->conn_whole = can_resume(s, &r);
	if (!topo_stream_open(&c->in, s, &r))
		return;
	TRACE("client %u: asks n%u, flags %d, type %#x, timeout %d, position %llu",
	      (unsigned)(c - tw.client), c->home, r.flags, r.name.type, (int)r.timeout_ms,
	      (unsigned long long)r.from.index);
	if (r.flags & TOPO_REQ_RESUME)
		cover(c->conn_whole ? COVER_T_RESUMED : COVER_T_RESUME_LOST);
	if (r.flags & TOPO_REQ_RESUME && r.from.epoch != s->topo.cfg.epoch)
		cover(COVER_T_OTHER_EPOCH);
	c->begun_ns = sim.now_ns;
	c->limit = r.timeout_ms ? 0 : s->topo.log.next;
	c->epoch = s->topo.cfg.epoch;
}

void topo_client_limit(struct topo_client *c)
{
	uint32_t ms = c->request.timeout_ms;

	if (c->in.sub && ms && ms != TOPO_TIMEOUT_NONE && !c->limit &&
	    sim.now_ns >= c->begun_ns + ms * MSEC)
		c->limit = home(c)->topo.log.next;
}

void topo_client_lost(struct topo_client *c)
{
	if (c->view.phase == TOPO_VIEW_SHOWN)
		cover(COVER_T_CUT_SNAPSHOT);
	TRACE("client %u: lost", (unsigned)(c - tw.client));
	topo_stream_close(&c->in, home(c));
	topo_view_lost(&c->view);
	c->in_group = false;
	c->changes = 0;
}

/* ---- events of the server ---- */

/* Nothing is known of a life that is over. */
static bool same_life(const struct topo_client *c)
{
	return home(c)->alive && home(c)->topo.cfg.epoch == c->epoch;
}

static void judge_shown(struct topo_client *c, const struct topo_event *e)
{
	struct topo_id want[TOPO_NAMES];
	uint64_t skipped = 0;
	uint32_t n = 0;

	if (topo_history_state(home(c), &c->request, e->position, want, &n) &&
	    (n != c->n_shown || memcmp(want, c->shown, n * sizeof *want)))
		sim_fail("a snapshot of n%u has %u publications, not the %u of %llu", c->home,
			 c->n_shown, n, (unsigned long long)e->position);
	if (!c->conn_whole) {
		if (e->n_skipped)
			sim_fail("a first snapshot of n%u skips %llu events", c->home,
				 (unsigned long long)e->n_skipped);
		return;
	}
	if (!topo_history_count(home(c), &c->request, c->pos, e->position, &skipped))
		c->uncounted = true;
	else if (skipped != e->n_skipped)
		sim_fail("a snapshot of n%u skips %llu events, it says %llu", c->home,
			 (unsigned long long)skipped, (unsigned long long)e->n_skipped);
}

static void on_snapshot_end(struct topo_client *c, const struct topo_event *e)
{
	if (e->n_skipped == TOPO_SKIPPED_UNKNOWN) {
		cover(COVER_T_NOT_WHOLE);
		return;
	}
	if (same_life(c))
		judge_shown(c, e);
	else
		c->uncounted = true;
	if (c->conn_whole)
		cover(COVER_T_SKIPPED);
	c->skipped = c->conn_whole ? e->n_skipped : 0;
	c->pos = e->position;
	c->ended_whole = true;
}

static void on_entry(struct topo_client *c, const struct topo_event *e)
{
	const struct topo_entry *entry = topo_history_entry(home(c), e->position - 1);
	struct topo_id id = { e->incarnation, e->node, e->pub };
	uint64_t n = 0;

	if (c->limit && e->position > c->limit)
		sim_fail("an event of n%u comes behind the time", c->home);
	if (same_life(c)) {
		if (!entry || (entry->known && (!topo_same_id(&entry->id, &id) ||
						entry->withdrawn !=
						(e->what == TOPO_WITHDRAWN))))
			sim_fail("event %llu of n%u is not that of its log",
				 (unsigned long long)e->position, c->home);
		if (topo_history_count(home(c), &c->request, c->pos, e->position - 1, &n) && n)
			sim_fail("%llu events of n%u before %llu are left out",
				 (unsigned long long)n, c->home,
				 (unsigned long long)e->position);
	}
	c->pos = e->position;
}

static void on_overrun(struct topo_client *c)
{
	uint64_t n = 0;

	cover(COVER_T_OVERRUN);
	if (!(c->request.flags & TOPO_REQ_STRICT))
		sim_fail("OVERRUN for one that is not strict");
	/* Without a whole state, or at a position that is not there. */
	if (!c->conn_whole || !same_life(c))
		return;
	if (topo_history_count(home(c), &c->request, c->pos, home(c)->topo.log.first, &n) && !n)
		sim_fail("OVERRUN of n%u, but nothing was lost", c->home);
}

/* All that was there in time was told. */
static void on_timeout(struct topo_client *c)
{
	uint64_t n = 0;

	cover(COVER_T_TIMEOUT);
	if (sim.now_ns < c->begun_ns + c->request.timeout_ms * MSEC)
		sim_fail("TIMEOUT of n%u comes early", c->home);
	if (same_life(c) && c->limit > c->pos &&
	    topo_history_count(home(c), &c->request, c->pos, c->limit, &n) && n)
		sim_fail("TIMEOUT of n%u comes before %llu events", c->home,
			 (unsigned long long)n);
}

static void on_event(struct topo_client *c, const struct topo_event *e)
{
	struct topo_id id = { e->incarnation, e->node, e->pub };

	TRACE("client %u: event %d flags %d pub %u of n%u, position %llu",
	      (unsigned)(c - tw.client), e->what, e->flags, e->pub, e->node - 1,
	      (unsigned long long)e->position);
	if (e->usr != c->request.usr)
		sim_fail("an event for somebody else");
	switch ((enum topo_what)e->what) {
	case TOPO_SNAPSHOT:
		c->n_shown = 0;
		break;
	case TOPO_PUBLISHED:
		if (e->flags & TOPO_EV_OF_SNAPSHOT && c->n_shown < TOPO_NAMES)
			c->shown[c->n_shown++] = id;
		else
			on_entry(c, e);
		break;
	case TOPO_WITHDRAWN:
		on_entry(c, e);
		break;
	case TOPO_SNAPSHOT_END:
		on_snapshot_end(c, e);
		break;
	case TOPO_TIMEOUT:
		on_timeout(c);
		break;
	case TOPO_OVERRUN:
		on_overrun(c);
		break;
	}
}

/* ---- events of the view ---- */

static struct topo_id key_of(const struct topo_client *c, const struct topo_row *row)
{
	if (!by_edges(c))
		return row->id;
	return (struct topo_id){
		.incarnation = row->name.type, .node = row->name.lower, .pub = row->name.upper,
	};
}

static void told_published(struct topo_client *c, const struct topo_row *row)
{
	struct topo_id key = key_of(c, row);

	if (topo_find_id(c->told, c->n_told, &key) < c->n_told)
		sim_fail("pub %u of n%u is told twice", row->id.pub, row->id.node - 1);
	else if (c->n_told < TOPO_NAMES)
		c->told[c->n_told++] = key;
}

static void told_withdrawn(struct topo_client *c, const struct topo_row *row)
{
	struct topo_id key = key_of(c, row);
	uint32_t at = topo_find_id(c->told, c->n_told, &key);

	if (at == c->n_told) {
		sim_fail("pub %u of n%u is withdrawn, but was not told", row->id.pub,
			 row->id.node - 1);
		return;
	}
	c->told[at] = c->told[--c->n_told];
	if (row->name.type != TOPO_NODE || by_edges(c))
		return;
	cover(COVER_T_NODE_GONE);
	for (at = 0; at < c->n_told; at++)
		if (c->told[at].node == row->id.node &&
		    c->told[at].incarnation == row->id.incarnation)
			sim_fail("NODE of n%u goes before its publications", row->id.node - 1);
}

static void judge_group(struct topo_client *c, const struct topo_told *t)
{
	bool same = t->row && (t->collapsed || t->first ||
			       (t->row->id.node == c->group.node &&
				t->row->id.incarnation == c->group.incarnation));

	/* The rest of it may be lost, or left out: NODE, which ends it, is there again. */
	same |= t->what == TOPO_TOLD_CURRENT && c->compared;
	if (c->in_group && !same && t->what != TOPO_TOLD_OVERRUN)
		sim_fail("a group is not all together, but %d", t->what);
	c->in_group = t->group;
	if (!t->group)
		return;
	cover(t->collapsed ? COVER_T_COLLAPSED_GROUP : COVER_T_TOLD_GROUP);
	c->group = t->row->id;
}

static void on_told(struct topo_client *c, const struct topo_told *t, bool in_walk)
{
	TRACE("client %u: told %d pub %u of n%u%s%s%s", (unsigned)(c - tw.client), t->what,
	      t->row ? t->row->id.pub : 0, t->row ? t->row->id.node - 1 : 0,
	      t->collapsed ? " collapsed" : "", t->first ? " first" : "", t->group ? " group" : "");
	if (c->over)
		sim_fail("an event is told behind the last one");
	if (t->first != !c->whole && (in_walk || t->first))
		sim_fail("an event is told as first, or should be");
	if (t->collapsed != (in_walk && t->row && c->compared))
		sim_fail("an event is told as collapsed, or should be");
	if (t->collapsed && c->whole && c->request.flags & TOPO_REQ_STRICT)
		sim_fail("a strict subscription is told collapsed events");
	c->collapsed += t->collapsed;
	c->changes += t->collapsed;
	judge_group(c, t);
	switch (t->what) {
	case TOPO_TOLD_PUBLISHED:
		told_published(c, t->row);
		break;
	case TOPO_TOLD_WITHDRAWN:
		told_withdrawn(c, t->row);
		break;
	case TOPO_TOLD_CURRENT:
		c->whole = true;
		break;
	case TOPO_TOLD_TIMEOUT:
	case TOPO_TOLD_OVERRUN:
		c->over = true;
		break;
	}
}

/* The counts of the view, at the end of a whole snapshot. */
static void judge_counts(struct topo_client *c)
{
	if (c->conn_whole && c->skipped >= c->changes && !by_edges(c)) {
		if ((c->skipped - c->changes) % 2 && !c->uncounted)
			sim_fail("%llu events are skipped, %llu changes told",
				 (unsigned long long)c->skipped, (unsigned long long)c->changes);
		c->unseen += (c->skipped - c->changes) / 2;
		if (c->skipped > c->changes)
			cover(COVER_T_UNSEEN);
	} else if (c->conn_whole && !by_edges(c) && !c->uncounted) {
		sim_fail("more changes are told than events skipped");
	}
	if (!by_edges(c) && !c->uncounted && c->unseen != c->view.n_unseen)
		sim_fail("the view counts %llu unseen publications, not %llu",
			 (unsigned long long)c->view.n_unseen, (unsigned long long)c->unseen);
	if (c->collapsed != c->view.n_collapsed)
		sim_fail("the view counts %llu collapsed events, not %llu",
			 (unsigned long long)c->view.n_collapsed,
			 (unsigned long long)c->collapsed);
	c->changes = 0;
	c->ended_whole = false;
	c->conn_whole = true;
}

bool topo_client_read(struct topo_client *c)
{
	uint64_t pos = c->pos;
	struct topo_event e;
	struct topo_told t;
	int r;

	if (!topo_stream_read(&c->in, &e)) {
		if (c->in.open && !c->in.sub)
			topo_client_lost(c);
		return false;
	}
	on_event(c, &e);
	r = topo_view_event(&c->view, &e);
	while (topo_view_next(&c->view, &t))
		on_told(c, &t, e.what == TOPO_SNAPSHOT_END);
	if (e.what == TOPO_SNAPSHOT_END)
		c->compared = true;
	if (c->ended_whole)
		judge_counts(c);
	if (!r)
		return true;
	if (r != -ENOMEM || !tw.fails)
		sim_fail("event %d of n%u gives %d", e.what, c->home, r);
	c->pos = pos;
	topo_client_lost(c);
	return true;
}

/* ---- a quiet point ---- */

static void judge_row(const struct topo_client *c, const struct topo_row *row,
		      struct topo_id *want, uint32_t *n)
{
	struct topo_id key = key_of(c, row);

	if (!row->owner || !topo_row_matches(row, &c->request, c->home + 1))
		return;
	if (topo_find_id(c->told, c->n_told, &key) == c->n_told)
		sim_fail("pub %u of n%u is there at n%u, but not told", row->id.pub,
			 row->id.node - 1, c->home);
	if (!topo_view_find(&c->view, &row->id))
		sim_fail("a view does not find what was told");
	if (*n < TOPO_NAMES && topo_find_id(want, *n, &key) == *n)
		want[(*n)++] = key;
}

void topo_client_judge(const struct topo_client *c)
{
	struct topo_id want[TOPO_NAMES];
	uint32_t n = 0;

	if (c->over)
		return;
	if (!c->in.sub || topo_has(c->in.sub) || topo_lag(c->in.sub) || c->in_group) {
		sim_fail("a subscriber of n%u is not told all", c->home);
		return;
	}
	if (c->request.timeout_ms != TOPO_TIMEOUT_NONE)
		sim_fail("a subscriber of n%u waits beyond its time", c->home);
	list_each(struct topo_row, row, &home(c)->topo.table.order, order)
		judge_row(c, row, want, &n);
	if (n != c->n_told)
		sim_fail("a subscriber of n%u is told %u publications, not %u", c->home,
			 c->n_told, n);
	cover(COVER_T_JUDGED);
}
