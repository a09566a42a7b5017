/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_view.h"

#include <assert.h>
#include <errno.h>

#include "topo_check.h"

int topo_view_init(struct topo_view *v, const struct topo_view_config *cfg)
{
	int r;

	*v = (struct topo_view){ .cfg = *cfg };
	if (cfg->request.flags & TOPO_REQ_RESUME) {
		assert(!(cfg->request.flags & TOPO_REQ_EDGE));
		v->cfg.request.flags &= (uint8_t)~TOPO_REQ_RESUME;
		v->position = cfg->request.from;
		v->exact = v->compared = v->resumed = true;
	}
	r = topo_table_init(&v->table, &cfg->memory);
	if (r)
		return r;
	r = topo_edges_init(&v->edges, &cfg->memory);
	if (r)
		topo_table_fini(&v->table, &cfg->memory);
	return r;
}

void topo_view_fini(struct topo_view *v)
{
	topo_table_fini(&v->table, &v->cfg.memory);
	topo_edges_fini(&v->edges, &v->cfg.memory);
}

static bool has_flag(const struct topo_view *v, uint8_t flag)
{
	return v->cfg.request.flags & flag;
}

static bool by_edges(const struct topo_view *v)
{
	return has_flag(v, TOPO_REQ_EDGE);
}

/* A strict one that knows no position any more is to hear that. */
void topo_view_request(const struct topo_view *v, struct topo_request *ret)
{
	assert(v->phase == TOPO_VIEW_FRESH);
	*ret = v->cfg.request;
	if (!v->exact && !(v->was_whole && has_flag(v, TOPO_REQ_STRICT)))
		return;
	ret->flags |= TOPO_REQ_RESUME;
	ret->from = v->position;
}

static struct topo_id id_of(const struct topo_event *e)
{
	return (struct topo_id){
		.node = e->node, .incarnation = e->incarnation, .pub = e->pub,
	};
}

static struct topo_offer offer_of(const struct topo_event *e)
{
	return (struct topo_offer){
		.name = e->name, .scope = e->scope, .attr_len = e->attr_len, .attr = e->attr,
	};
}

static int add(struct topo_view *v, const struct topo_event *e, uint8_t flags)
{
	struct topo_id id = id_of(e);
	struct topo_offer offer = offer_of(e);
	struct topo_row *row;

	if (by_edges(v) && topo_edge_up(&v->edges, &v->cfg.memory, &e->name))
		return -ENOMEM;
	row = topo_table_add(&v->table, &v->cfg.memory, &id, &offer);
	if (row) {
		row->flags = flags;
		return 0;
	}
	if (by_edges(v))
		topo_edge_down(&v->edges, &v->cfg.memory, &e->name);
	return -ENOMEM;
}

static void free_gone(struct topo_view *v)
{
	if (v->gone)
		topo_table_free(&v->cfg.memory, v->gone);
	v->gone = NULL;
}

/* It is over for the subscriber, and freed by the next call. True: that is to be told. */
static bool take_away(struct topo_view *v, struct topo_row *row)
{
	assert(row->flags & TOPO_ROW_TOLD && v->n_told);
	free_gone(v);
	v->gone = row;
	v->n_told--;
	topo_table_hide(&v->table, row);
	return !by_edges(v) || topo_edge_down(&v->edges, &v->cfg.memory, &row->name);
}

/* It is there for the subscriber. True: that is to be told. */
static bool give(struct topo_view *v, struct topo_row *row)
{
	assert(!(row->flags & TOPO_ROW_TOLD));
	row->flags |= TOPO_ROW_TOLD;
	v->n_told++;
	return !by_edges(v) || topo_edge_tell(&v->edges, &row->name);
}

/* ---- events of the server ---- */

static void tell_one(struct topo_view *v, enum topo_told_what what, const struct topo_row *row)
{
	assert(v->walk == TOPO_WALK_NONE);
	v->one = (struct topo_told){ .what = what, .row = row };
	v->walk = TOPO_WALK_ONE;
}

static int on_snapshot(struct topo_view *v, const struct topo_event *e)
{
	if (v->phase == TOPO_VIEW_SHOWN)
		return -EPROTO;
	list_each(struct topo_row, row, &v->table.order, order)
		row->flags &= (uint8_t)~TOPO_ROW_THERE;
	v->shown = (struct topo_position){ .epoch = e->incarnation, .index = e->position };
	v->n_kept = v->n_new = 0;
	v->phase = TOPO_VIEW_SHOWN;
	return 0;
}

