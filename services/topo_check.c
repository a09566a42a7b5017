/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the invariants of tables, logs, subscriptions and views. Changes nothing. The name of each
 * function begins with what it checks.
 */
#include "topo_check.h"

#if defined SINEW_CHECK && !defined NDEBUG

#include "topo_sub.h"
#include "topo_view.h"

#include <assert.h>

/* Each call looks at all: those of more are left to the oracles of the tests. */
#define ROWS_MAX	300u
#define ENTRIES_MAX	300u

/* ---- table and log ---- */

static void row_check(const struct topo_log *log, const struct topo_row *row)
{
	assert(row->name.lower <= row->name.upper && row->attr_len <= TOPO_ATTR_MAX);
	assert(row->name.type != TOPO_TYPE_ANY && row->published < log->next);
	assert((row->withdrawn == TOPO_NEVER) == (row->owner != NULL));
	assert((row->owner != NULL) == !list_empty(&row->kin));
	/* Withdrawn ones are there for as long as the log says so. */
	if (!row->owner)
		assert(row->withdrawn > row->published && row->withdrawn >= log->first &&
		       row->withdrawn < log->next);
}

static void table_check(const struct topo_table *t, const struct topo_log *log)
{
	uint64_t before = 0;
	uint32_t n = 0;

	list_each(struct topo_row, row, &t->order, order) {
		row_check(log, row);
		assert(row->published >= before);
		before = row->published;
		if (!row->owner)
			continue;
		assert(topo_table_find(t, &row->id) == row);
		n++;
	}
	assert(n == topo_table_n(t));
}

static void log_check(const struct topo_log *log)
{
	assert(log->first <= log->next && log->next - log->first <= log->size);
	for (uint64_t i = log->first; i < log->next; i++) {
		const struct topo_row *row = topo_log_row(log, i);

		assert(topo_log_has(log, i, TOPO_LOG_WITHDRAWN) ? row->withdrawn == i :
		       row->published == i);
	}
}

/* ---- subscriptions ---- */

static uint64_t pending_from(const struct topo_subs *subs, const struct topo_sub *sub, uint64_t i)
{
	const struct topo_log *log = subs->source.log;
	uint64_t n = 0;

	for (; i < log->next; i++)
		n += topo_row_matches(topo_log_row(log, i), &sub->request,
				      subs->source.own_node);
	return n;
}

static void cursor_check(const struct topo_subs *subs, const struct topo_sub *sub)
{
	const struct topo_cursor *c = &sub->cursor;
	const struct list *order = &subs->source.table->order;

	assert((c->phase == TOPO_AT_ROWS) == !list_empty(&sub->showing));
	assert((c->phase == TOPO_AT_ROWS) == (c->row != NULL));
	assert(c->phase == TOPO_AT_SNAPSHOT || c->phase == TOPO_AT_END || sub->waits ||
	       c->index <= subs->source.log->next);
	if (c->row && c->row != order)
		assert(list_entry(c->row, struct topo_row, order)->flags & TOPO_ROW_PINNED);
	if (c->phase == TOPO_AT_ROWS || (c->phase == TOPO_AT_TAIL && !sub->waits))
		if (c->index >= subs->source.log->first)
			assert(pending_from(subs, sub, c->index) == c->n_pending);
}

static void sub_check(const struct topo_subs *subs, const struct topo_sub *sub)
{
	const struct topo_cursor *c = &sub->cursor;

	cursor_check(subs, sub);
	assert(list_empty(&sub->ready) || topo_has(sub));
	assert(list_empty(&sub->timed) || sub->deadline_ns >= subs->deadline_ns);
	assert(list_empty(&sub->timed) || c->until == TOPO_NEVER);
	if (sub->waits)
		assert(c->phase == TOPO_AT_TAIL && !c->n_pending && c->until == TOPO_NEVER);
}

static unsigned subs_check(const struct topo_subs *subs, const struct list *head)
{
	unsigned n = 0;

	list_each(struct topo_sub, sub, head, peers) {
		sub_check(subs, sub);
		n++;
	}
	return n;
}

void topo_check(const struct topo_subs *subs)
{
	const struct topo_log *log = subs->source.log;
	unsigned n = 0;

	if (log->next - log->first > ENTRIES_MAX || topo_table_n(subs->source.table) > ROWS_MAX)
		return;
	log_check(log);
	table_check(subs->source.table, log);
	for (unsigned i = 0; i < TOPO_SUB_LISTS; i++)
		n += subs_check(subs, &subs->of_type[i]);
	n += subs_check(subs, &subs->of_all);
	assert(n == subs->n && n <= subs->max);
	assert(list_length(&subs->ready) <= n && list_length(&subs->showing) <= n);
	assert(list_length(&subs->timed) <= n);
}

/* ---- views ---- */

/* Rows that the subscriber knows; those that it does not are of a snapshot, or of a walk. */
static void view_rows_check(const struct topo_view *v)
{
	bool walks = v->walk != TOPO_WALK_NONE && v->walk != TOPO_WALK_ONE;
	uint32_t told = 0, kept = 0, new = 0;

	list_each(struct topo_row, row, &v->table.order, order) {
		bool is_told = row->flags & TOPO_ROW_TOLD;

		if (row == v->gone)
			continue;
		assert(is_told || row->flags & TOPO_ROW_THERE);
		told += is_told;
		kept += is_told && row->flags & TOPO_ROW_THERE;
		new += !is_told;
	}
	assert(told == v->n_told && told + new == topo_table_n(&v->table));
	if (v->phase == TOPO_VIEW_SHOWN)
		assert(kept == v->n_kept);
	if (walks)
		assert(v->n_left == told - kept + new || v->walk == TOPO_WALK_NEW);
	else
		assert(new == v->n_new);
}

void topo_check_view(const struct topo_view *v)
{
	bool walks = v->walk != TOPO_WALK_NONE && v->walk != TOPO_WALK_ONE;

	assert((v->cfg.request.flags & TOPO_REQ_EDGE) || !v->edges.found.n);
	assert(v->edges.found.n <= topo_table_n(&v->table));
	assert(walks == (v->at != NULL));
	assert(walks || (!v->n_left && !v->current_due));
	assert(!v->exact || v->compared || v->position.index);
	assert(!v->n_new || !walks);
	if (v->phase == TOPO_VIEW_TAIL)
		assert(v->exact);
	if (topo_table_n(&v->table) <= ROWS_MAX)
		view_rows_check(v);
}

#endif
