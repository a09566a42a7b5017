/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handshake: R1-R9, R14, R19-R24.
 */
#ifndef SINEW_PROTO_HELLO_H
#define SINEW_PROTO_HELLO_H

#include "core.h"

void hello_first(struct link *l);
enum rx_result hello_rx(struct link *l, const struct frame *f);
/* Take held HELLOs of a peer up again: membership or a spare has come. */
void hello_retry(struct peer *p);
/* Timers (timers.def). */
void hello_guard_tick(struct link *l);
void hello_held_tick(struct link *l);

#endif
