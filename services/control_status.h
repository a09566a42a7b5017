/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status of a node as JSON: what an operator asks first. Knows no request.
 */
#ifndef SINEW_SERVICES_CONTROL_STATUS_H
#define SINEW_SERVICES_CONTROL_STATUS_H

#include "services/control.h"

struct json_object;

/* Of the node and all peers, or of that peer alone. -ENOENT: there is no such peer. -ENOMEM. */
int control_status(const struct control *c, uint32_t peer, struct json_object *o);
/* Counters of the node and its peers, with the time they were read. -ENOMEM. */
int control_top(const struct control *c, struct json_object *o);
/* The subscribers of the topology. -ENOMEM. */
int control_subscribers(const struct control *c, struct json_object *o);

#endif
