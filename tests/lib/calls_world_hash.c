/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns which states of the world are the same: counters do not count, nor do positions in a ring
 * that all have passed, nor calls that were let go.
 */
#include "calls_world.h"

#include <string.h>

static uint64_t place_of(const struct world_end *w, uint64_t position)
{
	uint64_t arrived = w->position - w->n_channel;

	if (!position)
		return 0;
	return position <= arrived ? 1 : position - arrived + 1;
}

static uint64_t mix(const void *mem, size_t n)
{
	const uint8_t *p = mem;
	uint64_t h = 0x9e3779b97f4a7c15, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * UINT64_C(0xd6e8feb86659fd93);
		h ^= h >> 32;
	}
	return h;
}

uint64_t world_hash(void)
{
	static struct world w;

	memcpy(&w, &world, sizeof w);
	for (unsigned id = 0; id < WORLD_CALLS; id++) {
		const struct world_end *from = &w.ends[world_plan->calls[id].from];

		w.calls[id].begin_end = place_of(from, w.calls[id].begin_end);
		w.calls[id].last_end = place_of(from, w.calls[id].last_end);
		if (w.known[id].gone)
			memset(&w.calls[id], 0, sizeof w.calls[id]);
	}
	for (unsigned e = 0; e < 2; e++) {
		struct calls *c = &w.ends[e].c;

		memset(&c->n, 0, sizeof c->n);
		/* Its memory lies in the copy at the same place. */
		for (unsigned i = 0; i < world_plan->slots; i++)
			((struct call *)w.ends[e].mem)[i].last_end = 0;
	}
	for (unsigned e = 0; e < 2; e++)
		w.ends[e].position = w.ends[e].n_channel;
	return mix(&w, sizeof w);
}
