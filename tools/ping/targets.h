/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses of a node, ready to be asked. Knows nothing of when they are.
 */
#ifndef TOOLS_PING_TARGETS_H
#define TOOLS_PING_TARGETS_H

#include <stdint.h>

#include "membership/static.h"
#include "tools/ping/path.h"

/* Appends a path for each address of a node, dialled from our own on the same ring. *paths
 * grows by realloc(). A status, after it said what is wrong. */
int targets_add(const struct sinew_config *config, uint32_t own, uint32_t nodeid,
		struct path **paths, unsigned *n_paths);

#endif
