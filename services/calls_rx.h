/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames of the peer. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_RX_H
#define SINEW_SERVICES_CALLS_RX_H

#include "calls.h"

/* From the peer, in order. The bytes stay valid until the events that follow are pulled; for
 * BEGIN, those that follow calls_batch_end(). -EPROTO: it broke a rule, see FAULT. */
int calls_frame(struct calls *c, const uint8_t *body, size_t len);

#endif
