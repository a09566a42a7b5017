/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two nodes of the dlm profile, 1 and 2, that are peers of each other: no kernel takes part. Each
 * has an address of its own, and both have the same port, as kernels have. Packets have bodies
 * that tell their sender and number. Knows nothing of what a test wants.
 */
#ifndef SINEW_TESTS_LIB_DLM_PAIR_H
#define SINEW_TESTS_LIB_DLM_PAIR_H

#include "tests/lib/cluster.h"

#define DLM_HEADER	16u	/* bytes */
#define DLM_LONGEST	4096u
#define DLM_FIRST	77u	/* membership of node 1 at node 2; the other one is one more */

enum { DLM_MSG = 1, DLM_RCOM = 2 };

/* ---- packets ---- */

/* A whole packet of that node, whose body only that number has. */
void dlm_packet(uint8_t *p, size_t len, unsigned command, unsigned nodeid, uint64_t number);
bool is_dlm_packet(const struct sinew_message *m, unsigned command, unsigned nodeid,
		   uint64_t number);
int dlm_send(struct test_node *t, size_t len, uint64_t number);

/* A callback: a message is the packet of its number. */
void dlm_in_order(struct test_node *t, struct sinew_session *p, const struct sinew_message *m);

/* ---- nodes: t[0] is node 1 ---- */

void dlm_options(struct sinew_options *o);

/* Both are up, in their first membership. */
bool dlm_pair_open(struct test_node t[2]);

/* Nothing came out of order, and nobody was declared dead. */
void dlm_pair_free(struct test_node t[2]);

/* Each is a member to the other, under that number or the next one. */
void dlm_join(struct test_node t[2], uint64_t membership);

/* Tells node i + 1 that the other node has left its last lockspace. */
int dlm_release(struct test_node t[2], unsigned i, uint64_t membership);

/* All that node i + 1 saw of the other one. */
struct seen *dlm_seen(struct test_node t[2], unsigned i);
bool dlm_both_up(struct test_node t[2]);
bool dlm_both_closed(struct test_node t[2], unsigned downs);

#endif
