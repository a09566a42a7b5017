/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the programs of test_gate.sh and test_gate_idle.sh: a node, and the count of
 * allocations and of calls of the system. Knows nothing of limits.
 */
#ifndef SINEW_TESTS_LIB_GATE_H
#define SINEW_TESTS_LIB_GATE_H

/* Calls that are counted are no inline functions of the headers. */
#undef _FORTIFY_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lowcomms/sinew.h"

#define GATE_GIVE_UP_S 300

/* Counts so far, of each kind; none with a sanitizer. */
struct gate_counts {
	atomic_ulong allocations, writes, reads, waits, others;
};

extern struct gate_counts gate_counts;

/* A node of that number on its own address of the loopback, without peers. */
int gate_node(unsigned id, unsigned port, const struct sinew_callbacks *cb, void *user,
	      struct sinew_node **ret);
int gate_peer(struct sinew_node *node, unsigned id, unsigned port);

#endif
