/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carriers of links beside TCP: for a hint where no connection was found. Knows the kernel's
 * lists of sockets in /proc/net, no connection.
 */
#ifndef TOOLS_BREAK_CARRIER_H
#define TOOLS_BREAK_CARRIER_H

#include <stdint.h>

/* "SCTP", or "UDP (it may carry SCTP)", if a socket of that has one of these ports, which is
 * *ret_port then; else NULL. */
const char *carrier_of(const uint16_t *ports, unsigned n, uint16_t *ret_port);

#endif
