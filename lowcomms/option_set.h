/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of a node that runs: asked for by any thread, in force by the loop. Knows no text.
 */
#ifndef SINEW_LOWCOMMS_OPTION_SET_H
#define SINEW_LOWCOMMS_OPTION_SET_H

#include "lowcomms/node.h"

/* Loop thread: these are in force now; each that differs is logged and told. */
void options_run(struct sinew_node *n, const struct option_values *to);

#endif
