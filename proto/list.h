/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doubly linked lists, circular, whose entries are members of the listed structs. An entry that is
 * in no list points to itself. Owns nothing.
 */
#ifndef SINEW_PROTO_LIST_H
#define SINEW_PROTO_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

/* Of a list: it has no entries. Of an entry: it is in no list. */
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* The number of its entries, for checks: each is looked at. */
static inline unsigned list_length(const struct list *head)
{
	unsigned n = 0;

	for (const struct list *l = head->next; l != head; l = l->next) {
		assert(l->next->prev == l && l->prev->next == l);
		n++;
	}
	return n;
}

/* Inserts e, which is in no list, before at: the head of a list makes it the last entry. */
static inline void list_append(struct list *at, struct list *e)
{
	e->next = at;
	e->prev = at->prev;
	at->prev->next = e;
	at->prev = e;
}

/* The first entry. */
static inline void list_push(struct list *head, struct list *e)
{
	list_append(head->next, e);
}

/* One that is in no list stays so. */
static inline void list_remove(struct list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_init(e);
}

/* Moves all entries of another list behind those of this one. */
static inline void list_join(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(e, type, member) \
	((type *)((uintptr_t)(e) - offsetof(type, member)))

/* Of a list that is not empty. */
#define list_first(head, type, member) list_entry((head)->next, type, member)

/* Moves all entries to another head. */
static inline void list_take(struct list *from, struct list *ret_to)
{
	list_append(from, ret_to);
	list_remove(from);
}

/* Each entry, as pos; the body may take pos out of the list, and no other. */
#define list_each(type, pos, head, member) \
	for (type *pos = list_first(head, type, member), \
		  *pos##_next = list_first(&pos->member, type, member); \
	     &pos->member != (head); \
	     pos = pos##_next, pos##_next = list_first(&pos->member, type, member))

#endif
