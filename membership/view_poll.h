/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Actions of a view, in the order of its conclusions. Messages to the group come last. Knows
 * nothing of the reasons.
 */
#ifndef MEMBERSHIP_VIEW_POLL_H
#define MEMBERSHIP_VIEW_POLL_H

#include "membership/view.h"

/* The next thing to do; false: there is none. */
bool view_poll(struct view *v, struct view_action *ret);
/* Whether the service took what VIEW_SEND gave; if not, it will be tried again. */
void view_sent(struct view *v, bool is_taken, uint64_t now_ns);

/* ---- for the view ---- */

/* To be completed. */
struct view_action *view_tell(struct view *v, enum view_what what, uint32_t nodeid,
			      uint64_t incarnation);
void view_note(struct view *v, enum sinew_level level, uint32_t nodeid, const char *text);

#endif