/* An identity that says something else now is another publication: numbers have wrapped. */
static int on_shown(struct topo_view *v, const struct topo_event *e)
{
	struct topo_id id = id_of(e);
	struct topo_offer offer = offer_of(e);
	struct topo_row *row = topo_table_find(&v->table, &id);
	int r;

	if (e->what != TOPO_PUBLISHED || !(e->flags & TOPO_EV_OF_SNAPSHOT) ||
	    (row && row->flags & TOPO_ROW_THERE))
		return -EPROTO;
	if (v->n_kept + v->n_new >= v->cfg.max_rows)
		return -ENOSPC;
	if (row && topo_row_says(row, &offer)) {
		row->flags |= TOPO_ROW_THERE;
		v->n_kept++;
		return 0;
	}
	r = add(v, e, TOPO_ROW_THERE);
	if (!r)
		v->n_new++;
	return r;
}

/* The server's skipped events are the changes found by comparing, one each, and publications that
 * came and went, two each. */
static void count_unseen(struct topo_view *v, uint64_t n_skipped)
{
	if (n_skipped > v->n_since)
		v->n_unseen += (n_skipped - v->n_since) / 2;
	v->n_since = 0;
}

static int on_snapshot_end(struct topo_view *v, const struct topo_event *e)
{
	if (v->phase != TOPO_VIEW_SHOWN || e->incarnation != v->shown.epoch ||
	    e->position < v->shown.index)
		return -EPROTO;
	assert(v->n_kept <= v->n_told);
	v->n_left = v->n_told - v->n_kept + v->n_new;
	v->n_new = 0;
	v->collapses = v->compared;
	v->compared = true;
	v->walk = TOPO_WALK_GONE;
	v->at = v->table.order.next;
	if (v->collapses)
		v->n_since += v->n_left;
	v->exact = e->n_skipped != TOPO_SKIPPED_UNKNOWN;
	v->phase = TOPO_VIEW_AGAIN;
	if (!v->exact)
		return 0;
	count_unseen(v, e->n_skipped);
	v->resumed = false;
	v->phase = TOPO_VIEW_TAIL;
	v->position = (struct topo_position){ .epoch = v->shown.epoch, .index = e->position };
	v->current_due = true;
	return 0;
}

static int published(struct topo_view *v, const struct topo_event *e)
{
	struct topo_id id = id_of(e);
	struct topo_row *row;
	int r;

	if (topo_table_find(&v->table, &id))
		return -EPROTO;
	if (v->n_told >= v->cfg.max_rows)
		return -ENOSPC;
	r = add(v, e, 0);
	if (r)
		return r;
	row = topo_table_find(&v->table, &id);
	if (give(v, row))
		tell_one(v, TOPO_TOLD_PUBLISHED, row);
	return 0;
}

static int withdrawn(struct topo_view *v, const struct topo_event *e)
{
	struct topo_id id = id_of(e);
	struct topo_row *row = topo_table_find(&v->table, &id);

	if (!row && v->resumed && !add(v, e, 0)) {
		row = topo_table_find(&v->table, &id);
		give(v, row);
	}
	if (!row)
		return v->resumed ? -ENOMEM : -EPROTO;
	if (take_away(v, row))
		tell_one(v, TOPO_TOLD_WITHDRAWN, row);
	return 0;
}

/* A connection may go on where the last one was. */
static bool in_tail(const struct topo_view *v)
{
	return v->phase == TOPO_VIEW_TAIL || (v->phase == TOPO_VIEW_FRESH && v->exact);
}

static int on_tail(struct topo_view *v, const struct topo_event *e)
{
	int r;

	if (!in_tail(v) || e->flags & TOPO_EV_OF_SNAPSHOT || e->position <= v->position.index)
		return -EPROTO;
	r = e->what == TOPO_PUBLISHED ? published(v, e) : withdrawn(v, e);
	if (r)
		return r;
	if (v->walk == TOPO_WALK_ONE)
		v->one.group = !by_edges(v) && e->flags & TOPO_EV_GROUP;
	v->phase = TOPO_VIEW_TAIL;
	v->position.index = e->position;
	return 0;
}

static int on_change(struct topo_view *v, const struct topo_event *e)
{
	if (!topo_request_takes(&v->cfg.request, &e->name, e->scope, e->node,
				v->cfg.server_node))
		return -EPROTO;
	return v->phase == TOPO_VIEW_SHOWN ? on_shown(v, e) : on_tail(v, e);
}

static int on_timeout(struct topo_view *v)
{
	if (!in_tail(v) || v->cfg.request.timeout_ms == TOPO_TIMEOUT_NONE)
		return -EPROTO;
	v->phase = TOPO_VIEW_OVER;
	tell_one(v, TOPO_TOLD_TIMEOUT, NULL);
	return 0;
}

static int on_overrun(struct topo_view *v)
{
	if (!has_flag(v, TOPO_REQ_STRICT) || v->phase == TOPO_VIEW_SHOWN)
		return -EPROTO;
	v->phase = TOPO_VIEW_OVER;
	tell_one(v, TOPO_TOLD_OVERRUN, NULL);
	return 0;
}

