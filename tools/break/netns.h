/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network namespaces: enters one by its name, and tells the machine's first one from others.
 * Knows nothing of what is done in it.
 */
#ifndef TOOLS_BREAK_NETNS_H
#define TOOLS_BREAK_NETNS_H

#include <stdint.h>

/*
 * From here on all sockets of this thread are made in that namespace: a name of
 * "ip netns", or with a "/" in it the path of one, /proc/PID/ns/net for example.
 * NULL: stays. Says why it failed; 0, or the exit status.
 */
int netns_enter(const char *name);

/*
 * A number that tells the namespace of a process from others: that of "thread-self" is the current
 * one, that of "1" the one in which the machine (or the container) has its own connections. 0, or a
 * negative errno.
 */
int netns_number(const char *process, uint64_t *ret_number);

#endif
