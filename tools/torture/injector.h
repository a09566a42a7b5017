/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has the kernel destroy connections between the nodes of a run, at a pace.
 * Knows nothing of what goes over them, and counts nothing: that do the nodes.
 */
#ifndef TOOLS_TORTURE_INJECTOR_H
#define TOOLS_TORTURE_INJECTOR_H

#include "tools/torture/run_log.h"

struct injector;

/* STATUS_OK, or it says why not. s->breaker is BREAKER_DESTROY. */
int injector_open(struct injector **ret_injector, const struct settings *s,
		  struct run_log *run_log);
void injector_close(struct injector *k);
/* Destroys those that are due. */
void injector_step(struct injector *k, uint64_t now_ns);
/* When the next ones are due. */
uint64_t injector_deadline(const struct injector *k);

#endif
