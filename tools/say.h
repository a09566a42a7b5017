/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines for people on standard error; by libqb where it is there.
 * Knows nothing of what they are about. From any thread.
 */
#ifndef TOOLS_SAY_H
#define TOOLS_SAY_H

#include "lowcomms/sinew.h"

#define SAY_LINE_MAX	2048	/* bytes of a line; the rest is cut off. Control bytes are
				 * escaped */
#define SAY_PREFIX_MAX	64	/* bytes of a prefix, NUL included; the rest is cut off */

/* Each line starts with the prefix, "sinew" at first, and ": ". */
void say_prefix(const char *prefix);
void say(enum sinew_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A sinew_log_fn; user is not used. */
void say_line(void *user, enum sinew_level level, const char *line);

#endif
