/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGINT and SIGTERM as something to be read. Knows nothing of what they end.
 */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

/* Blocks both, for this thread and those it starts. A descriptor that is readable
 * when one has come, or a negative errno. */
int signals_open(void);
/* The signal that has come, 0 if none. */
int signals_take(int fd);

#endif
