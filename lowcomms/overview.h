/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The node as a whole, as any thread may ask for it: the loop writes what only it knows where that
 * changes. Knows no peer in particular.
 */
#ifndef SINEW_LOWCOMMS_OVERVIEW_H
#define SINEW_LOWCOMMS_OVERVIEW_H

#include "lowcomms/node.h"

/* Numbers of the loop, for other threads. */
struct overview {
	uint64_t refused, faults, probes_answered;
	unsigned n_conns, n_handshakes, n_listeners, n_fds;
	bool quorate;
};

/* Loop thread. */
void overview_show(struct sinew_node *n);

#endif
