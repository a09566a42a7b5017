/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of the peer that are shown behind an own one. See calls.h.
 */
#ifndef SINEW_SERVICES_CALLS_AFTER_H
#define SINEW_SERVICES_CALLS_AFTER_H

#include "calls.h"

/* ---- for the other files of the core ---- */

/* BEGIN names a call that it comes after: the broken rule, or NULL. */
const char *after_judge(const struct calls *c, const struct call_frame *f);
/* The call of that BEGIN is behind the one it names, if that is still there. */
void after_follow(struct call *call, const struct call_frame *f);
/* The call of an own slot that is followed has ended, as far as its application is told: those
 * behind it are shown. */
void after_over(struct calls *c, struct call_slot *s);

#endif
