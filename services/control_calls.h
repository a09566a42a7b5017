/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of the node as JSON: those of a session, and those in each service. Knows no request.
 */
#ifndef SINEW_SERVICES_CONTROL_CALLS_H
#define SINEW_SERVICES_CONTROL_CALLS_H

#include "services/control.h"

struct json_object;

/* A member "calls" of o: those of the session with that peer; null where there are none. */
void control_calls_of(const struct control *c, uint32_t nodeid, struct json_object *o);
/* Members calls_begun, calls_ended, peers_begun of o. */
void control_calls_counters(const struct control *c, uint32_t nodeid, struct json_object *o);
/* A member "services" of o: the application's, in any order. */
void control_calls_services(const struct control *c, struct json_object *o);

#endif
