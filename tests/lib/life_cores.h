/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cores of a life: what they ask for is done, what arrives is given to them, and the trace
 * says so. Knows no story.
 */
#ifndef SINEW_TESTS_LIB_LIFE_CORES_H
#define SINEW_TESTS_LIB_LIFE_CORES_H

#include "tests/lib/life_net.h"

/* Before a core is called, it gets the time; after that all that it asks for is done. */
void enter(struct life_node *n);
void leave(struct life_node *n);

void broke(struct life_end *e, const char *how, bool eof);
void happen(struct life_event *ev);

#endif
