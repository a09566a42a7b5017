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

static uint64_t mixed(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

/* Each of several lanes waits for its own last multiplication alone. No loop goes over them, since
 * compilers make vectors of that, which have no such multiplication. */
static uint64_t mix(const void *mem, size_t n)
{
	enum { LANES = 4 };
	uint64_t h[LANES], v[LANES], all = n;
	const uint8_t *p = mem;

	for (unsigned i = 0; i < LANES; i++)
		h[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
	for (; n >= sizeof v; n -= sizeof v, p += sizeof v) {
		memcpy(v, p, sizeof v);
		h[0] = mixed(h[0], v[0]);
		h[1] = mixed(h[1], v[1]);
		h[2] = mixed(h[2], v[2]);
		h[3] = mixed(h[3], v[3]);
	}
	memset(v, 0, sizeof v);
	memcpy(v, p, n);
	for (unsigned i = 0; i < LANES; i++)
		all = mixed(mixed(all, h[i]), v[i]);
	return all;
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
