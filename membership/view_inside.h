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

/* The member that counts for a node; NULL: none. */
struct view_member *view_joined_of(struct view *v, uint32_t nodeid);
/* Says that the last life of a node has failed, if anybody was told that it had joined. */
void view_tell_failed(struct view *v, struct view_entry *e);
/* Tells when quorum comes or goes. */
void view_settle_quorum(struct view *v);
/* One that we took for failed was alive all the time, and it was us who were away. */
bool view_was_away_from(struct view *v, const struct view_process *p);
/* We are of the lesser part: we take a new life. */
void view_was_away(struct view *v);

#endif
