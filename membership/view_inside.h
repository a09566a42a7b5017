/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the view call of each other; not for its callers.
 *
 *	view.c         members, nodelist, greetings, our own life
 *	view_quorum.c  quorum, and what it decides
 */
#ifndef MEMBERSHIP_VIEW_INSIDE_H
#define MEMBERSHIP_VIEW_INSIDE_H

#include "membership/view.h"

/* Says that the last life of a node has failed, if that had to wait. */
void view_tell_failed(struct view *v, struct view_entry *e);
/* We are of the lesser part: we take a new life. */
void view_was_away(struct view *v);

#endif
