/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of a node that runs: asked for by any thread, in force by the loop. Knows no text.
 */
#ifndef SINEW_LOWCOMMS_OPTION_SET_H
#define SINEW_LOWCOMMS_OPTION_SET_H

#include "lowcomms/inbox.h"
#include "lowcomms/node.h"
#include "lowcomms/sinew-manage.h"

/* As sinew_option_set(), in the name of somebody, whom the log of each change names: text of less
 * than OPTIONS_BY_MAX bytes. */
int option_set_by(struct sinew_node *n, const struct sinew_option_value *values, unsigned n_values,
		  const char *by, char *err, size_t err_size);

/* Loop thread: these are in force now; each that differs is logged and told. */
void options_run(struct sinew_node *n, const struct options_wish *wish);

#endif
