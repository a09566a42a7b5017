/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network namespaces: enters one by its name, and tells the machine's first one from others.
 * Knows nothing of what is done in it.
 */
#ifndef TOOLS_BREAK_NETNS_H
#define TOOLS_BREAK_NETNS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From here on all sockets of this thread are made in that namespace: a name of
 * "ip netns", or with a "/" in it the path of one, /proc/PID/ns/net for example.
 * NULL: stays. Says why it failed; 0, or the exit status.
 */
int netns_enter(const char *name);

/*
 * Is the current namespace that of process 1, in which the machine (or the container) has
 * its own connections? A negative errno: nobody can tell.
 */
int netns_is_initial(bool *ret_is_initial);
/* A number that tells the current namespace from others. 0, or a negative errno. */
int netns_number(uint64_t *ret_number);

#endif
