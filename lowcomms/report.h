/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the report of a close: which peers there were when it began, and what was missing at the
 * end of each. Knows no connection. Loop thread.
 */
#ifndef SINEW_LOWCOMMS_REPORT_H
#define SINEW_LOWCOMMS_REPORT_H

#include "lowcomms/node.h"

/* The close begins: a row for each peer with a session. The number of rows. */
int report_begin(struct sinew_node *n);
/* What became of a peer whose session has ended. */
void report_down(struct sinew_node *n, const struct sinew_session *h, enum sinew_down reason,
		 const struct sinew_delivery *delivery);

#endif
