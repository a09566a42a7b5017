/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/heap.h"

#include <stdlib.h>

static void *take(void *user, size_t n)
{
	(void)user;
	return malloc(n);
}

static void give(void *user, void *p)
{
	(void)user;
	free(p);
}

const struct topo_memory heap_memory = { .alloc = take, .release = give };
