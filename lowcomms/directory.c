/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/directory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMER_MAX	128u	/* removed peers whose ended lives are known */

int directory_open(struct directory *d)
{
	list_init(&d->leaving);
	return -pthread_mutex_init(&d->lock, NULL);
}

void directory_clear(struct directory *d)
{
	directory_forget_former(d);
	for (unsigned i = 0; i < MEMBER_HASH; i++) {
		struct member *m;

		while ((m = d->members[i])) {
			d->members[i] = m->hash_next;
			free(m);
		}
	}
}

void directory_close(struct directory *d)
{
	pthread_mutex_destroy(&d->lock);
}

/* ---- the table ---- */

static struct member **bucket(struct directory *d, uint32_t nodeid)
{
	return &d->members[nodeid % MEMBER_HASH];
}

struct member *directory_find(struct directory *d, uint32_t nodeid)
{
	struct member *m = *bucket(d, nodeid);

	lock_order_held(LOCK_DIRECTORY);
	while (m && m->nodeid != nodeid)
		m = m->hash_next;
	return m;
}

int directory_add(struct directory *d, struct member *m, unsigned most)
{
	assert(m->nodeid && !m->hash_next);
	if (directory_find(d, m->nodeid))
		return -EEXIST;
	if (d->n_members >= most)
		return -ENOSPC;
	m->hash_next = *bucket(d, m->nodeid);
	*bucket(d, m->nodeid) = m;
	d->n_members++;
	return 0;
}

struct member *directory_take(struct directory *d, uint32_t nodeid)
{
	struct member **pp = bucket(d, nodeid), *m;

	lock_order_held(LOCK_DIRECTORY);
	while (*pp && (*pp)->nodeid != nodeid)
		pp = &(*pp)->hash_next;
	m = *pp;
	assert(!m || d->n_members);
	if (m) {
		*pp = m->hash_next;
		d->n_members--;
	}
	return m;
}

bool directory_withdraw(struct directory *d, struct member *m)
{
	bool there;

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
	struct member **pp = &d->former;
	unsigned kept = 0;

	assert(!m->peer.session && list_empty(&m->peer.links) && list_empty(&m->leaving));
	m->hash_next = d->former;
	d->former = m;
	while (*pp && kept++ < FORMER_MAX)
		pp = &(*pp)->hash_next;
	/* At most one is too many. */
	m = *pp;
	*pp = NULL;
	free(m);
}

struct member *directory_take_former(struct directory *d, uint32_t nodeid)
{
	struct member **pp = &d->former, *m;

	while (*pp && (*pp)->nodeid != nodeid)
		pp = &(*pp)->hash_next;
	m = *pp;
	if (m)
		*pp = m->hash_next;
	return m;
}

void directory_forget_former(struct directory *d)
{
	struct member *m;

	while ((m = d->former)) {
		d->former = m->hash_next;
		free(m);
	}
}
