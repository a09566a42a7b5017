/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/server_subs.h"

#include <assert.h>

#include "services/heap.h"

static uint32_t hash_of(const struct server_client *conn, uint32_t id)
{
	uint64_t address = (uintptr_t)conn;

	return topo_hash_mix(topo_hash_mix((uint32_t)address, (uint32_t)(address >> 32)), id);
}

static struct server_sub *sub_of(struct topo_link *l)
{
	return list_entry(l, struct server_sub, found);
}

int subs_init(struct server_subs *subs)
{
	return topo_hash_init(&subs->found, &heap_memory);
}

void subs_fini(struct server_subs *subs)
{
	assert(!subs->found.n);
	topo_hash_fini(&subs->found, &heap_memory);
}

void subs_add(struct server_subs *subs, struct server_sub *sub)
{
	assert(sub->conn && sub->taker.kind == TAKER_CLIENT);
	assert(!subs_find(subs, sub->conn, sub->id, NULL));
	topo_hash_add(&subs->found, &heap_memory, &sub->found, hash_of(sub->conn, sub->id));
}

void subs_remove(struct server_subs *subs, struct server_sub *sub)
{
	assert(subs->found.n && sub->found.hash == hash_of(sub->conn, sub->id));
	topo_hash_remove(&subs->found, &sub->found);
}

struct server_sub *subs_find(const struct server_subs *subs, const struct server_client *conn,
			     uint32_t id, unsigned *ret_n)
{
	struct topo_link *l = topo_hash_first(&subs->found, hash_of(conn, id));
	unsigned n = l != NULL;

	while (l && (sub_of(l)->conn != conn || sub_of(l)->id != id)) {
		l = l->next;
		n += l != NULL;
	}
	if (ret_n)
		*ret_n = n;
	return l ? sub_of(l) : NULL;
}
