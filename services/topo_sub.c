/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_sub.h"

#include <assert.h>
#include <errno.h>

#include "topo_check.h"

#define NS_PER_MS	UINT64_C(1000000)

void topo_subs_init(struct topo_subs *subs, const struct topo_memory *m,
		    const struct topo_source *source, uint32_t max)
{
	*subs = (struct topo_subs){
		.memory = *m, .source = *source, .deadline_ns = TOPO_NEVER, .max = max,
	};
	for (unsigned i = 0; i < TOPO_SUB_LISTS; i++)
		list_init(&subs->of_type[i]);
	list_init(&subs->of_all);
	list_init(&subs->ready);
	list_init(&subs->timed);
	list_init(&subs->showing);
}

static void free_all(struct topo_subs *subs, struct list *head)
{
	list_each(struct topo_sub, sub, head, peers)
		topo_cancel(subs, sub);
}

void topo_subs_fini(struct topo_subs *subs)
{
	for (unsigned i = 0; i < TOPO_SUB_LISTS; i++)
		free_all(subs, &subs->of_type[i]);
	free_all(subs, &subs->of_all);
}

static struct list *list_of(struct topo_subs *subs, uint32_t type)
{
	return type == TOPO_TYPE_ANY ? &subs->of_all : &subs->of_type[type % TOPO_SUB_LISTS];
}

static struct topo_source source_of(const struct topo_subs *subs, const struct topo_sub *sub)
{
	struct topo_source s = subs->source;

	s.request = &sub->request;
	return s;
}

static bool at_end_of_log(const struct topo_sub *sub)
{
	const struct topo_cursor *c = &sub->cursor;

	return c->phase == TOPO_AT_TAIL && !c->n_pending && c->until == TOPO_NEVER;
}

static void make_ready(struct topo_subs *subs, struct topo_sub *sub)
{
	assert(!topo_ended(sub));
	sub->waits = false;
	if (list_empty(&sub->ready))
		list_append(&subs->ready, &sub->ready);
}

static void arm(struct topo_subs *subs, uint64_t at_ns)
{
	if (at_ns < subs->deadline_ns)
		subs->deadline_ns = at_ns;
}

static void limit_time(struct topo_subs *subs, struct topo_sub *sub, uint64_t now_ns)
{
	uint32_t ms = sub->request.timeout_ms;

	if (ms == 0)
		sub->cursor.until = subs->source.log->next;
	if (ms == 0 || ms == TOPO_TIMEOUT_NONE)
		return;
	sub->deadline_ns = now_ns + ms * NS_PER_MS;
	list_append(&subs->timed, &sub->timed);
	arm(subs, sub->deadline_ns);
}

int topo_subscribe(struct topo_subs *subs, const struct topo_request *r, uint64_t now_ns,
		   void *user, struct topo_sub **ret)
{
	struct topo_source s;
	struct topo_sub *sub;

	assert(r->name.lower <= r->name.upper && !(r->flags & ~TOPO_REQ_FLAGS));
	if (subs->n >= subs->max)
		return -ENOSPC;
	sub = topo_alloc(&subs->memory, sizeof *sub);
	if (!sub)
		return -ENOMEM;
	*sub = (struct topo_sub){ .request = *r, .user = user, .deadline_ns = TOPO_NEVER };
	list_append(list_of(subs, r->name.type), &sub->peers);
	list_init(&sub->ready);
	list_init(&sub->timed);
	list_init(&sub->showing);
	s = source_of(subs, sub);
	topo_cursor_begin(&sub->cursor, &s);
	limit_time(subs, sub, now_ns);
	subs->n++;
	if (at_end_of_log(sub))
		sub->waits = true;
	else
		make_ready(subs, sub);
	topo_check(subs);
	*ret = sub;
	return 0;
}

void topo_cancel(struct topo_subs *subs, struct topo_sub *sub)
{
	assert(subs->n);
	list_remove(&sub->peers);
	list_remove(&sub->ready);
	list_remove(&sub->timed);
	list_remove(&sub->showing);
	subs->n--;
	subs->filled = NULL;
	topo_release(&subs->memory, sub);
	topo_check(subs);
}

bool topo_has_news(const struct topo_subs *subs)
{
	return !list_empty(&subs->ready);
}

struct topo_sub *topo_pull(struct topo_subs *subs)
{
	struct topo_sub *sub;

