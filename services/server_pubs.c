/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_pubs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/heap.h"

_Static_assert(TOPO_ATTR_MAX == SINEW_TOPO_ATTR_MAX, "attributes");
_Static_assert((int)TOPO_SCOPE_NODE == SINEW_SCOPE_NODE &&
	       (int)TOPO_SCOPE_CLUSTER == SINEW_SCOPE_CLUSTER, "scopes");

int pubs_init(struct server *s)
{
	return topo_hash_init(&s->pubs.found, &heap_memory);
}

void pubs_fini(struct server *s)
{
	assert(!s->pubs.found.n);
	topo_hash_fini(&s->pubs.found, &heap_memory);
}

/* ---- of programs ---- */

static uint32_t hash_of(const struct server_publisher *by, uint32_t id)
{
	uint64_t address = (uintptr_t)by;

	return topo_hash_mix(topo_hash_mix((uint32_t)address, (uint32_t)(address >> 32)), id);
}

static struct server_pub *pub_of(struct topo_link *l)
{
	return list_entry(l, struct server_pub, found);
}

static struct server_pub *find(struct server *s, const struct server_publisher *by, uint32_t id)
{
	struct topo_link *l = topo_hash_first(&s->pubs.found, hash_of(by, id));

	while (l && (pub_of(l)->by != by || pub_of(l)->id != id))
		l = l->next;
	return l ? pub_of(l) : NULL;
}

static void forget(struct server *s, struct server_pub *p)
{
	topo_hash_remove(&s->pubs.found, &p->found);
	list_remove(&p->of);
	free(p);
}

void publisher_init(struct server *s, struct server_publisher *by, uint32_t max)
{
	topo_owner_init(&by->owner, &s->topo, TOPO_LOCAL, max);
	list_init(&by->pubs);
}

void publisher_leave(struct server *s, struct server_publisher *by)
{
	topo_leave(&s->topo, &by->owner);
	list_each(struct server_pub, p, &by->pubs, of)
		forget(s, p);
	assert(list_empty(&by->pubs));
}

int pubs_add(struct server *s, struct server_publisher *by, uint32_t id,
	     const struct topo_offer *offer, uint32_t *ret_pub)
{
	struct server_pub *p;
	int err;

	if (find(s, by, id))
		return -EEXIST;
	p = malloc(sizeof *p);
	if (!p)
		return -ENOMEM;
	*p = (struct server_pub) { .by = by, .id = id };
	err = topo_publish_next(&s->topo, &by->owner, offer, &p->pub);
	if (err) {
		free(p);
		return err;
	}
	topo_hash_add(&s->pubs.found, &heap_memory, &p->found, hash_of(by, id));
	list_append(&by->pubs, &p->of);
	*ret_pub = p->pub;
	return 0;
}

int pubs_withdraw(struct server *s, struct server_publisher *by, uint32_t id)
{
	struct server_pub *p = find(s, by, id);
	int err;

	if (!p)
		return -ENOENT;
	err = topo_withdraw(&s->topo, &by->owner, p->pub);
	assert(err != -EPERM && p->by == by);
	forget(s, p);
	return err;
}

/* ---- of the library ---- */

uint32_t pubs_publish(struct server *s, uint32_t type, uint32_t instance, enum sinew_scope scope,
		      const char *attr)
{
	size_t len = strlen(attr);
	struct topo_offer offer = {
		.name = { type, instance, instance }, .scope = (uint8_t)scope,
		.attr_len = (uint16_t)(len < TOPO_ATTR_MAX ? len : TOPO_ATTR_MAX),
		.attr = (const uint8_t *)attr,
	};
	uint32_t pub = 0;

	assert(type < TOPO_TYPE_FIRST && type != TOPO_TOPOLOGY);
	if (topo_publish_next(&s->topo, &s->library, &offer, &pub))
		return 0;
	return pub;
}

bool pubs_has(const struct server *s, uint32_t pub, const char *attr)
{
	struct topo_id id = { s->library.incarnation, s->library.node, pub };
	const struct topo_row *row = topo_table_find(&s->topo.table, &id);

	return row && row->attr_len == strlen(attr) && !memcmp(row->attr, attr, row->attr_len);
}

void pubs_end(struct server *s, uint32_t *pub)
{
	int err = *pub ? topo_withdraw(&s->topo, &s->library, *pub) : 0;

	assert(err != -EPERM);
	(void)err;
	*pub = 0;
}

/* ---- a new incarnation ---- */

/* One publication of an owner that had the incarnation before goes to the other one. */
static void move(struct server *s, struct topo_owner *from, struct topo_owner *to, uint32_t pub)
{
	struct topo_id id = { from->incarnation, from->node, pub };
	struct topo_row *row = topo_table_find(&s->topo.table, &id);
	uint8_t attr[TOPO_ATTR_MAX];
	struct topo_offer offer;
	int err;

	assert(from->incarnation != to->incarnation);
	/* There was no memory for it when the incarnation before came. */
	if (!row)
		return;
	offer = topo_row_offer(row);
	memcpy(attr, row->attr, row->attr_len);
	offer.attr = attr;
	err = topo_withdraw(&s->topo, from, pub);
	assert(!err);
	err = topo_publish(&s->topo, to, &offer, pub);
	(void)err;
}

static struct topo_owner renewed(struct server *s, const struct topo_owner *from)
{
	struct topo_owner to;

	assert(s->topo.cfg.own_incarnation == s->incarnation);
	topo_owner_init(&to, &s->topo, from->kind, from->max);
	return to;
}

/* to, whose rows are listed by it, at the place of from. */
static void replace(struct topo_owner *from, struct topo_owner *to)
{
	assert(list_empty(&from->rows));
	*from = *to;
	list_init(&from->rows);
	if (!list_empty(&to->rows))
		list_take(&to->rows, &from->rows);
	list_each(struct topo_row, row, &from->rows, kin)
		row->owner = from;
}

void publisher_renew(struct server *s, struct server_publisher *by)
{
	struct topo_owner to = renewed(s, &by->owner);

	list_init(&to.rows);
	list_each(struct server_pub, p, &by->pubs, of)
		move(s, &by->owner, &to, p->pub);
	replace(&by->owner, &to);
}

void pubs_renew(struct server *s)
{
	struct topo_owner to = renewed(s, &s->library);

	list_init(&to.rows);
	list_each(struct topo_row, row, &s->library.rows, kin)
		if (row->id.pub != TOPO_PUB_NODE)
			move(s, &s->library, &to, row->id.pub);
	topo_withdraw(&s->topo, &s->library, TOPO_PUB_NODE);
	replace(&s->library, &to);
}
