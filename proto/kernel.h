/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of the dlm profile.
 */
#ifndef SINEW_PROTO_KERNEL_H
#define SINEW_PROTO_KERNEL_H

#include "core.h"

struct rx;

/* dlm profile, loop thread: queue a packet that travels without OPTS, between
 * whole frames. -EAGAIN: no room or no link now. -EMSGSIZE: over 512 bytes; send it wrapped. */
int peer_send_bare(struct peer *p, const void *packet, size_t len);

/* ---- for the other files of the core ---- */

void kernel_link_open(struct link *l);
void kernel_link_gone(struct link *l);
enum rx_result kernel_rx(struct link *l, struct rx *rx, const uint8_t *p, size_t n);
void kernel_opened(struct peer *p);
size_t kernel_strip(struct link *l, struct span data[3], int *n, size_t mid);
void kernel_stripped_sent(struct link *l, size_t n);

#endif
