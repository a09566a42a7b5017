/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over TCP: the only file that makes socket calls of it. Every descriptor is non-blocking
 * and close-on-exec. Knows addresses, no links.
 */
#ifndef SINEW_LOWCOMMS_TCP_H
#define SINEW_LOWCOMMS_TCP_H

#include "lowcomms/stream.h"

extern const struct transport transport_tcp;

#endif
