/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options: defaults, checks, limits. Knows names and numbers only.
 */
#ifndef SINEW_LOWCOMMS_OPTIONS_H
#define SINEW_LOWCOMMS_OPTIONS_H

#include "lowcomms/node.h"

/* Defaults for what is 0, then checks; the first fault goes to the log. */
int options_take(struct sinew_node *n, const struct sinew_options *opt);
/* cb may be NULL: there are none. */
int callbacks_take(struct sinew_node *n, const struct sinew_callbacks *cb);

#endif
