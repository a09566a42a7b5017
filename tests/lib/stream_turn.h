/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A turn of a loop that has streams of one transport in it and nothing else, for tests that use
 * streams without a node. Knows no end of a stream.
 */
#ifndef SINEW_TESTS_LIB_STREAM_TURN_H
#define SINEW_TESTS_LIB_STREAM_TURN_H

#include "lowcomms/stream.h"

/* Waits for events so long, unless there are some: -EINTR and the like are no events. */
void stream_turn(struct streams *ss, const struct transport *transport, int wait_ms);
/* The first part of a turn: descriptors are read, owners of streams without one get no event. */
void stream_hear(struct streams *ss, int wait_ms);

#endif
