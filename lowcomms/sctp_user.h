/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over SCTP in user land: one association each, which has one address at either end, in
 * the stack of this process. Knows addresses, no links.
 */
#ifndef SINEW_LOWCOMMS_SCTP_USER_H
#define SINEW_LOWCOMMS_SCTP_USER_H

#include "lowcomms/stream.h"

extern const struct transport transport_sctp_user;

#endif
