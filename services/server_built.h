/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Publications of the library: NODE, LINK and REACH by the cells, SERVICE by the services that are
 * bound, OPTION by changes. A NODE of another name or address is withdrawn and published again.
 * Knows nothing of programs.
 */
#ifndef SINEW_SERVICES_SERVER_BUILT_H
#define SINEW_SERVICES_SERVER_BUILT_H

#include "services/server_base.h"

/* The NODE of this node. */
void built_begin(struct server *s);
/* The cell of that number says so now. */
void built_cell(struct server *s, unsigned i, const struct cell_state *now);
/* The services that are bound, and were not when it was called last. */
void built_services(struct server *s);
/* That option has changed. */
void built_option(struct server *s, const char *name);
/* This node has a new incarnation. */
void built_renew(struct server *s);
/* All members go: the node does. */
void built_end(struct server *s);

#endif
