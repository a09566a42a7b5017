/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Invariants of a view when nothing is left to poll. Changes nothing.
 */
#ifndef MEMBERSHIP_VIEW_CHECK_H
#define MEMBERSHIP_VIEW_CHECK_H

#include "membership/view.h"

#ifdef NDEBUG
#define view_check(v)	((void)(v))
#else
void view_check(struct view *v);
#endif

#endif
