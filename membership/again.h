/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of a file that had no address, looked for again and again by a thread of its own,
 * which nobody waits for. Knows nothing of files, nor of who sends what.
 */
#ifndef MEMBERSHIP_AGAIN_H
#define MEMBERSHIP_AGAIN_H

struct again;

/* NULL is ignored. */
void again_stop(struct again *again);

#endif
