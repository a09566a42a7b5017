/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash of structs that have a link as a member; it grows with them. Owns its buckets, none of the
 * structs. Knows no keys: its user compares them.
 */
#ifndef SINEW_SERVICES_TOPO_HASH_H
#define SINEW_SERVICES_TOPO_HASH_H

#include <stdint.h>

#include "topo_memory.h"

#define TOPO_HASH_MIN	64u	/* buckets that it begins with; always a power of 2 */

struct topo_link {
	struct topo_link *next;
	uint32_t hash;
};

struct topo_hash {
	struct topo_link **buckets;
	uint32_t n_buckets, n;
};

/* 0 or -ENOMEM. */
int topo_hash_init(struct topo_hash *h, const struct topo_memory *m);
void topo_hash_fini(struct topo_hash *h, const struct topo_memory *m);

/* The first of those that may have this hash, NULL: there is none; then ->next. */
static inline struct topo_link *topo_hash_first(const struct topo_hash *h, uint32_t hash)
{
	return h->buckets[hash & (h->n_buckets - 1)];
}

/* Found before all others of the same hash. Without memory for more buckets its chains grow. */
void topo_hash_add(struct topo_hash *h, const struct topo_memory *m, struct topo_link *l,
		   uint32_t hash);
/* l is in it. */
void topo_hash_remove(struct topo_hash *h, struct topo_link *l);

/* Mixes another word of a key in. */
static inline uint32_t topo_hash_mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * UINT32_C(0x9e3779b1);
	return hash ^ hash >> 15;
}

#endif
