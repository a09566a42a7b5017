/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of a running node as JSON: read, and changed all together or not at all. Knows who
 * asks only as the log is told.
 */
#ifndef SINEW_SERVICES_CONTROL_CONFIG_H
#define SINEW_SERVICES_CONTROL_CONFIG_H

#include "services/control.h"

struct control_error;
struct control_request;
struct json_object;

/* Those that are named, or all. 0, or a negative errno with why filled. */
int control_config_get(const struct control *c, const struct control_request *r,
		       struct json_object *o, struct control_error *why);
/* by: the one who asks, for the log. The same. */
int control_config_set(const struct control *c, const struct control_request *r, const char *by,
		       struct json_object *o, struct control_error *why);

#endif
