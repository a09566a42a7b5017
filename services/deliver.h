/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of the core become events of the application: which service gets a new call, how data come
 * to it, what its end means. On the loop thread. Knows nothing of frames.
 */
#ifndef SINEW_SERVICES_DELIVER_H
#define SINEW_SERVICES_DELIVER_H

#include "services/lane.h"

/* Hands over all that has happened. Under the lock, which is given back while the application
 * runs. */
void lane_deliver(struct lane *l);
/* A frame of the peer, and those that the same read has brought behind it. The same. */
void lane_frames(struct lane *l, const uint8_t *body, size_t len);
/* The same, and what comes of it goes out; until nothing happens any more. */
void lane_work(struct lane *l);
/* The application has freed its calls: all are let go. Under the lock, the same. */
void lane_give_up(struct lane *l);
/* Ends the own calls that callbacks began: their replies wait for callbacks. Under the lock. */
void lane_end_stuck(struct lane *l);
/* Calls that wait for room in their service get it. Without a lock. */
void deliver_waiting(struct sinew_calls *o);

#endif
