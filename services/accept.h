/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of peers that wait for room in their service: the oldest one is let in, or refused, by the
 * application or by the loop.
 */
#ifndef SINEW_SERVICES_ACCEPT_H
#define SINEW_SERVICES_ACCEPT_H

#include "services/service.h"

/* It waits from now on, and the line references it. Under the lock of its lane; loop. */
void accept_wait(struct sinew_call *k);
/* It waits no more, if it did. The same; the caller has a reference, too. */
void accept_forget(struct sinew_call *k);
/* The oldest one of the service, or that was admitted, with the reference of the list; NULL: none.
 * Without a lock. */
struct sinew_call *accept_next(struct sinew_calls *o, struct service *s);
struct sinew_call *accept_admitted(struct sinew_calls *o);

#endif
