/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the tests of the view: a view of three nodes, what it concluded as text, and
 * the words of a membership service. Knows nothing of what is right.
 */
#ifndef SINEW_TESTS_LIB_VIEW_FIXTURE_H
#define SINEW_TESTS_LIB_VIEW_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "tests/lib/check.h"
#include "membership/view_poll.h"

#define MS	UINT64_C(1000000)
#define ME	1
#define MY_PID	10

extern struct view v;
extern char said[1024];	/* all that was concluded since the last look */
extern struct greeting sent;	/* the last that went to the group */
extern unsigned n_sent;
extern int send_result;
extern uint64_t now;

/* After each call of the view. */
void conclude(void);

/* ---- what the service says ---- */

void says(const char *expected);
struct sockaddr_storage node_address(unsigned last);

/* The nodelist: those nodeids, at 10.0.0.NODEID. */
void nodelist(const unsigned *ids, unsigned n);
void view_begin_as(enum greeting_type type);
void view_begin(void);

/* The members are now these (nodeid 10 * n is process n0 of node n). */
void group(const unsigned *ids, unsigned n);

/* With VIEW_NODEDOWN: before the service reports the ring without that node. */
void member_goes(unsigned id, enum view_cause cause);
void greet(unsigned id, enum greeting_type type, uint64_t incarnation);
void rings(uint64_t group_seq, uint64_t quorum_seq, bool is_quorate);

/* With VIEW_NODEDOWN the service also reports the next ring, with quorum as before. */
void gone(unsigned id, enum view_cause cause);
void run_to(uint64_t later_ms);

/* Two members that have greeted each other and have quorum. */
void together(void);

#endif
