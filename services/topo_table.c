/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int topo_table_init(struct topo_table *t, const struct topo_memory *m)
{
	list_init(&t->order);
	return topo_hash_init(&t->found, m);
}

void topo_table_fini(struct topo_table *t, const struct topo_memory *m)
{
	list_each(struct topo_row, row, &t->order, order)
		topo_release(m, row);
	topo_hash_fini(&t->found, m);
}

static uint32_t hash_of(const struct topo_id *id)
{
	uint32_t hash = topo_hash_mix(id->node, id->pub);

	hash = topo_hash_mix(hash, (uint32_t)id->incarnation);
	return topo_hash_mix(hash, (uint32_t)(id->incarnation >> 32));
}

static bool same_id(const struct topo_id *a, const struct topo_id *b)
{
	return a->pub == b->pub && a->node == b->node && a->incarnation == b->incarnation;
}

struct topo_row *topo_table_find(const struct topo_table *t, const struct topo_id *id)
{
	struct topo_link *l = topo_hash_first(&t->found, hash_of(id));

	for (; l; l = l->next) {
		struct topo_row *row = list_entry(l, struct topo_row, found);

		if (same_id(&row->id, id))
			return row;
	}
	return NULL;
}

struct topo_row *topo_table_add(struct topo_table *t, const struct topo_memory *m,
				const struct topo_id *id, const struct topo_offer *o)
{
	struct topo_row *row = topo_alloc(m, sizeof *row + o->attr_len);

	assert(o->attr_len <= TOPO_ATTR_MAX && o->name.lower <= o->name.upper);
	if (!row)
		return NULL;
	*row = (struct topo_row){
		.id = *id, .withdrawn = TOPO_NEVER, .name = o->name, .attr_len = o->attr_len,
		.scope = o->scope,
	};
	if (o->attr_len)
		memcpy(row->attr, o->attr, o->attr_len);
	list_append(&t->order, &row->order);
	list_init(&row->kin);
	topo_hash_add(&t->found, m, &row->found, hash_of(id));
	return row;
}

void topo_table_hide(struct topo_table *t, struct topo_row *row)
{
	assert(topo_table_n(t));
	topo_hash_remove(&t->found, &row->found);
}

void topo_table_free(const struct topo_memory *m, struct topo_row *row)
{
	assert(list_empty(&row->kin));
	list_remove(&row->order);
	topo_release(m, row);
}

bool topo_row_says(const struct topo_row *row, const struct topo_offer *o)
{
	return row->name.type == o->name.type && row->name.lower == o->name.lower &&
		row->name.upper == o->name.upper && row->scope == o->scope &&
		row->attr_len == o->attr_len &&
		(!o->attr_len || !memcmp(row->attr, o->attr, o->attr_len));
}

struct topo_offer topo_row_offer(const struct topo_row *row)
{
	return (struct topo_offer){
		.name = row->name, .scope = row->scope, .attr_len = row->attr_len,
		.attr = row->attr,
	};
}
