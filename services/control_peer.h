/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One peer of the node as JSON: its session, paths, queue, calls. Knows no request.
 */
#ifndef SINEW_SERVICES_CONTROL_PEER_H
#define SINEW_SERVICES_CONTROL_PEER_H

#include "services/control.h"

struct json_object;

/* All of it into o. -ENOENT: the node has no such peer. */
int control_peer(const struct control *c, uint32_t nodeid, struct json_object *o);
/* Only the counters of which rates are made. */
int control_peer_counters(const struct control *c, uint32_t nodeid, struct json_object *o);

#endif
