/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signals that end a run, as something to be read. Knows nothing of what they end.
 */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

#include <signal.h>

/* SIGINT, SIGTERM, SIGQUIT, and SIGHUP unless it was ignored when the program began: who
 * says nohup wants it to go on. */
void signals_set(sigset_t *ret_set);
/* Blocks them, for this thread and those it starts, and one more (0: none). A descriptor that is
 * readable when one has come, or a negative errno. */
int signals_open(int more);
/* The same for a subcommand: STATUS_OK, or STATUS_USAGE after it said why. */
int signals_start(int more, int *ret_fd);
/* The signal that has come, 0 if none. */
int signals_take(int fd);

#endif