static int take(struct topo_view *v, const struct topo_event *e)
{
	switch ((enum topo_what)e->what) {
	case TOPO_PUBLISHED:
	case TOPO_WITHDRAWN:	return on_change(v, e);
	case TOPO_TIMEOUT:	return on_timeout(v);
	case TOPO_SNAPSHOT:	return on_snapshot(v, e);
	case TOPO_SNAPSHOT_END:	return on_snapshot_end(v, e);
	case TOPO_OVERRUN:	return on_overrun(v);
	}
	return -EPROTO;
}

int topo_view_event(struct topo_view *v, const struct topo_event *e)
{
	int r;

	assert(v->walk == TOPO_WALK_NONE && !v->gone);
	if (v->phase == TOPO_VIEW_BROKEN || v->phase == TOPO_VIEW_OVER)
		return -EPROTO;
	r = take(v, e);
	if (r)
		v->phase = TOPO_VIEW_BROKEN;
	topo_check_view(v);
	return r;
}

void topo_view_lost(struct topo_view *v)
{
	if (v->phase == TOPO_VIEW_OVER)
		return;
	v->phase = TOPO_VIEW_FRESH;
	if (!v->n_new)
		return;
	/* Of a snapshot that has no end. */
	list_each(struct topo_row, row, &v->table.order, order) {
		if (row->flags & TOPO_ROW_TOLD)
			continue;
		topo_table_hide(&v->table, row);
		if (by_edges(v))
			topo_edge_down(&v->edges, &v->cfg.memory, &row->name);
		topo_table_free(&v->cfg.memory, row);
	}
	v->n_new = 0;
	topo_check_view(v);
}

/* ---- events for the subscriber ---- */

/* Its turn in this part of the walk has come. True: that is to be told. */
static bool visit(struct topo_view *v, struct topo_row *row)
{
	bool gone = !(row->flags & TOPO_ROW_THERE), node = row->name.type == TOPO_NODE;

	if (v->walk == TOPO_WALK_NEW ? row->flags & TOPO_ROW_TOLD :
	    !gone || node != (v->walk == TOPO_WALK_NODES))
		return false;
	assert(v->n_left);
	v->n_left--;
	return v->walk == TOPO_WALK_NEW ? give(v, row) : take_away(v, row);
}

/* The next row that is to be told; NULL: none in this part of the walk. */
static const struct topo_row *step(struct topo_view *v)
{
	while (v->n_left && v->at != &v->table.order) {
		struct topo_row *row = list_entry(v->at, struct topo_row, order);

		v->at = v->at->next;
		if (visit(v, row))
			return row;
	}
	free_gone(v);
	return NULL;
}

static struct topo_told found(struct topo_view *v, const struct topo_row *row)
{
	v->n_collapsed += v->collapses;
	return (struct topo_told){
		.what = v->walk == TOPO_WALK_NEW ? TOPO_TOLD_PUBLISHED : TOPO_TOLD_WITHDRAWN,
		.row = row, .collapsed = v->collapses, .first = !v->was_whole,
		.group = v->n_left && !by_edges(v),
	};
}

static bool walk(struct topo_view *v, struct topo_told *ret)
{
	const struct topo_row *row = step(v);

	assert(v->at);
	while (!row && v->walk != TOPO_WALK_NEW) {
		v->walk++;
		v->at = v->table.order.next;
		row = step(v);
	}
	if (row) {
		*ret = found(v, row);
		return true;
	}
	assert(!v->n_left);
	v->walk = TOPO_WALK_NONE;
	v->at = NULL;
	if (!v->current_due)
		return false;
	*ret = (struct topo_told){ .what = TOPO_TOLD_CURRENT, .first = !v->was_whole };
	v->current_due = false;
	v->was_whole = true;
	return true;
}

static bool next(struct topo_view *v, struct topo_told *ret)
{
	switch ((enum topo_view_walk)v->walk) {
	case TOPO_WALK_NONE:
		break;
	case TOPO_WALK_GONE:
	case TOPO_WALK_NODES:
	case TOPO_WALK_NEW:
		free_gone(v);
		return walk(v, ret);
	case TOPO_WALK_ONE:
		*ret = v->one;
		v->walk = TOPO_WALK_NONE;
		return true;
	}
	free_gone(v);
	return false;
}

bool topo_view_next(struct topo_view *v, struct topo_told *ret)
{
	bool has = next(v, ret);

	topo_check_view(v);
	return has;
}

void topo_view_refuse(struct topo_view *v)
{
	struct list *last = v->walk == TOPO_WALK_NEW ? v->at->prev : v->table.order.prev;
	struct topo_row *row = list_entry(last, struct topo_row, order);

	assert(!by_edges(v) && last != &v->table.order);
	take_away(v, row);
	v->exact = false;
	v->phase = TOPO_VIEW_BROKEN;
	topo_check_view(v);
}

const struct topo_row *topo_view_find(const struct topo_view *v, const struct topo_id *id)
{
	const struct topo_row *row = topo_table_find(&v->table, id);

	return row && row->flags & TOPO_ROW_TOLD ? row : NULL;
}
