/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/directory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMER_MAX	128u	/* removed peers whose ended incarnations are known */

void member_free(struct member *m)
{
	if (m)
		free(m->name);
	free(m);
}

void directory_init(struct directory *d)
{
	for (unsigned i = 0; i < MEMBER_HASH; i++)
		list_init(&d->members[i]);
	list_init(&d->leaving);
	list_init(&d->former);
}

static void free_members(struct list *l)
{
	list_each(struct member, m, l, table) {
		list_remove(&m->table);
		member_free(m);
	}
}

void directory_clear(struct directory *d)
{
	directory_forget_former(d);
	for (unsigned i = 0; i < MEMBER_HASH; i++)
		free_members(&d->members[i]);
	free(d->own_name);
	d->own_name = NULL;
}

/* ---- the table ---- */

static struct list *bucket(struct directory *d, uint32_t nodeid)
{
	return &d->members[nodeid % MEMBER_HASH];
}

static struct member *find(const struct list *l, uint32_t nodeid)
{
	list_each(struct member, m, l, table)
		if (m->nodeid == nodeid)
			return m;
	return NULL;
}

struct member *directory_find(struct directory *d, uint32_t nodeid)
{
	lock_order_held(LOCK_DIRECTORY);
	return find(bucket(d, nodeid), nodeid);
}

int directory_add(struct directory *d, struct member *m, unsigned most)
{
	assert(m->nodeid && list_empty(&m->table));
	if (directory_find(d, m->nodeid))
		return -EEXIST;
	if (d->n_members - d->n_closing >= most || d->n_members >= 2 * most)
		return -ENOSPC;
	list_push(bucket(d, m->nodeid), &m->table);
	d->n_members++;
	return 0;
}

void directory_close(struct directory *d, struct member *m)
{
	lock_order_held(LOCK_DIRECTORY);
	assert(d->n_closing + !m->closing <= d->n_members);
	d->n_closing += !m->closing;
	m->closing = true;
}

struct member *directory_take(struct directory *d, uint32_t nodeid)
{
	struct member *m = directory_find(d, nodeid);

	assert(!m || d->n_members);
	if (m) {
		list_remove(&m->table);
		d->n_members--;
		d->n_closing -= m->closing;
	}
	return m;
}

bool directory_withdraw(struct directory *d, struct member *m)
{
	bool there;

	assert(m->in_core && list_empty(&m->leaving));
	directory_lock(d);
	there = directory_find(d, m->nodeid) == m;
	if (there)
		directory_take(d, m->nodeid);
	directory_unlock(d);
	return there;
}

void directory_refusal(struct directory *d, uint32_t nodeid, const char *text)
{
	struct member *m;

	directory_lock(d);
	m = directory_find(d, nodeid);
	if (m)
		snprintf(m->refusal, sizeof m->refusal, "%.*s", REFUSAL_MAX - 1, text);
	directory_unlock(d);
}

/* ---- removed ones ---- */

void directory_keep_former(struct directory *d, struct member *m)
{
	unsigned kept = 0;

	assert(!m->peer.session && list_empty(&m->peer.links) && list_empty(&m->leaving));
	list_push(&d->former, &m->table);
	list_each(struct member, old, &d->former, table)
		if (kept++ >= FORMER_MAX) {
			list_remove(&old->table);
			member_free(old);
		}
}

struct member *directory_take_former(struct directory *d, uint32_t nodeid)
{
	struct member *m = find(&d->former, nodeid);

	if (m)
		list_remove(&m->table);
	return m;
}

void directory_forget_former(struct directory *d)
{
	free_members(&d->former);
}
