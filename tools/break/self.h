/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TCP connection of our own over loopback, to try a fault on.
 * Knows no fault.
 */
#ifndef TOOLS_BREAK_SELF_H
#define TOOLS_BREAK_SELF_H

#include "tools/break/filter.h"

struct self {
	int listener, dialler;
};

/*
 * From 127.0.0.2 to 127.0.0.1, which are in each namespace, established and idle; *ret_filter
 * means it alone. -ENETDOWN: there is no loopback here. To be closed in any case.
 */
int self_open(struct self *s, struct filter *ret_filter);
void self_close(struct self *s);
/* Errno that the dialler's process finds: 0 while the connection lives. */
int self_error(const struct self *s);

#endif
