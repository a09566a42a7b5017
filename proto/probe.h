/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Probes of paths that are not in use.
 */
#ifndef SINEW_PROTO_PROBE_H
#define SINEW_PROTO_PROBE_H

#include "core.h"

struct rx;

/* Timers (timers.def): of a link, of the paths of a peer. */
void probe_tick(struct link *l);
void probe_path_tick(struct peer *p);
void probe_send(struct link *l);
/* Its link ended, or the answer is missing. */
enum rx_result link_probe_rx(struct link *l, const struct frame *f);
/* A PROBE longer than other frames may be before HELLO: throws away what has come of its
 * padding. False: there is none at rx->p. *ret is RX_AGAIN when rx->p has moved. */
bool probe_padded_rx(struct link *l, struct rx *rx, enum rx_result *ret);
static inline struct path_hold probe_hold(const struct core *core)
{
	return (struct path_hold) { core->cfg.prefer_ns, core->cfg.hold_max_ns };
}

#endif
