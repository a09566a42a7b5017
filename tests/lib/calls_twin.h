/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each step of a plain call is done twice in the small world, once plainly and once by the
 * functions that it stands for, from the same state: both must lead to the same memory and the same
 * bytes. Then the world is as it was. must() tells of a difference.
 */
#ifndef SINEW_TESTS_LIB_CALLS_TWIN_H
#define SINEW_TESTS_LIB_CALLS_TWIN_H

#include "tests/lib/calls_world.h"

enum twin { TWIN_BEGIN, TWIN_CAME, TWIN_NEW, TWIN_REPLY, TWIN_ANSWER, TWIN_LET_GO, TWINS };

/* How many there were; none are made before this is set. */
extern bool twins_on;
extern unsigned long twins_made[TWINS];

/* Before the world does it; a step that is not plain is left alone. */
void twin_begin(struct calls *c, struct call *call, const struct calls_begin *b);
void twin_frame(struct calls *c, const uint8_t *body, size_t len);
void twin_new(struct calls *c);
void twin_reply(struct call *call, const uint8_t *p, size_t n);
void twin_let_go(struct call *call);

#endif
