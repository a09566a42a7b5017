/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of transports, with what to do where one is missing. Knows nothing of streams.
 */
#ifndef SINEW_LOWCOMMS_TRANSPORT_H
#define SINEW_LOWCOMMS_TRANSPORT_H

#include "lowcomms/stream.h"

/* user_land: that one of two with the name which needs no kernel for it, and sends packets so.
 * NULL: there is no such transport, or not here; *ret_hint says why, and what to do. */
const struct transport *transport_find(const char *name, bool user_land,
				       const struct stream_packets *packets, const char **ret_hint);

#endif
