/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_edge.h"

#include <assert.h>
#include <errno.h>

#include "proto/list.h"

struct edge {
	struct topo_link found;
	struct topo_name name;
	uint32_t n;		/* publications */
	bool told;
};

int topo_edges_init(struct topo_edges *e, const struct topo_memory *m)
{
	return topo_hash_init(&e->found, m);
}

void topo_edges_fini(struct topo_edges *e, const struct topo_memory *m)
{
	for (uint32_t i = 0; i < e->found.n_buckets; i++) {
		struct topo_link *l = topo_hash_first(&e->found, i), *next;

		for (; l; l = next) {
			next = l->next;
			topo_release(m, list_entry(l, struct edge, found));
		}
	}
	topo_hash_fini(&e->found, m);
}

static uint32_t hash_of(const struct topo_name *name)
{
	return topo_hash_mix(topo_hash_mix(name->type, name->lower), name->upper);
}

static struct edge *find(const struct topo_edges *e, const struct topo_name *name)
{
	struct topo_link *l = topo_hash_first(&e->found, hash_of(name));

	for (; l; l = l->next) {
		struct edge *edge = list_entry(l, struct edge, found);

		if (edge->name.type == name->type && edge->name.lower == name->lower &&
		    edge->name.upper == name->upper)
			return edge;
	}
	return NULL;
}

int topo_edge_up(struct topo_edges *e, const struct topo_memory *m, const struct topo_name *name)
{
	struct edge *edge = find(e, name);

	if (!edge) {
		edge = topo_alloc(m, sizeof *edge);
		if (!edge)
			return -ENOMEM;
		*edge = (struct edge){ .name = *name };
		topo_hash_add(&e->found, m, &edge->found, hash_of(name));
	}
	edge->n++;
	return 0;
}

bool topo_edge_tell(struct topo_edges *e, const struct topo_name *name)
{
	struct edge *edge = find(e, name);
	bool first;

	assert(edge && edge->n);
	first = !edge->told;
	edge->told = true;
	return first;
}

bool topo_edge_down(struct topo_edges *e, const struct topo_memory *m,
		    const struct topo_name *name)
{
	struct edge *edge = find(e, name);
	bool told;

	assert(edge && edge->n);
	if (--edge->n)
		return false;
	told = edge->told;
	topo_hash_remove(&e->found, &edge->found);
	topo_release(m, edge);
	return told;
}
