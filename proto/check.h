/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold in a core between two calls, asserted where it is built with SINEW_CHECK, as
 * the tests are. Products do not pay for it.
 */
#ifndef SINEW_PROTO_CHECK_H
#define SINEW_PROTO_CHECK_H

#include "core.h"

#ifdef SINEW_CHECK
/* Nothing is left to poll. */
void core_check(struct core *core);
/* Nothing is being read, and all timers that were due have run. */
void core_check_tick(struct core *core);
#else
static inline void core_check(struct core *core)
{
	(void)core;
}

static inline void core_check_tick(struct core *core)
{
	(void)core;
}
#endif

#endif
