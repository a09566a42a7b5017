/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One request becomes one answer, always a whole document: what was asked for, or an error. Knows
 * no connection.
 */
#ifndef SINEW_SERVICES_CONTROL_ANSWER_H
#define SINEW_SERVICES_CONTROL_ANSWER_H

#include <sys/socket.h>

#include "services/control.h"

/* rights: SERVER_ bits of who; who NULL: a member asks, the node peer, whose empty request is one
 * for the status. *ret_text: by malloc(). 0, or -ENOMEM. */
int control_answer(const struct control *c, const char *json, size_t len, const struct ucred *who,
		   unsigned rights, uint32_t peer, char **ret_text);

#endif
