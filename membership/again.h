/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that looks up again the names of a configuration that had no address. No caller waits
 * for it. Knows nothing of files and messages.
 */
#ifndef MEMBERSHIP_AGAIN_H
#define MEMBERSHIP_AGAIN_H

struct again;

/* NULL is ignored. */
void again_stop(struct again *again);

#endif
