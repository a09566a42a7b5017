/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer's credentials of a session: the application verifies each once, and its principal stays
 * while the peer may use it, and longer where a call has it. Loop.
 */
#ifndef SINEW_SERVICES_VERIFY_H
#define SINEW_SERVICES_VERIFY_H

#include "services/lane.h"

struct calls_event;

/* One has come. Under the lock, which is given back while the application runs. */
void verify_new(struct lane *l, const struct calls_event *ev);
/* It is not used any more. The same. */
void verify_gone(struct lane *l, const struct calls_event *ev);

#endif
