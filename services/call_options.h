/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of the calls of a node: defaults, checks, and those that change while it runs. Knows
 * no call.
 */
#ifndef SINEW_SERVICES_CALL_OPTIONS_H
#define SINEW_SERVICES_CALL_OPTIONS_H

#include "services/owner.h"

/* The given ones (NULL: none), with defaults in place of 0. False: one is out of range. */
bool call_options_take(struct sinew_calls_options *ret, const struct sinew_calls_options *given);
/* Among the options of the node from now on. */
void call_options_show(struct sinew_calls *o);
/* Of struct service_ops: in force for new sessions, and those that are there. Loop. */
void call_options_change(void *user, unsigned index, uint64_t value);

#endif
