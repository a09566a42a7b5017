/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of the corosync of fake_corosync.h: one instance of membership by corosync, one node, and
 * the lines that any thread of them logs. Knows nothing of what a test expects.
 *
 * TEST_LOG=1 prints the lines.
 */
#ifndef SINEW_TESTS_LIB_FAKE_USER_H
#define SINEW_TESTS_LIB_FAKE_USER_H

#include "membership/sinew-corosync.h"
#include "tests/lib/await.h"
#include "tests/lib/fake_corosync.h"

extern struct sinew_corosync *cs;
extern struct sinew_node *node;

/* Opens cs, as sinew_corosync_open(); forgets all lines, and node is NULL. */
int user_open(bool observe, uint32_t connect_ms, enum sinew_level level, char *err,
	      size_t err_size);
/* Frees both. */
void user_end(void);

/* How many lines hold the text. A line begins with its level and a blank. */
unsigned said(const char *text);

struct sinew_corosync_status status(void);
/* All 0 where it is no member. */
struct sinew_corosync_member member(uint32_t nodeid);

/* All that was told so far has been seen, and what comes of it can be seen. */
void settle(void);

#endif
