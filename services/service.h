/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services of a node, by id, and how many calls are in each. They stay until all of the node's
 * calls go. Knows nothing of a call.
 */
#ifndef SINEW_SERVICES_SERVICE_H
#define SINEW_SERVICES_SERVICE_H

#include "services/owner.h"

struct service {
	struct service *next;		/* of its bucket */
	struct sinew_service is;	/* its ops are copied behind */
	void *user;
	uint16_t id;
	_Atomic uint32_t n_calls;
	_Atomic uint32_t n_waiting;
	struct list waiting;		/* of calls, oldest first; loop */
	_Atomic(struct service *) newer;	/* in its place, for calls that ask for it */
	bool replaces;			/* it is the newer one of another; under the lock */
	uint32_t ops[];			/* and those for probes behind them */
};

/* NULL: none has that id. Any thread. */
struct service *service_find(struct sinew_calls *o, uint16_t id);
/* For a call that asks for an upgrade, or for any other. */
bool service_has_op(const struct service *s, uint32_t op, bool asks);
/* That has a call which asks for an upgrade: the newer one, or itself. */
struct service *service_newest(struct service *s);
/* A call of that service begins; false: it is full. service_leave() ends it. Any thread. */
bool service_enter(struct service *s);
void service_leave(struct sinew_calls *o, struct service *s);

#endif
