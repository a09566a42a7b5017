/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor that is readable while something is there, for threads that poll. Changed under a
 * lock of its owner. Knows nothing of what is there.
 */
#ifndef SINEW_SERVICES_SIGN_H
#define SINEW_SERVICES_SIGN_H

#include <stdbool.h>

struct sign {
	int fd;			/* -1: nobody has asked for one */
	bool shown;
};

static inline void sign_init(struct sign *s)
{
	*s = (struct sign) { .fd = -1 };
}

/* 0 or a negative errno; it is not shown then. */
int sign_open(struct sign *s);
void sign_close(struct sign *s);
void sign_change(struct sign *s, bool shown);
static inline void sign_show(struct sign *s, bool shown)
{
	if (s->fd >= 0 && s->shown != shown)
		sign_change(s, shown);
}

#endif
