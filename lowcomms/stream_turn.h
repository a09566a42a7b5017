/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An iteration of a loop that has streams of one transport in it, and perhaps other sources, but no
 * node. Knows no end of a stream.
 */
#ifndef SINEW_LOWCOMMS_STREAM_TURN_H
#define SINEW_LOWCOMMS_STREAM_TURN_H

#include "lowcomms/stream.h"

/* One iteration. It waits wait_ms for events, unless there are some; -EINTR and the like are no
 * events. */
void stream_turn(struct streams *ss, const struct transport *transport, int wait_ms);
/* The first part of it: reads descriptors. Owners of streams without one get no event. */
void stream_hear(struct streams *ss, int wait_ms);

#endif
