/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the core of the topology server has its memory from: its user's. Knows nothing of it.
 */
#ifndef SINEW_SERVICES_TOPO_MEMORY_H
#define SINEW_SERVICES_TOPO_MEMORY_H

#include <stddef.h>

struct topo_memory {
	/* n bytes, not 0, with the alignment of max_align_t; NULL: there are none. */
	void *(*alloc)(void *user, size_t n);
	void (*release)(void *user, void *p);
	void *user;
};

static inline void *topo_alloc(const struct topo_memory *m, size_t n)
{
	return m->alloc(m->user, n);
}

/* NULL is nothing. */
static inline void topo_release(const struct topo_memory *m, void *p)
{
	if (p)
		m->release(m->user, p);
}

#endif
