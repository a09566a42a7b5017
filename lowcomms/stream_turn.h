/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A turn of a loop that has streams of one transport in it, and perhaps sources of others, but no
 * node. Knows no end of a stream.
 */
#ifndef SINEW_LOWCOMMS_STREAM_TURN_H
#define SINEW_LOWCOMMS_STREAM_TURN_H

#include "lowcomms/stream.h"

/* Waits for events so long (-1: for ever), unless there are some or the transport is due: -EINTR
 * and the like are no events. */
void stream_turn(struct streams *ss, const struct transport *transport, int wait_ms);
/* The first part of a turn: descriptors are read, owners of streams without one get no event. */
void stream_hear(struct streams *ss, int wait_ms);

#endif
