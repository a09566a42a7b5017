/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of transports, with what to do where one is missing. Knows nothing of streams.
 */
#ifndef SINEW_LOWCOMMS_TRANSPORT_H
#define SINEW_LOWCOMMS_TRANSPORT_H

#include "lowcomms/sinew.h"
#include "lowcomms/stream.h"

/* user_land: that one of two with the name which needs no kernel for it, and sends packets so.
 * NULL: there is no such transport, or not here; *ret_hint says why, and what to do. */
const struct transport *transport_find(const char *name, bool user_land,
				       const struct stream_packets *packets, const char **ret_hint);
/* That of the options of a node, and what carries its packets. */
const struct transport *transport_of(const struct sinew_options *opt,
				     struct stream_packets *ret_packets, const char **ret_hint);

#endif
