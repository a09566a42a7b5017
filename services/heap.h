/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for the core of the topology, at its server and at its clients: the system's.
 */
#ifndef SINEW_SERVICES_HEAP_H
#define SINEW_SERVICES_HEAP_H

#include "services/topo_memory.h"

extern const struct topo_memory heap_memory;

#endif
