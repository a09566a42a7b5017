/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactions to the peer's REFUSE.
 */
#ifndef SINEW_PROTO_REFUSED_H
#define SINEW_PROTO_REFUSED_H

#include "core.h"

enum rx_result refused_rx(struct link *l, const struct frame *f);

#endif