	if (list_empty(&subs->ready))
		return NULL;
	sub = list_first(&subs->ready, struct topo_sub, ready);
	list_remove(&sub->ready);
	assert(!sub->waits);
	return sub;
}

bool topo_ended(const struct topo_sub *sub)
{
	return sub->cursor.phase == TOPO_AT_END;
}

bool topo_has(const struct topo_sub *sub)
{
	return !sub->waits && !topo_ended(sub);
}

size_t topo_fill(struct topo_subs *subs, struct topo_sub *sub, uint8_t *buf, size_t room)
{
	struct topo_source s = source_of(subs, sub);
	struct topo_cursor c = sub->cursor, next = c;
	struct topo_event e;
	size_t n = 0;

	assert(room >= TOPO_EVENT_MAX);
	while (!sub->waits && topo_cursor_next(&next, &s, &e) &&
	       topo_event_size(e.attr_len) <= room - n) {
		n += topo_event_put(buf + n, &e);
		c = next;
	}
	assert((n != 0) == topo_has(sub));
	subs->filled = sub;
	subs->behind = c;
	return n;
}

/* The row at which its cursor stands is known to be one. */
static void pin(struct topo_subs *subs, const struct topo_sub *sub)
{
	struct list *at = sub->cursor.row;

	assert(sub->cursor.phase == TOPO_AT_ROWS && at);
	if (at != &subs->source.table->order)
		list_entry(at, struct topo_row, order)->flags |= TOPO_ROW_PINNED;
}

void topo_taken(struct topo_subs *subs, struct topo_sub *sub)
{
	assert(subs->filled == sub);
	subs->filled = NULL;
	sub->cursor = subs->behind;
	list_remove(&sub->showing);
	if (sub->cursor.phase == TOPO_AT_ROWS) {
		list_append(&subs->showing, &sub->showing);
		pin(subs, sub);
	}
	sub->waits = at_end_of_log(sub);
	if (!topo_has(sub))
		list_remove(&sub->ready);
	topo_check(subs);
}

uint64_t topo_lag(const struct topo_sub *sub)
{
	return topo_has(sub) ? sub->cursor.n_pending : 0;
}

uint32_t topo_overruns(const struct topo_sub *sub)
{
	return sub->cursor.n_overruns;
}

uint64_t topo_deadline(const struct topo_subs *subs)
{
	return subs->deadline_ns;
}

/* Entries behind the present end are not for it, but the end of its time is. */
static void time_is_over(struct topo_subs *subs, struct topo_sub *sub)
{
	assert(sub->cursor.until == TOPO_NEVER);
	list_remove(&sub->timed);
	sub->cursor.until = subs->source.log->next;
	if (!sub->waits)
		return;
	sub->cursor.index = sub->cursor.until;
	make_ready(subs, sub);
}

void topo_tick(struct topo_subs *subs, uint64_t now_ns)
{
	if (now_ns < subs->deadline_ns)
		return;
	subs->filled = NULL;
	subs->deadline_ns = TOPO_NEVER;
	list_each(struct topo_sub, sub, &subs->timed, timed) {
		if (sub->deadline_ns <= now_ns)
			time_is_over(subs, sub);
		else
			arm(subs, sub->deadline_ns);
	}
	topo_check(subs);
}

static void tell(struct topo_subs *subs, struct list *head, const struct topo_row *row)
{
	const struct topo_log *log = subs->source.log;

	list_each(struct topo_sub, sub, head, peers) {
		if (!topo_row_matches(row, &sub->request, subs->source.own_node))
			continue;
		sub->cursor.n_pending++;
		if (!sub->waits)
			continue;
		sub->cursor.index = log->next - 1;
		make_ready(subs, sub);
	}
}

void topo_subs_changed(struct topo_subs *subs)
{
	const struct topo_row *row = topo_log_row(subs->source.log, subs->source.log->next - 1);

	subs->filled = NULL;
	tell(subs, list_of(subs, row->name.type), row);
	tell(subs, &subs->of_all, row);
}

void topo_subs_row_goes(struct topo_subs *subs, const struct topo_row *row)
{
	if (!(row->flags & TOPO_ROW_PINNED))
		return;
	subs->filled = NULL;
	list_each(struct topo_sub, sub, &subs->showing, showing) {
		if (sub->cursor.row != &row->order)
			continue;
		sub->cursor.row = row->order.next;
		pin(subs, sub);
	}
}
