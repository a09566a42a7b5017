/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has the kernel destroy connections between the nodes of a run, at a pace.
 * Knows nothing of what goes over them, and counts nothing: that do the nodes.
 */
#ifndef TOOLS_TORTURE_KILLER_H
#define TOOLS_TORTURE_KILLER_H

#include "tools/torture/book.h"

struct killer;

/* STATUS_OK, or it says why not. s->breaker is BREAKER_DESTROY. */
int killer_open(struct killer **ret_killer, const struct settings *s, struct book *book);
void killer_close(struct killer *k);
/* Destroys those that are due. */
void killer_step(struct killer *k, uint64_t now_ns);
/* When the next ones are due. */
uint64_t killer_deadline(const struct killer *k);

#endif
