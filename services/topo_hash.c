/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "topo_hash.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

static struct topo_link **new_buckets(const struct topo_memory *m, size_t n)
{
	struct topo_link **b;

	if (n > SIZE_MAX / sizeof *b)
		return NULL;
	b = topo_alloc(m, n * sizeof *b);
	for (size_t i = 0; b && i < n; i++)
		b[i] = NULL;
	return b;
}

int topo_hash_init(struct topo_hash *h, const struct topo_memory *m)
{
	*h = (struct topo_hash){ .n_buckets = TOPO_HASH_MIN };
	h->buckets = new_buckets(m, h->n_buckets);
	return h->buckets ? 0 : -ENOMEM;
}

void topo_hash_fini(struct topo_hash *h, const struct topo_memory *m)
{
	topo_release(m, h->buckets);
}

static struct topo_link **bucket_of(const struct topo_hash *h, uint32_t hash)
{
	assert(h->n_buckets && !(h->n_buckets & (h->n_buckets - 1)));
	return &h->buckets[hash & (h->n_buckets - 1)];
}

/* Twice as many buckets. Each link stays before those of its chain that it was before. */
static void grow(struct topo_hash *h, const struct topo_memory *m)
{
	struct topo_hash more = { .n_buckets = h->n_buckets * 2, .n = h->n };

	more.buckets = more.n_buckets ? new_buckets(m, more.n_buckets) : NULL;
	if (!more.buckets)
		return;
	for (uint32_t i = 0; i < h->n_buckets; i++) {
		struct topo_link *l = h->buckets[i], **tail[2];

		tail[0] = &more.buckets[i];
		tail[1] = &more.buckets[i + h->n_buckets];
		for (; l; l = l->next) {
			struct topo_link ***t = &tail[(l->hash & h->n_buckets) != 0];

			**t = l;
			*t = &l->next;
		}
		*tail[0] = *tail[1] = NULL;
	}
	topo_release(m, h->buckets);
	*h = more;
}

void topo_hash_add(struct topo_hash *h, const struct topo_memory *m, struct topo_link *l,
		   uint32_t hash)
{
	struct topo_link **b;

	assert(h->buckets);
	if (h->n >= h->n_buckets)
		grow(h, m);
	b = bucket_of(h, hash);
	l->hash = hash;
	l->next = *b;
	*b = l;
	h->n++;
}

void topo_hash_remove(struct topo_hash *h, struct topo_link *l)
{
	struct topo_link **at = bucket_of(h, l->hash);

	while (*at != l) {
		assert(*at);
		at = &(*at)->next;
	}
	assert(h->n);
	*at = l->next;
	h->n--;
}
