/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the members and the nodes of a view. Changes nothing.
 */
#ifndef MEMBERSHIP_VIEW_FIND_H
#define MEMBERSHIP_VIEW_FIND_H

#include "membership/view.h"

bool view_same_process(const struct view_process *a, const struct view_process *b);
struct view_member *view_find_member(struct view *v, const struct view_process *p);
/* The member that counts for a node; NULL: none. */
struct view_member *view_find_joined(struct view *v, uint32_t nodeid);
struct view_entry *view_find_entry(struct view *v, uint32_t nodeid);

#endif
