/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_cursor.h"

#include <assert.h>

static bool takes(const struct topo_source *s, uint64_t i)
{
	return topo_row_matches(topo_log_row(s->log, i), s->request, s->own_node);
}

/* The first entry from i on that the request takes; log->next: there is none. */
static uint64_t next_taken(const struct topo_source *s, uint64_t i)
{
	while (i < s->log->next && !takes(s, i))
		i++;
	return i;
}

static uint64_t count_taken(const struct topo_source *s, uint64_t i)
{
	uint64_t n = 0;

	for (i = next_taken(s, i); i < s->log->next; i = next_taken(s, i + 1))
		n++;
	return n;
}

/* The log still has all that the cursor wants. Entries of others may have left it. */
static bool reaches(struct topo_cursor *c, const struct topo_source *s)
{
	if (c->index >= s->log->first)
		return true;
	if (count_taken(s, s->log->first) != c->n_pending)
		return false;
	c->index = s->log->first;
	return true;
}

/* Entries that it wants have left the log. */
static void lost(struct topo_cursor *c, const struct topo_source *s)
{
	assert(c->phase == TOPO_AT_SNAPSHOT || c->index < s->log->first);
	c->n_overruns++;
	c->phase = s->request->flags & TOPO_REQ_STRICT ? TOPO_AT_OVERRUN : TOPO_AT_SNAPSHOT;
}

void topo_cursor_begin(struct topo_cursor *c, const struct topo_source *s)
{
	const struct topo_position *from = &s->request->from;

	*c = (struct topo_cursor){ .phase = TOPO_AT_SNAPSHOT, .until = TOPO_NEVER };
	if (!(s->request->flags & TOPO_REQ_RESUME))
		return;
	if (from->epoch != s->epoch || from->index < s->log->first ||
	    from->index > s->log->next) {
		lost(c, s);
		return;
	}
	c->phase = TOPO_AT_TAIL;
	c->index = from->index;
	c->n_pending = count_taken(s, c->index);
	c->whole = true;
}

static void about_row(struct topo_event *e, const struct topo_row *row)
{
	e->scope = row->scope;
	e->name = row->name;
	e->node = row->id.node;
	e->pub = row->id.pub;
	e->incarnation = row->id.incarnation;
	e->attr = row->attr;
	e->attr_len = row->attr_len;
}

static bool at_snapshot(struct topo_cursor *c, const struct topo_source *s, struct topo_event *e)
{
	assert(!c->row && s->log->next >= c->index);
	/* Nothing is skipped before a first state was told. */
	if (c->whole)
		c->n_skipped += c->n_pending;
	c->n_pending = 0;
	c->index = s->log->next;
	c->row = s->table->order.next;
	c->phase = TOPO_AT_ROWS;
	e->what = TOPO_SNAPSHOT;
	e->incarnation = s->epoch;
	e->position = c->index;
	return true;
}

/* It was there before the index. */
static bool shows(const struct topo_cursor *c, const struct topo_source *s,
		  const struct topo_row *row)
{
	return row->withdrawn >= c->index && topo_row_matches(row, s->request, s->own_node);
}

/* The rows that are younger than the index come last. NULL: there is none. */
static const struct topo_row *next_shown(struct topo_cursor *c, const struct topo_source *s)
{
	assert(c->row && c->index <= s->log->next);
	while (c->row != &s->table->order) {
		const struct topo_row *row = list_entry(c->row, struct topo_row, order);

		if (row->published >= c->index)
			return NULL;
		c->row = c->row->next;
		if (shows(c, s, row))
			return row;
	}
	return NULL;
}

static bool at_last_row(struct topo_cursor *c, const struct topo_source *s, struct topo_event *e)
{
	e->what = TOPO_SNAPSHOT_END;
	e->incarnation = s->epoch;
	e->position = c->index;
	e->n_skipped = TOPO_SKIPPED_UNKNOWN;
	c->row = NULL;
	if (!reaches(c, s)) {
		lost(c, s);
		return true;
	}
	e->position = c->index;
	e->n_skipped = c->n_skipped;
	c->n_skipped = 0;
	c->whole = true;
	c->phase = TOPO_AT_TAIL;
	return true;
}

static bool at_rows(struct topo_cursor *c, const struct topo_source *s, struct topo_event *e)
{
	const struct topo_row *row = next_shown(c, s);

	if (!row)
		return at_last_row(c, s, e);
	e->what = TOPO_PUBLISHED;
	e->flags = TOPO_EV_OF_SNAPSHOT;
	e->position = c->index;
	about_row(e, row);
	return true;
}

/* Entry i belongs to a group of which the request takes another one behind it. */
static bool group_goes_on(const struct topo_source *s, uint64_t i)
{
	while (topo_log_has(s->log, i, TOPO_LOG_GROUP))
		if (takes(s, ++i))
			return true;
	return false;
}

static bool entry(struct topo_cursor *c, const struct topo_source *s, struct topo_event *e)
{
	uint64_t i = next_taken(s, c->index);

	assert(i < s->log->next);
	if (i >= c->until) {
		c->phase = TOPO_AT_TIMEOUT;
		return topo_cursor_next(c, s, e);
	}
	e->what = topo_log_has(s->log, i, TOPO_LOG_WITHDRAWN) ? TOPO_WITHDRAWN : TOPO_PUBLISHED;
	e->flags = group_goes_on(s, i) ? TOPO_EV_GROUP : 0;
	e->position = i + 1;
	about_row(e, topo_log_row(s->log, i));
	c->index = i + 1;
	c->n_pending--;
	return true;
}

static bool at_tail(struct topo_cursor *c, const struct topo_source *s, struct topo_event *e)
{
	if (c->index >= c->until || (!c->n_pending && c->until != TOPO_NEVER)) {
		c->phase = TOPO_AT_TIMEOUT;
		return topo_cursor_next(c, s, e);
	}
	if (!reaches(c, s)) {
		lost(c, s);
		return topo_cursor_next(c, s, e);
	}
	return c->n_pending && entry(c, s, e);
}

static bool at_last(struct topo_cursor *c, struct topo_event *e, enum topo_what what)
{
	c->phase = TOPO_AT_END;
	e->what = (uint8_t)what;
	return true;
}

bool topo_cursor_next(struct topo_cursor *c, const struct topo_source *s, struct topo_event *ret)
{
	*ret = (struct topo_event){ .usr = s->request->usr };
	switch ((enum topo_phase)c->phase) {
	case TOPO_AT_SNAPSHOT:	return at_snapshot(c, s, ret);
	case TOPO_AT_ROWS:	return at_rows(c, s, ret);
	case TOPO_AT_TAIL:	return at_tail(c, s, ret);
	case TOPO_AT_OVERRUN:	return at_last(c, ret, TOPO_OVERRUN);
	case TOPO_AT_TIMEOUT:	return at_last(c, ret, TOPO_TIMEOUT);
	case TOPO_AT_END:	break;
	}
	return false;
}
