/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of each peer, as the library counts them, over all its sessions: for people and for
 * programs. Knows nothing of one call.
 */
#ifndef TOOLS_CALL_STANDING_H
#define TOOLS_CALL_STANDING_H

#include "services/sinew-call.h"

struct json_object;
struct standing;

/* A session begins, and has ended; list is NULL at first. */
void standing_up(struct standing **list, struct sinew_session *session);
void standing_down(struct standing **list, struct sinew_calls *calls,
		   struct sinew_session *session);
/* A line about each peer, and one more about its oldest call. */
void standing_say(const struct standing *list, struct sinew_calls *calls);
/* The member "peers" of a document. */
void standing_document(const struct standing *list, struct sinew_calls *calls,
		       struct json_object *document);
void standing_free(struct standing *list);

#endif
