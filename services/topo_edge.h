/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts publications of the same {type, lower, upper}, so that the first and the last are known.
 * Pure. Owns the counts. Knows no publications.
 */
#ifndef SINEW_SERVICES_TOPO_EDGE_H
#define SINEW_SERVICES_TOPO_EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "topo_hash.h"
#include "topo_memory.h"
#include "topo_wire.h"

struct topo_edges {
	struct topo_hash found;
};

/* 0 or -ENOMEM. */
int topo_edges_init(struct topo_edges *e, const struct topo_memory *m);
void topo_edges_fini(struct topo_edges *e, const struct topo_memory *m);

/* One more of that name. 0 or -ENOMEM. */
int topo_edge_up(struct topo_edges *e, const struct topo_memory *m, const struct topo_name *name);
/* One that was counted is to be told. True: it is the first of its name that is. */
bool topo_edge_tell(struct topo_edges *e, const struct topo_name *name);
/* One less. True: the name was told, and this was the last of it. */
bool topo_edge_down(struct topo_edges *e, const struct topo_memory *m,
		    const struct topo_name *name);

#endif
